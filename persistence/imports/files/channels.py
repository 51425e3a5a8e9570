"""`shelfgraph import channels`: a file of touchpoints."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from domain.channels import ChannelKind, StockPolicy
from persistence.database import Connection
from persistence.imports.files import cells
from persistence.imports.files.csv_file import rows_of
from persistence.imports.files.layouts import CHANNELS
from persistence.imports.files.run import Job, Outcome, Steps, run
from persistence.imports.places import (
    ChannelRow,
    announce_directory,
    merge_channels,
    problems_of_channels,
    stage_channels,
)
from persistence.imports.public_prices import refresh_all_public_prices
from persistence.imports.staging import BadRow, Merged, drop_lines


def read_channels(path: Path, bad: list[BadRow], *, currency: str) -> Iterator[ChannelRow]:
    """The channels of a file; rows that are none go to `bad`. Raises BadFile."""
    seen: dict[str, int] = {}
    for row in rows_of(path, CHANNELS, bad):
        before = len(bad)
        code = row.read("code", cells.code, bad) or ""
        names = row.texts("name_")
        kind = row.read("kind", partial(cells.choice, kind=ChannelKind), bad)
        money = row.read("currency", partial(cells.currency, default=currency), bad)
        policy = row.read("stock_policy", _policy, bad)
        active = row.read("active", cells.yes_or_no, bad)
        if not names:
            bad.append(BadRow(row.line, "name_*", "A value is needed here."))
        first = seen.setdefault(code, row.line)
        if code and first != row.line:
            bad.append(BadRow(row.line, "code", f"Line {first} has the same code."))
        if len(bad) > before or kind is None or money is None or policy is None:
            continue
        yield ChannelRow(code, names, kind.value, money, policy.value, active is not False, row.line)


async def import_channels(db: Connection, job: Job) -> Outcome:
    """What became of a file of channels. Raises BadFile.

    Whoever opens or closes a channel changes what is sold where: lists by price know of it with the commit.
    """

    async def stage(bad: list[BadRow]) -> int:
        return await stage_channels(db, read_channels(job.path, bad, currency=job.currency))

    async def drop(bad: list[BadRow]) -> list[BadRow]:
        await drop_lines(db, "staged_channel", bad)
        return []

    async def merge() -> dict[str, Merged]:
        merged, turned = await merge_channels(db)
        if turned:
            await refresh_all_public_prices(db, now=job.now)
        if job.announce and merged.added + merged.changed:
            await announce_directory(db, job.now)
        return {"channels": merged}

    return await run(db, job, Steps(stage, partial(problems_of_channels, db), drop, merge))


def _policy(text: str) -> StockPolicy:
    return cells.choice(text, StockPolicy) if text else StockPolicy.SHARED
