"""Reading pickups: by id, by order, by code."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from domain.pickup import PickupState
from persistence.database import Connection, param, statement
from persistence.orders.tables import SalesOrder
from persistence.pickup.tables import OPEN_STATES, Pickup


class StoredPickup(NamedTuple):
    """A pickup, and what says whose its order is."""

    id: UUID
    order_id: UUID
    store: str
    state: PickupState
    rotation: int
    requested_at: datetime
    ready_at: datetime | None
    held_until: datetime | None
    shelf: str | None
    collected_at: datetime | None
    collected_by: str | None
    member: str | None
    placed_by: str


_OPEN_ONES = sa.text(f"pickup.state {OPEN_STATES}")
_of_order = ("member", "placed_by")
ROW = sa.select(
    *(col(getattr(Pickup, name)) for name in StoredPickup._fields if name not in _of_order),
    *(col(getattr(SalesOrder, name)) for name in _of_order),
).join(SalesOrder, col(SalesOrder.id) == col(Pickup.order_id))
"""The columns of a StoredPickup."""

_BY_ID = statement(ROW.where(col(Pickup.id) == sa.any_(param("ids", sa.ARRAY(sa.Uuid)))), StoredPickup)
_BY_ORDER = statement(
    ROW.where(col(Pickup.order_id) == sa.any_(param("ids", sa.ARRAY(sa.Uuid)))), StoredPickup
)
_BY_CODE = statement(
    ROW.where(col(Pickup.code_hash) == param("code_hash"))
    .order_by(sa.case((_OPEN_ONES, 0), else_=1), col(Pickup.requested_at).desc())
    .limit(1),
    StoredPickup,
)
_OPEN = statement(
    sa.select(col(Pickup.id))
    .where(col(Pickup.store) == param("store"), _OPEN_ONES)
    .order_by(col(Pickup.requested_at), col(Pickup.id))
    .limit(param("limit", sa.Integer))
)


async def pickups_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, StoredPickup]:
    """By id: the pickups that are there."""
    return {row.id: row for row in await _BY_ID.all(db, ids=ids)}


async def pickups_by_order(db: Connection, ids: Sequence[UUID]) -> dict[UUID, StoredPickup]:
    """By order: its pickup, for orders that are or were to be collected."""
    return {row.order_id: row for row in await _BY_ORDER.all(db, ids=ids)}


async def by_code(db: Connection, code_hash: bytes) -> StoredPickup | None:
    """The pickup that waits under a code, in whatever store, or the latest that did."""
    return await _BY_CODE.one_or_none(db, code_hash=code_hash)


async def open_ids(db: Connection, store: str, limit: int) -> list[UUID]:
    """What a store still has to do, the earliest first, at most `limit`."""
    return [row[0] for row in await _OPEN.all(db, store=store, limit=limit)]
