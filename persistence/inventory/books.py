"""The books of stock: every counter held against the rows that explain it."""

from __future__ import annotations

from typing import NamedTuple

from persistence.database import Connection
from persistence.inventory.sql import written


class Difference(NamedTuple):
    """A level whose counters are not what its movements, open holds and allotments add up to."""

    store: str
    sku: str
    on_hand: int
    moved: int
    reserved: int
    held: int
    allotted: int
    remaining: int


_DIFFERENCES = written(
    """
    SELECT level.store, level.sku, level.on_hand, coalesce(movement.units, 0) AS moved,
        level.reserved, coalesce(hold.units, 0) AS held,
        level.allotted, coalesce(own.units, 0) AS remaining
    FROM stock_level level
    LEFT JOIN (
        SELECT store, sku, sum(delta) AS units FROM stock_movement GROUP BY store, sku
    ) movement USING (store, sku)
    LEFT JOIN (
        SELECT store, sku, sum(quantity) AS units FROM stock_hold WHERE state = 'HELD' GROUP BY store, sku
    ) hold USING (store, sku)
    LEFT JOIN (
        SELECT store, sku, sum(remaining) AS units FROM stock_allotment GROUP BY store, sku
    ) own USING (store, sku)
    WHERE (level.on_hand, level.reserved, level.allotted)
        <> (coalesce(movement.units, 0), coalesce(hold.units, 0), coalesce(own.units, 0))
    ORDER BY level.store, level.sku
    LIMIT :limit
    """,
    Difference,
)


async def differences(db: Connection, limit: int = 100) -> list[Difference]:
    """Levels that their rows do not explain; empty when the books are right.

    A hold counts here until somebody has noted its end: the counter still has it, too.
    """
    return await _DIFFERENCES.all(db, limit=limit)
