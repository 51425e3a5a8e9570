"""What becomes of coupon and points with an order: held at checkout, kept when it is paid, else given back.

All of it is part of the transaction that changes the order, whose row is locked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from domain.baskets import is_loyalty_source
from domain.loyalty.coupons import CouponState, state_at, why_not_now
from domain.loyalty.points import Line, Part, PointsEntryKind, given_back, gone_back
from domain.orders.states import FulfilmentKind
from domain.refusals import Refused
from persistence.carts import Cart as StoredCart
from persistence.database import Connection
from persistence.loyalty import coupons as coupons_db
from persistence.loyalty import ledger
from persistence.loyalty import orders as promises
from persistence.loyalty.tables import OrderLoyalty
from persistence.orders import reads as orders_db
from persistence.orders.tables import OrderLine, SalesOrder
from resolvers.context import Work
from resolvers.house import House
from resolvers.loyalty.baskets import (
    Benefits,
    Deal,
    Earned,
    Sale,
    earned_by,
    limit_reached,
    points_insufficient,
)
from resolvers.places import Resolved


def concerns(order: SalesOrder) -> bool:
    """Whether an order may have to do with loyalty; of all others nothing is ever read."""
    return order.member is not None or any(is_loyalty_source(one["source"]) for one in order.discounts)


# ------------------------------------------------------------------ checkout


@dataclass(frozen=True, slots=True)
class Held:
    """What a purchase has of loyalty: the coupon, and the points that pay for it."""

    coupon_id: UUID | None = None
    parts: tuple[Part, ...] = ()


NOTHING_HELD = Held()


async def hold(
    db: Connection, now: datetime, cart: StoredCart, order_id: UUID, deal: Deal, benefits: Benefits
) -> Held:
    """Takes coupon and points for an order, once nobody else can; nothing is asked when there is neither.

    Refuses COUPON_EXHAUSTED, LIMIT_PER_MEMBER_REACHED and POINTS_INSUFFICIENT: somebody was quicker. What was
    taken before the refusal must be rolled back with it.
    """
    coupon = benefits.coupon
    if coupon is not None:
        await _reserve(db, now, coupon.id, order_id, cart.member, benefits)
    parts: list[Part] = []
    if deal.used and cart.member is not None:
        books = await ledger.books(db, cart.member, now)
        burnt = books.burn(deal.points_used, _paid_with(cart.channel, order_id))
        if burnt is None:
            raise Refused(points_insufficient(deal.points_used, benefits.field))
        parts = burnt
        await ledger.close(db, cart.member, books, now)
    return Held(None if coupon is None else coupon.id, tuple(parts))


async def _reserve(
    db: Connection,
    now: datetime,
    coupon_id: UUID,
    order_id: UUID,
    member: str | None,
    benefits: Benefits,
) -> None:
    coupon = await coupons_db.lock(db, coupon_id)
    if coupon is None:
        raise LookupError(f"coupon {coupon_id} is gone")
    state = state_at(coupon.state, coupon.valid_until, now)
    refusal = why_not_now(state, coupon.valid_until, now, field=benefits.field, is_theirs=True)
    if refusal is not None:
        raise Refused(refusal)
    await coupons_db.set_state(db, coupon.id, CouponState.RESERVED, order_id)
    most = benefits.per_member
    if coupon.member is not None or member is None or most is None:
        return
    if not await coupons_db.count_of_member(db, coupon.campaign, member, most):
        raise Refused(limit_reached(most, benefits.field))


class Placing(NamedTuple):
    """An order that is being placed, and what it has of loyalty."""

    order_id: UUID
    member: str | None
    deal: Deal
    asked: Resolved
    held: Held
    at_till: bool


async def promise(db: Connection, house: House, placing: Sequence[Placing]) -> None:
    """Keeps what orders will earn and what they hold; nothing is asked when no member is among them."""
    members = [one for one in placing if one.member is not None]
    sales = [Sale(one.deal.basket, one.asked) for one in members]
    found = await earned_by(db, house, sales) if sales else []
    earned = {one.order_id: points for one, points in zip(members, found, strict=True)}
    rows = [_promised(one, earned.get(one.order_id)) for one in placing]
    await promises.promise(db, [row for row in rows if row is not None])


def _promised(one: Placing, earned: Earned | None) -> promises.Promise | None:
    points = [] if earned is None else earned.by_line
    if not sum(points) and one.held == NOTHING_HELD:
        return None
    programme = None if earned is None else earned.programme
    return promises.Promise(
        order_id=one.order_id,
        member=one.member,
        earned=points,
        used=list(one.deal.used),
        parts=promises.written(one.held.parts),
        coupon_id=one.held.coupon_id,
        at_once=programme is not None and one.at_till and programme.till_at_once,
        waits_days=0 if programme is None else programme.waits_days,
        lifetime_days=None if programme is None else programme.lifetime_days,
    )


def _paid_with(channel: str, order_id: UUID) -> Line:
    return Line(PointsEntryKind.BURN, 0, "order", channel, order_id)


async def hold_again(work: Work, order: SalesOrder) -> bool:
    """Whether coupon and points could be had again for an order that was given up and is paid late."""
    row = await _of(work, order)
    if row is None or row.held:
        return True
    if row.coupon_id is not None:
        coupon = await coupons_db.lock(work.db, row.coupon_id)
        if coupon is None or state_at(coupon.state, coupon.valid_until, work.now) is not CouponState.ACTIVE:
            return False
        if not await _count_again(work, row, coupon.campaign, coupon.member):
            return False
        await coupons_db.set_state(work.db, coupon.id, CouponState.RESERVED, order.id)
    parts = None
    if sum(row.used) and row.member is not None:
        books = await ledger.books(work.db, row.member, work.now)
        parts = books.burn(sum(row.used), _paid_with(order.channel, order.id))
        if parts is None:
            return False
        await ledger.close(work.db, row.member, books, work.now)
    await promises.change(work.db, row, held=True, paid=row.paid, parts=parts)
    return True


async def _count_again(work: Work, row: OrderLoyalty, campaign: str, owner: str | None) -> bool:
    if owner is not None or row.member is None:
        return True
    most = (await coupons_db.campaigns(work.db, [campaign]))[campaign].per_member
    return most is None or await coupons_db.count_of_member(work.db, campaign, row.member, most)


# ------------------------------------------------------------------ paid, received, returned, given up


async def keep(work: Work, order: SalesOrder) -> None:
    """Notes that an order was paid: its coupon is used up, and its points are earned."""
    row = await _of(work, order)
    if row is None or row.paid:
        return
    if row.coupon_id is not None:
        await coupons_db.set_state(work.db, row.coupon_id, CouponState.USED, order.id)
    if sum(row.earned) and row.member is not None:
        received_at = work.now if order.fulfilment is FulfilmentKind.CARRY_OUT else None
        await ledger.post(work.db, row.member, [_earning(row, order, received_at)], work.now)
    await promises.change(work.db, row, held=True, paid=True)


def _earning(row: OrderLoyalty, order: SalesOrder, received_at: datetime | None) -> Line:
    earning = Line(PointsEntryKind.EARN, sum(row.earned), "order", order.channel, order.id)
    if received_at is None:
        return earning
    starts = received_at if row.at_once else received_at + timedelta(days=row.waits_days)
    ends = None if row.lifetime_days is None else starts + timedelta(days=row.lifetime_days)
    return earning._replace(available_at=starts, expires_at=ends)


async def receive(work: Work, order: SalesOrder) -> None:
    """Notes that an order's goods were delivered or collected: its points wait for the return window only."""
    if order.member is not None:
        await ledger.received(work.db, order.id, work.now)


