"""What happens to orders after they were placed, through the graph; sales of others, and the list."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.orders.buying import (
    DELIVERY,
    DONE,
    ORDER,
    a_key,
    an_order,
    by_token,
    kinds,
    make_goods,
    make_mall,
    notify,
    stock,
    told,
)
from tests.shop import Shop


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    await make_mall(shop)


async def act(shop: Shop, name: str, *, token: str | None = None, **given: Any) -> Any:
    kind = name[0].upper() + name[1:]
    document = f"mutation M($input: {kind}Input!) {{ done: {name}(input: $input) {DONE} }}{ORDER}"
    return (await shop.ask(document, token=token, input={"idempotencyKey": a_key()} | given)).data["done"]


async def shipped(shop: Shop, *lines: tuple[str, int], **context: str) -> Any:
    """The payload of an order on its way."""
    done = await an_order(shop, *lines, **context)
    sent = await act(
        shop, "orderShip", token=shop.token("admin"), orderId=done["order"]["id"], carrier="SF Express"
    )
    assert sent["userErrors"] == []
    return done


async def back(shop: Shop, done: Any, *units: int, store: str = "central", **more: Any) -> Any:
    """The payload of a return of so many units of each line, with the order's token."""
    lines = [
        {"lineId": line["id"], "quantity": quantity, "restock": more.pop("restock", True)}
        for line, quantity in zip(done["order"]["lines"], units, strict=False)
    ]
    given = {"orderId": done["order"]["id"], "orderToken": done["orderToken"], "store": store}
    return await act(shop, "orderReturn", **(given | {"lines": lines, "reason": "too sweet"} | more))


# ------------------------------------------------------------------ ship, deliver, cancel


async def test_goods_leave_the_stock_when_they_are_shipped(shop: Shop) -> None:
    sku = await make_goods(shop, central=10)
    done = await an_order(shop, (sku, 2), store="central")
    admin, order_id = shop.token("staff", store="central"), done["order"]["id"]
    early = await act(shop, "orderDeliver", token=admin, orderId=order_id)
    assert told(early) == [("ORDER_STATE_FORBIDS", ["input", "orderId"])]
    sent = await act(
        shop, "orderShip", token=admin, orderId=order_id, carrier="SF Express", trackingNumber="SF1"
    )
    assert (sent["order"]["state"], await stock(shop, sku)) == ("SHIPPED", (8, 0))
    assert sent["order"]["shipment"]["trackingNumber"] == "SF1"
    again = await act(shop, "orderShip", token=admin, orderId=order_id, carrier="SF Express")
    assert told(again) == [("ORDER_STATE_FORBIDS", ["input", "orderId"])]
    there = await act(shop, "orderDeliver", token=admin, orderId=order_id)
    assert (there["order"]["state"], kinds(there["order"])) == (
        "COMPLETED",
        ["placed", "paid", "shipped", "delivered"],
    )
    assert there["order"]["shipment"]["deliveredAt"] is not None


async def test_only_staff_of_the_store_ship_its_orders(shop: Shop) -> None:
    sku = await make_goods(shop, central=10)
    done = await an_order(shop, (sku, 1), store="central")
    given = {"orderId": done["order"]["id"], "carrier": "SF"}
    stranger = await act(shop, "orderShip", token=shop.token("staff", store="harbour"), **given)
    assert told(stranger) == [("NOT_FOUND", ["input", "orderId"])]
    document = "mutation M($input: OrderShipInput!) { orderShip(input: $input) { userErrors { code } } }"
    asked = {"idempotencyKey": a_key()} | given
    assert (await shop.ask(document, input=asked)).codes == ["UNAUTHENTICATED"]
    assert (await shop.ask(document, token=shop.token("member"), input=asked)).codes == ["FORBIDDEN"]


