"""Every line of every order, as a stream; nothing that names a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import col

from domain.orders.states import OrderState
from domain.payments import PaymentState
from persistence.database import Connection, param, statement
from persistence.orders.tables import OrderLine, SalesOrder

_MOMENT = sa.DateTime(timezone=True)


class ExportedLine(NamedTuple):
    """A line of an order, with what it takes to understand it alone; amounts in minor units."""

    serial: int
    external_number: str | None
    channel: str
    store: str | None
    fulfilment_store: str | None
    state: OrderState
    held_until: datetime | None
    payment_state: PaymentState
    placed_at: datetime
    currency_code: str
    order_total_minor: int
    position: int
    sku: str
    quantity: int
    unit_price_minor: int
    discount_minor: int
    total_minor: int
    returned: int
    refunded_minor: int


_of_order = (
    *("serial", "external_number", "channel", "store", "fulfilment_store", "state", "held_until"),
    *("payment_state", "placed_at", "currency_code"),
)
_of_line = (
    *("position", "sku", "quantity", "unit_price_minor", "discount_minor", "total_minor", "returned"),
    "refunded_minor",
)
_LINES = statement(
    sa.select(
        *(col(getattr(SalesOrder, name)) for name in _of_order),
        col(SalesOrder.total_minor).label("order_total_minor"),
        *(col(getattr(OrderLine, name)) for name in _of_line),
    )
    .join(OrderLine, col(OrderLine.order_id) == col(SalesOrder.id))
    .where(
        col(SalesOrder.placed_at) >= param("since", _MOMENT),
        col(SalesOrder.placed_at) < param("until", _MOMENT),
        sa.or_(param("channel", sa.Text).is_(None), col(SalesOrder.channel) == param("channel", sa.Text)),
    )
    .order_by(col(SalesOrder.placed_at), col(SalesOrder.id), col(OrderLine.position)),
    ExportedLine,
)


def order_lines(
    db: Connection, *, since: datetime, until: datetime, channel: str | None
) -> AsyncIterator[ExportedLine]:
    """The lines of what was placed from `since` to before `until`, the oldest order first.

    Of one channel, or of all. Needs a transaction.
    """
    return _LINES.each(db, since=since, until=until, channel=channel)
