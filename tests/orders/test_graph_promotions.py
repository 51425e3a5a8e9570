"""Promotions on carts and orders: named, exact to the cent, and had no more often than allowed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.orders.buying import DONE, ORDER, a_cart, a_key, an_order, check_out, make_goods, make_mall, stock
from tests.shop import Shop

SET = """mutation M($input: PromotionsSetInput!) {
  promotionsSet(input: $input) { promotions { code } userErrors { message } } }"""
CART = """query Q($id: ID!) { cart(id: $id) {
  lines { variant { sku } quantity unitPrice { amount } discount { amount } lineTotal { amount } }
  discounts { source name amount { amount } }
  totals { items { amount } discounts { amount } shipping { amount } total { amount } }
  problems { code } } }"""
CANCEL = f"mutation M($input: OrderCancelInput!) {{ done: orderCancel(input: $input) {DONE} }}{ORDER}"


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    await make_mall(shop)


async def promote(shop: Shop, code: str, benefit: dict[str, Any], *skus: str, **more: Any) -> None:
    promotion = {
        "code": code,
        "names": [
            {"locale": "en", "text": f"{code} in English"},
            {"locale": "zh-CN", "text": f"{code} 中文"},
        ],
        "currencyCode": "HKD",
        "benefit": benefit,
        "target": {"skus": list(skus)},
    } | more
    given = {"idempotencyKey": a_key(), "promotions": [promotion]}
    answer = await shop.ask(SET, token=shop.token("admin"), input=given)
    assert answer.data["promotionsSet"]["userErrors"] == []


async def the_cart(shop: Shop, cart_id: str) -> Any:
    return (await shop.ask(CART, id=cart_id)).data["cart"]


async def cancelled(shop: Shop, done: Any) -> Any:
    given = {"orderId": done["order"]["id"], "orderToken": done["orderToken"], "reason": "changed my mind"}
    payload = (await shop.ask(CANCEL, input={"idempotencyKey": a_key()} | given)).data["done"]
    assert payload["userErrors"] == []
    return payload["order"]


def amounts(shown: list[Any], field: str = "amount") -> Decimal:
    return sum((Decimal(one[field]["amount"]) for one in shown), Decimal(0))


async def test_cart_and_order_name_what_was_taken_off_and_add_up(shop: Shop) -> None:
    tea, rice = await make_goods(shop, 1999, central=20), await make_goods(shop, 3333, central=20)
    await promote(shop, "ANY-3", {"bundlePrice": {"quantity": 3, "amount": "55"}}, tea, rice)
    await promote(shop, "7-OFF", {"percentOff": "7"}, tea, rice, layer=2)
    cart_id = await a_cart(shop, (tea, 2), (rice, 2))

    cart = await the_cart(shop, cart_id)
    # The dearest three for $55 instead of $86.65; then 7 % of the $74.99 that are left, half up.
    assert [(one["source"], one["name"], one["amount"]["amount"]) for one in cart["discounts"]] == [
        ("ANY-3", "ANY-3 in English", "31.65"),
        ("7-OFF", "7-OFF in English", "5.25"),
    ]
    assert cart["totals"] == {
        "items": {"amount": "106.64"},
        "discounts": {"amount": "36.90"},
        "shipping": {"amount": "0.00"},
        "total": {"amount": "69.74"},
    }
    assert amounts(cart["lines"], "discount") == Decimal("36.90")
    assert amounts(cart["lines"], "lineTotal") == Decimal("69.74")
    for line in cart["lines"]:
        before = Decimal(line["unitPrice"]["amount"]) * line["quantity"]
        assert before - Decimal(line["discount"]["amount"]) == Decimal(line["lineTotal"]["amount"])

    done = await check_out(shop, cart_id, "69.74")
    order = done["order"]
    assert done["userErrors"] == []
    assert [(one["source"], one["amount"]["amount"]) for one in order["discounts"]] == [
        ("ANY-3", "31.65"),
        ("7-OFF", "5.25"),
    ]
    assert order["totals"] == cart["totals"]
    assert {line["sku"]: line["lineTotal"] for line in order["lines"]} == {
        line["variant"]["sku"]: line["lineTotal"] for line in cart["lines"]
    }


async def test_the_last_use_is_had_once_and_comes_back_with_a_cancelled_order(shop: Shop) -> None:
    tea = await make_goods(shop, 1000, central=20)
    await promote(shop, "ONCE", {"amountOff": "4"}, tea, mostUses=1)
    first, second = await a_cart(shop, (tea, 1)), await a_cart(shop, (tea, 1))
    assert (await the_cart(shop, second))["totals"]["total"]["amount"] == "6.00"

    bought = await check_out(shop, first, "6.00")
    assert bought["userErrors"] == []
    late = await check_out(shop, second, "6.00")
    assert late["order"] is None
    assert [(error["code"], error["was"], error["now"]) for error in late["userErrors"]] == [
        ("PRICE_CHANGED", {"amount": "6.00"}, {"amount": "10.00"})
    ]
    assert (await the_cart(shop, second))["discounts"] == []
    assert await stock(shop, tea) == (20, 1)

    given = {
        "orderId": bought["order"]["id"],
        "orderToken": bought["orderToken"],
        "reason": "changed my mind",
    }
    answer = await shop.ask(CANCEL, input={"idempotencyKey": a_key()} | given)
    assert answer.data["done"]["userErrors"] == []
    assert (await check_out(shop, second, "6.00"))["order"]["totals"]["discounts"]["amount"] == "4.00"


async def test_a_cancelled_order_gives_back_what_was_paid_for_it(shop: Shop) -> None:
    tea = await make_goods(shop, 1000, central=20)
    await promote(shop, "THIRD", {"buyGet": {"buy": 2, "get": 1}}, tea)
    done = await an_order(shop, (tea, 3))
    assert done["order"]["totals"]["total"]["amount"] == "20.00"
    assert (await cancelled(shop, done))["refunded"]["amount"] == "20.00"