async def test_a_cancelled_order_lets_go_of_its_goods_and_its_money(shop: Shop) -> None:
    sku = await make_goods(shop, 1000, central=10)
    done = await an_order(shop, (sku, 2), store="central")
    given = {"orderId": done["order"]["id"], "reason": "changed my mind"}
    for token in (None, "wrong"):
        refused = await act(shop, "orderCancel", orderToken=token, **given)
        assert told(refused) == [("NOT_FOUND", ["input", "orderId"])]
    key = a_key()
    gone = await act(shop, "orderCancel", idempotencyKey=key, orderToken=done["orderToken"], **given)
    order = gone["order"]
    assert (order["state"], order["paymentState"], order["nextStates"]) == ("CANCELLED", "REFUNDED", [])
    assert order["refunded"] == {"amount": "20.00"}
    assert order["refunds"] == [{"amount": {"amount": "20.00"}, "state": "DONE", "reason": "changed my mind"}]
    assert await stock(shop, sku) == (10, 0)
    again = await act(shop, "orderCancel", idempotencyKey=key, orderToken=done["orderToken"], **given)
    assert again == gone
    late = await act(shop, "orderCancel", orderToken=done["orderToken"], **given)
    assert told(late) == [("ORDER_STATE_FORBIDS", ["input", "orderId"])]


async def test_an_unpaid_order_is_cancelled_and_money_that_comes_later_goes_back(shop: Shop) -> None:
    sku = await make_goods(shop, 1000, central=10)
    done = await an_order(shop, (sku, 2), pay="manual", store="central")
    gone = await act(
        shop,
        "orderCancel",
        orderId=done["order"]["id"],
        orderToken=done["orderToken"],
        reason="changed my mind",
    )
    assert (gone["order"]["state"], gone["order"]["paymentState"]) == ("CANCELLED", "CANCELLED")
    assert (gone["order"]["refunds"], await stock(shop, sku)) == ([], (10, 0))
    assert await notify(shop, done) == 200
    order = await by_token(shop, done["orderToken"])
    assert (order["state"], order["paymentState"], order["refunded"]) == (
        "CANCELLED",
        "REFUNDED",
        {"amount": "20.00"},
    )
    assert [refund["reason"] for refund in order["refunds"]] == ["paymentNotNeeded"]


async def test_what_is_on_its_way_is_not_cancelled(shop: Shop) -> None:
    sku = await make_goods(shop, central=10)
    done = await shipped(shop, (sku, 1), store="central")
    refused = await act(
        shop,
        "orderCancel",
        orderId=done["order"]["id"],
        orderToken=done["orderToken"],
        reason="too late",
    )
    assert told(refused) == [("ORDER_STATE_FORBIDS", ["input", "orderId"])]


# ------------------------------------------------------------------ brought back


async def test_units_give_back_their_part_and_the_last_one_the_rest(shop: Shop) -> None:
    sku = await make_goods(shop, 1000, central=10)
    done = await shipped(shop, (sku, 3), store="central")
    first = (await back(shop, done, 1))["order"]
    assert (first["state"], first["paymentState"]) == ("PARTIALLY_RETURNED", "PARTIALLY_REFUNDED")
    assert (first["refunded"], first["lines"][0]["returnedQuantity"]) == ({"amount": "10.00"}, 1)
    assert await stock(shop, sku) == (8, 0)
    last = (await back(shop, done, 2, store="harbour", restock=False))["order"]
    assert (last["state"], last["paymentState"]) == ("RETURNED", "REFUNDED")
    assert (last["refunded"], last["nextStates"]) == ({"amount": "30.00"}, [])
    assert [refund["state"] for refund in last["refunds"]] == ["DONE", "DONE"]
    assert await stock(shop, sku, "harbour") == (0, 0)


@pytest.mark.parametrize(
    ("units", "field"), [((0,), "quantity"), ((4,), "quantity"), ((-1,), "quantity"), ((3,), None)]
)
async def test_no_more_comes_back_than_was_bought(shop: Shop, units: tuple[int, ...], field: Any) -> None:
    sku = await make_goods(shop, central=10)
    done = await shipped(shop, (sku, 3), store="central")
    refused = await back(shop, done, *units)
    expected = [] if field is None else [("INVALID_INPUT", ["input", "lines", "0", field])]
    assert told(refused) == expected


