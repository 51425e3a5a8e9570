"""Putting a coupon or points into a cart: refused at once when they would be no use."""

from __future__ import annotations

from domain.loyalty.coupons import UNKNOWN, not_applicable
from domain.refusals import Refused
from persistence.carts import Cart as StoredCart
from persistence.database import Connection
from persistence.loyalty import coupons as coupons_db
from persistence.pricing import reads as pricing_db
from resolvers.carts.baskets import price_lines, running_for
from resolvers.carts.cart import lines_of, place_of
from resolvers.context import Context
from resolvers.loyalty.baskets import Wish, benefits_of, books_of, points_insufficient

_CODE = ("input", "code")
_POINTS = ("input", "points")


async def applicable_coupon(context: Context, db: Connection, cart: StoredCart, code: str) -> str:
    """What a locked cart keeps of a coupon, by its code; refuses one that would take nothing off it now.

    Refuses COUPON_NOT_APPLICABLE, COUPON_EXPIRED, COUPON_EXHAUSTED and LIMIT_PER_MEMBER_REACHED.
    """
    coupon = await coupons_db.by_code(db, code)
    if coupon is None:
        raise Refused(not_applicable(UNKNOWN, _CODE))
    asked, lines = await place_of(context, cart), lines_of(cart)
    prices = await pricing_db.current_prices(db, [line.sku for line in lines], asked.place)
    priced = price_lines(lines, prices, asked)
    running = await running_for(db, context.house, priced, asked, cart.member)
    benefits = await benefits_of(db, context.house, cart, Wish(coupon.id), running, priced, asked, at=_CODE)
    refusals = benefits.deal(running, asked.currency_code, priced).refusals
    if refusals:
        raise Refused(*refusals)
    return str(coupon.id)


async def must_have_points(context: Context, db: Connection, cart: StoredCart, points: int) -> None:
    """Refuses POINTS_INSUFFICIENT when the cart's member has fewer, or nothing can be paid with them."""
    asked = await place_of(context, cart)
    programme = await context.house.earning.programme(db, asked.currency_code, asked.at)
    if (
        cart.member is None
        or programme is None
        or (await books_of(db, cart.member, asked)).available < points
    ):
        raise Refused(points_insufficient(points, _POINTS))
