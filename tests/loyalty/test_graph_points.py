"""Points through the graph: earned, waited for, paid with, given back and taken back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.loyalty.points import Books
from persistence.loyalty import ledger
from tests.loyalty.making import (
    SET_POINTS,
    Shopper,
    a_member,
    balanced,
    bought,
    brought,
    cancelled,
    done,
    me,
    points,
    programme,
    returned,
    rule,
    rules,
    the_cart,
)
from tests.orders.buying import a_cart, check_out, make_goods, make_mall, told
from tests.shop import Shop


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    await make_mall(shop)
    await programme(shop)
    await rules(shop, rule("BASE"))


async def lines(shop: Shop, shopper: Shopper) -> list[tuple[str, int, int]]:
    """A member's ledger, the newest line first: kind, points, balance after it."""
    nodes = (await me(shop, shopper))["pointsHistory"]["nodes"]
    return [(one["kind"], one["points"], one["balanceAfter"]) for one in nodes]


# ------------------------------------------------------------------ points


async def test_points_wait_for_the_goods_and_the_return_window(shop: Shop) -> None:
    tea = await make_goods(shop, 1250, central=50)
    shopper = await a_member(shop, tier="silver")
    cart_id = await a_cart(shop, (tea, 2), token=shopper.token)
    # 25.00 at the 1.2 points of a silver member.
    assert (await the_cart(shop, cart_id, shopper.token))["totals"]["pointsEarned"] == 30
    order = (await check_out(shop, cart_id, token=shopper.token))["order"]
    assert await points(shop, shopper) == (0, 30)

    await brought(shop, order)
    assert await points(shop, shopper) == (0, 30)
    line = (await me(shop, shopper))["pointsHistory"]["nodes"][0]
    assert (line["kind"], line["points"], line["balanceAfter"]) == ("EARN", 30, 30)
    assert line["order"] == {"id": order["id"], "totals": {"pointsEarned": 30}}
    ends = datetime.fromisoformat(line["expiresAt"])
    assert timedelta(days=371) < ends - datetime.now(UTC) < timedelta(days=373)

    # Nobody writes anything down when the clock does something: reads see it by themselves.
    async with shop.database() as db:
        account = (await ledger.accounts(db, [shopper.id]))[shopper.id]
    for later, expected in (
        (timedelta(days=6, hours=23), (0, 30)),
        (timedelta(days=7, minutes=1), (30, 0)),
        (timedelta(days=371), (30, 0)),
        (timedelta(days=373), (0, 0)),
    ):
        standing = Books(account.lots, account.debt, datetime.now(UTC) + later).standing()
        assert (standing.available, standing.pending) == expected


async def test_a_till_earns_at_once_and_a_return_takes_back_what_was_spent_as_debt(shop: Shop) -> None:
    tea = await make_goods(shop, 1000, central=50)
    shopper = await a_member(shop)
    order = await bought(shop, shopper, (tea, 3), till=True)
    assert await points(shop, shopper) == (30, 0)
    # Online at once: 25 points pay 0.25 of a purchase that earns 9 of its 9.75.
    await bought(shop, shopper, (tea, 1), till=True, points=25)
    assert await points(shop, shopper) == (14, 0)

    await returned(shop, shopper, order, 2)
    assert await points(shop, shopper) == (-6, 0)
    await bought(shop, shopper, (tea, 1), till=True)
    assert await points(shop, shopper) == (4, 0)
    assert await lines(shop, shopper) == [
        ("EARN", 10, 4),
        ("REVERSE", -20, -6),
        ("EARN", 9, 14),
        ("BURN", -25, 5),
        ("EARN", 30, 30),
    ]
    assert await balanced(shop)


async def test_points_pay_and_come_back_when_the_order_comes_to_nothing_or_the_goods_do(shop: Shop) -> None:
    tea = await make_goods(shop, 1000, central=50)
    shopper = await a_member(shop, 1000)
    cart_id = await a_cart(shop, (tea, 2), token=shopper.token)
    given = {"cartId": cart_id, "points": 500}
    assert (await done(shop, SET_POINTS, shopper.token, **given))["cart"]["pointsUsed"] == 500
    cart = await the_cart(shop, cart_id, shopper.token)
    assert [(one["source"], one["name"]) for one in cart["discounts"]] == [("loyalty:points", "Points")]
    assert cart["totals"] == {
        "discounts": {"amount": "5.00"},
        "total": {"amount": "15.00"},
        "pointsEarned": 15,
    }
    assert await points(shop, shopper) == (1000, 0)

    order = (await check_out(shop, cart_id, "15.00", "manual", token=shopper.token))["order"]
    assert await points(shop, shopper) == (500, 0)
    assert (await the_cart(shop, cart_id, shopper.token))["problems"][-1:] != ["POINTS_INSUFFICIENT"]
    await cancelled(shop, shopper, order)
    assert await points(shop, shopper) == (1000, 0)

    paid = await bought(shop, shopper, (tea, 2), till=True, points=500)
    assert await points(shop, shopper) == (515, 0)
    # One of two: half of what paid for it comes back, and half of what it earned goes.
    await returned(shop, shopper, paid, 1)
    assert await points(shop, shopper) == (515 + 250 - 8, 0)
    await returned(shop, shopper, paid, 1)
    assert await points(shop, shopper) == (1000, 0)
    assert await balanced(shop)


async def test_no_more_points_are_taken_than_it_takes(shop: Shop) -> None:
    tea = await make_goods(shop, 333, central=50)
    shopper = await a_member(shop, 1000)
    cart_id = await a_cart(shop, (tea, 1), token=shopper.token)
    answer = await done(shop, SET_POINTS, shopper.token, cartId=cart_id, points=1000)
    assert answer["cart"] == {"pointsUsed": 333, "totals": {"total": {"amount": "0.00"}}}


async def test_points_that_are_not_there_are_refused(shop: Shop) -> None:
    tea = await make_goods(shop, 5000, central=50)
    shopper = await a_member(shop, 100)
    cart_id = await a_cart(shop, (tea, 1), token=shopper.token)
    for wanted, expected in ((101, [("POINTS_INSUFFICIENT", ["input", "points"])]), (100, [])):
        answer = await done(shop, SET_POINTS, shopper.token, cartId=cart_id, points=wanted)
        assert told(answer) == expected
    visitors = await a_cart(shop, (tea, 1))
    answer = await done(shop, SET_POINTS, cartId=visitors, points=1)
    assert told(answer) == [("POINTS_INSUFFICIENT", ["input", "points"])]

    # They went elsewhere meanwhile: the cart says so, and can't be bought.
    await bought(shop, shopper, (tea, 1), points=1)
    cart = await the_cart(shop, cart_id, shopper.token)
    assert cart["problems"] == [{"code": "POINTS_INSUFFICIENT", "field": ["points"]}]
    payload = await check_out(shop, cart_id, token=shopper.token)
    assert told(payload) == [("POINTS_INSUFFICIENT", ["input", "cartId"])]
