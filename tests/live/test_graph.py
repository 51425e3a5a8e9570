"""Live price and stock over a real socket: snapshot, change, resume, in order and without a gap."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from typing import Any

import pytest

from domain.channels import ChannelKind
from tests.door.serving import Speaker
from tests.makers import make_channel, make_product, make_store
from tests.shop import Shop, socket_to

_keys = itertools.count(1)

PRICES = """
subscription Prices($context: SalesContext!, $skus: [String!], $after: EventCursor) {
  priceChanged(context: $context, skus: $skus, after: $after) {
    kind cursor cause sku store channel price { amount { amount } version } variant { sku }
  }
}"""
STOCK = """
subscription Stock($context: SalesContext!, $skus: [String!], $after: EventCursor) {
  stockChanged(context: $context, skus: $skus, after: $after) {
    kind cursor cause sku store availability { available }
  }
}"""
SET = """mutation Set($input: PricesSetInput!) { pricesSet(input: $input) { cursor userErrors { code } } }"""
ADJUST = """mutation Adjust($input: StockAdjustInput!) {
  stockAdjust(input: $input) { cursor userErrors { code } } }"""
_SOON = timedelta(seconds=1.5)
AT_CENTRAL = {"channel": "pos", "store": "central"}


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    async with shop.database() as db:
        await make_channel(db, "app")
        await make_channel(db, "pos", kind=ChannelKind.POS)
        await make_store(db, "central", till_channel="pos")
        await make_store(db, "harbour", till_channel="pos")


@pytest.fixture
async def sku(shop: Shop) -> str:
    async with shop.database() as db:
        return (await make_product(db)).skus[0]


async def set_price(shop: Shop, sku: str, amount: str, **more: Any) -> str:
    """The cursor of the news that a price was set."""
    price = {"sku": sku, "kind": "LIST", "amount": amount, "currencyCode": "HKD"} | more
    given = {"idempotencyKey": f"live-{next(_keys)}", "prices": [price]}
    answer = await shop.ask(SET, token=shop.token("admin"), input=given)
    cursor: str = answer.data["pricesSet"]["cursor"]
    return cursor


async def heard(speaker: Speaker, field: str) -> dict[str, Any]:
    """The next event of a stream."""
    message: Any = await speaker.hear()
    assert message["type"] == "next", message
    assert "errors" not in message["payload"], message
    event: dict[str, Any] = message["payload"]["data"][field]
    return event


async def listen(speaker: Speaker, document: str, id_: str = "1", **variables: Any) -> None:
    await speaker.ask(document, id_, variables=variables)


async def test_snapshot_bookmark_change(shop: Shop, sku: str) -> None:
    await set_price(shop, sku, "20.00")
    async with socket_to(shop) as speaker:
        await listen(speaker, PRICES, context=AT_CENTRAL, skus=[sku, "no-such-sku"])
        snapshot, unknown, bookmark = [await heard(speaker, "priceChanged") for _ in range(3)]
        assert (snapshot["kind"], snapshot["sku"]) == ("SNAPSHOT", sku)
        assert (snapshot["store"], snapshot["channel"]) == ("central", "pos")
        assert snapshot["price"]["amount"] == {"amount": "20.00"}
        assert (unknown["sku"], unknown["price"], unknown["variant"]) == ("no-such-sku", None, None)
        assert (bookmark["kind"], bookmark["sku"], bookmark["price"]) == ("BOOKMARK", None, None)
        assert snapshot["cursor"] == bookmark["cursor"]
        cursor = await set_price(shop, sku, "18.00", kind="STORE", store="central")
        change = await heard(speaker, "priceChanged")
    assert (change["kind"], change["cause"], change["cursor"]) == ("CHANGE", "pricesSet", cursor)
    assert change["price"]["amount"] == {"amount": "18.00"}
    assert int(change["price"]["version"]) > int(snapshot["price"]["version"])
    assert change["cursor"] > bookmark["cursor"]


async def test_only_what_matters_here_is_told(shop: Shop, sku: str) -> None:
    async with socket_to(shop) as speaker:
        await listen(speaker, PRICES, context=AT_CENTRAL, skus=[sku])
        for _ in range(2):
            await heard(speaker, "priceChanged")
        await set_price(shop, sku, "9.00", kind="STORE", store="harbour")
        await set_price(shop, sku, "8.00", channel="app")
        await set_price(shop, sku, "7.00")
        assert (await heard(speaker, "priceChanged"))["price"]["amount"] == {"amount": "7.00"}


async def test_after_a_cursor_what_was_missed_comes_first(shop: Shop, sku: str) -> None:
    before = await set_price(shop, sku, "20.00")
    missed = await set_price(shop, sku, "21.00")
    async with socket_to(shop) as speaker:
        await listen(speaker, PRICES, context=AT_CENTRAL, skus=[sku], after=before)
        change, bookmark = [await heard(speaker, "priceChanged") for _ in range(2)]
        assert (change["kind"], change["cursor"]) == ("CHANGE", missed)
        assert (bookmark["kind"], bookmark["cursor"] >= missed) == ("BOOKMARK", True)
        await set_price(shop, sku, "22.00")
        assert (await heard(speaker, "priceChanged"))["price"]["amount"] == {"amount": "22.00"}


async def test_a_cursor_of_another_epoch_is_told_to_resync(shop: Shop, sku: str) -> None:
    await set_price(shop, sku, "20.00")
    async with socket_to(shop) as speaker:
        await listen(speaker, PRICES, context=AT_CENTRAL, skus=[sku], after="0009.00000000000000000001")
        kinds = [(await heard(speaker, "priceChanged"))["kind"] for _ in range(3)]
    assert kinds == ["RESYNC", "SNAPSHOT", "BOOKMARK"]


@pytest.mark.parametrize(
    "variables",
    [
        {"after": "yesterday"},
        {"skus": []},
        {"skus": ["x"] * 501},
        {"context": {"channel": "nowhere"}},
        {"context": {"channel": "app", "at": "2027-01-01T00:00:00Z"}},
    ],
)
async def test_what_cannot_be_streamed_is_refused_and_the_socket_lives(
    shop: Shop, sku: str, variables: dict[str, Any]
) -> None:
    async with socket_to(shop) as speaker:
        await listen(speaker, PRICES, **({"context": AT_CENTRAL, "skus": [sku]} | variables))
        message: Any = await speaker.hear()
        payload = message["payload"]
        errors = payload if message["type"] == "error" else payload["errors"]
        assert errors[0]["extensions"]["code"] == "BAD_USER_INPUT"
        if message["type"] == "next":
            assert (await speaker.hear())["type"] == "complete"
        await listen(speaker, PRICES, "2", context=AT_CENTRAL, skus=[sku])
        assert (await heard(speaker, "priceChanged"))["kind"] == "SNAPSHOT"


async def test_stock_is_live_too(shop: Shop, sku: str) -> None:
    async with socket_to(shop, token=shop.token("admin")) as speaker:
        await listen(speaker, STOCK, context={"channel": "app"}, skus=[sku])
        snapshot, _ = [await heard(speaker, "stockChanged") for _ in range(2)]
        assert snapshot["availability"] == {"available": 0}
        lines = [{"sku": sku, "delta": 120}]
        given = {"idempotencyKey": f"stock-{sku}", "store": "central", "reason": "RECEIPT", "lines": lines}
        await shop.ask(ADJUST, token=shop.token("admin"), input=given)
        change = await heard(speaker, "stockChanged")
    assert (change["kind"], change["cause"], change["availability"]) == (
        "CHANGE",
        "stockAdjust",
        {"available": 120},
    )


async def test_nothing_is_missed_between_snapshot_and_watch(shop: Shop, sku: str) -> None:
    """Prices are set all the while streams open: each ends at the last price, versions never fall."""
    await set_price(shop, sku, "1.00")

    async def writer() -> None:
        for cents in range(2, 40):
            await set_price(shop, sku, f"{cents}.00")

    async def reader() -> list[tuple[str, int]]:
        seen: list[tuple[str, int]] = []
        async with socket_to(shop) as speaker:
            await listen(speaker, PRICES, context=AT_CENTRAL, skus=[sku])
            while not seen or seen[-1][0] != "39.00":
                event = await heard(speaker, "priceChanged")
                if event["price"] is not None:
                    seen.append((event["price"]["amount"]["amount"], int(event["price"]["version"])))
        return seen

    writing = asyncio.create_task(writer())
    told = await asyncio.gather(*(reader() for _ in range(4)))
    await writing
    for seen in told:
        versions = [version for _, version in seen]
        assert versions == sorted(versions)


async def test_a_price_begins_by_itself(shop: Shop, sku: str) -> None:
    """At the second a price begins, subscribers hear of it, without anybody's request."""
    await set_price(shop, sku, "20.00")
    async with socket_to(shop) as speaker:
        await listen(speaker, PRICES, context=AT_CENTRAL, skus=[sku])
        for _ in range(2):
            await heard(speaker, "priceChanged")
        begins = (shop.clock() + _SOON).isoformat()
        await set_price(shop, sku, "15.00", kind="SALE", validFrom=begins)
        announced = await heard(speaker, "priceChanged")
        assert announced["price"]["amount"] == {"amount": "20.00"}
        begun = await heard(speaker, "priceChanged")
    assert (begun["cause"], begun["price"]["amount"]) == ("priceBoundary", {"amount": "15.00"})
