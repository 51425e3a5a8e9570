"""Coupons through the graph: claimed, bought with points, applied, held, used, and given back."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.loyalty.coupons import CODES_PURPOSE, coupon_code
from persistence.loyalty import coupons as coupons_db
from tests.loyalty.making import (
    APPLY,
    CLAIM,
    FOREVER,
    OFFERS,
    REDEEM,
    SET_CAMPAIGN,
    SET_OFFER,
    SET_RULES,
    a_member,
    balanced,
    bought,
    campaign,
    cancelled,
    claimed,
    done,
    me,
    named,
    points,
    programme,
    rule,
    the_cart,
)
from tests.orders.buying import a_cart, a_key, check_out, make_goods, make_mall, told
from tests.orders.test_graph_promotions import promote
from tests.shop import Shop

SET_LINES = """mutation M($input: CartLinesSetInput!) {
  done: cartLinesSet(input: $input) { userErrors { code } } }"""
PLAIN: dict[str, Any] = {
    "code": "SENSE",
    "names": named("SENSE"),
    "currencyCode": "HKD",
    "discount": {"amount": "10.00"},
    "validUntil": FOREVER,
}
CODE, PROBLEM, CHECKOUT = ["input", "code"], ["coupon"], ["input", "cartId"]


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    await make_mall(shop)
    await programme(shop)


async def apply(shop: Shop, cart_id: str, code: str | None, token: str | None = None) -> Any:
    """The payload of putting a coupon into a cart."""
    return await done(shop, APPLY, token, cartId=cart_id, code=code)


async def states(shop: Shop, shopper: Any) -> list[str]:
    """The states of a member's coupons, the newest first."""
    return [one["state"] for one in (await me(shop, shopper))["coupons"]["nodes"]]


async def a_batch(shop: Shop, code: str, count: int, *, ends: timedelta = timedelta(days=1)) -> list[str]:
    """The codes of so many coupons that are nobody's yet."""
    now, secret = datetime.now(UTC), shop.house.vault.secret(CODES_PURPOSE)
    made: list[str] = []
    async with shop.house.database.transaction() as db:
        async for codes in coupons_db.issue_batch(
            db, code, count, code=lambda one: coupon_code(secret, one), valid_until=now + ends, now=now
        ):
            made += codes
    return made


async def test_a_coupon_is_held_at_checkout_used_when_paid_and_comes_back_when_not(shop: Shop) -> None:
    tea = await make_goods(shop, 2500, central=50)
    shopper = await a_member(shop)
    coupon = await claimed(shop, shopper, await campaign(shop, "TEN", minSpend="50"))
    assert coupon["discount"] == {"amount": {"amount": "10.00"}, "percent": None}
    assert (coupon["name"], coupon["state"]) == ("TEN in English", "ACTIVE")
    cart_id = await a_cart(shop, (tea, 2), token=shopper.token)
    # As people type: in small letters, without the lines, an O for a zero.
    typed = coupon["code"].replace("-", "").replace("0", "o").lower()
    assert (await apply(shop, cart_id, typed, shopper.token))["userErrors"] == []
    cart = await the_cart(shop, cart_id, shopper.token)
    assert [(one["source"], one["amount"]["amount"]) for one in cart["discounts"]] == [
        ("coupon:TEN", "10.00")
    ]
    assert (cart["totals"]["total"]["amount"], cart["problems"], cart["coupon"]["state"]) == (
        "40.00",
        [],
        "ACTIVE",
    )

    order = (await check_out(shop, cart_id, "40.00", "manual", token=shopper.token))["order"]
    assert await states(shop, shopper) == ["RESERVED"]
    # A bought cart has no problem with the coupon that its own order holds.
    assert (await the_cart(shop, cart_id, shopper.token))["problems"] == []
    again = await a_cart(shop, (tea, 2), token=shopper.token)
    assert told(await apply(shop, again, coupon["code"], shopper.token)) == [("COUPON_EXHAUSTED", CODE)]
    await cancelled(shop, shopper, order)
    assert await states(shop, shopper) == ["ACTIVE"]

    await bought(shop, shopper, (tea, 2), coupon=coupon["code"])
    assert await states(shop, shopper) == ["USED"]