async def take_back(
    work: Work, order: SalesOrder, lines: Sequence[OrderLine], more: Mapping[UUID, int]
) -> None:
    """Takes back the points that returned goods had earned, and gives back those that had paid for them.

    `lines` are the order's as they were before, `more` is what came back now by line.
    """
    if not concerns(order):
        return
    row = await _of(work, order)
    if row is not None:
        await _undo(work, order, row, lines, more)


async def give_back(work: Work, order: SalesOrder) -> None:
    """Gives back what an order that comes to nothing had held or used, and takes back what it had earned."""
    if not concerns(order):
        return
    row = await _of(work, order)
    if row is None or not row.held:
        return
    if row.coupon_id is not None:
        coupon = await coupons_db.lock(work.db, row.coupon_id)
        await coupons_db.set_state(work.db, row.coupon_id, CouponState.ACTIVE, None)
        if coupon is not None and coupon.member is None and row.member is not None:
            await coupons_db.uncount_of_member(work.db, coupon.campaign, row.member)
    lines = (await orders_db.lines_by_order(work.db, [order.id]))[order.id]
    await _undo(work, order, row, lines, {line.id: line.quantity - line.returned for line in lines})
    await promises.change(work.db, row, held=False, paid=False)


async def _undo(
    work: Work, order: SalesOrder, row: OrderLoyalty, lines: Sequence[OrderLine], more: Mapping[UUID, int]
) -> None:
    if row.member is None:
        return
    quantities = [line.quantity for line in lines]
    before = [line.returned for line in lines]
    after = [line.returned + more.get(line.id, 0) for line in lines]

    def between(shares: Sequence[int]) -> tuple[int, int]:
        if not shares:
            return 0, 0
        gone = gone_back(shares, quantities, before)
        return gone, gone_back(shares, quantities, after) - gone

    _, unearned = between(row.earned)
    unearned = unearned if row.paid else 0
    already, unused = between(row.used)
    if not unearned and not unused:
        return
    books = await ledger.books(work.db, row.member, work.now, order=order.id)
    if unused:
        for part in given_back(promises.parts_of(row), before=already, more=unused, now=work.now):
            back = Line(PointsEntryKind.REVERSE, part.points, "givenBack", order.channel, order.id)
            books.add(back._replace(available_at=work.now, expires_at=part.expires_at))
    if unearned:
        back = Line(PointsEntryKind.REVERSE, 0, "returned", order.channel, order.id)
        books.reverse(unearned, back, order=order.id)
    await ledger.close(work.db, row.member, books, work.now)


async def _of(work: Work, order: SalesOrder) -> OrderLoyalty | None:
    if not concerns(order):
        return None
    return (await promises.of_orders(work.db, [order.id])).get(order.id)
