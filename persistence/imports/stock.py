"""Stock counts, many at once: levels, and the movements that explain them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from domain.inventory import StockMovementReason
from persistence.database import Connection
from persistence.imports.references import references_held
from persistence.imports.staging import BadRow, Merged, Tell, no_one, stage


class StockRow(NamedTuple):
    """How many of a sku a store has; a safety stock of None leaves what is set."""

    line: int
    store: str
    sku: str
    on_hand: int
    safety_stock: int | None = None


async def stage_stock(db: Connection, rows: Iterable[StockRow], tell: Tell = no_one) -> int:
    """How many counts now stand in a temporary table, to be checked and merged."""
    return await stage(
        db, "staged_stock", "line int, store text, sku text, on_hand int, safety_stock int", rows, tell
    )


async def problems_of_stock(db: Connection) -> list[BadRow]:
    """What is wrong with the staged counts beside what is in the database."""
    rows = await db.fetch(
        """
        SELECT s.line, 'store' AS "column", 'There is no store "' || s.store || '".' AS reason
        FROM staged_stock s LEFT JOIN store t ON t.code = s.store WHERE t.code IS NULL
        UNION ALL
        SELECT s.line, 'sku', 'There is no sku "' || s.sku || '".'
        FROM staged_stock s LEFT JOIN variant v USING (sku) WHERE v.sku IS NULL
        ORDER BY 1, 2
        """
    )
    return [BadRow(*row) for row in rows]


async def merge_stock(
    db: Connection,
    *,
    reason: StockMovementReason,
    moved_by: str,
    reference: str | None,
    now: datetime,
    announce: bool,
) -> Merged:
    """What became of the staged counts: each difference is one movement, so that movements sum up to on hand.

    A level that is there already and says the same stays untouched. Rows are locked by store, then by sku.
    """
    staged = int(await db.fetchval("SELECT count(*) FROM staged_stock"))
    await db.execute(
        """
        DROP TABLE IF EXISTS pg_temp.changed_stock;
        CREATE TEMPORARY TABLE changed_stock (store text, sku text, delta int, added boolean)
            ON COMMIT DROP
        """
    )
    await db.fetchval(
        """
        SELECT count(*) FROM (
            SELECT FROM stock_level l JOIN staged_stock s USING (sku, store)
            ORDER BY l.store, l.sku FOR NO KEY UPDATE OF l
        ) locked
        """
    )
    await db.execute(
        """
        UPDATE staged_stock s SET safety_stock = l.safety_stock FROM stock_level l
        WHERE s.safety_stock IS NULL AND l.sku = s.sku AND l.store = s.store
        """
    )
    async with references_held(db, "staged_stock", "sku", "store"):
        await db.execute(_MERGE, now)
        await db.execute(_MOVE, reason.value, reference, moved_by, now)
    if announce:
        await db.execute(
            """
            INSERT INTO outbox (topic, sku, store, cause, occurred_at)
            SELECT 'stock', sku, store, 'import', $1 FROM changed_stock ORDER BY sku, store
            """,
            now,
        )
    rows = await db.fetch("SELECT count(*), count(*) FILTER (WHERE added) FROM changed_stock")
    touched, added = rows[0]
    return Merged(added, touched - added, staged - touched)


_MERGE = """
    WITH merged AS (
        INSERT INTO stock_level AS held (store, sku, on_hand, safety_stock, updated_at)
        SELECT store, sku, on_hand, coalesce(safety_stock, 0), $1 FROM staged_stock ORDER BY store, sku
        ON CONFLICT (sku, store) DO UPDATE
        SET on_hand = excluded.on_hand, safety_stock = excluded.safety_stock,
            oversold_at = CASE
                WHEN excluded.on_hand < held.reserved THEN coalesce(held.oversold_at, $1)
            END,
            updated_at = excluded.updated_at
        WHERE (held.on_hand, held.safety_stock) <> (excluded.on_hand, excluded.safety_stock)
        RETURNING new.store, new.sku, new.on_hand - coalesce(old.on_hand, 0) AS delta,
                  old.id IS NULL AS added
    )
    INSERT INTO changed_stock SELECT store, sku, delta, added FROM merged
"""
_MOVE = """
    INSERT INTO stock_movement (store, sku, delta, reason, reference, moved_by, moved_at)
    SELECT store, sku, delta, $1, $2, $3, $4 FROM changed_stock WHERE delta <> 0 ORDER BY store, sku
"""
