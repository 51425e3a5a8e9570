"""Where else a sku can be had."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from persistence.database import Connection, param, statement
from persistence.inventory.tables import StockLevel
from persistence.stores import Store

_here: Any = aliased(Store)
_free = col(StockLevel.on_hand) - col(StockLevel.reserved) - col(StockLevel.safety_stock)
_earth = sa.func.ll_to_earth
_WITH_STOCK = statement(
    sa.select(col(Store.code))
    .join(StockLevel, col(StockLevel.store) == col(Store.code))
    .outerjoin(_here, _here.code == param("near", sa.Text))
    .where(
        col(StockLevel.sku) == param("sku", sa.Text),
        _free >= param("wanted", sa.Integer),
        col(Store.active),
        col(Store.code).is_distinct_from(param("near", sa.Text)),
    )
    .order_by(
        sa.func.earth_distance(
            _earth(_here.latitude, _here.longitude), _earth(Store.latitude, Store.longitude)
        ),
        _free.desc(),
        col(Store.code),
    )
    .limit(1)
)


async def store_with(db: Connection, sku: str, wanted: int, *, near: str | None) -> str | None:
    """The code of a store that has so many of a sku free: the nearest to `near`, else the one with most."""
    code: str | None = await _WITH_STOCK.value(db, sku=sku, wanted=wanted, near=near)
    return code
