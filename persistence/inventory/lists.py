"""Lists for those who keep the stock: what moved, and where more was promised than is there."""

from __future__ import annotations

from functools import lru_cache

import sqlalchemy as sa
from sqlmodel import col, select

from persistence import paging
from persistence.database import Connection, Statement, param, statement
from persistence.inventory.levels import STANDING
from persistence.inventory.tables import StockLevel, StockMovement
from persistence.paging import Page, Place, page_of

_MOVED = Place(("stock_movement", "id desc"), (paging.key,))
_OVERSOLD = Place(("stock_level", "oversold", "sku"), (paging.text,))
_LIMIT = param("limit", sa.Integer)


@lru_cache
def _movements(after: bool) -> Statement[StockMovement]:
    clause = (
        select(StockMovement)
        .where(StockMovement.store == param("store"), StockMovement.sku == param("sku"))
        .order_by(col(StockMovement.id).desc())
        .limit(_LIMIT)
    )
    if after:
        clause = clause.where(col(StockMovement.id) < param("after", sa.Uuid))
    return statement(clause)


@lru_cache
def _oversold(after: bool) -> Statement[StockLevel]:
    clause = (
        sa.select(*STANDING)
        .where(col(StockLevel.store) == param("store"), col(StockLevel.oversold_at).is_not(None))
        .order_by(col(StockLevel.sku))
        .limit(_LIMIT)
    )
    if after:
        clause = clause.where(col(StockLevel.sku) > param("after", sa.Text))
    return statement(clause, StockLevel)


def check_movements(after: str | None) -> None:
    """Raises BAD_USER_INPUT for a cursor that is none of a list of movements."""
    if after is not None:
        _MOVED.values(after)


def check_oversold(after: str | None) -> None:
    """Raises BAD_USER_INPUT for a cursor that is none of a list of oversold levels."""
    if after is not None:
        _OVERSOLD.values(after)


async def movements(
    db: Connection, store: str, sku: str, first: int, after: str | None = None
) -> Page[StockMovement]:
    """A page of what changed a level's on hand, the newest first."""
    values = {} if after is None else {"after": _MOVED.values(after)[0]}
    rows = await _movements(after is not None).all(db, store=store, sku=sku, limit=first + 1, **values)
    return page_of(rows, first, place=_MOVED, values=lambda row: (row.id,), began=after is None)


async def oversold(db: Connection, store: str, first: int, after: str | None = None) -> Page[StockLevel]:
    """A page of a store's levels that have less on hand than was promised, by sku."""
    values = {} if after is None else {"after": _OVERSOLD.values(after)[0]}
    rows = await _oversold(after is not None).all(db, store=store, limit=first + 1, **values)
    return page_of(rows, first, place=_OVERSOLD, values=lambda row: (row.sku,), began=after is None)
