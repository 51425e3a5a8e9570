"""Reading, moving and counting stock through the graph."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.channels import ChannelKind
from domain.stores import StoreService
from persistence.inventory.books import differences
from resolvers.shapes import global_id
from tests.makers import make_channel, make_product, make_store
from tests.shop import Shop

_keys = itertools.count(1)

ADJUST = """
mutation Adjust($input: StockAdjustInput!) {
  stockAdjust(input: $input) {
    levels { sku onHand reserved available safetyStock store { code } } cursor userErrors { code field }
  }
}"""
COUNT = """
mutation Count($input: StockCountInput!) {
  stockCount(input: $input) { level { sku onHand } cursor userErrors { code field } }
}"""
AVAILABILITY = """
query Availability($sku: String!, $context: SalesContext!) {
  variant(by: {sku: $sku}) {
    availability(context: $context) {
      status available pickupToday explanation { onHand reserved safetyStock allotted policy }
    }
  }
}"""
LEVELS = """query Levels($store: String!, $skus: [String!]!) {
  stockLevels(store: $store, skus: $skus) { sku onHand } }"""


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> AsyncIterator[None]:
    async with shop.database() as db:
        await make_channel(db, "app")
        await make_channel(db, "pos", kind=ChannelKind.POS)
        for code in ("central", "harbour"):
            await make_store(db, code, till_channel="pos")
        await make_store(db, "kiosk", till_channel="pos", services=[StoreService.PICKUP])
    yield
    async with shop.database() as db:
        assert await differences(db) == []


@pytest.fixture
async def sku(shop: Shop) -> str:
    async with shop.database() as db:
        return (await make_product(db)).skus[0]


async def adjust(
    shop: Shop, store: str, *lines: tuple[str, int], reason: str = "RECEIPT", token: str | None = None
) -> Any:
    given = {
        "idempotencyKey": f"adjust-{next(_keys)}",
        "store": store,
        "reason": reason,
        "lines": [{"sku": sku, "delta": delta} for sku, delta in lines],
    }
    answer = await shop.ask(ADJUST, token=token or shop.token("admin"), input=given)
    return answer.data["stockAdjust"]


async def availability(shop: Shop, sku: str, token: str | None = None, **context: Any) -> Any:
    answer = await shop.ask(AVAILABILITY, token=token, sku=sku, context={"channel": "app"} | context)
    return answer.data["variant"]["availability"]


async def test_a_receipt_can_be_sold(shop: Shop, sku: str) -> None:
    assert (await availability(shop, sku))["status"] == "OUT_OF_STOCK"
    told = await adjust(shop, "central", (sku, 3), (sku, 4))
    assert told["userErrors"] == []
    assert told["cursor"] is not None
    assert told["levels"] == [
        {
            "sku": sku,
            "onHand": 7,
            "reserved": 0,
            "available": 7,
            "safetyStock": 0,
            "store": {"code": "central"},
        }
    ]
    assert await availability(shop, sku, store="central") == {
        "status": "IN_STOCK",
        "available": 7,
        "pickupToday": True,
        "explanation": None,
    }


@pytest.mark.parametrize(
    ("units", "status"), [(0, "OUT_OF_STOCK"), (1, "LOW_STOCK"), (5, "LOW_STOCK"), (6, "IN_STOCK")]
)
async def test_stock_in_a_word(shop: Shop, sku: str, units: int, status: str) -> None:
    await adjust(shop, "central", (sku, units))
    assert (await availability(shop, sku, store="central"))["status"] == status


async def test_shoppers_see_at_most_99_and_staff_the_number_and_why(shop: Shop, sku: str) -> None:
    await adjust(shop, "central", (sku, 250))
    assert (await availability(shop, sku))["available"] == 99
    staff = await availability(shop, sku, token=shop.token("admin"), store="central")
    assert staff["available"] == 250
    assert staff["explanation"] == {
        "onHand": 250,
        "reserved": 0,
        "safetyStock": 0,
        "allotted": 0,
        "policy": "SHARED",
    }


async def test_without_a_store_the_stores_that_deliver_are_added_up(shop: Shop, sku: str) -> None:
    for store, units in (("central", 2), ("harbour", 3), ("kiosk", 50)):
        await adjust(shop, store, (sku, units))
    told = await availability(shop, sku)
    assert (told["available"], told["pickupToday"]) == (5, False)


async def test_nobody_takes_what_is_not_there(shop: Shop, sku: str) -> None:
    await adjust(shop, "central", (sku, 3))
    told = await adjust(shop, "central", (sku, -4), reason="DAMAGE")
    assert told["levels"] == []
    assert [(error["code"], error["field"]) for error in told["userErrors"]] == [
        ("INSUFFICIENT_STOCK", ["input", "lines", "0", "delta"])
    ]
    assert (await availability(shop, sku, store="central"))["available"] == 3
    assert (await adjust(shop, "central", (sku, -3), reason="DAMAGE"))["userErrors"] == []


async def test_twenty_at_once_take_ten_and_no_more(shop: Shop, sku: str) -> None:
    await adjust(shop, "central", (sku, 10))
    told = await asyncio.gather(*(adjust(shop, "central", (sku, -1), reason="SALE") for _ in range(20)))
    assert sum(not one["userErrors"] for one in told) == 10
    assert (await availability(shop, sku, store="central"))["available"] == 0


@pytest.mark.parametrize(("count", "refused"), [(0, True), (1, False), (500, False), (501, True)])
async def test_a_request_takes_one_to_five_hundred_lines(
    shop: Shop, sku: str, count: int, refused: bool
) -> None:
    told = await adjust(shop, "central", *((sku, 1) for _ in range(count)))
    assert bool(told["userErrors"]) is refused


async def test_unknown_skus_and_stores_are_not_found(shop: Shop, sku: str) -> None:
    told = await adjust(shop, "central", (sku, 1), ("no-such-sku", 1))
    assert [(error["code"], error["field"]) for error in told["userErrors"]] == [
        ("NOT_FOUND", ["input", "lines", "1", "sku"])
    ]
    told = await adjust(shop, "nowhere", (sku, 1))
    assert [(error["code"], error["field"]) for error in told["userErrors"]] == [
        ("NOT_FOUND", ["input", "store"])
    ]


async def test_a_count_is_taken_when_nothing_moved_meanwhile(shop: Shop, sku: str) -> None:
    await adjust(shop, "central", (sku, 8))
    admin = shop.token("admin")
    given = {"idempotencyKey": f"count-{sku}", "store": "central", "sku": sku, "counted": 6, "expected": 8}
    first = await shop.ask(COUNT, token=admin, input=given)
    assert first.data["stockCount"]["level"] == {"sku": sku, "onHand": 6}
    assert (await shop.ask(COUNT, token=admin, input=given)).data == first.data
    late = await shop.ask(COUNT, token=admin, input=given | {"idempotencyKey": f"late-{sku}"})
    assert late.data["stockCount"] == {
        "level": None,
        "cursor": None,
        "userErrors": [{"code": "CONFLICT", "field": ["input", "expected"]}],
    }


async def test_staff_see_and_move_the_stock_of_their_own_store(shop: Shop, sku: str) -> None:
    await adjust(shop, "central", (sku, 8))
    clerk = shop.token("staff", store="harbour")
    assert (await shop.ask(LEVELS, token=clerk, store="central", skus=[sku])).data == {"stockLevels": []}
    told = await adjust(shop, "central", (sku, 1), token=clerk)
    assert [error["code"] for error in told["userErrors"]] == ["NOT_FOUND"]
    own = await shop.ask(LEVELS, token=shop.token("staff", store="central"), store="central", skus=[sku])
    assert own.data == {"stockLevels": [{"sku": sku, "onHand": 8}]}


async def test_a_device_sees_the_levels_of_its_own_store(shop: Shop, sku: str) -> None:
    await adjust(shop, "central", (sku, 8))
    async with shop.database() as db:
        row = await db.fetchval("SELECT id FROM stock_level WHERE store = 'central' AND sku = $1", sku)
    level = global_id("St", row)
    for store, seen in (("central", [{"sku": sku, "onHand": 8}]), ("harbour", [])):
        gateway = shop.token("device", store=store)
        assert (await shop.ask(LEVELS, token=gateway, store="central", skus=[sku])).data[
            "stockLevels"
        ] == seen
        found = await shop.ask("query($id: ID!) { node(id: $id) { id } }", token=gateway, id=level)
        assert (found.data["node"] is not None) is bool(seen)


async def test_a_level_has_an_upper_bound(shop: Shop, sku: str) -> None:
    full = await adjust(shop, "central", *[(sku, 1_000_000)] * 100)
    assert [level["onHand"] for level in full["levels"]] == [100_000_000]
    told = await adjust(shop, "central", (sku, 1))
    assert [(error["code"], error["field"][3]) for error in told["userErrors"]] == [
        ("INVALID_INPUT", "delta")
    ]


async def test_who_may_see_levels(shop: Shop, sku: str) -> None:
    assert (await shop.ask(LEVELS, store="central", skus=[sku])).codes == ["UNAUTHENTICATED"]
    member = await shop.ask(LEVELS, token=shop.token("member"), store="central", skus=[sku])
    assert member.codes == ["FORBIDDEN"]
    many = await shop.ask(LEVELS, token=shop.token("admin"), store="central", skus=[sku] * 101)
    assert many.codes == ["BAD_USER_INPUT"]


async def test_why_is_told_to_those_who_see_the_stores_levels(shop: Shop, sku: str) -> None:
    await adjust(shop, "central", (sku, 8))
    for kind in ("staff", "device"):
        own, other = shop.token(kind, store="central"), shop.token(kind, store="harbour")
        assert (await availability(shop, sku, token=own, store="central"))["explanation"]["onHand"] == 8
        assert (await availability(shop, sku, token=other, store="central"))["explanation"] is None
    assert (await availability(shop, sku, token=shop.token("admin")))["explanation"]["onHand"] == 8
