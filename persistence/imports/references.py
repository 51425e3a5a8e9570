"""Foreign keys seen to for a whole import at once, instead of row by row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from persistence.database import Connection

_NAMED_BY = {"sku": ("variant", "sku"), "store": ("store", "code"), "channel": ("channel", "code")}


@asynccontextmanager
async def references_held(db: Connection, staged: str, *columns: str) -> AsyncIterator[None]:
    """Rows inserted within are not held against what they name one by one: nearly half of an import's work.

    What the columns (sku, store, channel) of the staged table name is locked first, so that nobody deletes it
    before the transaction ends. Where something is missing, or this user may not set
    `session_replication_role`, every row is checked as ever. Triggers on INSERT do not fire within.
    """
    held = await db.fetchval("SELECT has_parameter_privilege('session_replication_role', 'SET')")
    for column in columns:
        held = held and await _held(db, staged, column)
    if not held:
        yield
        return
    # For the transaction only: if something is raised within, its rollback takes this back too.
    await db.execute("SET LOCAL session_replication_role = replica")
    yield
    await db.execute("SET LOCAL session_replication_role = origin")


async def _held(db: Connection, staged: str, column: str) -> bool:
    """Whether all that the column names is there, and locked from now on."""
    table, key = _NAMED_BY[column]
    all_there: bool = await db.fetchval(
        f"""
        WITH named AS MATERIALIZED (SELECT DISTINCT {column} AS key FROM {staged} WHERE {column} IS NOT NULL),
        locked AS MATERIALIZED (
            SELECT FROM {table} WHERE {key} IN (SELECT key FROM named) ORDER BY {key} FOR KEY SHARE
        )
        SELECT (SELECT count(*) FROM locked) = (SELECT count(*) FROM named)
        """  # noqa: S608 - our names
    )
    return all_there
