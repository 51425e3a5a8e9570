"""Shoppers who never give up: what is not answered is asked again with the same key until it is."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
import orjson

T = TypeVar("T")
SECRET = b"faults"
CREATE = (
    "mutation M($input: CartCreateInput!) { done: cartCreate(input: $input) "
    "{ cart { id } userErrors { code } } }"
)
FULFIL = (
    "mutation M($input: CartFulfilmentSetInput!) { done: cartFulfilmentSet(input: $input) "
    "{ cart { id } userErrors { code } } }"
)
CHECKOUT = (
    "mutation M($input: CheckoutInput!) { done: checkout(input: $input) { order { id state "
    "totals { total { amount currencyCode } } } orderToken nextAction { payload } userErrors { code } } }"
)
CANCEL = (
    "mutation M($input: OrderCancelInput!) { done: orderCancel(input: $input) "
    "{ order { id state } userErrors { code } } }"
)
HOME = {"name": "Chan", "phone": "91234567", "region": "HK", "city": "Hong Kong", "street": "1 Queen's Road"}
_PATIENCE_SECONDS = 120.0


class Unanswered(Exception):  # noqa: N818 - says what happened
    """The connection broke, or the answer was that nobody knows."""


@dataclass
class Ledger:
    """What the shoppers were told; orders by their opaque ids."""

    bought: dict[str, str] = field(default_factory=dict)
    """By the idempotency key: the order."""
    paid: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)
    asked_again: int = 0
    told_otherwise: list[str] = field(default_factory=list)
    """Keys that had two different answers."""


class Shopper:
    """One client that buys, pays and sometimes changes its mind."""

    def __init__(self, address: str, ledger: Ledger, chance: random.Random) -> None:
        self._address = address
        self._ledger = ledger
        self._chance = chance

    async def buy(self, number: int, skus: list[str]) -> None:
        """One cart from its beginning to what becomes of its order."""
        async with httpx.AsyncClient(base_url=self._address, timeout=15) as http:
            lines = [{"sku": sku, "quantity": self._chance.randint(1, 2)} for sku in skus]
            made = await self._ask(http, CREATE, {"context": {"channel": "app"}, "lines": lines})
            cart_id = made["cart"]["id"]
            how = {"kind": "DELIVERY", "address": HOME}
            await self._ask(http, FULFIL, {"cartId": cart_id, "fulfilment": how})
            token = self._chance.choice(["ok", "manual", "manual", "decline"])
            key = f"faults-{number}"
            given = {
                "idempotencyKey": key,
                "cartId": cart_id,
                "expectedTotal": "999999.00",
                "payment": {"provider": "sandbox", "token": token},
            }
            done = await self._ask(http, CHECKOUT, given)
            if done["order"] is None:
                self._ledger.refused[done["userErrors"][0]["code"]] += 1
                return
            order = done["order"]["id"]
            self._ledger.bought[key] = order
            if self._chance.random() < 0.3:
                again = await self._ask(http, CHECKOUT, given)
                if again["order"] is None or again["order"]["id"] != order:
                    self._ledger.told_otherwise.append(key)
            if token == "manual":
                await self._notify(http, done)
            if token != "decline":
                self._ledger.paid.add(order)
            if self._chance.random() < 0.2:
                await self._cancel(http, key, done)

    async def _cancel(self, http: httpx.AsyncClient, key: str, done: Mapping[str, Any]) -> None:
        given = {
            "idempotencyKey": f"{key}-cancelled",
            "orderId": done["order"]["id"],
            "orderToken": done["orderToken"],
            "reason": "changed my mind",
        }
        if (await self._ask(http, CANCEL, given))["order"] is not None:
            self._ledger.cancelled.add(done["order"]["id"])

    async def _notify(self, http: httpx.AsyncClient, done: Mapping[str, Any]) -> None:
        total = done["order"]["totals"]["total"]
        payment_id = orjson.loads(done["nextAction"]["payload"])["paymentId"]
        body = orjson.dumps(
            {
                "eventId": f"captured-{payment_id}",
                "paymentId": payment_id,
                "outcome": "captured",
                "amount": total["amount"],
                "currencyCode": total["currencyCode"],
            }
        )
        signed = {"x-signature": hmac.new(SECRET, body, hashlib.sha256).hexdigest()}

        async def send() -> None:
            answer = await http.post("/webhooks/payments/sandbox", content=body, headers=signed)
            if answer.status_code != 200:
                raise Unanswered(answer.text)

        await self._insist(send)

    async def _ask(self, http: httpx.AsyncClient, document: str, given: Mapping[str, object]) -> Any:
        async def send() -> Any:
            answer = await http.post("/graphql", json={"query": document, "variables": {"input": given}})
            body = answer.json()
            if "errors" in body:
                code = body["errors"][0]["extensions"]["code"]
                if code == "UNAVAILABLE":
                    raise Unanswered(code)
                raise RuntimeError(str(body["errors"]))
            return body["data"]["done"]

        return await self._insist(send)

    async def _insist(self, send: Callable[[], Awaitable[T]]) -> T:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                try:
                    return await send()
                except (httpx.TransportError, Unanswered, orjson.JSONDecodeError):
                    self._ledger.asked_again += 1
                    await asyncio.sleep(self._chance.uniform(0.05, 0.4))