async def test_what_a_return_does_not_take(shop: Shop) -> None:
    sku = await make_goods(shop, central=10)
    done = await shipped(shop, (sku, 3), store="central")
    other = await shipped(shop, (sku, 1), store="central")
    line = {"lineId": done["order"]["lines"][0]["id"], "quantity": 1, "restock": True}
    strange = line | {"lineId": other["order"]["lines"][0]["id"]}
    for change, expected in (
        ({"store": "nowhere"}, [("NOT_FOUND", ["input", "store"])]),
        ({"lines": []}, [("INVALID_INPUT", ["input", "lines"])]),
        ({"lines": [line, strange]}, [("NOT_FOUND", ["input", "lines", "1", "lineId"])]),
        ({"lines": [line, line | {"quantity": 3}]}, [("INVALID_INPUT", ["input", "lines", "1", "quantity"])]),
        ({"reason": ""}, [("INVALID_INPUT", ["input", "reason"])]),
        ({"orderToken": None}, [("NOT_FOUND", ["input", "orderId"])]),
    ):
        assert told(await back(shop, done, 1, **change)) == expected
    unpaid = await an_order(shop, (sku, 1), pay="manual", store="central")
    assert told(await back(shop, unpaid, 1)) == [("ORDER_STATE_FORBIDS", ["input", "orderId"])]
    assert (await by_token(shop, done["orderToken"]))["refunds"] == []


async def test_staff_take_goods_back_in_their_own_store_wherever_they_were_bought(shop: Shop) -> None:
    sku = await make_goods(shop, central=10)
    done = await shipped(shop, (sku, 3), store="central")
    clerk = shop.token("staff", store="harbour")
    taken = await back(shop, done, 1, store="harbour", orderToken=None, token=clerk)
    assert taken["userErrors"] == []
    refused = await back(shop, done, 1, store="central", orderToken=None, token=clerk)
    assert told(refused) == [("NOT_FOUND", ["input", "orderId"])]


async def test_two_returns_at_once_give_back_what_was_paid_and_no_more(shop: Shop) -> None:
    sku = await make_goods(shop, 999, central=10)
    done = await shipped(shop, (sku, 3), store="central")
    both = await asyncio.gather(*(back(shop, done, 2) for _ in range(4)))
    assert sum(not one["userErrors"] for one in both) == 1
    order = await by_token(shop, done["orderToken"])
    assert (order["refunded"], await stock(shop, sku)) == ({"amount": "19.98"}, (9, 0))


# ------------------------------------------------------------------ recorded sales


def a_sale(*lines: tuple[str, int, str], total: str, **more: Any) -> dict[str, Any]:
    return {
        "externalNumber": a_key(),
        "soldAt": "2026-01-02T03:04:05Z",
        "context": {"channel": "pos", "store": "central"},
        "lines": [{"sku": sku, "quantity": units, "unitPrice": price} for sku, units, price in lines],
        "payment": {"provider": "cash", "amount": total, "currencyCode": "HKD"},
        "fulfilment": {"kind": "CARRY_OUT"},
    } | more


async def record(shop: Shop, sale: dict[str, Any], token: str | None = None) -> Any:
    return await act(shop, "orderRecord", token=token or shop.token("device", store="central"), **sale)


async def test_a_sale_of_an_offline_till_is_taken_once_as_it_was_charged(shop: Shop) -> None:
    sku = await make_goods(shop, 1000, central=3)
    sale = a_sale((sku, 2, "8.50"), total="17.00")
    done = await record(shop, sale)
    order = done["order"]
    assert (order["state"], order["paymentState"], order["flagged"]) == ("COMPLETED", "CAPTURED", False)
    assert (order["externalNumber"], order["placedAt"]) == (
        sale["externalNumber"],
        "2026-01-02T03:04:05.000Z",
    )
    assert order["lines"][0]["unitPrice"] == {"amount": "8.50"}
    assert await stock(shop, sku) == (1, 0)
    again = await record(shop, sale)
    assert told(again) == [("CONFLICT", ["input", "externalNumber"])]
    assert await stock(shop, sku) == (1, 0)