async def test_a_coupon_says_when_it_does_not_apply_or_not_any_more(shop: Shop) -> None:
    tea, rice = await make_goods(shop, 3000, central=50), await make_goods(shop, 3000, central=50)
    shopper, other = await a_member(shop), await a_member(shop)
    for_tea = await claimed(
        shop,
        shopper,
        await campaign(shop, "TEA", target={"skus": [tea]}, minSpend="60", discount={"percent": "20"}),
    )
    till_only = await claimed(shop, shopper, await campaign(shop, "TILL", channels=["pos"]))
    cart_id = await a_cart(shop, (tea, 2), (rice, 1), token=shopper.token)
    others = await a_cart(shop, (tea, 2), token=other.token)
    small = await a_cart(shop, (tea, 1), (rice, 5), token=shopper.token)
    for where, code, token in (
        (cart_id, "NEVER-SEEN", shopper.token),
        (cart_id, till_only["code"], shopper.token),
        (others, for_tea["code"], other.token),
        (small, for_tea["code"], shopper.token),
    ):
        assert told(await apply(shop, where, code, token)) == [("COUPON_NOT_APPLICABLE", CODE)]

    assert (await apply(shop, cart_id, for_tea["code"], shopper.token))["userErrors"] == []
    assert (await the_cart(shop, cart_id, shopper.token))["totals"]["total"]["amount"] == "78.00"
    set_lines = (
        "mutation M($input: CartLinesSetInput!) { done: cartLinesSet(input: $input) { userErrors { code } } }"
    )
    await done(shop, set_lines, shopper.token, cartId=cart_id, lines=[{"sku": tea, "quantity": 1}])
    cart = await the_cart(shop, cart_id, shopper.token)
    assert cart["problems"] == [{"code": "COUPON_NOT_APPLICABLE", "field": PROBLEM}]
    assert (cart["discounts"], cart["totals"]["total"]["amount"]) == ([], "60.00")
    assert told(await check_out(shop, cart_id, token=shopper.token)) == [("COUPON_NOT_APPLICABLE", CHECKOUT)]
    assert (await apply(shop, cart_id, None, shopper.token))["cart"]["coupon"] is None
    assert (await check_out(shop, cart_id, "60.00", token=shopper.token))["userErrors"] == []


async def test_a_coupon_expires_by_the_clock(shop: Shop) -> None:
    tea = await make_goods(shop, 3000, central=50)
    shopper = await a_member(shop)
    await campaign(shop, "OLD")
    code = (await a_batch(shop, "OLD", 1, ends=-timedelta(seconds=1)))[0]
    cart_id = await a_cart(shop, (tea, 1), token=shopper.token)
    assert told(await apply(shop, cart_id, code, shopper.token)) == [("COUPON_EXPIRED", CODE)]

    coupon = await claimed(shop, shopper, await campaign(shop, "SHORT"))
    assert (await apply(shop, cart_id, coupon["code"], shopper.token))["userErrors"] == []
    async with shop.database() as db:
        await db.execute("UPDATE coupon SET valid_until = now() WHERE member = $1", shopper.id)
    assert await states(shop, shopper) == ["EXPIRED"]
    found = await me(shop, shopper, state="EXPIRED")
    assert len(found["coupons"]["nodes"]) == 1
    assert (await me(shop, shopper, state="ACTIVE"))["coupons"]["nodes"] == []
    cart = await the_cart(shop, cart_id, shopper.token)
    assert cart["problems"] == [{"code": "COUPON_EXPIRED", "field": PROBLEM}]
    assert told(await check_out(shop, cart_id, token=shopper.token)) == [("COUPON_EXPIRED", CHECKOUT)]


async def test_a_printed_code_is_used_once_whoever_brings_it(shop: Shop) -> None:
    tea = await make_goods(shop, 3000, central=50)
    await campaign(shop, "PRINTED")
    code = (await a_batch(shop, "PRINTED", 3))[0]
    first, second = await a_cart(shop, (tea, 1)), await a_cart(shop, (tea, 1))
    for cart_id in (first, second):
        assert (await apply(shop, cart_id, code))["userErrors"] == []
    done_ = await asyncio.gather(check_out(shop, first, "20.00"), check_out(shop, second, "20.00"))
    assert sorted(len(one["userErrors"]) for one in done_) == [0, 1]
    assert [told(one) for one in done_ if one["userErrors"]] == [[("COUPON_EXHAUSTED", CHECKOUT)]]

    # With a limit for each it is for members, and counts once it is used.
    await campaign(shop, "PRINTED-1", perMember=1)
    codes = await a_batch(shop, "PRINTED-1", 2)
    visitors = await a_cart(shop, (tea, 1))
    assert told(await apply(shop, visitors, codes[0])) == [("COUPON_NOT_APPLICABLE", CODE)]
    shopper = await a_member(shop)
    order = await bought(shop, shopper, (tea, 1), coupon=codes[0], pay="manual")
    cart_id = await a_cart(shop, (tea, 1), token=shopper.token)
    assert told(await apply(shop, cart_id, codes[1], shopper.token)) == [("LIMIT_PER_MEMBER_REACHED", CODE)]
    await cancelled(shop, shopper, order)
    assert (await apply(shop, cart_id, codes[1], shopper.token))["userErrors"] == []


