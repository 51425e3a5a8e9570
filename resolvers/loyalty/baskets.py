"""What coupon and points take off a cart, and what it earns; a cart that has none of them costs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from domain.baskets import POINTS_SOURCE, Basket, PricedLine
from domain.loyalty.coupons import (
    UNKNOWN,
    CouponTerms,
    not_applicable,
    state_at,
    taken_off,
    why_not_now,
    with_coupon,
)
from domain.loyalty.earning import Programme, Purchase, asks_for_goods, earned
from domain.loyalty.points import Books, Lot
from domain.money import split
from domain.promotions.terms import BasketLine
from domain.refusals import Refusal, RefusalCode, Text
from persistence.carts import Cart as StoredCart
from persistence.catalog.goods import Goods, goods_by_sku
from persistence.database import Connection
from persistence.loyalty import coupons as coupons_db
from persistence.loyalty import ledger
from persistence.loyalty.tables import Coupon as StoredCoupon
from persistence.loyalty.tables import CouponCampaign
from resolvers.carts.baskets import Running
from resolvers.house import House
from resolvers.places import Resolved

_COUPON, _POINTS = ("coupon",), ("points",)
POINTS_NAMES = {"en": "Points", "zh-CN": "积分抵扣", "zh-HK": "積分抵扣"}


@dataclass(frozen=True, slots=True)
class Deal:
    """A basket with everything taken off, and why a part of what was asked for is not.

    `used` are the points that pay for it, by the places of its lines.
    """

    basket: Basket
    used: tuple[int, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    @property
    def points_used(self) -> int:
        """The points that pay for it."""
        return sum(self.used)


@dataclass(frozen=True, slots=True)
class Benefits:
    """The coupon and the points of a cart, as they stand; `refusals` say what of them can't be had.

    `field` is the one to refuse where it is not the cart's own.
    """

    coupon: StoredCoupon | None = None
    terms: CouponTerms | None = None
    per_member: int | None = None
    points: int = 0
    programme: Programme | None = None
    books: Books | None = None
    goods: Mapping[str, Goods] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    field: tuple[str, ...] = ()

    def deal(self, running: Running, currency_code: str, lines: Sequence[PricedLine]) -> Deal:
        """The lines with promotions, coupon and points taken off, in that order."""
        if self.terms is not None and self.terms.promotion is not None:
            unlocked = frozenset({self.terms.promotion})
            running = replace(running, situation=replace(running.situation, unlocked=unlocked))
        basket, refusals = running.basket(currency_code, lines), list(self.refusals)
        if self.terms is not None:
            reduced = with_coupon(basket, self.terms, lambda line: line_of(line, self.goods))
            if isinstance(reduced, Text):
                refusals.append(not_applicable(reduced, self.field or _COUPON))
            else:
                basket = reduced
        if not self.points or self.programme is None:
            return Deal(basket, refusals=tuple(refusals))
        basket, used = paid_with_points(basket, self.points, self.programme)
        if self.books is not None and sum(used) > max(0, self.books.available):
            refusals.append(points_insufficient(sum(used), self.field or _POINTS))
        return Deal(basket, used, tuple(refusals))


NO_BENEFITS = Benefits()


def paid_with_points(basket: Basket, points: int, programme: Programme) -> tuple[Basket, tuple[int, ...]]:
    """The basket, paid with points as far as they and the programme allow, and those used by line."""
    weights = [line.total_minor for line in basket.lines]
    paid, used = programme.payment(points, sum(weights))
    if not paid:
        return basket, ()
    shares = split(paid, weights)
    reduced = taken_off(basket, dict(enumerate(shares)), POINTS_SOURCE, POINTS_NAMES)
    return reduced, tuple(split(used, shares))


def line_of(line: PricedLine, goods: Mapping[str, Goods]) -> BasketLine:
    """A line as targets look at it."""
    known = goods.get(line.sku)
    return BasketLine(
        key=line.sku,
        sku=line.sku,
        quantity=line.quantity,
        unit_minor=line.unit_minor,
        categories=known.categories if known is not None else (),
        brand=known.brand if known is not None else None,
    )


class Wish(NamedTuple):
    """What somebody would have taken off: by a coupon, and by points."""

    coupon: UUID | None
    points: int = 0


NO_WISH = Wish(None)


def wish_of(cart: StoredCart) -> Wish:
    """What is set in a cart."""
    return Wish(None if cart.coupon is None else UUID(cart.coupon), cart.points)


async def benefits_of(
    db: Connection,
    house: House,
    cart: StoredCart,
    wish: Wish,
    running: Running,
    lines: Sequence[PricedLine],
    asked: Resolved,
    *,
    at: tuple[str, ...] = (),
) -> Benefits:
    """What coupon and points are good for in a cart; nothing is read when there is neither.

    `at` is the field to refuse, where it is not the cart's own. Nothing is locked: whoever buys looks again.
    """
    if wish == NO_WISH:
        return NO_BENEFITS
    found = Benefits(field=at)
    if wish.coupon is not None:
        found = await _coupon(db, cart, wish.coupon, running, lines, asked, at)
    if wish.points and cart.member is not None:
        # What was bought is paid with points that are gone already.
        books = None if cart.order_id is not None else await books_of(db, cart.member, asked)
        programme = await house.earning.programme(db, asked.currency_code, asked.at)
        found = replace(found, points=wish.points, programme=programme, books=books)
    return found


async def books_of(db: Connection, member: str, asked: Resolved) -> Books:
    """A member's books to look at."""
    account = (await ledger.accounts(db, [member])).get(member)
    lots: list[Lot] = [] if account is None else account.lots
    return Books(lots, 0 if account is None else account.debt, asked.at)


