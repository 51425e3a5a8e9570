"""Allotments, safety stock and transfers through the graph."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.channels import StockPolicy
from persistence.inventory.books import differences
from tests.makers import make_channel, make_product, make_store
from tests.shop import Shop

_keys = itertools.count(1)
ALLOT = """mutation($input: StockAllotInput!) { stockAllot(input: $input) {
  allotted { sku remaining } cursor userErrors { code field } } }"""
SAFETY = """mutation($input: SafetyStockSetInput!) { safetyStockSet(input: $input) {
  levels { sku safetyStock available } userErrors { code field } } }"""
TRANSFER = """mutation($input: StockTransferInput!) { stockTransfer(input: $input) {
  levels { store { code } sku onHand } cursor userErrors { code field } } }"""
RECEIPT = """mutation($input: StockAdjustInput!) { stockAdjust(input: $input) { userErrors { code } } }"""
COUNT = """mutation($input: StockCountInput!) { stockCount(input: $input) {
  level { onHand reserved } userErrors { code } } }"""
AVAILABLE = """query($sku: String!, $context: SalesContext!) { variant(by: {sku: $sku}) {
  availability(context: $context) { available explanation { onHand safetyStock allotted policy } } } }"""


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> AsyncIterator[None]:
    async with shop.database() as db:
        for channel, policy in (
            ("app", StockPolicy.SHARED),
            ("jd", StockPolicy.ALLOTTED),
            ("live", StockPolicy.BORROW),
        ):
            await make_channel(db, channel, stock_policy=policy)
        for store in ("central", "harbour"):
            await make_store(db, store)
    yield
    async with shop.database() as db:
        assert await differences(db) == []


@pytest.fixture
async def sku(shop: Shop) -> str:
    """A sku with ten on hand in central."""
    async with shop.database() as db:
        sku = (await make_product(db)).skus[0]
    await change(shop, RECEIPT, store="central", reason="RECEIPT", lines=[{"sku": sku, "delta": 10}])
    return sku


async def change(shop: Shop, document: str, *, token: str | None = None, **given: Any) -> Any:
    given = {"idempotencyKey": f"setting-{next(_keys)}"} | given
    answer = await shop.ask(document, token=token or shop.token("admin"), input=given)
    return next(iter(answer.data.values()))


def errors(told: Any) -> list[tuple[str, list[str]]]:
    return [(error["code"], error["field"]) for error in told["userErrors"]]


async def available(shop: Shop, sku: str, channel: str) -> Any:
    context = {"channel": channel, "store": "central"}
    answer = await shop.ask(AVAILABLE, token=shop.token("admin"), sku=sku, context=context)
    return answer.data["variant"]["availability"]


async def test_every_policy_is_explained_number_by_number(shop: Shop, sku: str) -> None:
    lines = [{"sku": sku, "quantity": 4}]
    told = await change(shop, ALLOT, channel="jd", store="central", lines=lines)
    assert (told["allotted"], told["userErrors"]) == ([{"sku": sku, "remaining": 4}], [])
    assert told["cursor"] is not None
    await change(shop, ALLOT, channel="live", store="central", lines=[{"sku": sku, "quantity": 1}])
    safe = await change(shop, SAFETY, store="central", lines=[{"sku": sku, "quantity": 2}])
    assert safe == {"levels": [{"sku": sku, "safetyStock": 2, "available": 8}], "userErrors": []}
    for channel, units, allotted, policy in (
        ("app", 3, 5, "SHARED"),
        ("jd", 4, 4, "ALLOTTED"),
        ("live", 4, 1, "BORROW"),
    ):
        assert await available(shop, sku, channel) == {
            "available": units,
            "explanation": {"onHand": 10, "safetyStock": 2, "allotted": allotted, "policy": policy},
        }


async def test_an_allotment_is_set_and_not_added_to(shop: Shop, sku: str) -> None:
    for units, left in ((4, 6), (7, 3), (0, 10)):
        lines = [{"sku": sku, "quantity": units}]
        await change(shop, ALLOT, channel="jd", store="central", lines=lines)
        assert (await available(shop, sku, "jd"))["available"] == units
        assert (await available(shop, sku, "app"))["available"] == left


async def test_a_transfer_leaves_one_store_and_reaches_the_other(shop: Shop, sku: str) -> None:
    lines = [{"sku": sku, "quantity": 10}]
    told = await change(shop, TRANSFER, **{"from": "central", "to": "harbour", "lines": lines})
    assert told["userErrors"] == []
    assert [(level["store"]["code"], level["onHand"]) for level in told["levels"]] == [
        ("central", 0),
        ("harbour", 10),
    ]
    again = await change(shop, TRANSFER, **{"from": "central", "to": "harbour", "lines": lines})
    assert errors(again) == [("INSUFFICIENT_STOCK", ["input", "lines", "0", "quantity"])]
    async with shop.database() as db:
        moved = await db.fetch(
            "SELECT store, reason, delta FROM stock_movement WHERE sku = $1 ORDER BY id OFFSET 1", sku
        )
    assert [tuple(row) for row in moved] == [
        ("central", "TRANSFER_OUT", -10),
        ("harbour", "TRANSFER_IN", 10),
    ]


async def test_transfers_to_and_fro_never_wait_for_each_other(shop: Shop, sku: str) -> None:
    await change(shop, RECEIPT, store="harbour", reason="RECEIPT", lines=[{"sku": sku, "delta": 10}])
    lines = [{"sku": sku, "quantity": 1}]
    ways = [("central", "harbour"), ("harbour", "central")] * 5
    told = await asyncio.gather(
        *(change(shop, TRANSFER, **{"from": one, "to": other, "lines": lines}) for one, other in ways)
    )
    assert [errors(one) for one in told] == [[]] * 10
    assert (await available(shop, sku, "app"))["explanation"]["onHand"] == 10


async def test_a_count_below_what_is_reserved_is_believed_and_flagged(shop: Shop, sku: str) -> None:
    async with shop.database() as db:
        await db.execute("UPDATE stock_level SET reserved = 6 WHERE sku = $1", sku)
    told = await change(shop, COUNT, store="central", sku=sku, counted=5, expected=10)
    assert told == {"level": {"onHand": 5, "reserved": 6}, "userErrors": []}
    flagged = "SELECT oversold_at IS NOT NULL FROM stock_level WHERE sku = $1"
    async with shop.database() as db:
        assert await db.fetchval(flagged, sku)
    await change(shop, COUNT, store="central", sku=sku, counted=6, expected=5)
    async with shop.database() as db:
        assert not await db.fetchval(flagged, sku)
        await db.execute("UPDATE stock_level SET reserved = 0 WHERE sku = $1", sku)


@pytest.mark.parametrize("document", [ALLOT, SAFETY, TRANSFER])
@pytest.mark.parametrize(
    ("quantities", "field"),
    [
        ([], ["input", "lines"]),
        ([-1], ["input", "lines", "0", "quantity"]),
        ([1, 1], ["input", "lines", "0", "sku"]),
    ],
)
async def test_lines_that_make_no_sense_are_refused(
    shop: Shop, sku: str, document: str, quantities: list[int], field: list[str]
) -> None:
    told = await change(shop, document, **about(document, [(sku, units) for units in quantities]))
    assert errors(told)[0] == ("INVALID_INPUT", field)


@pytest.mark.parametrize("document", [ALLOT, SAFETY, TRANSFER])
async def test_what_is_not_there_is_not_found(shop: Shop, sku: str, document: str) -> None:
    told = await change(shop, document, **about(document, [(sku, 1), ("no-such-sku", 1)]))
    assert errors(told) == [("NOT_FOUND", ["input", "lines", "1", "sku"])]
    clerk = shop.token("staff", store="harbour")
    own = await change(shop, document, token=clerk, **about(document, [(sku, 1)]))
    assert errors(own) == [("NOT_FOUND", ["input", "from" if document is TRANSFER else "store"])]


async def test_a_transfer_needs_two_stores(shop: Shop, sku: str) -> None:
    lines = [{"sku": sku, "quantity": 1}]
    for to, code in (("central", "INVALID_INPUT"), ("nowhere", "NOT_FOUND")):
        told = await change(shop, TRANSFER, **{"from": "central", "to": to, "lines": lines})
        assert errors(told) == [(code, ["input", "to"])]
    told = await change(shop, ALLOT, channel="nowhere", store="central", lines=lines)
    assert errors(told) == [("NOT_FOUND", ["input", "channel"])]


def about(document: str, lines: list[tuple[str, int]]) -> dict[str, Any]:
    where = {
        ALLOT: {"channel": "jd", "store": "central"},
        SAFETY: {"store": "central"},
        TRANSFER: {"from": "central", "to": "harbour"},
    }
    return {**where[document], "lines": [{"sku": sku, "quantity": units} for sku, units in lines]}
