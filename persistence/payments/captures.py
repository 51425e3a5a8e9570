"""Payments that were captured in time, many at once: what changes is written in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from persistence.database import Connection, param, statement
from persistence.orders.tables import SalesOrder
from persistence.payments.tables import Payment

_IDS = sa.any_(param("ids", sa.ARRAY(sa.Uuid)))
_PAYMENTS = statement(select(Payment).where(col(Payment.id) == _IDS))
_LOCK = statement(
    select(SalesOrder)
    .where(col(SalesOrder.id).in_(sa.select(col(Payment.order_id)).where(col(Payment.id) == _IDS)))
    .order_by(col(SalesOrder.id))
    .with_for_update(key_share=True)
)


async def locked(
    db: Connection, payment_ids: Sequence[UUID]
) -> tuple[dict[UUID, Payment], dict[UUID, SalesOrder]]:
    """Payments and their orders, by id; the orders are locked until the transaction ends."""
    orders = {row.id: row for row in await _LOCK.all(db, ids=payment_ids)}
    # Read after the lock: as the last owner of it left them.
    return {row.id: row for row in await _PAYMENTS.all(db, ids=payment_ids)}, orders


class Captured(NamedTuple):
    """A payment that is to count as captured, by a provider's notice."""

    payment_id: UUID
    order_id: UUID
    provider: str
    event_id: str
    reference: str | None


_MOMENT = sa.DateTime(timezone=True)
_CAPTURE = statement(
    sa.text(
        """
        WITH told AS (
            SELECT * FROM unnest(:payment_ids, :order_ids, :providers, :event_ids, :references)
                AS told (payment_id, order_id, provider, event_id, reference)
        ),
        heard AS (
            INSERT INTO payment_notice (provider, event_id, payment_id, outcome, heard_at)
            SELECT provider, event_id, payment_id, 'CAPTURED', :now FROM told
            ORDER BY provider, event_id
            ON CONFLICT DO NOTHING
            RETURNING payment_id
        ),
        new AS (SELECT told.* FROM told JOIN heard USING (payment_id)),
        kept AS (
            UPDATE stock_hold hold SET expires_at = greatest(hold.expires_at, :until)
            FROM new WHERE hold.holder = new.order_id AND hold.state = 'HELD'
        ),
        captured AS (
            UPDATE payment SET state = 'CAPTURED', captured_minor = amount_minor, ask_at = NULL,
                reference = coalesce(new.reference, payment.reference)
            FROM new WHERE payment.id = new.payment_id
        ),
        paid AS (
            UPDATE sales_order SET state = 'PAID', payment_state = 'CAPTURED', held_until = NULL
            FROM new WHERE sales_order.id = new.order_id
        ),
        written AS (
            INSERT INTO order_event (order_id, kind, by, at)
            SELECT order_id, 'paid', provider, :now FROM new
        )
        SELECT payment_id FROM heard
        """
    )
    .bindparams(
        sa.bindparam("payment_ids", type_=sa.ARRAY(sa.Uuid)),
        sa.bindparam("order_ids", type_=sa.ARRAY(sa.Uuid)),
        sa.bindparam("providers", type_=sa.ARRAY(sa.Text)),
        sa.bindparam("event_ids", type_=sa.ARRAY(sa.Text)),
        sa.bindparam("references", type_=sa.ARRAY(sa.Text)),
        sa.bindparam("now", type_=_MOMENT),
        sa.bindparam("until", type_=_MOMENT),
    )
    .columns(sa.column("payment_id", sa.Uuid))
)


async def capture(
    db: Connection, captured: Sequence[Captured], *, keep_until: datetime, now: datetime
) -> set[UUID]:
    """The payments that count as captured now: their orders are paid, and keep their goods until then.

    Those whose notice was heard before are left as they are. Their orders are locked, wait for this payment,
    and none of what they hold has run out.
    """
    rows = await _CAPTURE.all(
        db,
        payment_ids=[one.payment_id for one in captured],
        order_ids=[one.order_id for one in captured],
        providers=[one.provider for one in captured],
        event_ids=[one.event_id for one in captured],
        references=[one.reference for one in captured],
        now=now,
        until=keep_until,
    )
    return {row.payment_id for row in rows}