async def test_stock_may_go_below_zero_and_is_flagged(shop: Shop) -> None:
    sku = await make_goods(shop, 1000, central=1)
    done = await record(shop, a_sale((sku, 3, "10.00"), total="30.00"))
    assert (done["order"]["flagged"], kinds(done["order"])) == (True, ["recorded", "stockBelowZero"])
    assert await stock(shop, sku) == (-2, 0)


@pytest.mark.parametrize(
    ("total", "discounts", "shipping"),
    [("20.00", "0.00", "0.00"), ("19.99", "0.01", "0.00"), ("25.00", "0.00", "5.00")],
)
async def test_what_was_paid_is_what_it_came_to(
    shop: Shop, total: str, discounts: str, shipping: str
) -> None:
    first, second = await make_goods(shop, central=9), await make_goods(shop, central=9)
    sale = a_sale((first, 1, "10.00"), (second, 1, "10.00"), total=total)
    totals = (await record(shop, sale))["order"]["totals"]
    assert totals == {
        "items": {"amount": "20.00"},
        "discounts": {"amount": discounts},
        "shipping": {"amount": shipping},
        "total": {"amount": total},
    }


async def test_a_marketplaces_order_waits_for_its_carrier(shop: Shop) -> None:
    sku = await make_goods(shop, 1000, central=2, harbour=2)
    sale = a_sale(
        (sku, 3, "10.00"),
        total="30.00",
        context={"channel": "app"},
        fulfilment=DELIVERY,
        payment={"provider": "jd", "amount": "30.00", "currencyCode": "HKD", "reference": "JD-1"},
    )
    order = (await record(shop, sale, shop.token("admin")))["order"]
    assert (order["state"], order["flagged"]) == ("PAID", False)
    assert [await stock(shop, sku, store) for store in ("central", "harbour")] == [(2, 2), (2, 1)]
    gone = await act(
        shop, "orderCancel", token=shop.token("admin"), orderId=order["id"], reason="out of reach"
    )
    assert [refund["state"] for refund in gone["order"]["refunds"]] == ["DONE"]
    assert [await stock(shop, sku, store) for store in ("central", "harbour")] == [(2, 0), (2, 0)]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"lines": []}, "INVALID_INPUT", ["input", "lines"]),
        ({"externalNumber": ""}, "INVALID_INPUT", ["input", "externalNumber"]),
        ({"context": {"channel": "nowhere"}}, "INVALID_INPUT", ["input", "context"]),
        ({"context": {"channel": "pos", "store": "harbour"}}, "NOT_FOUND", ["input", "context", "store"]),
        (
            {"payment": {"provider": "cash", "amount": "1.00", "currencyCode": "CNY"}},
            "INVALID_INPUT",
            ["input", "payment"],
        ),
        (
            {"payment": {"provider": "cash", "amount": "-1.00", "currencyCode": "HKD"}},
            "INVALID_INPUT",
            ["input", "payment"],
        ),
        (
            {"lines": [{"sku": "NOPE", "quantity": 1, "unitPrice": "1.00"}]},
            "NOT_FOUND",
            ["input", "lines", "0", "sku"],
        ),
        (
            {"lines": [{"sku": "NOPE", "quantity": 0, "unitPrice": "1.00"}]},
            "INVALID_INPUT",
            ["input", "lines", "0", "quantity"],
        ),
        (
            {"lines": [{"sku": "NOPE", "quantity": 1, "unitPrice": "1.001"}]},
            "INVALID_INPUT",
            ["input", "lines", "0", "unitPrice"],
        ),
    ],
)
async def test_what_is_no_sale(shop: Shop, change: Any, code: str, field: list[str]) -> None:
    sku = await make_goods(shop, central=1)
    done = await record(shop, a_sale((sku, 1, "1.00"), total="1.00", **change))
    assert told(done) == [(code, field)]


