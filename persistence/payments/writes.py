"""Writing payments: begun, settled once, given back, with every notice heard once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import col, select

from domain.payments import Outcome, PaymentState, RefundState
from persistence.database import Connection, given, param, statement
from persistence.payments.tables import Payment, PaymentNotice, Refund, StoredAction

_MOMENT = sa.DateTime(timezone=True)
_BY_ID = statement(select(Payment).where(Payment.id == param("id")))
_OF_ORDER = statement(select(Payment).where(Payment.order_id == param("order_id")).order_by(col(Payment.id)))


async def payment(db: Connection, payment_id: UUID) -> Payment | None:
    """A payment by its id; lock its order before changing it."""
    return await _BY_ID.one_or_none(db, id=payment_id)


async def of_order(db: Connection, order_id: UUID) -> list[Payment]:
    """Every attempt to pay an order, the first one first; lock the order before changing any."""
    return await _OF_ORDER.all(db, order_id=order_id)


_BEGIN = statement(
    insert(Payment)
    .values(
        order_id=param("order_id"),
        provider=param("provider"),
        state=PaymentState.PENDING,
        amount_minor=param("amount_minor"),
        currency_code=param("currency_code"),
        token=param("token"),
        started_at=param("started_at"),
        expires_at=param("expires_at"),
        ask_at=param("ask_at"),
    )
    .returning(col(Payment.id))
)


async def begin(
    db: Connection,
    order_id: UUID,
    *,
    provider: str,
    amount_minor: int,
    currency_code: str,
    token: str | None,
    started_at: datetime,
    expires_at: datetime,
    ask_at: datetime | None,
) -> UUID:
    """The id of one more attempt to pay an order."""
    made: UUID = await _BEGIN.value(
        db,
        order_id=order_id,
        provider=provider,
        amount_minor=amount_minor,
        currency_code=currency_code,
        token=token,
        started_at=started_at,
        expires_at=expires_at,
        ask_at=ask_at,
    )
    return made


class Begun(NamedTuple):
    """What a provider answered to the start of a payment."""

    payment_id: UUID
    reference: str | None
    next_action: StoredAction | None


_begun = given("begun", payment_id=sa.Uuid, reference=sa.Text, next_action=JSONB)
_STARTED = statement(
    sa.update(Payment)
    .where(col(Payment.id) == _begun.c.payment_id)
    .values(
        token=None,
        reference=sa.func.coalesce(_begun.c.reference, Payment.reference),
        next_action=_begun.c.next_action,
    )
)


async def started_many(db: Connection, begun: Sequence[Begun]) -> None:
    """Keeps what the provider answered to the starts, and forgets what the clients brought along."""
    columns = {name: [getattr(one, name) for one in begun] for name in Begun._fields}
    await _STARTED.run(db, **columns)


_SETTLE = statement(
    sa.update(Payment)
    .where(col(Payment.id) == param("payment_id"))
    .values(
        state=param("new_state", sa.Text),
        captured_minor=param("new_captured", sa.BigInteger),
        reference=sa.func.coalesce(param("new_reference", sa.Text), Payment.reference),
        ask_at=None,
    )
)


async def settle(
    db: Connection, payment_id: UUID, *, state: PaymentState, captured_minor: int, reference: str | None
) -> None:
    """Keeps how a payment ended; its order is locked."""
    await _SETTLE.run(
        db, payment_id=payment_id, new_state=state.value, new_captured=captured_minor, new_reference=reference
    )


_HEAR = statement(
    insert(PaymentNotice)
    .values(
        provider=param("provider"),
        event_id=param("event_id"),
        payment_id=param("payment_id"),
        outcome=param("outcome"),
        heard_at=param("heard_at"),
    )
    .on_conflict_do_nothing()
)


async def hear(
    db: Connection, *, provider: str, event_id: str, payment_id: UUID, outcome: Outcome, heard_at: datetime
) -> bool:
    """True when a notice is heard for the first time."""
    return bool(
        await _HEAR.run(
            db,
            provider=provider,
            event_id=event_id,
            payment_id=payment_id,
            outcome=outcome.value,
            heard_at=heard_at,
        )
    )


_refund = (
    insert(Refund)
    .values(
        order_id=param("order_id"),
        payment_id=param("payment_id"),
        state=param("state"),
        amount_minor=param("amount_minor"),
        currency_code=param("currency_code"),
        reason=param("reason"),
        at=param("at"),
        ask_at=param("ask_at"),
    )
    .returning(col(Refund.id), col(Refund.payment_id), col(Refund.amount_minor))
    .cte("given")
)
_REFUND = statement(
    sa.update(Payment)
    .where(col(Payment.id) == _refund.c.payment_id)
    .values(
        refunded_minor=col(Payment.refunded_minor) + _refund.c.amount_minor,
        state=sa.case(
            (
                col(Payment.refunded_minor) + _refund.c.amount_minor >= col(Payment.captured_minor),
                PaymentState.REFUNDED.value,
            ),
            else_=PaymentState.PARTIALLY_REFUNDED.value,
        ),
        ask_at=sa.null(),
    )
    .returning(_refund.c.id)
)


async def refund(
    db: Connection, payment: Payment, amount_minor: int, *, reason: str, by_hand: bool, at: datetime
) -> UUID:
    """The id of money on its way back; its order is locked. `by_hand`: handed over, nobody is asked."""
    made: UUID = await _REFUND.value(
        db,
        order_id=payment.order_id,
        payment_id=payment.id,
        state=(RefundState.DONE if by_hand else RefundState.PENDING).value,
        amount_minor=amount_minor,
        currency_code=payment.currency_code,
        reason=reason,
        at=at,
        ask_at=None if by_hand else at,
    )
    return made


_REFUNDS = statement(
    select(Refund).where(col(Refund.id) == sa.any_(param("ids", sa.ARRAY(sa.Uuid)))).order_by(col(Refund.id))
)
_REFUNDED = statement(
    sa.update(Refund)
    .where(col(Refund.id) == param("refund_id"), col(Refund.state) == RefundState.PENDING)
    .values(
        state=param("new_state", sa.Text),
        reference=sa.func.coalesce(param("new_reference", sa.Text), Refund.reference),
        ask_at=param("new_ask_at", _MOMENT),
    )
    .returning(col(Refund.order_id))
)


async def refunds(db: Connection, ids: Sequence[UUID]) -> list[Refund]:
    """The refunds with these ids, in the order of their ids."""
    return await _REFUNDS.all(db, ids=ids)


async def refunded(
    db: Connection, refund_id: UUID, state: RefundState, *, reference: str | None, ask_at: datetime | None
) -> UUID | None:
    """The order of a refund that stands like this now; None when it was settled before."""
    order_id: UUID | None = await _REFUNDED.value(
        db, refund_id=refund_id, new_state=state.value, new_reference=reference, new_ask_at=ask_at
    )
    return order_id


_DUE = statement(
    sa.update(Payment)
    .where(
        col(Payment.id).in_(
            sa.select(col(Payment.id))
            .where(col(Payment.ask_at) <= param("now", _MOMENT))
            .order_by(col(Payment.ask_at))
            .limit(param("limit", sa.Integer))
            .with_for_update(skip_locked=True)
        )
    )
    .values(ask_at=param("ask_again_at", _MOMENT))
    .returning(col(Payment.id))
)
_DUE_REFUNDS = statement(
    sa.update(Refund)
    .where(
        col(Refund.id).in_(
            sa.select(col(Refund.id))
            .where(col(Refund.ask_at) <= param("now", _MOMENT))
            .order_by(col(Refund.ask_at))
            .limit(param("limit", sa.Integer))
            .with_for_update(skip_locked=True)
        )
    )
    .values(ask_at=param("ask_again_at", _MOMENT))
    .returning(col(Refund.id))
)


async def due(db: Connection, now: datetime, *, ask_again_at: datetime, limit: int) -> list[UUID]:
    """Payments that their provider is to be asked about now; put off until then in case nobody gets to it."""
    return [row.id for row in await _DUE.all(db, now=now, ask_again_at=ask_again_at, limit=limit)]


async def due_refunds(db: Connection, now: datetime, *, ask_again_at: datetime, limit: int) -> list[UUID]:
    """Refunds that their provider is to be asked for now; put off until then in case nobody gets to it."""
    return [row.id for row in await _DUE_REFUNDS.all(db, now=now, ask_again_at=ask_again_at, limit=limit)]
