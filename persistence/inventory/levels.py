"""Stock levels as readers ask for them: by store, by sku."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from domain.inventory import Stock
from persistence.database import Connection, param, statement, texts
from persistence.inventory.tables import StockLevel

_BY_ID = statement(select(StockLevel).where(col(StockLevel.id) == sa.any_(param("ids", sa.ARRAY(sa.Uuid)))))
_BY_PLACE = statement(
    select(StockLevel)
    .where(
        col(StockLevel.sku) == sa.any_(texts("skus")),
        col(StockLevel.store) == sa.any_(texts("stores")),
    )
    .order_by(col(StockLevel.sku), col(StockLevel.store))
)


async def levels_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, StockLevel]:
    """By id: the levels that are there."""
    return {row.id: row for row in await _BY_ID.all(db, ids=ids)}


async def levels_in_store(db: Connection, store: str, skus: Sequence[str]) -> dict[str, StockLevel]:
    """By sku: its level in one store; no entry where the store never had it."""
    return {row.sku: row for row in await _BY_PLACE.all(db, skus=skus, stores=[store])}


async def levels_by_sku(
    db: Connection, skus: Sequence[str], stores: Sequence[str]
) -> dict[str, list[StockLevel]]:
    """By sku: its levels in these stores, by store code.

    One row for each store, because a channel's policy promises per store and the promises are then summed.
    """
    levels: dict[str, list[StockLevel]] = {}
    for row in await _BY_PLACE.all(db, skus=skus, stores=stores):
        levels.setdefault(row.sku, []).append(row)
    return levels


def stock_of(level: StockLevel) -> Stock:
    """A level as the rules of stock read it."""
    return Stock(level.on_hand, level.reserved, level.safety_stock)
