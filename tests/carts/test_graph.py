"""Carts through the graph: filled, priced, changed, and what they say would stop their checkout."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.channels import ChannelKind
from domain.pricing.kinds import PriceKind
from domain.stores import StoreService
from tests.makers import make_channel, make_price, make_product, make_stock, make_store
from tests.shop import Shop

CART = """
fragment C on Cart {
  id channel { code } store { code } fulfilment { kind store { code } address { name city postalCode } }
  lines { id variant { sku } quantity unitPrice { amount } discount { amount } lineTotal { amount } }
  discounts { source } totals { items { amount } discounts { amount } shipping { amount } total { amount }
  pointsEarned } attribution { code store { code } } pointsUsed expiresAt
  problems { __typename code field ... on InsufficientStockError { sku available
      nearestStoreWithStock { code } } ... on PriceChangedError { sku was { amount } now { amount } } }
}"""
DONE = "{ cart { ...C } userErrors { code message field } }"
CREATE = f"mutation M($input: CartCreateInput!) {{ done: cartCreate(input: $input) {DONE} }}{CART}"
READ = f"query Q($id: ID!) {{ cart(id: $id) {{ ...C }} }}{CART}"


def changing(name: str) -> str:
    kind = name[0].upper() + name[1:]
    return f"mutation M($input: {kind}Input!) {{ done: {name}(input: $input) {DONE} }}{CART}"


ADDRESS = {
    "name": "Chan Siu Ming",
    "phone": "91234567",
    "region": "HK",
    "city": "Hong Kong",
    "street": "1 Road",
}


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    async with shop.database() as db:
        await make_channel(db, "app")
        await make_channel(db, "pos", kind=ChannelKind.POS)
        await make_store(db, "central", till_channel="pos", at=(22.28, 114.158))
        await make_store(db, "harbour", till_channel="pos", at=(22.29, 114.17))
        await make_store(db, "far", till_channel="pos", at=(22.45, 114.0))
        await make_store(db, "kiosk", till_channel="pos", services=[StoreService.DELIVERY])
        await make_product(db, "milk")
        await make_product(db, "tea")
        await make_product(db, "never-sold")
        await make_price(db, "MILK", 1250)
        await make_price(db, "TEA", 900)
        await make_price(db, "TEA", 800, kind=PriceKind.SALE, min_quantity=3)
        await make_stock(db, "central", "MILK", 50)
        await make_stock(db, "central", "TEA", 5)
        await make_stock(db, "far", "TEA", 90)
        await make_stock(db, "harbour", "TEA", 30)


async def act(shop: Shop, name: str, *, token: str | None = None, **given: Any) -> Any:
    document = CREATE if name == "cartCreate" else changing(name)
    return (await shop.ask(document, token=token, input=given)).data["done"]


async def new_cart(shop: Shop, *lines: tuple[str, int], token: str | None = None, **context: str) -> Any:
    done = await act(
        shop,
        "cartCreate",
        token=token,
        context={"channel": "app"} | context,
        lines=[{"sku": sku, "quantity": quantity} for sku, quantity in lines],
    )
    assert done["userErrors"] == []
    return done["cart"]


async def read(shop: Shop, cart_id: str, token: str | None = None) -> Any:
    return (await shop.ask(READ, token=token, id=cart_id)).data["cart"]


def told(done: Any) -> list[tuple[str, list[str]]]:
    return [(error["code"], error["field"]) for error in done["userErrors"]]


def in_lines(cart: Any) -> list[tuple[str, int, str, str]]:
    return [
        (one["variant"]["sku"], one["quantity"], one["unitPrice"]["amount"], one["lineTotal"]["amount"])
        for one in cart["lines"]
    ]


async def test_lines_are_merged_by_sku_and_priced_by_their_quantity(shop: Shop) -> None:
    cart = await new_cart(shop, ("TEA", 2), ("MILK", 1), ("TEA", 1))
    assert in_lines(cart) == [("TEA", 3, "8.00", "24.00"), ("MILK", 1, "12.50", "12.50")]
    assert cart["totals"] == {
        "items": {"amount": "36.50"},
        "discounts": {"amount": "0.00"},
        "shipping": {"amount": "0.00"},
        "total": {"amount": "36.50"},
        "pointsEarned": 0,
    }
    assert cart["problems"] == []
    assert await read(shop, cart["id"]) == cart


async def test_setting_lines_changes_those_and_leaves_the_others(shop: Shop) -> None:
    cart = await new_cart(shop, ("TEA", 1), ("MILK", 1))
    done = await act(shop, "cartLinesSet", cartId=cart["id"], lines=[{"sku": "MILK", "quantity": 4}])
    assert in_lines(done["cart"]) == [("TEA", 1, "9.00", "9.00"), ("MILK", 4, "12.50", "50.00")]
    done = await act(shop, "cartLinesSet", cartId=cart["id"], lines=[{"sku": "TEA", "quantity": 0}])
    assert in_lines(done["cart"]) == [("MILK", 4, "12.50", "50.00")]
    assert done["cart"]["lines"][0]["id"] == cart["lines"][1]["id"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([("MILK", 1), ("NOPE", 1)], [("NOT_FOUND", ["input", "lines", "1", "sku"])]),
        ([("NEVER-SOLD", 1)], [("NOT_FOR_SALE_HERE", ["input", "lines", "0", "sku"])]),
        ([("MILK", -1)], [("INVALID_INPUT", ["input", "lines", "0", "quantity"])]),
        ([("MILK", 10_000), ("MILK", 1)], [("INVALID_INPUT", ["input", "lines", "1", "quantity"])]),
        ([("MILK", 10_000)], []),
        ([], [("INVALID_INPUT", ["input", "lines"])]),
        ([("MILK", 1)] * 501, [("INVALID_INPUT", ["input", "lines"])]),
        ([("MILK", 1)] * 500, []),
    ],
)
async def test_what_a_cart_takes(shop: Shop, lines: Any, expected: Any) -> None:
    cart = await new_cart(shop)
    given = [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
    done = await act(shop, "cartLinesSet", cartId=cart["id"], lines=given)
    assert told(done) == expected
    assert (done["cart"] is None) is bool(expected)
    if expected:
        assert (await read(shop, cart["id"]))["lines"] == []


@pytest.mark.parametrize(
    ("context", "field"),
    [
        ({"channel": "nowhere"}, ["input", "context"]),
        ({"channel": "app", "store": "nowhere"}, ["input", "context"]),
        ({"channel": "app", "at": "2030-01-01T00:00:00Z"}, ["input", "context", "at"]),
    ],
)
async def test_a_cart_is_somewhere_and_now(shop: Shop, context: Any, field: list[str]) -> None:
    assert told(await act(shop, "cartCreate", context=context)) == [("INVALID_INPUT", field)]


async def test_too_little_stock_is_told_with_the_nearest_store_that_has_it(shop: Shop) -> None:
    cart = await new_cart(shop, ("MILK", 1), ("TEA", 20), store="central")
    assert cart["problems"] == [
        {
            "__typename": "InsufficientStockError",
            "code": "INSUFFICIENT_STOCK",
            "field": ["lines", "1"],
            "sku": "TEA",
            "available": 5,
            "nearestStoreWithStock": {"code": "harbour"},
        }
    ]
    done = await act(shop, "cartLinesSet", cartId=cart["id"], lines=[{"sku": "TEA", "quantity": 40}])
    assert done["cart"]["problems"][0]["nearestStoreWithStock"] == {"code": "far"}
    done = await act(shop, "cartLinesSet", cartId=cart["id"], lines=[{"sku": "TEA", "quantity": 5}])
    assert done["cart"]["problems"] == []


async def test_stock_is_looked_for_where_the_goods_will_come_from(shop: Shop) -> None:
    cart = await new_cart(shop, ("TEA", 6), store="central")
    assert len(cart["problems"]) == 1
    done = await act(
        shop, "cartFulfilmentSet", cartId=cart["id"], fulfilment={"kind": "PICKUP", "store": "harbour"}
    )
    assert done["cart"]["problems"] == []
    assert done["cart"]["fulfilment"] == {"kind": "PICKUP", "store": {"code": "harbour"}, "address": None}


async def test_a_price_that_rose_is_told_until_the_line_is_set_again(shop: Shop) -> None:
    async with shop.database() as db:
        await make_product(db, "jam")
        await make_price(db, "JAM", 2000)
        await make_stock(db, "central", "JAM", 9)
    cart = await new_cart(shop, ("JAM", 1))
    async with shop.database() as db:
        await make_price(db, "JAM", 2190)
    told_now = await read(shop, cart["id"])
    assert in_lines(told_now) == [("JAM", 1, "21.90", "21.90")]
    assert told_now["problems"] == [
        {
            "__typename": "PriceChangedError",
            "code": "PRICE_CHANGED",
            "field": ["lines", "0"],
            "sku": "JAM",
            "was": {"amount": "20.00"},
            "now": {"amount": "21.90"},
        }
    ]
    done = await act(shop, "cartLinesSet", cartId=cart["id"], lines=[{"sku": "JAM", "quantity": 1}])
    assert done["cart"]["problems"] == []
    async with shop.database() as db:
        await make_price(db, "JAM", 1500)
    assert (await read(shop, cart["id"]))["problems"] == []


async def test_what_is_sold_no_more_stays_and_costs_nothing(shop: Shop) -> None:
    async with shop.database() as db:
        await make_product(db, "soup")
        await make_price(db, "SOUP", 2000, valid_until=datetime.now(UTC) + timedelta(hours=1))
        await make_stock(db, "central", "SOUP", 9)
    cart = await new_cart(shop, ("SOUP", 1), ("MILK", 1))
    shop.clock.at = datetime.now(UTC) + timedelta(hours=2)
    try:
        later = await read(shop, cart["id"])
    finally:
        shop.clock.at = None
    assert in_lines(later) == [("SOUP", 1, "0.00", "0.00"), ("MILK", 1, "12.50", "12.50")]
    assert later["totals"]["total"] == {"amount": "12.50"}
    assert [(one["code"], one["field"]) for one in later["problems"]] == [
        ("NOT_FOR_SALE_HERE", ["lines", "0"])
    ]


@pytest.mark.parametrize(
    ("where", "fulfilment", "field"),
    [
        ({}, {"kind": "DELIVERY", "address": ADDRESS}, None),
        ({}, {"kind": "DELIVERY"}, "address"),
        ({}, {"kind": "DELIVERY", "address": ADDRESS | {"street": " "}}, "street"),
        ({}, {"kind": "DELIVERY", "address": ADDRESS | {"postalCode": "9" * 201}}, "postalCode"),
        ({}, {"kind": "DELIVERY", "address": ADDRESS, "store": "kiosk"}, None),
        ({}, {"kind": "PICKUP", "store": "kiosk"}, "store"),
        ({}, {"kind": "PICKUP", "store": "nowhere"}, "store"),
        ({}, {"kind": "PICKUP"}, "store"),
        ({}, {"kind": "PICKUP", "store": "central"}, None),
        ({"store": "central"}, {"kind": "CARRY_OUT"}, "kind"),
        ({"channel": "pos", "store": "central"}, {"kind": "CARRY_OUT"}, None),
        ({"channel": "pos", "store": "central"}, {"kind": "CARRY_OUT", "store": "far"}, "kind"),
        ({"channel": "pos"}, {"kind": "CARRY_OUT"}, "kind"),
    ],
)
async def test_how_goods_can_reach_a_shopper(shop: Shop, where: Any, fulfilment: Any, field: Any) -> None:
    cart = await new_cart(shop, ("MILK", 1), **where)
    done = await act(shop, "cartFulfilmentSet", cartId=cart["id"], fulfilment=fulfilment)
    assert [(code, path[-1]) for code, path in told(done)] == (
        [] if field is None else [("INVALID_INPUT", field)]
    )


async def test_coupons_and_points_wait_for_those_who_have_them(shop: Shop) -> None:
    cart_id = (await new_cart(shop))["id"]
    for name, given, expected in (
        ("cartCouponApply", {"code": "SUMMER"}, [("COUPON_NOT_APPLICABLE", ["input", "code"])]),
        ("cartCouponApply", {"code": None}, []),
        ("cartPointsSet", {"points": 1}, [("POINTS_INSUFFICIENT", ["input", "points"])]),
        ("cartPointsSet", {"points": -1}, [("INVALID_INPUT", ["input", "points"])]),
        ("cartPointsSet", {"points": 0}, []),
    ):
        assert told(await act(shop, name, cartId=cart_id, **given)) == expected


async def test_touches_are_kept_in_the_order_they_came(shop: Shop) -> None:
    cart_id = (await new_cart(shop))["id"]
    for code in ("shelf-1", "poster", "shelf-1"):
        done = await act(shop, "cartTouchAdd", cartId=cart_id, code=code)
    assert [touch["code"] for touch in done["cart"]["attribution"]] == ["poster", "shelf-1"]
    for code, refused in (("", True), ("x" * 200, False), ("x" * 201, True)):
        done = await act(shop, "cartTouchAdd", cartId=cart_id, code=code)
        assert told(done) == ([("INVALID_INPUT", ["input", "code"])] if refused else [])
    for number in range(25):
        done = await act(shop, "cartTouchAdd", cartId=cart_id, code=f"code-{number}")
    assert [one["code"] for one in done["cart"]["attribution"]] == [f"code-{n}" for n in range(5, 25)]


async def test_a_members_cart_is_the_members_own(shop: Shop) -> None:
    token, other = shop.token("member"), shop.token("member", subject="somebody-else")
    cart_id = (await new_cart(shop, ("MILK", 1), token=token))["id"]
    assert await read(shop, cart_id, token) is not None
    for stranger in (None, other, shop.token("admin")):
        assert await read(shop, cart_id, stranger) is None
        done = await act(
            shop, "cartLinesSet", token=stranger, cartId=cart_id, lines=[{"sku": "MILK", "quantity": 2}]
        )
        assert told(done) == [("NOT_FOUND", ["input", "cartId"])]
    assert in_lines(await read(shop, cart_id, token))[0][1] == 1


async def test_a_cart_expires_thirty_days_after_its_last_change(shop: Shop) -> None:
    cart = await new_cart(shop, ("MILK", 1))
    ends = datetime.fromisoformat(cart["expiresAt"])
    try:
        shop.clock.at = ends - timedelta(seconds=1)
        assert await read(shop, cart["id"]) is not None
        shop.clock.at = ends
        assert await read(shop, cart["id"]) is None
    finally:
        shop.clock.at = None


async def test_nobody_guesses_an_id_and_node_tells_nothing(shop: Shop) -> None:
    cart = await new_cart(shop, ("MILK", 1))
    answer = await shop.ask("query Q($id: ID!) { node(id: $id) { id } }", id=cart["id"])
    assert answer.data == {"node": None}
    for wrong in ("", "nonsense", "Q3TQAAAAAAAAAAAAAAAAAAAAAAA", cart["id"][:-1]):
        assert await read(shop, wrong) is None


async def test_reading_a_cart_takes_as_many_statements_for_forty_lines_as_for_one(shop: Shop) -> None:
    async with shop.database() as db:
        made = await make_product(db, "many", skus=[f"MANY-{number}" for number in range(40)])
        for sku in made.skus:
            await make_price(db, sku, 500)
            await make_stock(db, "central", sku, 3)
    counts = []
    for skus in (made.skus[:1], made.skus):
        cart = await new_cart(shop, *((sku, 1) for sku in skus))
        # Twice: what a process keeps in memory, it reads anew now and then.
        answers = [await shop.ask(READ, id=cart["id"]) for _ in range(2)]
        for answer in answers:
            assert len(answer.data["cart"]["lines"]) == len(skus)
            assert answer.data["cart"]["problems"] == []
        counts.append(min(len(answer.statements) for answer in answers))
    assert counts[0] == counts[1] <= 6


async def test_eight_clients_of_one_cart_lose_no_line(shop: Shop) -> None:
    async with shop.database() as db:
        made = await make_product(db, "race", skus=[f"RACE-{number}" for number in range(8)])
        for sku in made.skus:
            await make_price(db, sku, 500)
    cart_id = (await new_cart(shop))["id"]
    changes = (
        act(
            shop,
            "cartLinesSet",
            cartId=cart_id,
            lines=[{"sku": sku, "quantity": 1}, {"sku": "TEA", "quantity": n}],
        )
        for n, sku in enumerate(made.skus, 1)
    )
    done = await asyncio.gather(*changes)
    assert [one["userErrors"] for one in done] == [[]] * 8
    lines = in_lines(await read(shop, cart_id))
    assert sorted(line[0] for line in lines) == sorted([*made.skus, "TEA"])