async def test_a_sale_is_in_the_past(shop: Shop) -> None:
    sku = await make_goods(shop, central=5)
    now = datetime.now(UTC)
    for sold_at, expected in (
        (now + timedelta(minutes=4), []),
        (now + timedelta(minutes=6), [("INVALID_INPUT", ["input", "soldAt"])]),
    ):
        sale = a_sale((sku, 1, "1.00"), total="1.00", soldAt=sold_at.isoformat())
        assert told(await record(shop, sale)) == expected


# ------------------------------------------------------------------ the list

LIST = """query Q($first: Int!, $after: String, $where: OrderWhere) {
  orders(first: $first, after: $after, where: $where) {
    nodes { id number state lines { sku } } totalCount pageInfo { hasNextPage endCursor } } }"""


async def listed(shop: Shop, token: str, first: int = 100, after: str | None = None, **where: Any) -> Any:
    answer = await shop.ask(LIST, token=token, first=first, after=after, where=where)
    return answer.data["orders"]


async def test_orders_are_listed_newest_first_a_page_at_a_time(shop: Shop) -> None:
    async with shop.database() as db:
        since = await db.fetchval("SELECT clock_timestamp()")
    sku = await make_goods(shop, central=50)
    made = [(await an_order(shop, (sku, 1), store="central"))["order"]["id"] for _ in range(5)]
    admin, where = shop.token("admin"), {"placedSince": since.isoformat(), "channel": "app"}
    whole = await listed(shop, admin, **where)
    assert [order["id"] for order in whole["nodes"]] == made[::-1]
    assert whole["totalCount"] == 5
    seen, after = [], None
    while True:
        page = await listed(shop, admin, 2, after, **where)
        seen += [order["id"] for order in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert seen == made[::-1]
    answer = await shop.ask(LIST, token=admin, first=100, where=where)
    assert len(answer.statements) == 3


async def test_filters_narrow_the_list(shop: Shop) -> None:
    async with shop.database() as db:
        since = (await db.fetchval("SELECT clock_timestamp()")).isoformat()
    sku = await make_goods(shop, central=50, harbour=50)
    paid = (await an_order(shop, (sku, 1), store="central"))["order"]["id"]
    waiting = (await an_order(shop, (sku, 1), pay="manual", store="harbour"))["order"]["id"]
    picked = await an_order(
        shop, (sku, 1), store="central", fulfilment={"kind": "PICKUP", "store": "harbour"}
    )
    soon = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    admin, everything = shop.token("admin"), {paid, waiting, picked["order"]["id"]}

    async def ids(token: str, **where: Any) -> set[str]:
        # Sales recorded by a till whose clock is ahead are not meant.
        where = {"placedSince": since, "placedBefore": soon} | where
        return {one["id"] for one in (await listed(shop, token, **where))["nodes"]}

    assert await ids(admin) == everything
    assert await ids(admin, state=["PAID"]) == {paid, picked["order"]["id"]}
    assert await ids(admin, state=["PENDING_PAYMENT"]) == {waiting}
    assert await ids(admin, state=["EXPIRED"]) == set()
    assert await ids(admin, store="harbour") == {waiting, picked["order"]["id"]}
    assert await ids(admin, channel="pos") == set()
    assert await ids(admin, placedBefore=since) == set()
    assert await ids(shop.token("staff", store="central")) == {paid}
    assert await ids(shop.token("staff", store="central"), store="harbour") == set()
    try:
        shop.clock.at = datetime.now(UTC) + timedelta(hours=1)
        assert await ids(shop.token("admin"), state=["EXPIRED"]) == {waiting}
        assert await ids(shop.token("admin"), state=["PENDING_PAYMENT"]) == set()
    finally:
        shop.clock.at = None


async def test_who_may_list_orders(shop: Shop) -> None:
    assert (await shop.ask(LIST, first=1)).codes == ["UNAUTHENTICATED"]
    assert (await shop.ask(LIST, token=shop.token("member"), first=1)).codes == ["FORBIDDEN"]
    admin = shop.token("admin")
    for first in (0, 101):
        assert (await shop.ask(LIST, token=admin, first=first)).codes == ["BAD_USER_INPUT"]
    assert (await shop.ask(LIST, token=admin, first=1, after="x")).codes == ["BAD_USER_INPUT"]
