"""Temporary tables that rows are copied into before they are judged and merged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from persistence.database import Connection

T = TypeVar("T")
Tell = Callable[[int], None]
"""Hears how many more rows are done; for progress bars."""

_AT_A_TIME = 2_000


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
    db: Connection, table: str, columns: str, rows: Iterable[Sequence[object]], tell: Tell = no_one
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


async def drop_lines(db: Connection, table: str, bad: Iterable[BadRow]) -> None:
    """Leaves the bad rows out of a staged table that has a `line` column."""
    lines = sorted({row.line for row in bad})
    if lines:
        await db.execute(f"DELETE FROM {table} WHERE line = ANY($1::int[])", lines)  # noqa: S608 - our names


def row_count(status: str) -> int:
    """How many rows a command touched, from the server's answer ("INSERT 0 12")."""
    return int(status.rpartition(" ")[2])


class _Counted:
    def __init__(self, rows: Iterable[Sequence[object]], tell: Tell) -> None:
        self._rows, self._tell = rows, tell
        self.count = 0
        self._told = 0

    def __iter__(self) -> Iterator[Sequence[object]]:
        for row in self._rows:
            self.count += 1
            if self.count - self._told >= _AT_A_TIME:
                self.finish()
            yield row

    def finish(self) -> None:
        self._tell(self.count - self._told)
        self._told = self.count
