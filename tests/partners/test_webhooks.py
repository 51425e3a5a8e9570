"""Webhooks: told to a real receiver, signed, in order, again after failures, and again on demand."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.webhooks import MOST_ATTEMPTS, pause_after, rest_after, signature
from tests.door.serving import until
from tests.partners.calling import key_of, make_partner, mall
from tests.shop import Shop, served_app

CREATE = """mutation ($input: WebhookCreateInput!) { webhookCreate(input: $input) {
  secret userErrors { code field } webhook { id url topics active cursor } } }"""
SET = """mutation ($input: WebhookSetInput!) { webhookSet(input: $input) {
  userErrors { code field } webhook { url topics active failures } } }"""
REPLAY = """mutation ($input: WebhookReplayInput!) { webhookReplay(input: $input) {
  userErrors { code field } webhook { cursor } } }"""
LOG = """query ($code: String!) { partner(code: $code) { webhooks { failures restingUntil
  deliveries(first: 20) { nodes {
    type cursor attempts status problem deliveredAt nextTryAt givenUpAt } } } } }"""
PRICES = """mutation ($input: PricesSetInput!) { pricesSet(input: $input) {
  userErrors { code } } }"""
RECORD = """mutation ($input: OrderRecordInput!) { orderRecord(input: $input) {
  order { id } userErrors { code message } } }"""


@dataclass
class Receiver:
    """Takes what it is sent, unless it is told to fail."""

    url: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    fails: int = 0
    asked: int = 0

    async def take(self, request: Request) -> Response:
        self.asked += 1
        if self.fails:
            self.fails -= 1
            return Response(status_code=500)
        self.bodies.append(await request.body())
        self.headers.append(dict(request.headers))
        self.heard.append(json.loads(self.bodies[-1]))
        return Response(status_code=204)


@pytest.fixture(scope="module")
async def shop(fresh_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with mall(fresh_database, tmp_path_factory.mktemp("webhooks")) as one:
        yield one


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    one = Receiver()
    async with served_app(Starlette(routes=[Route("/hook", one.take, methods=["POST"])])) as port:
        one.url = f"http://127.0.0.1:{port}/hook"
        yield one


async def changed(shop: Shop, document: str, **given: Any) -> dict[str, Any]:
    asked = {"idempotencyKey": key_of("hook"), **given}
    answer = await shop.ask(document, token=shop.token("admin"), input=asked)
    payload: dict[str, Any] = next(iter(answer.data.values()))
    return payload


async def set_price(shop: Shop, amount: str, channel: str = "jd") -> None:
    price = {"sku": "MILK", "kind": "LIST", "amount": amount, "currencyCode": "HKD", "channel": channel}
    assert (await changed(shop, PRICES, prices=[price]))["userErrors"] == []


async def hooked(shop: Shop, code: str, receiver: Receiver, *topics: str, **more: Any) -> dict[str, Any]:
    scopes = ["CATALOG_READ", "PRICE_READ", "STOCK_READ", "ORDER_READ", "ORDER_WRITE"]
    await make_partner(shop, code, **{"scopes": scopes, **more})
    payload = await changed(shop, CREATE, partner=code, url=receiver.url, topics=list(topics))
    assert payload["userErrors"] == []
    return payload


async def becomes(read: Callable[[], Awaitable[Any]], is_so: Callable[[Any], bool]) -> None:
    """Returns once what is read is so."""
    async with asyncio.timeout(10):
        while not is_so(await read()):  # noqa: ASYNC110 - a log has no event
            await asyncio.sleep(0.05)


async def test_news_is_told_signed_and_in_order(shop: Shop, receiver: Receiver) -> None:
    payload = await hooked(shop, "hooked", receiver, "PRICE", "STOCK")
    secret = payload["secret"]
    assert secret.startswith("whsec_")
    await set_price(shop, "8.00", "tmall")  # another's channel
    for amount in ("11.00", "11.50"):
        await set_price(shop, amount)
    await until(lambda: len(receiver.heard) >= 2)
    assert [one["type"] for one in receiver.heard] == ["price.changed"] * 2
    assert {(one["data"]["sku"], one["data"]["channel"], one["data"]["cause"]) for one in receiver.heard} == {
        ("MILK", "jd", "pricesSet")
    }
    cursors = [one["data"]["cursor"] for one in receiver.heard]
    assert cursors == sorted(set(cursors))
    for headers, body in zip(receiver.headers, receiver.bodies, strict=True):
        # As the convention says, by hand.
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body.decode()}".encode()
        key = base64.b64decode(secret.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"
    assert len({headers["webhook-id"] for headers in receiver.headers}) == 2
    # Told again from where somebody wants it.
    hook = payload["webhook"]
    replayed = await changed(shop, REPLAY, webhook=hook["id"], after=cursors[0])
    assert replayed["userErrors"] == []
    await until(lambda: len(receiver.heard) >= 3)
    assert receiver.heard[2] == receiver.heard[1]
    for wrong in ("0009.00000000000000000001", "nonsense", f"{cursors[0][:4]}.{10**15:020d}"):
        refused = await changed(shop, REPLAY, webhook=hook["id"], after=wrong)
        assert [error["field"] for error in refused["userErrors"]] == [["input", "after"]]


async def test_orders_are_told_to_who_placed_them(shop: Shop, receiver: Receiver) -> None:
    await hooked(shop, "seller", receiver, "ORDER")
    sale = {
        "soldAt": datetime.now(UTC).isoformat(),
        "context": {"channel": "jd"},
        "lines": [{"sku": "MILK", "quantity": 1, "unitPrice": "10.00"}],
        "payment": {"provider": "jd", "amount": "10.00", "currencyCode": "HKD"},
        "fulfilment": {
            "kind": "DELIVERY",
            "address": {"name": "A", "phone": "91234567", "region": "HK", "city": "HK", "street": "1"},
        },
    }
    ids = []
    for number, who in (("JD-1", "other"), ("JD-2", "seller")):
        asked = {"idempotencyKey": key_of("sale"), "externalNumber": number, **sale}
        response = await shop.client.post(
            "/graphql",
            json={"query": RECORD, "variables": {"input": asked}},
            headers={"X-API-Key": shop.token("partner", subject=who)},
        )
        done = response.json()["data"]["orderRecord"]
        assert done["userErrors"] == []
        ids.append(done["order"]["id"])
    await until(lambda: receiver.heard)
    assert [(one["type"], one["data"]["orderId"]) for one in receiver.heard] == [("order.changed", ids[1])]


async def test_what_fails_is_told_again_later_and_in_order(shop: Shop, receiver: Receiver) -> None:
    payload = await hooked(shop, "failing", receiver, "PRICE")
    receiver.fails = 1
    start = shop.clock()
    for amount in ("12.00", "12.50"):
        await set_price(shop, amount)
    await until(lambda: receiver.asked >= 1)

    async def log() -> dict[str, Any]:
        answer = await shop.ask(LOG, token=shop.token("admin"), code="failing")
        found: dict[str, Any] = answer.data["partner"]["webhooks"][0]
        return found

    await becomes(log, lambda found: found["failures"] == 1)
    first = (await log())["deliveries"]["nodes"][-1]
    assert (first["attempts"], first["status"], first["problem"]) == (1, 500, "answered 500")
    assert receiver.heard == []  # the second waits for the first
    try:
        shop.clock.at = start + timedelta(seconds=30)
        await until(lambda: len(receiver.heard) >= 2)
    finally:
        shop.clock.at = None
    cursors = [one["data"]["cursor"] for one in receiver.heard]
    assert cursors == sorted(cursors)
    await becomes(log, lambda found: all(one["deliveredAt"] for one in found["deliveries"]["nodes"]))
    assert ((await log())["failures"], (await log())["restingUntil"]) == (0, None)
    # What happens while it is held back is told once it may go on.
    await changed(shop, SET, webhook=payload["webhook"]["id"], active=False)
    await set_price(shop, "13.00")
    await changed(shop, SET, webhook=payload["webhook"]["id"], active=True)
    await until(lambda: len(receiver.heard) >= 3)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"url": "http://example.com/hook"}, "url"),
        ({"url": "ftp://127.0.0.1/"}, "url"),
        ({"url": "https://user:secret@example.com/"}, "url"),
        ({"url": "https://[broken"}, "url"),
        ({"url": "https://example.com:port/"}, "url"),
        ({"url": "https:///nowhere"}, "url"),
        ({"topics": []}, "topics"),
        ({"partner": "nobody"}, "partner"),
    ],
)
async def test_addresses_and_topics_that_cannot_be(shop: Shop, given: dict[str, Any], field: str) -> None:
    if "partner" not in given:
        given["partner"] = "hooked"
    asked = {"url": "https://example.com/hook", "topics": ["PRICE"]} | given
    payload = await changed(shop, CREATE, **asked)
    assert [error["field"] for error in payload["userErrors"]] == [["input", field]]


def test_pauses_double_and_end() -> None:
    minutes = [pause_after(attempts).total_seconds() for attempts in (1, 2, 3, 10, 11, MOST_ATTEMPTS)]
    assert minutes == [5, 10, 20, 2560, 3600, 3600]
    rests = [rest_after(failures) for failures in (0, 4, 5, 6, 50)]
    assert rests == [None, None, timedelta(seconds=10), timedelta(seconds=20), timedelta(minutes=10)]


def test_the_signature_of_the_convention_s_own_example() -> None:
    signed = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        id_="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=datetime.fromtimestamp(1614265330, UTC),
        body=b'{"test": 2432232314}',
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