async def test_coupons_and_promotions_stack_as_the_campaign_says(shop: Shop) -> None:
    tea = await make_goods(shop, 10_000, central=50)
    shopper = await a_member(shop)
    await promote(shop, "TENTH", {"percentOff": "10"}, tea)
    await promote(shop, "SECRET", {"percentOff": "30"}, tea, couponOnly=True, layer=2)
    for code, given, total in (
        ("STACKED", {"discount": {"percent": "20"}}, "72.00"),
        ("ALONE-MORE", {"discount": {"percent": "20"}, "stacking": "ALONE"}, "80.00"),
        ("MOST", {"discount": {"percent": "20"}, "mostOff": "5"}, "85.00"),
        ("UNLOCKS", {"discount": {"promotion": "SECRET"}}, "63.00"),
    ):
        coupon = await claimed(shop, shopper, await campaign(shop, code, **given))
        cart_id = await a_cart(shop, (tea, 1), token=shopper.token)
        answer = await apply(shop, cart_id, coupon["code"], shopper.token)
        assert answer["cart"]["totals"]["total"]["amount"] == total, code
        assert (await check_out(shop, cart_id, total, token=shopper.token))["userErrors"] == []
    less = await claimed(
        shop, shopper, await campaign(shop, "ALONE-LESS", discount={"amount": "9"}, stacking="ALONE")
    )
    cart_id = await a_cart(shop, (tea, 1), token=shopper.token)
    answer = await apply(shop, cart_id, less["code"], shopper.token)
    assert told(answer) == [("COUPON_NOT_APPLICABLE", CODE)]
    assert "promotions save more" in answer["userErrors"][0]["message"]


# ------------------------------------------------------------------ issuing