async def _coupon(
    db: Connection,
    cart: StoredCart,
    coupon_id: UUID,
    running: Running,
    lines: Sequence[PricedLine],
    asked: Resolved,
    at: tuple[str, ...],
) -> Benefits:
    coupon = (await coupons_db.coupons_by_id(db, [coupon_id])).get(coupon_id)
    if coupon is None:
        return Benefits(refusals=(not_applicable(UNKNOWN, at or _COUPON),), field=at)
    campaign = (await coupons_db.campaigns(db, [coupon.campaign]))[coupon.campaign]
    refusal = await _why_not(db, coupon, campaign, cart, asked, at or _COUPON)
    if refusal is not None:
        return Benefits(coupon=coupon, refusals=(refusal,), field=at)
    terms = coupons_db.terms_of(campaign)
    goods = running.goods
    if asks_for_goods(terms.target) and not goods:
        goods = await goods_by_sku(db, [line.sku for line in lines])
    return Benefits(coupon=coupon, terms=terms, per_member=campaign.per_member, goods=goods, field=at)


async def _why_not(
    db: Connection,
    coupon: StoredCoupon,
    campaign: CouponCampaign,
    cart: StoredCart,
    asked: Resolved,
    at: Sequence[str],
) -> Refusal | None:
    """Why a coupon is no use to a cart, whatever is in it."""
    if cart.order_id is not None and coupon.order_id == cart.order_id:
        return None
    state = state_at(coupon.state, coupon.valid_until, asked.at)
    theirs = coupon.member in (None, cart.member)
    refusal = why_not_now(state, coupon.valid_until, asked.at, field=at, is_theirs=theirs)
    if refusal is not None:
        return refusal
    why = coupons_db.terms_of(campaign).why_not_here(asked.priced_in, asked.currency_code, asked.at)
    if why is not None:
        return not_applicable(why, at)
    most = campaign.per_member
    if most is None or coupon.member is not None:
        return None
    # Nobody's yet: it is the shopper's by being used, and counts then.
    if cart.member is None:
        return not_applicable(Text("This coupon is for members.", "此优惠券仅限会员使用。"), at)
    had = await coupons_db.had_by_member(db, campaign.code, cart.member)
    return limit_reached(most, at) if had >= most else None


class Sale(NamedTuple):
    """A member's basket, and where it is bought."""

    basket: Basket
    asked: Resolved


class Earned(NamedTuple):
    """The points of each line of a basket, by the programme they follow."""

    programme: Programme
    by_line: list[int]


async def earned_by(db: Connection, house: House, sales: Sequence[Sale]) -> list[Earned | None]:
    """What each sale earns, None where there is no programme; a statement for each tier, as a rule."""
    current = {
        tier: await house.earning.current(db, sales[0].asked.at, tier)
        for tier in {sale.asked.tier for sale in sales}
    }
    bought = [_purchase(sale.asked, current[sale.asked.tier][1]) for sale in sales]
    rules = [
        current[sale.asked.tier][0].rules_for(sale.asked.currency_code, one)
        for sale, one in zip(sales, bought, strict=True)
    ]
    asking = {
        line.sku
        for sale, counting in zip(sales, rules, strict=True)
        if any(asks_for_goods(rule.target) for rule in counting)
        for line in sale.basket.lines
    }
    goods = await goods_by_sku(db, sorted(asking)) if asking else {}
    found: list[Earned | None] = []
    for sale, one, counting in zip(sales, bought, rules, strict=True):
        programme = current[sale.asked.tier][0].programme(sale.asked.currency_code)
        lines = [line_of(line, goods) for line in sale.basket.lines]
        paid = [line.total_minor for line in sale.basket.lines]
        points = earned(counting, lines, paid, one.tier_rate)
        found.append(None if programme is None else Earned(programme, points))
    return found


def _purchase(asked: Resolved, tier_rate: Decimal) -> Purchase:
    return Purchase(
        at=asked.at,
        channel=asked.channel,
        store=asked.store,
        campaign=asked.campaign,
        tier=asked.tier,
        tier_rate=tier_rate,
    )


# ------------------------------------------------------------------ refusals


def points_insufficient(points: int, at: Sequence[str]) -> Refusal:
    """The refusal of more points than can be used."""
    return Refusal(
        RefusalCode.POINTS_INSUFFICIENT,
        Text(f"There are not {points:,} points to use.", f"可用积分不足 {points:,}。"),
        tuple(at),
    )


def limit_reached(per_member: int, at: Sequence[str]) -> Refusal:
    """The refusal of one coupon more than a member may have."""
    return Refusal(
        RefusalCode.LIMIT_PER_MEMBER_REACHED,
        Text(f"A member may have {per_member} of these coupons.", f"每位会员限领 {per_member} 张。"),
        tuple(at),
    )
