"""Orders as they are read: by id, number or token, with their lines, timeline and payments."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from persistence.database import Connection, param, statement
from persistence.orders.tables import OrderEvent, OrderLine, SalesOrder
from persistence.payments.tables import Refund

_IDS = sa.any_(param("ids", sa.ARRAY(sa.Uuid)))
_BY_ID = statement(select(SalesOrder).where(col(SalesOrder.id) == _IDS))
_BY_SERIAL = statement(select(SalesOrder).where(SalesOrder.serial == param("serial")))
_BY_TOKEN = statement(select(SalesOrder).where(SalesOrder.token_hash == param("token_hash")))
_LINES = statement(
    select(OrderLine)
    .where(col(OrderLine.order_id) == _IDS)
    .order_by(col(OrderLine.order_id), col(OrderLine.position))
)
_EVENTS = statement(
    select(OrderEvent)
    .where(col(OrderEvent.order_id) == _IDS)
    .order_by(col(OrderEvent.order_id), col(OrderEvent.id))
)
_REFUNDS = statement(
    select(Refund).where(col(Refund.order_id) == _IDS).order_by(col(Refund.order_id), col(Refund.id))
)


async def orders_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, SalesOrder]:
    """By id: the orders that are there."""
    return {row.id: row for row in await _BY_ID.all(db, ids=ids)}


async def by_serial(db: Connection, serial: int) -> SalesOrder | None:
    """The order whose number has this serial."""
    return await _BY_SERIAL.one_or_none(db, serial=serial)


async def by_token(db: Connection, token_hash: bytes) -> SalesOrder | None:
    """The order that a visitor's token opens, by the token's hash."""
    return await _BY_TOKEN.one_or_none(db, token_hash=token_hash)


async def lines_by_order(db: Connection, ids: Sequence[UUID]) -> dict[UUID, list[OrderLine]]:
    """By order: its lines, in their order."""
    found: dict[UUID, list[OrderLine]] = {}
    for row in await _LINES.all(db, ids=ids):
        found.setdefault(row.order_id, []).append(row)
    return found


async def events_by_order(db: Connection, ids: Sequence[UUID]) -> dict[UUID, list[OrderEvent]]:
    """By order: what happened to it, in that order."""
    found: dict[UUID, list[OrderEvent]] = {}
    for row in await _EVENTS.all(db, ids=ids):
        found.setdefault(row.order_id, []).append(row)
    return found


async def refunds_by_order(db: Connection, ids: Sequence[UUID]) -> dict[UUID, list[Refund]]:
    """By order: its refunds, the earliest first."""
    found: dict[UUID, list[Refund]] = {}
    for row in await _REFUNDS.all(db, ids=ids):
        found.setdefault(row.order_id, []).append(row)
    return found