async def test_points_buy_a_coupon_once_for_each_key(shop: Shop) -> None:
    await campaign(shop, "FIVE", discount={"amount": "5"}, minSpend="20", claimable=False)
    given = {
        "code": "FIVE-FOR-100",
        "names": named("offer"),
        "points": 100,
        "campaign": "FIVE",
        "channels": ["app"],
    }
    assert (await done(shop, SET_OFFER, shop.token("admin"), **given))["offer"]["points"] == 100
    offers = (await shop.ask(OFFERS, channel="app")).data["pointsOffers"]
    assert offers == [
        {
            "code": "FIVE-FOR-100",
            "name": "offer in English",
            "points": 100,
            "discount": {"amount": {"amount": "5.00"}, "percent": None},
            "minSpend": {"amount": "20.00"},
        }
    ]
    assert (await shop.ask(OFFERS, channel="quota")).data["pointsOffers"] == []
    assert (await shop.ask(OFFERS, channel="nowhere")).codes == ["BAD_USER_INPUT"]

    shopper, key = await a_member(shop, 199), a_key()
    answers = [
        await done(shop, REDEEM, shopper.token, idempotencyKey=key, offer="FIVE-FOR-100") for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert answers[0]["points"]["available"] == 99
    assert (answers[0]["coupon"]["name"], await points(shop, shopper)) == ("FIVE in English", (99, 0))
    for offer, expected in (("FIVE-FOR-100", "POINTS_INSUFFICIENT"), ("NO-SUCH", "NOT_FOUND")):
        assert told(await done(shop, REDEEM, shopper.token, offer=offer)) == [(expected, ["input", "offer"])]
    assert len(await states(shop, shopper)) == 1
    assert await balanced(shop)


async def test_the_last_points_are_spent_once_however_many_want_them(shop: Shop) -> None:
    await campaign(shop, "ONE", discount={"amount": "1"}, claimable=False)
    given = {"code": "ONE-FOR-1", "names": named("offer"), "points": 1, "campaign": "ONE"}
    assert (await done(shop, SET_OFFER, shop.token("admin"), **given))["userErrors"] == []
    shopper = await a_member(shop, 10)
    answers = await asyncio.gather(*(done(shop, REDEEM, shopper.token, offer="ONE-FOR-1") for _ in range(40)))
    assert Counter(error["code"] for one in answers for error in one["userErrors"]) == {
        "POINTS_INSUFFICIENT": 30
    }
    assert (await points(shop, shopper), len(await states(shop, shopper))) == ((0, 0), 10)
    assert await balanced(shop)


async def test_limits_hold_however_many_claim_at_once(shop: Shop) -> None:
    await campaign(shop, "FEW", mostCoupons=9, perMember=2)
    shoppers = [await a_member(shop) for _ in range(8)]
    answers = await asyncio.gather(
        *(done(shop, CLAIM, one.token, campaign="FEW") for one in shoppers for _ in range(5))
    )
    told_ = Counter(error["code"] for one in answers for error in one["userErrors"])
    assert sum(told_.values()) == 31
    assert set(told_) == {"COUPON_EXHAUSTED", "LIMIT_PER_MEMBER_REACHED"}
    async with shop.database() as db:
        counts = await db.fetch("SELECT count(*) FROM coupon WHERE campaign = 'FEW' GROUP BY member")
        assert sum(row[0] for row in counts) == 9
        assert max(row[0] for row in counts) <= 2
        assert await db.fetchval("SELECT issued FROM coupon_campaign WHERE code = 'FEW'") == 9
    late = await a_member(shop)
    assert told(await done(shop, CLAIM, late.token, campaign="FEW")) == [
        ("COUPON_EXHAUSTED", ["input", "campaign"])
    ]
    for code in ("FIVE", "NO-SUCH"):
        assert told(await done(shop, CLAIM, late.token, campaign=code)) == [
            ("NOT_FOUND", ["input", "campaign"])
        ]


# ------------------------------------------------------------------ who may, and what is refused


async def test_only_who_may_asks(shop: Shop) -> None:
    shopper, other = await a_member(shop), await a_member(shop)
    coupon = await claimed(shop, shopper, await campaign(shop, "MINE"))
    node = "query Q($id: ID!) { node(id: $id) { ... on Coupon { code } } }"
    for token, expected in ((shopper.token, {"code": coupon["code"]}), (other.token, None), (None, None)):
        assert (await shop.ask(node, token=token, id=coupon["id"])).data["node"] == expected
    for document, given in (
        (REDEEM, {"offer": "ONE"}),
        (CLAIM, {"campaign": "MINE"}),
        (
            SET_CAMPAIGN,
            {
                "code": "X",
                "names": [],
                "currencyCode": "HKD",
                "discount": {},
                "validUntil": "2099-01-01T00:00:00Z",
            },
        ),
    ):
        for token, expected in (
            (None, ["UNAUTHENTICATED"]),
            (shop.token("staff", store="central"), ["FORBIDDEN"]),
        ):
            if document == SET_CAMPAIGN:
                given = given | {"discount": {"amount": "1"}}
            asked = {"idempotencyKey": a_key()} | given
            assert (await shop.ask(document, token=token, input=asked)).codes == expected


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"discount": {"amount": "0"}}, "INVALID_INPUT", ["discount", "amount"]),
        ({"discount": {"percent": "100.01"}}, "INVALID_INPUT", ["discount", "percent"]),
        ({"discount": {"promotion": "NONE"}}, "INVALID_INPUT", ["discount", "promotion"]),
        ({"channels": ["app", "nowhere"]}, "INVALID_INPUT", ["channels", "1"]),
        ({"target": {"skus": ["NO-SKU"]}}, "INVALID_INPUT", ["target", "skus", "0"]),
        ({"validUntil": "2020-01-01T00:00:00Z"}, "INVALID_INPUT", ["validUntil"]),
        ({"perMember": 0}, "INVALID_INPUT", ["perMember"]),
        ({"currencyCode": "CNY"}, "CONFLICT", ["currencyCode"]),
        ({"mostCoupons": 0}, "INVALID_INPUT", ["mostCoupons"]),
        ({"mostCoupons": 1}, "CONFLICT", ["mostCoupons"]),
    ],
)
async def test_a_campaign_that_makes_no_sense_is_refused(
    shop: Shop, given: dict[str, Any], code: str, field: list[str]
) -> None:
    await campaign(shop, "SENSE", mostCoupons=2, perMember=None)
    async with shop.database() as db:
        await db.execute("UPDATE coupon_campaign SET issued = 2 WHERE code = 'SENSE'")
    answer = await done(shop, SET_CAMPAIGN, shop.token("admin"), **(PLAIN | given))
    assert told(answer)[0] == (code, ["input", *field])


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"earn": {"rate": {"points": 0, "spend": "1"}}}, ["earn", "rate", "points"]),
        ({"earn": {"rate": {"points": 1, "spend": "0"}}}, ["earn", "rate", "spend"]),
        ({"earn": {"multiplier": "0"}}, ["earn", "multiplier"]),
        ({"earn": {"multiplier": "1.005"}}, ["earn", "multiplier"]),
        ({"weekdays": [1, 8]}, ["weekdays", "1"]),
        ({"stores": ["nowhere"]}, ["stores", "0"]),
        ({"names": []}, ["names"]),
        ({"validFrom": "2027-01-01T00:00:00Z", "validUntil": "2027-01-01T00:00:00Z"}, ["validUntil"]),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(
    shop: Shop, given: dict[str, Any], field: list[str]
) -> None:
    answer = await done(shop, SET_RULES, shop.token("admin"), rules=[rule("R1"), rule("R2", **given)])
    assert told(answer) == [("INVALID_INPUT", ["input", "rules", "1", *field])]
