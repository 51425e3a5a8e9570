"""Erasing a person: the accounts stay, and name nobody."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from domain.orders.states import OrderState
from persistence.carts import Cart
from persistence.database import Connection, Statement, param, statement, texts
from persistence.members import sign_ins
from persistence.members.tables import Member, MemberIdentity
from persistence.orders.tables import SalesOrder
from persistence.payments.tables import Payment

_UNDER_WAY = [
    state.value
    for state in (OrderState.PENDING_PAYMENT, OrderState.PAID, OrderState.READY, OrderState.SHIPPED)
]
_MOMENT = sa.DateTime(timezone=True)
_LOCK = statement(
    sa.select(col(Member.id))
    .where(col(Member.id) == param("member_id"), col(Member.erased_at).is_(None))
    .with_for_update()
)
_OPEN_ORDERS = statement(
    sa.select(sa.func.count())
    .select_from(SalesOrder)
    .where(
        col(SalesOrder.member) == param("of_member"),
        sa.cast(col(SalesOrder.state), sa.Text) == sa.any_(texts("states")),
        sa.or_(col(SalesOrder.held_until).is_(None), col(SalesOrder.held_until) > param("now", _MOMENT)),
    )
)
_theirs = sa.select(col(SalesOrder.id)).where(col(SalesOrder.member) == param("of_member"))
_of_member = col(Cart.member) == param("of_member")
# Where the goods went, and by which account they were paid, is the person's; what was bought and paid is the
# shop's to keep.
_FORGET: tuple[Statement[object], ...] = (
    statement(
        sa.update(SalesOrder)
        .where(col(SalesOrder.member) == param("of_member"))
        .values(address=sa.null(), tracking_number=sa.null(), token_hash=sa.null())
    ),
    statement(
        sa.update(Payment)
        .where(col(Payment.order_id).in_(_theirs))
        .values(token=sa.null(), next_action=sa.null())
    ),
    statement(sa.delete(Cart).where(_of_member)),
)
_IDENTITIES = statement(
    sa.delete(MemberIdentity)
    .where(col(MemberIdentity.member_id) == param("member_id"))
    .returning(col(MemberIdentity.provider), col(MemberIdentity.blind))
)
_ERASE = statement(
    sa.update(Member)
    .where(col(Member.id) == param("member_id"))
    .values(name=sa.null(), erased_at=param("now", _MOMENT))
)


async def lock_member(db: Connection, member_id: UUID) -> bool:
    """Whether there is such a member, locked until the transaction ends."""
    return await _LOCK.value(db, member_id=member_id) is not None


async def open_orders(db: Connection, member_id: UUID, now: datetime) -> int:
    """How many of a member's orders are still under way."""
    return int(await _OPEN_ORDERS.value(db, of_member=str(member_id), now=now, states=_UNDER_WAY))


async def erase(db: Connection, member_id: UUID, now: datetime) -> None:
    """Removes whatever names or reaches the person; lock the member first."""
    member = str(member_id)
    for forget in _FORGET:
        await forget.run(db, of_member=member)
    for provider, blind in await _IDENTITIES.all(db, member_id=member_id):
        if provider == "phone":
            await sign_ins.forget_phone(db, blind)
    await sign_ins.end_all(db, kind="member", subject=member)
    await _ERASE.run(db, member_id=member_id, now=now)
