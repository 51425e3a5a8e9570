"""Checkout through the graph: prices, stock, payment, and what is refused."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.makers import make_price
from tests.orders.buying import (
    CHECKOUT,
    PAY,
    a_cart,
    a_key,
    an_order,
    by_token,
    check_out,
    kinds,
    make_goods,
    make_mall,
    notify,
    post_notice,
    read,
    stock,
    told,
    until,
)
from tests.shop import Shop


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    await make_mall(shop)


async def test_a_visitor_buys_a_cart_and_reads_the_order_by_its_token(shop: Shop) -> None:
    sku = await make_goods(shop, 1250, central=10)
    cart_id = await a_cart(shop, (sku, 2), store="central")
    done = await check_out(shop, cart_id, "25.00")
    assert done["userErrors"] == []
    order = done["order"]
    assert (order["state"], order["paymentState"], order["heldUntil"]) == ("PAID", "CAPTURED", None)
    assert order["nextStates"] == ["SHIPPED", "CANCELLED"]
    assert kinds(order) == ["placed", "paid"]
    assert [(e["by"]) for e in order["timeline"]] == ["visitor:", "sandbox"]
    (line,) = order["lines"]
    assert (line["sku"], line["name"], line["quantity"]) == (sku, "Oat milk", 2)
    assert (line["unitPrice"], line["lineTotal"]) == ({"amount": "12.50"}, {"amount": "25.00"})
    assert line["priceSource"].startswith("made-")
    assert int(line["priceVersion"]) > 0
    assert order["totals"]["total"] == {"amount": "25.00"}
    assert await stock(shop, sku) == (10, 2)
    assert await by_token(shop, done["orderToken"]) == order


async def test_only_those_whose_it_is_see_an_order(shop: Shop) -> None:
    sku = await make_goods(shop, central=10)
    member = shop.token("member")
    order = (await an_order(shop, (sku, 1), token=member, store="central"))["order"]
    for by in ({"id": order["id"]}, {"number": order["number"]}):
        assert await read(shop, member, **by) == order
        assert (await read(shop, shop.token("staff", store="harbour"), **by))["id"] == order["id"]
        assert await read(shop, None, **by) is None
        assert await read(shop, shop.token("member", subject="other"), **by) is None
    number = f"{order['number'][:4]} {order['number'][4:]}"
    assert (await read(shop, member, number=number))["id"] == order["id"]
    for wrong in ("", "1234567890", order["number"] + "0"):
        assert await read(shop, member, number=wrong) is None
    node = "query Q($id: ID!) { node(id: $id) { id } }"
    assert (await shop.ask(node, token=member, id=order["id"])).data["node"] == {"id": order["id"]}
    assert (await shop.ask(node, id=order["id"])).data["node"] is None


# ------------------------------------------------------------------ prices


async def test_a_lower_total_than_expected_is_taken_and_a_higher_one_refused(shop: Shop) -> None:
    sku = await make_goods(shop, 1000, central=10)
    cart_id = await a_cart(shop, (sku, 2), store="central")
    done = await check_out(shop, cart_id, "19.99")
    assert done["order"] is None
    assert done["userErrors"] == [
        {
            "__typename": "TotalChangedError",
            "code": "PRICE_CHANGED",
            "message": "The total is HKD 20.00 by now, not HKD 19.99.",
            "field": ["input", "expectedTotal"],
            "was": {"amount": "19.99"},
            "now": {"amount": "20.00"},
        }
    ]
    async with shop.database() as db:
        await make_price(db, sku, 1100)
    done = await check_out(shop, cart_id, "20.00")
    (error,) = done["userErrors"]
    assert (error["__typename"], error["sku"]) == ("PriceChangedError", sku)
    assert (error["was"], error["now"]) == ({"amount": "10.00"}, {"amount": "11.00"})
    assert await stock(shop, sku) == (10, 0)
    async with shop.database() as db:
        await make_price(db, sku, 900)
    done = await check_out(shop, cart_id, "20.00")
    assert done["order"]["totals"]["total"] == {"amount": "18.00"}


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"expectedTotal": "20.001"}, ["input", "expectedTotal"], "INVALID_INPUT"),
        ({"payment": {"provider": "barter"}}, ["input", "payment", "provider"], "INVALID_INPUT"),
        ({"payment": {"provider": "cash"}}, ["input", "payment", "provider"], "INVALID_INPUT"),
        (
            {"payment": {"provider": "sandbox", "token": "x" * 4001}},
            ["input", "payment", "token"],
            "INVALID_INPUT",
        ),
        ({"idempotencyKey": ""}, ["input", "idempotencyKey"], "INVALID_INPUT"),
        ({"cartId": "nonsense"}, ["input", "cartId"], "NOT_FOUND"),
    ],
)
async def test_what_a_checkout_does_not_take(shop: Shop, change: Any, field: Any, code: str) -> None:
    sku = await make_goods(shop, central=10)
    given = {
        "idempotencyKey": a_key(),
        "cartId": await a_cart(shop, (sku, 2)),
        "expectedTotal": "20.00",
        "payment": {"provider": "sandbox", "token": "ok"},
    } | change
    done = (await shop.ask(CHECKOUT, input=given)).data["done"]
    assert told(done) == [(code, field)]
    assert (await stock(shop, sku))[1] == 0


async def test_an_empty_cart_one_without_a_way_home_and_one_of_somebody_else(shop: Shop) -> None:
    sku = await make_goods(shop, central=10)
    assert told(await check_out(shop, await a_cart(shop))) == [("CART_EMPTY", ["input", "cartId"])]
    homeless = await a_cart(shop, (sku, 1), fulfilment=None)
    assert told(await check_out(shop, homeless)) == [("INVALID_INPUT", ["input", "cartId"])]
    members = await a_cart(shop, (sku, 1), token=shop.token("member"))
    assert told(await check_out(shop, members)) == [("NOT_FOUND", ["input", "cartId"])]


async def test_what_is_sold_no_more_stops_the_checkout(shop: Shop) -> None:
    sku, other = await make_goods(shop, central=10), await make_goods(shop, central=10)
    cart_id = await a_cart(shop, (sku, 1), (other, 1))
    async with shop.database() as db:
        await db.execute("UPDATE price_record SET valid_until = now() WHERE sku = $1", sku)
    assert told(await check_out(shop, cart_id)) == [("NOT_FOR_SALE_HERE", ["input", "cartId"])]


async def test_a_cart_is_bought_once(shop: Shop) -> None:
    sku = await make_goods(shop, central=10)
    cart_id = await a_cart(shop, (sku, 1))
    assert (await check_out(shop, cart_id))["order"] is not None
    again = await check_out(shop, cart_id)
    assert told(again) == [("CART_ALREADY_CHECKED_OUT", ["input", "cartId"])]


async def test_free_goods_need_no_payment(shop: Shop) -> None:
    sku = await make_goods(shop, 0, central=10)
    done = await check_out(shop, await a_cart(shop, (sku, 3)), "0", pay="manual")
    assert (done["order"]["state"], done["order"]["paymentState"]) == ("PAID", "CAPTURED")
    assert await stock(shop, sku) == (10, 3)


# ------------------------------------------------------------------ stock


async def test_too_little_stock_is_told_with_the_nearest_store_that_has_it(shop: Shop) -> None:
    sku = await make_goods(shop, central=3, harbour=9)
    cart_id = await a_cart(shop, (sku, 4), store="central")
    done = await check_out(shop, cart_id)
    (error,) = done["userErrors"]
    assert (error["__typename"], error["code"], error["sku"]) == (
        "InsufficientStockError",
        "INSUFFICIENT_STOCK",
        sku,
    )
    assert (error["available"], error["nearestStoreWithStock"]) == (3, {"code": "harbour"})
    assert done["order"] is None
    assert await stock(shop, sku) == (3, 0)


async def test_a_delivery_without_a_store_is_split_most_stock_first(shop: Shop) -> None:
    sku = await make_goods(shop, central=3, harbour=5, kiosk=90)
    done = await an_order(shop, (sku, 7))
    assert done["order"]["state"] == "PAID"
    assert await stock(shop, sku, "harbour") == (5, 5)
    assert await stock(shop, sku, "central") == (3, 2)
    assert await stock(shop, sku, "kiosk") == (90, 0)
    short = await check_out(shop, await a_cart(shop, (sku, 2)))
    assert [error["available"] for error in short["userErrors"]] == [1]


async def test_a_till_sells_over_the_counter_for_cash(shop: Shop) -> None:
    sku = await make_goods(shop, 1000, central=5)
    clerk = shop.token("staff", store="central")
    cart_id = await a_cart(shop, (sku, 2), channel="pos", store="central", fulfilment=None, token=clerk)
    stranger = shop.token("staff", store="harbour")
    refused = await check_out(shop, cart_id, provider="cash", pay=None, token=stranger)
    assert told(refused) == [("INVALID_INPUT", ["input", "payment", "provider"])]
    done = await check_out(shop, cart_id, provider="cash", pay=None, token=clerk)
    order = done["order"]
    assert (order["state"], order["paymentState"]) == ("COMPLETED", "CAPTURED")
    assert order["fulfilment"] == {"kind": "CARRY_OUT", "store": {"code": "central"}, "address": None}
    assert done["nextAction"] is None
    assert await stock(shop, sku) == (3, 0)


# ------------------------------------------------------------------ idempotency


async def test_a_repeated_checkout_has_its_first_answer_and_no_second_effect(shop: Shop) -> None:
    sku = await make_goods(shop, central=10)
    cart_id, key = await a_cart(shop, (sku, 1), store="central"), a_key()
    first = await check_out(shop, cart_id, key=key, pay="manual")
    again = await check_out(shop, cart_id, key=key, pay="manual")
    assert again == first
    assert first["order"]["state"] == "PENDING_PAYMENT"
    assert await stock(shop, sku) == (10, 1)
    other = await check_out(shop, cart_id, key=key, pay="ok")
    assert told(other) == [("IDEMPOTENCY_KEY_REUSED", ["input", "idempotencyKey"])]


async def test_two_at_once_under_one_key_have_one_effect_and_one_answer(shop: Shop) -> None:
    sku = await make_goods(shop, central=10)
    cart_id, key = await a_cart(shop, (sku, 1), store="central"), a_key()
    done = await asyncio.gather(*(check_out(shop, cart_id, key=key) for _ in range(4)))
    assert {one["order"]["id"] for one in done} == {done[0]["order"]["id"]}
    assert {one["orderToken"] for one in done} == {done[0]["orderToken"]}
    assert await stock(shop, sku) == (10, 1)
    settled = await by_token(shop, done[0]["orderToken"])
    assert kinds(settled) == ["placed", "paid"]


async def test_a_visitors_key_belongs_to_the_cart_and_a_refused_one_stays_free(shop: Shop) -> None:
    sku = await make_goods(shop, central=2)
    key = a_key()
    first, second = [await a_cart(shop, (sku, 1), store="central") for _ in range(2)]
    assert told(await check_out(shop, first, "1.00", key=key)) == [
        ("PRICE_CHANGED", ["input", "expectedTotal"])
    ]
    assert (await check_out(shop, first, "10.00", key=key))["order"] is not None
    assert (await check_out(shop, second, "10.00", key=key))["order"] is not None


async def test_eight_clients_of_one_cart_buy_it_once(shop: Shop) -> None:
    sku = await make_goods(shop, central=10)
    cart_id = await a_cart(shop, (sku, 1), store="central")
    done = await asyncio.gather(*(check_out(shop, cart_id) for _ in range(8)))
    assert sum(one["order"] is not None for one in done) == 1
    refused = [told(one) for one in done if one["order"] is None]
    assert refused == [[("CART_ALREADY_CHECKED_OUT", ["input", "cartId"])]] * 7
    assert await stock(shop, sku) == (10, 1)


@pytest.mark.parametrize("where", [{"store": "central"}, {}])
async def test_of_many_buyers_as_many_win_as_there_are_units(shop: Shop, where: dict[str, str]) -> None:
    sku = await make_goods(shop, central=7, harbour=0 if where else 3)
    carts = [await a_cart(shop, (sku, 1), **where) for _ in range(24)]
    done = await asyncio.gather(*(check_out(shop, cart_id) for cart_id in carts))
    won = [one for one in done if one["order"] is not None]
    assert len(won) == (7 if where else 10)
    assert {tuple(code for code, _ in told(one)) for one in done if one["order"] is None} == {
        ("INSUFFICIENT_STOCK",)
    }
    assert await stock(shop, sku) == (7, 7)


# ------------------------------------------------------------------ payment


async def test_a_declined_order_is_kept_for_another_try(shop: Shop) -> None:
    sku = await make_goods(shop, central=10)
    cart_id, key = await a_cart(shop, (sku, 1), store="central"), a_key()
    done = await check_out(shop, cart_id, pay="decline", key=key)
    assert told(done) == [("PAYMENT_DECLINED", ["input", "payment"])]
    order = done["order"]
    assert (order["state"], order["paymentState"]) == ("PENDING_PAYMENT", "DECLINED")
    assert (await check_out(shop, cart_id, pay="decline", key=key)) == done
    again = await pay(shop, order, done["orderToken"], "ok")
    assert (again["order"]["state"], again["order"]["paymentState"]) == ("PAID", "CAPTURED")
    assert kinds(again["order"]) == ["placed", "paymentDeclined", "payAgain", "paid"]
    late = await pay(shop, order, done["orderToken"], "ok")
    assert told(late) == [("ORDER_STATE_FORBIDS", ["input", "orderId"])]


async def pay(
    shop: Shop, order: Any, order_token: str | None, sandbox: str, *, token: str | None = None
) -> Any:
    given = {
        "idempotencyKey": a_key(),
        "orderId": order["id"],
        "orderToken": order_token,
        "payment": {"provider": "sandbox", "token": sandbox},
    }
    return (await shop.ask(PAY, token=token, input=given)).data["done"]


async def test_a_token_nobody_understands_is_a_decline(shop: Shop) -> None:
    sku = await make_goods(shop, central=10)
    done = await check_out(shop, await a_cart(shop, (sku, 1)), pay="delay:soon")
    assert told(done) == [("PAYMENT_DECLINED", ["input", "payment", "token"])]
    assert done["order"]["paymentState"] == "DECLINED"


async def test_a_visitor_pays_with_the_orders_token_only(shop: Shop) -> None:
    sku = await make_goods(shop, central=10)
    done = await check_out(shop, await a_cart(shop, (sku, 1)), pay="decline")
    for order_token, token in ((None, None), ("wrong", None), (None, shop.token("member"))):
        refused = await pay(shop, done["order"], order_token, "ok", token=token)
        assert told(refused) == [("NOT_FOUND", ["input", "orderId"])]


async def test_a_notice_pays_an_order_once_however_often_it_comes(shop: Shop) -> None:
    sku = await make_goods(shop, central=10)
    done = await an_order(shop, (sku, 1), pay="manual", store="central")
    action = done["nextAction"]
    assert (action["provider"], action["kind"]) == ("sandbox", "sandbox")
    assert json.loads(action["payload"])["notifyUrl"].endswith("/webhooks/payments/sandbox")
    for _ in range(2):
        assert await notify(shop, done, eventId="the-same") == 200
    assert await notify(shop, done) == 200
    assert await notify(shop, done, "declined") == 200
    order = await by_token(shop, done["orderToken"])
    assert (order["state"], kinds(order)) == ("PAID", ["placed", "paid"])


async def test_a_decline_that_was_overtaken_changes_nothing(shop: Shop) -> None:
    sku = await make_goods(shop, central=10)
    done = await an_order(shop, (sku, 1), pay="manual", store="central")
    assert await notify(shop, done, "declined") == 200
    assert (await by_token(shop, done["orderToken"]))["paymentState"] == "DECLINED"
    assert await notify(shop, done) == 200
    assert (await by_token(shop, done["orderToken"]))["paymentState"] == "CAPTURED"


async def test_another_amount_pays_nothing_and_is_flagged(shop: Shop) -> None:
    sku = await make_goods(shop, 1000, central=10)
    done = await an_order(shop, (sku, 1), pay="manual", store="central")
    for wrong in ({"amount": "9.99"}, {"amount": "10.01"}, {"currencyCode": "CNY"}):
        assert await notify(shop, done, **wrong) == 409
    order = await by_token(shop, done["orderToken"])
    assert (order["state"], order["flagged"]) == ("PENDING_PAYMENT", True)
    assert kinds(order) == ["placed", "paymentAmountMismatch"]
    assert order["timeline"][1]["note"] == "HKD 9.99 instead of HKD 10.00"
    assert await notify(shop, done) == 200
    assert (await by_token(shop, done["orderToken"]))["state"] == "PAID"


@pytest.mark.parametrize(
    ("body", "signature", "status"),
    [
        (b"{}", "0" * 64, 401),
        (b"{}", "", 401),
        (b"{}", None, 400),
        (b"null", None, 400),
        (b'{"eventId": 1}', None, 400),
        (b"[" * 60_000, None, 400),
        (b"x" * 70_000, None, 413),
        (
            b'{"eventId":"e","paymentId":"018f0000-0000-7000-8000-000000000000",'
            b'"outcome":"captured","amount":"1.00","currencyCode":"HKD"}',
            None,
            409,
        ),
    ],
)
async def test_a_notice_is_signed_and_about_something(
    shop: Shop, body: bytes, signature: str | None, status: int
) -> None:
    assert await post_notice(shop, body, signature=signature) == status
    assert (await shop.client.post("/webhooks/payments/nobody", content=b"{}")).status_code == 404


async def test_a_payment_that_is_notified_twice_and_one_that_takes_a_while(shop: Shop) -> None:
    sku = await make_goods(shop, central=10)
    twice = await an_order(shop, (sku, 1), pay="double", store="central")
    slow = await an_order(shop, (sku, 1), pay="delay:1", store="central")
    assert slow["order"]["state"] == "PENDING_PAYMENT"
    await until(lambda: by_token(shop, slow["orderToken"]), lambda order: order["state"] == "PAID")
    assert kinds(await by_token(shop, twice["orderToken"])) == ["placed", "paid"]
    async with shop.database() as db:
        heard = await db.fetchval(
            "SELECT count(*) FROM payment_notice n JOIN payment p ON p.id = n.payment_id "
            "JOIN sales_order o ON o.id = p.order_id WHERE p.reference = 'double'"
        )
    assert heard == 2


# ------------------------------------------------------------------ too late


@pytest.fixture
def later(shop: Shop) -> Any:
    """Moves the clock past the end of every hold, until the test is over."""

    def move() -> None:
        shop.clock.at = datetime.now(UTC) + timedelta(hours=1)

    yield move
    shop.clock.at = None


async def test_an_unpaid_order_expires_and_lets_go_of_its_goods(shop: Shop, later: Any) -> None:
    sku = await make_goods(shop, central=10)
    done = await an_order(shop, (sku, 4), pay="manual", store="central")
    held_until = datetime.fromisoformat(done["order"]["heldUntil"])
    assert timedelta(minutes=14) < held_until - datetime.now(UTC) < timedelta(minutes=16)
    later()
    order = await by_token(shop, done["orderToken"])
    assert (order["state"], order["nextStates"]) == ("EXPIRED", ["PAID"])
    refused = await pay(shop, order, done["orderToken"], "ok")
    assert told(refused) == [("HOLD_EXPIRED", ["input", "orderId"])]
    await until(lambda: stock(shop, sku), lambda units: units[1] == 0)
    order = await by_token(shop, done["orderToken"])
    assert (order["state"], order["paymentState"], kinds(order)) == (
        "EXPIRED",
        "CANCELLED",
        ["placed", "expired"],
    )


async def test_whoever_pays_too_late_is_served_if_the_goods_are_there(shop: Shop, later: Any) -> None:
    sku = await make_goods(shop, central=4)
    first = await an_order(shop, (sku, 3), pay="manual", store="central")
    later()
    await until(lambda: stock(shop, sku), lambda units: units[1] == 0)
    assert await notify(shop, first) == 200
    order = await by_token(shop, first["orderToken"])
    assert (order["state"], order["paymentState"]) == ("PAID", "CAPTURED")
    assert await stock(shop, sku) == (4, 3)


async def test_whoever_pays_too_late_has_the_money_back_if_they_are_gone(shop: Shop, later: Any) -> None:
    sku = await make_goods(shop, 1000, central=4)
    first = await an_order(shop, (sku, 3), pay="manual", store="central")
    later()
    second = await an_order(shop, (sku, 2), store="central")
    assert second["order"]["state"] == "PAID"
    assert await notify(shop, first) == 200
    order = await by_token(shop, first["orderToken"])
    assert (order["state"], order["paymentState"], order["refunded"]) == (
        "EXPIRED",
        "REFUNDED",
        {"amount": "30.00"},
    )
    assert order["refunds"] == [{"amount": {"amount": "30.00"}, "state": "DONE", "reason": "paymentTooLate"}]
    assert "paymentTooLate" in kinds(order)
    assert await stock(shop, sku) == (4, 2)
