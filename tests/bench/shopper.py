"""Shoppers who buy: kept connections that go through whole journeys, each step timed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Self

import orjson

from tests.bench.load import Address

SECRET = b"bench"
CREATE = (
    "mutation C($input: CartCreateInput!) { cartCreate(input: $input) { cart { id } userErrors { code } } }"
)
FULFIL = (
    "mutation F($input: CartFulfilmentSetInput!) { cartFulfilmentSet(input: $input) "
    "{ cart { totals { total { amount } } } userErrors { code } } }"
)
CHECKOUT = (
    "mutation B($input: CheckoutInput!) { checkout(input: $input) { order { id number state "
    "totals { total { amount currencyCode } } } orderToken nextAction { payload } userErrors { code } } }"
)
HOME = {"name": "Chan", "phone": "91234567", "region": "HK", "city": "Hong Kong", "street": "1 Queen's Road"}


class Shopper:
    """One kept connection; `took` has the seconds of every answer, by step."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self.took: dict[str, list[float]] = defaultdict(list)

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._address.host, self._address.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def journey(self, sku: str, name: str) -> None:
        """A cart, an address, a checkout and the notice that it is paid; RuntimeError for any refusal."""
        began = time.perf_counter()
        cart_id = await self.fill(sku)
        done = await self.buy(cart_id, name)
        if done["userErrors"]:
            raise RuntimeError(str(done))
        await self.pay(done)
        self.took["journey"].append(time.perf_counter() - began)

    async def fill(self, sku: str) -> str:
        """The id of a cart that can be bought."""
        given = {"context": {"channel": "app", "store": "central"}, "lines": [{"sku": sku, "quantity": 1}]}
        made = await self._ask("cartCreate", CREATE, given)
        cart_id: str = made["cart"]["id"]
        fulfilment = {"kind": "DELIVERY", "address": HOME}
        await self._ask("cartFulfilmentSet", FULFIL, {"cartId": cart_id, "fulfilment": fulfilment})
        return cart_id

    async def buy(self, cart_id: str, name: str) -> Any:
        """The payload of a checkout under this key, its payment still to be notified."""
        payment = {"provider": "sandbox", "token": "manual"}
        given = {"idempotencyKey": name, "cartId": cart_id, "expectedTotal": "10.00", "payment": payment}
        return await self._ask("checkout", CHECKOUT, given)

    async def pay(self, done: Mapping[str, Any]) -> None:
        """The provider's notice that the checkout's payment was captured."""
        payment = orjson.loads(done["nextAction"]["payload"])
        body = orjson.dumps(
            {
                "eventId": payment["paymentId"],
                "paymentId": payment["paymentId"],
                "outcome": "captured",
                "amount": done["order"]["totals"]["total"]["amount"],
                "currencyCode": done["order"]["totals"]["total"]["currencyCode"],
            }
        )
        signature = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        await self._post("notice", "/webhooks/payments/sandbox", body, f"x-signature: {signature}\r\n")

    async def _ask(self, step: str, query: str, given: Mapping[str, object]) -> Any:
        body = orjson.dumps({"query": query, "variables": {"input": given}})
        answer = orjson.loads(await self._post(step, "/graphql", body))
        if "errors" in answer:
            raise RuntimeError(str(answer["errors"]))
        return answer["data"][step]

    async def _post(self, step: str, path: str, body: bytes, more: str = "") -> bytes:
        began = time.perf_counter()
        self._writer.write(
            f"POST {path} HTTP/1.1\r\nhost: {self._address.host}\r\ncontent-type: application/json\r\n"
            f"{more}content-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        answer = await self._reader.readexactly(length)
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"{step}: {head.decode()} {answer.decode()}")
        self.took[step].append(time.perf_counter() - began)
        return answer
