"""Stock levels as readers ask for them: by store, by sku."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from domain.inventory import Stock
from persistence.database import Connection, param, statement, texts
from persistence.inventory.tables import StockHold, StockLevel

_expired = (
    sa.select(sa.cast(sa.func.coalesce(sa.func.sum(StockHold.quantity), 0), sa.Integer))
    .where(
        col(StockLevel.reserved) > sa.literal_column("0"),
        col(StockHold.sku) == col(StockLevel.sku),
        col(StockHold.store) == col(StockLevel.store),
        sa.text("stock_hold.state = 'HELD'"),
        col(StockHold.expires_at) <= sa.func.clock_timestamp(),
    )
    .correlate(StockLevel)
    .scalar_subquery()
)
_standing = {"reserved": (col(StockLevel.reserved) - _expired).label("reserved")}
# A level as the table has it, but without what expired holds no longer keep.
STANDING = [_standing.get(name, col(getattr(StockLevel, name))) for name in StockLevel.model_fields]
_BY_ID = statement(
    sa.select(*STANDING).where(col(StockLevel.id) == sa.any_(param("ids", sa.ARRAY(sa.Uuid)))), StockLevel
)
_BY_PLACE = statement(
    sa.select(*STANDING)
    .where(
        col(StockLevel.sku) == sa.any_(texts("skus")),
        col(StockLevel.store) == sa.any_(texts("stores")),
    )
    .order_by(col(StockLevel.sku), col(StockLevel.store)),
    StockLevel,
)


async def levels_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, StockLevel]:
    """By id: the levels that are there."""
    return {row.id: row for row in await _BY_ID.all(db, ids=ids)}


async def levels_in_store(db: Connection, store: str, skus: Sequence[str]) -> dict[str, StockLevel]:
    """By sku: its level in one store; no entry where the store never had it."""
    return {row.sku: row for row in await _BY_PLACE.all(db, skus=skus, stores=[store])}


def stock_of(level: StockLevel) -> Stock:
    """A level as the rules of stock read it."""
    return Stock(level.on_hand, level.reserved, level.safety_stock, low_stock=level.low_stock)
