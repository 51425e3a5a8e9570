"""Temporary tables that rows are copied into before they are judged and merged."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple, TypeVar

from persistence.database import Connection

T = TypeVar("T")
Tell = Callable[[int], None]
"""Hears how many more rows are done; for progress bars."""

Rows = Iterable[T] | AsyncIterable[T]
"""Rows that are there, or that come as they are read."""

_AT_A_TIME = 2_000
# What 100,000 products need; memory is taken as it fills.
_ROOM = {"gin_pending_list_limit": "128MB", "work_mem": "128MB"}


class BadRow(NamedTuple):
    """Why a row of a file cannot be taken: its line (the header is 1), the column at fault, the reason."""

    line: int
    column: str
    reason: str


class Merged(NamedTuple):
    """What a merge did to the database, in rows."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: object) -> Merged:
        """Both together."""
        if not isinstance(other, Merged):
            return NotImplemented
        return Merged(
            self.added + other.added, self.changed + other.changed, self.unchanged + other.unchanged
        )


def no_one(_: int) -> None:
    """Tells nobody."""


async def stage(
    db: Connection, table: str, columns: str, rows: Rows[Sequence[object]], tell: Tell = no_one
) -> int:
    """How many rows now stand in a new temporary table, which ends with the transaction.

    `columns` is what stands between the parentheses of CREATE TABLE; rows come in that order.
    """
    counted = _Counted(rows, tell)
    await db.execute(f"DROP TABLE IF EXISTS pg_temp.{table}")
    await db.execute(f"CREATE TEMPORARY TABLE {table} ({columns}) ON COMMIT DROP")
    await db.copy_records_to_table(table, records=counted, schema_name=None)
    # Nobody else gathers statistics of a temporary table, and without them joins are planned for ten rows.
    await db.execute(f"ANALYZE {table}")
    counted.finish()
    return counted.count


async def analyse(db: Connection, *tables: str) -> None:
    """Gathers statistics of those tables that have none, or have grown to twice their size since.

    A table that was filled a moment ago is taken for one of ten rows, and joined accordingly.
    """
    stale = await db.fetch(
        """
        SELECT relname FROM pg_class
        WHERE oid = ANY($1::regclass[])
          AND (reltuples < 0 OR pg_relation_size(oid) > 2 * relpages * current_setting('block_size')::bigint)
        ORDER BY relname
        """,
        tables,
    )
    for row in stale:
        await db.execute(f"ANALYZE {row['relname']}")


@asynccontextmanager
async def indexed_in_one_go(db: Connection, *indexes: str) -> AsyncIterator[None]:
    """What is inserted within goes into these GIN indexes once, at the end, and not every 4 MB of entries."""
    names = [*_ROOM]
    kept = await db.fetch(
        "SELECT name, current_setting(name) AS value FROM unnest($1::text[]) AS name", names
    )
    for row in kept:
        await db.execute("SELECT set_config($1, $2, true)", row["name"], _ROOM[row["name"]])
    yield
    for index in indexes:
        # Left to whoever inserts next, or searches meanwhile, it would be they who wait.
        await db.execute("SELECT gin_clean_pending_list($1::text::regclass)", index)
    for row in kept:
        await db.execute("SELECT set_config($1, $2, true)", row["name"], row["value"])


async def drop_lines(db: Connection, table: str, bad: Iterable[BadRow]) -> None:
    """Leaves the bad rows out of a staged table that has a `line` column."""
    lines = sorted({row.line for row in bad})
    if lines:
        await db.execute(f"DELETE FROM {table} WHERE line = ANY($1::int[])", lines)  # noqa: S608 - our names


def row_count(status: str) -> int:
    """How many rows a command touched, from the server's answer ("INSERT 0 12")."""
    return int(status.rpartition(" ")[2])


class _Counted:
    def __init__(self, rows: Rows[Sequence[object]], tell: Tell) -> None:
        self._rows, self._tell = rows, tell
        self.count = 0
        self._told = 0

    async def __aiter__(self) -> AsyncIterator[Sequence[object]]:
        if isinstance(self._rows, AsyncIterable):
            async for row in self._rows:
                self._count()
                yield row
        else:
            for row in self._rows:
                self._count()
                yield row

    def _count(self) -> None:
        self.count += 1
        if self.count - self._told >= _AT_A_TIME:
            self.finish()

    def finish(self) -> None:
        self._tell(self.count - self._told)
        self._told = self.count
