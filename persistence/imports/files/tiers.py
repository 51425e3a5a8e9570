"""`shelfgraph import tiers`: a file of the ranks of members."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import NamedTuple

from persistence.database import Connection
from persistence.imports.files import cells
from persistence.imports.files.csv_file import rows_of
from persistence.imports.files.layouts import TIERS
from persistence.imports.files.run import Job, Outcome, Steps, run
from persistence.imports.staging import BadRow, Merged, drop_lines, stage

_COLUMNS = "line int, code text, names jsonb, rank int, earn_rate numeric, benefits text[], active boolean"


class TierRow(NamedTuple):
    """A tier to be there, by code."""

    line: int
    code: str
    names: dict[str, str]
    rank: int
    earn_rate: Decimal
    benefits: list[str]
    active: bool


def read_tiers(path: Path, bad: list[BadRow]) -> Iterator[TierRow]:
    """The tiers of a file; rows that are none go to `bad`. Raises BadFile."""
    seen: dict[str, int] = {}
    for row in rows_of(path, TIERS, bad):
        before = len(bad)
        code = row.read("code", cells.code, bad) or ""
        names = row.texts("name_")
        rank = row.read("rank", cells.whole, bad)
        rate = row.read("earn_rate", _rate, bad)
        active = row.read("active", cells.yes_or_no, bad)
        if not names:
            bad.append(BadRow(row.line, "name_*", "A value is needed here."))
        first = seen.setdefault(code, row.line)
        if code and first != row.line:
            bad.append(BadRow(row.line, "code", f"Line {first} has the same code."))
        if len(bad) > before or rank is None or rate is None:
            continue
        benefits = [one.strip() for one in row.cells.get("benefits", "").split(";") if one.strip()]
        yield TierRow(row.line, code, names, rank, rate, benefits, active is not False)


async def import_tiers(db: Connection, job: Job) -> Outcome:
    """What became of a file of tiers. Raises BadFile.

    One tier at least has to stay active: members begin in the lowest.
    """

    async def bring(bad: list[BadRow]) -> int:
        return await stage(db, "staged_tier", _COLUMNS, read_tiers(job.path, bad))

    async def drop(bad: list[BadRow]) -> list[BadRow]:
        await drop_lines(db, "staged_tier", bad)
        return []

    return await run(db, job, Steps(bring, partial(_problems, db), drop, partial(_merge, db)))


async def _problems(db: Connection) -> list[BadRow]:
    rows = await db.fetch(
        """
        SELECT line, 'active', 'No tier would be active any more.' FROM staged_tier
        WHERE NOT EXISTS (SELECT FROM staged_tier WHERE active)
          AND NOT EXISTS (
              SELECT FROM tier t WHERE t.active AND t.code NOT IN (SELECT code FROM staged_tier)
          )
        ORDER BY line
        """
    )
    return [BadRow(*row) for row in rows]


async def _merge(db: Connection) -> dict[str, Merged]:
    rows = await db.fetch(
        """
        INSERT INTO tier AS held (code, names, rank, earn_rate, benefits, active)
        SELECT code, names, rank, earn_rate, benefits, active FROM staged_tier ORDER BY code
        ON CONFLICT (code) DO UPDATE
        SET names = excluded.names, rank = excluded.rank, earn_rate = excluded.earn_rate,
            benefits = excluded.benefits, active = excluded.active
        WHERE (held.names, held.rank, held.earn_rate, held.benefits, held.active)
              IS DISTINCT FROM
              (excluded.names, excluded.rank, excluded.earn_rate, excluded.benefits, excluded.active)
        RETURNING old.code IS NULL AS added
        """
    )
    staged = int(await db.fetchval("SELECT count(*) FROM staged_tier"))
    added = sum(row["added"] for row in rows)
    return {"tiers": Merged(added, len(rows) - added, staged - len(rows))}


def _rate(text: str) -> Decimal:
    rate = cells.decimal(text) if text else Decimal(1)
    if rate < 0:
        raise cells.BadCell("An earn rate is not negative.")
    return rate
