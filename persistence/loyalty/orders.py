"""What orders have to do with loyalty: promised at checkout, kept when they are paid, given back else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import col, select

from domain.loyalty.points import Part
from persistence.database import Connection, given, param, statement
from persistence.loyalty.tables import OrderLoyalty, StoredPart


class Promise(NamedTuple):
    """What an order earns and uses, by the places of its lines, as `OrderLoyalty` keeps it."""

    order_id: UUID
    member: str | None
    earned: list[int]
    used: list[int]
    parts: list[StoredPart]
    coupon_id: UUID | None
    at_once: bool
    waits_days: int
    lifetime_days: int | None


_LISTS = ("earned", "used", "parts")
"""Given as JSON texts: a list of lists would be taken for a table."""
_new = given(
    "new",
    order_id=sa.Uuid,
    member=sa.Text,
    earned=sa.Text,
    used=sa.Text,
    parts=sa.Text,
    coupon_id=sa.Uuid,
    at_once=sa.Boolean,
    waits_days=sa.Integer,
    lifetime_days=sa.Integer,
)
_PROMISE = statement(
    insert(OrderLoyalty).from_select(
        list(Promise._fields),
        sa.select(
            *(sa.cast(_new.c[name], JSONB) if name in _LISTS else _new.c[name] for name in Promise._fields)
        ),
    )
)
_BY_ORDER = statement(
    select(OrderLoyalty).where(col(OrderLoyalty.order_id) == sa.any_(param("ids", sa.ARRAY(sa.Uuid))))
)
_SET = statement(
    sa.update(OrderLoyalty)
    .where(col(OrderLoyalty.order_id) == param("of_order", sa.Uuid))
    .values(
        held=param("now_held", sa.Boolean),
        paid=param("now_paid", sa.Boolean),
        parts=param("now_parts", JSONB),
    )
)


async def promise(db: Connection, rows: Sequence[Promise]) -> None:
    """Keeps what orders earn and use; asks nothing when there is nothing to keep."""
    if rows:
        await _PROMISE.run(db, **{name: [_given(row, name) for row in rows] for name in Promise._fields})


def _given(row: Promise, name: str) -> object:
    value = getattr(row, name)
    return orjson.dumps(value).decode() if name in _LISTS else value


async def of_orders(db: Connection, order_ids: Sequence[UUID]) -> dict[UUID, OrderLoyalty]:
    """By order: what it has to do with loyalty; others are left out."""
    return {row.order_id: row for row in await _BY_ORDER.all(db, ids=order_ids)}


async def change(
    db: Connection, row: OrderLoyalty, *, held: bool, paid: bool, parts: Sequence[Part] | None = None
) -> None:
    """Says whether coupon and points are the order's, and whether it earned; the order must be locked."""
    await _SET.run(
        db,
        of_order=row.order_id,
        now_held=held,
        now_paid=paid,
        now_parts=row.parts if parts is None else written(parts),
    )


def parts_of(row: OrderLoyalty) -> list[Part]:
    """What points an order used, by when they would have expired."""
    return [
        Part(
            None if part["expires_at"] is None else datetime.fromisoformat(part["expires_at"]), part["points"]
        )
        for part in row.parts
    ]


def written(parts: Sequence[Part]) -> list[StoredPart]:
    """What points an order used, as it is kept."""
    return [
        StoredPart(
            expires_at=None if part.expires_at is None else part.expires_at.isoformat(), points=part.points
        )
        for part in parts
    ]
