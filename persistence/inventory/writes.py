"""Moving stock: the level and the movement that explains it change together, levels locked in one order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from domain.inventory import StockMovementReason
from persistence.catalog.tables import Variant
from persistence.database import Connection, given, param, statement, texts
from persistence.inventory.expiry import note_expired
from persistence.inventory.tables import StockLevel, StockMovement

_KNOWN = statement(sa.select(col(Variant.sku)).where(col(Variant.sku) == sa.any_(texts("skus"))))


async def known_skus(db: Connection, skus: Sequence[str]) -> set[str]:
    """Those of the skus that exist."""
    return {row.sku for row in await _KNOWN.all(db, skus=skus)}


_asked = given("asked", sku=sa.Text)
_OPEN = statement(
    insert(StockLevel)
    .from_select(["store", "sku"], sa.select(param("store", sa.Text), _asked.c.sku).order_by(_asked.c.sku))
    .on_conflict_do_nothing()
)
_LOCK = statement(
    select(StockLevel)
    .where(StockLevel.store == param("store"), col(StockLevel.sku) == sa.any_(texts("skus")))
    .order_by(col(StockLevel.sku))
    .with_for_update()
)


async def lock_levels(
    db: Connection, store: str, skus: Sequence[str], now: datetime
) -> dict[str, StockLevel]:
    """By sku: the levels of a store, opened where there was none, locked in the order of the skus.

    Holds on them that have expired are noted first, so that they keep nothing from anybody.
    """
    await _OPEN.run(db, store=store, sku=skus)
    levels = {row.sku: row for row in await _LOCK.all(db, store=store, skus=skus)}
    if any(level.reserved for level in levels.values()) and await note_expired(
        db, [store] * len(skus), skus, now
    ):
        levels = {row.sku: row for row in await _LOCK.all(db, store=store, skus=skus)}
    return levels


class Move(NamedTuple):
    """A change of on hand, in units."""

    sku: str
    delta: int


_moves = given("move", sku=sa.Text, delta=sa.Integer)
_moved_at = param("moved_at", sa.DateTime(timezone=True))
_after = col(StockLevel.on_hand) + _moves.c.delta
_MOVE = statement(
    sa.update(StockLevel)
    .where(col(StockLevel.store) == param("of_store", sa.Text), col(StockLevel.sku) == _moves.c.sku)
    .values(
        on_hand=_after,
        # A count may find less than was promised: said, until it is made good.
        oversold_at=sa.case(
            (_after < col(StockLevel.reserved), sa.func.coalesce(StockLevel.oversold_at, _moved_at)),
            else_=sa.null(),
        ),
        updated_at=_moved_at,
    )
)
_LOG = statement(
    insert(StockMovement).from_select(
        ["store", "sku", "delta", "reason", "reference", "moved_by", "moved_at"],
        sa.select(
            param("store", sa.Text),
            _moves.c.sku,
            _moves.c.delta,
            param("reason", sa.Text),
            param("reference", sa.Text),
            param("moved_by", sa.Text),
            _moved_at,
        ),
    )
)


async def move(
    db: Connection,
    store: str,
    moves: Sequence[Move],
    *,
    reason: StockMovementReason,
    reference: str | None,
    moved_by: str,
    now: datetime,
) -> None:
    """Changes on hand by each move and writes the movement; one move a sku, levels locked beforehand."""
    values = {"sku": [each.sku for each in moves], "delta": [each.delta for each in moves], "moved_at": now}
    await _MOVE.run(db, of_store=store, **values)
    await _LOG.run(db, store=store, reason=reason.value, reference=reference, moved_by=moved_by, **values)
