"""What moved, what was sold twice and what is low, through the graph."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.inventory import Demand
from persistence.inventory import counter
from persistence.inventory.books import differences
from tests.makers import make_channel, make_product, make_store
from tests.shop import Shop

_keys = itertools.count(1)
MOVEMENTS = """query($store: String!, $sku: String!, $first: Int!, $after: String) {
  stockMovements(store: $store, sku: $sku, first: $first, after: $after) {
    edges { cursor node { delta } } nodes { sku delta reason reference movedBy movedAt }
    pageInfo { hasNextPage endCursor } } }"""
OVERSOLD = """query($store: String!, $first: Int!, $after: String) {
  stockOversold(store: $store, first: $first, after: $after) {
    edges { cursor } nodes { sku onHand oversold oversoldAt } pageInfo { hasNextPage endCursor } } }"""
LOW = """mutation($input: LowStockSetInput!) { lowStockSet(input: $input) {
  levels { sku lowStock } cursor userErrors { code field } } }"""
STATUS = """query($sku: String!) { variant(by: {sku: $sku}) {
  availability(context: {channel: "app", store: "central"}) { status } } }"""
ADJUST = """mutation($input: StockAdjustInput!) { stockAdjust(input: $input) { userErrors { code } } }"""


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> AsyncIterator[None]:
    async with shop.database() as db:
        await make_channel(db, "app")
        for store in ("central", "harbour"):
            await make_store(db, store)
    yield
    async with shop.database() as db:
        assert await differences(db) == []


@pytest.fixture
async def sku(shop: Shop) -> str:
    """A sku of which central received ten."""
    async with shop.database() as db:
        sku = (await make_product(db)).skus[0]
    await move(shop, sku, 10, "RECEIPT")
    return sku


async def move(shop: Shop, sku: str, delta: int, reason: str, reference: str | None = None) -> None:
    given = {"store": "central", "reason": reason, "reference": reference}
    lines = [{"sku": sku, "delta": delta}]
    token = shop.token("admin")
    key = f"move-{next(_keys)}"
    told = await shop.ask(ADJUST, token=token, input={"idempotencyKey": key, "lines": lines} | given)
    assert told.data["stockAdjust"]["userErrors"] == []


async def sold_offline(shop: Shop, sku: str, units: int) -> None:
    """A till without a line sold so many, whatever was there."""
    async with shop.database() as db, db.transaction():
        now = shop.clock()
        await counter.sell_offline(
            db, [Demand("central", sku, units)], reference="till-3", moved_by="tests", now=now
        )


async def test_what_moved_is_told_newest_first_with_who_and_why(shop: Shop, sku: str) -> None:
    await move(shop, sku, -2, "DAMAGE", "wet")
    await move(shop, sku, 5, "CORRECTION")
    asked = {"store": "central", "sku": sku, "first": 2, "token": shop.token("admin")}
    await shop.ask(MOVEMENTS, **asked)
    answer = await shop.ask(MOVEMENTS, **asked)
    assert len(answer.statements) == 1
    page = answer.data["stockMovements"]
    told = [(node["delta"], node["reason"], node["reference"]) for node in page["nodes"]]
    assert told == [(5, "CORRECTION", None), (-2, "DAMAGE", "wet")]
    assert {node["movedBy"] for node in page["nodes"]} == {"staff:admin-1"}
    assert page["pageInfo"]["hasNextPage"] is True
    # What comes meanwhile stands before the cursor and moves nothing behind it.
    await move(shop, sku, 1, "CORRECTION")
    rest = await shop.ask(MOVEMENTS, **asked, after=page["pageInfo"]["endCursor"])
    rest = rest.data["stockMovements"]
    assert ([node["delta"] for node in rest["nodes"]], rest["pageInfo"]["hasNextPage"]) == ([10], False)


async def test_oversold_levels_are_listed_by_sku_until_they_are_made_good(shop: Shop) -> None:
    async with shop.database() as db:
        skus = (await make_product(db, skus=["OVER-1", "OVER-2", "OVER-3"])).skus
    for sku, units in zip(skus, (1, 2, 3), strict=True):
        await sold_offline(shop, sku, units)
    asked = {"store": "central", "first": 2, "token": shop.token("admin")}
    await shop.ask(OVERSOLD, **asked)
    answer = await shop.ask(OVERSOLD, **asked)
    assert len(answer.statements) == 1
    page = answer.data["stockOversold"]
    assert [(node["sku"], node["onHand"], node["oversold"]) for node in page["nodes"]] == [
        ("OVER-1", -1, 1),
        ("OVER-2", -2, 2),
    ]
    assert None not in [node["oversoldAt"] for node in page["nodes"]]
    after = page["pageInfo"]["endCursor"]
    rest = (await shop.ask(OVERSOLD, **asked, after=after)).data["stockOversold"]
    assert ([node["sku"] for node in rest["nodes"]], rest["pageInfo"]["hasNextPage"]) == (["OVER-3"], False)
    for sku, units in zip(skus, (1, 1, 3), strict=True):
        await move(shop, sku, units, "RECEIPT")
    left = (await shop.ask(OVERSOLD, **asked)).data["stockOversold"]
    assert [(node["sku"], node["oversold"]) for node in left["nodes"]] == [("OVER-2", 1)]
    await move(shop, "OVER-2", 1, "RECEIPT")
    assert (await shop.ask(OVERSOLD, **asked)).data["stockOversold"]["nodes"] == []


@pytest.mark.parametrize("document", [MOVEMENTS, OVERSOLD])
async def test_staff_read_their_own_store_and_nobody_else_any(shop: Shop, sku: str, document: str) -> None:
    await sold_offline(shop, sku, 11)
    asked = {"store": "central", "first": 5} | ({"sku": sku} if document is MOVEMENTS else {})

    async def count(kind: str, **more: Any) -> int | list[str]:
        answer = await shop.ask(document, token=shop.token(kind, **more), **asked)
        return answer.codes or len(next(iter(answer.data.values()))["nodes"])

    there = 2 if document is MOVEMENTS else 1
    assert await count("staff", store="central") == there
    assert await count("staff", store="harbour") == 0
    for kind in ("member", "device"):
        more = {"store": "central"} if kind == "device" else {}
        assert await count(kind, **more) == ["FORBIDDEN"]
    await move(shop, sku, 1, "RECEIPT")


@pytest.mark.parametrize("document", [MOVEMENTS, OVERSOLD])
@pytest.mark.parametrize("bad", [{"first": 0}, {"first": 101}, {"after": "nonsense"}])
async def test_pages_out_of_bounds_are_refused(shop: Shop, document: str, bad: dict[str, Any]) -> None:
    asked = {"store": "central", "first": 5} | ({"sku": "any"} if document is MOVEMENTS else {}) | bad
    assert (await shop.ask(document, token=shop.token("admin"), **asked)).codes == ["BAD_USER_INPUT"]


# ------------------------------------------------------------------ lowStockSet


async def set_low(shop: Shop, *lines: tuple[str, int | None], token: str | None = None, **more: Any) -> Any:
    given = {
        "idempotencyKey": f"low-{next(_keys)}",
        "store": "central",
        "lines": [{"sku": sku, "quantity": units} for sku, units in lines],
    } | more
    answer = await shop.ask(LOW, token=token or shop.token("admin"), input=given)
    return answer.data["lowStockSet"]


@pytest.mark.parametrize(
    ("low", "shown", "status"),
    [
        (None, 5, "IN_STOCK"),
        (9, 9, "IN_STOCK"),
        (10, 10, "LOW_STOCK"),
        (0, 0, "IN_STOCK"),
        (1_000_000, 1_000_000, "LOW_STOCK"),
    ],
)
async def test_a_store_says_from_where_on_it_is_low(
    shop: Shop, sku: str, low: int | None, shown: int, status: str
) -> None:
    await set_low(shop, (sku, 7))
    told = await set_low(shop, (sku, low))
    assert (told["levels"], told["userErrors"]) == ([{"sku": sku, "lowStock": shown}], [])
    assert told["cursor"] is not None
    answer = await shop.ask(STATUS, sku=sku)
    assert answer.data["variant"]["availability"]["status"] == status


async def test_the_same_key_sets_it_once(shop: Shop, sku: str) -> None:
    first = await set_low(shop, (sku, 3), idempotencyKey="once")
    await set_low(shop, (sku, 4))
    again = await set_low(shop, (sku, 3), idempotencyKey="once")
    # The answer is read again: it tells what holds now.
    assert (again["cursor"], again["levels"]) == (first["cursor"], [{"sku": sku, "lowStock": 4}])
    reused = await set_low(shop, (sku, 9), idempotencyKey="once")
    assert [error["code"] for error in reused["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ([], ["input", "lines"]),
        ([1] * 501, ["input", "lines"]),
        ([-1], ["input", "lines", "0", "quantity"]),
        ([1_000_001], ["input", "lines", "0", "quantity"]),
        ([1, 1], ["input", "lines", "0", "sku"]),
    ],
)
async def test_lines_that_make_no_sense_are_refused(
    shop: Shop, sku: str, lines: list[int], field: list[str]
) -> None:
    told = await set_low(shop, *((sku, units) for units in lines))
    assert (told["levels"], told["userErrors"][0]) == ([], {"code": "INVALID_INPUT", "field": field})


async def test_what_is_not_there_or_not_yours_is_not_found(shop: Shop, sku: str) -> None:
    told = await set_low(shop, (sku, 1), ("no-such-sku", 1))
    assert told["userErrors"] == [{"code": "NOT_FOUND", "field": ["input", "lines", "1", "sku"]}]
    told = await set_low(shop, (sku, 1), token=shop.token("staff", store="harbour"))
    assert told["userErrors"] == [{"code": "NOT_FOUND", "field": ["input", "store"]}]
    answer = await shop.ask(
        LOW,
        token=shop.token("member"),
        input={"idempotencyKey": "no", "store": "central", "lines": [{"sku": sku, "quantity": 1}]},
    )
    assert answer.codes == ["FORBIDDEN"]
