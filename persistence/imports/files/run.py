"""One file from its first byte to the commit, or to nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from persistence.database import Connection
from persistence.imports.staging import BadRow, Merged, Tell, no_one


class OnError(StrEnum):
    """What bad rows do: keep the whole file out, or only themselves."""

    ABORT = "abort"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done with a file; `announce` tells subscribers, `currency` is for rows that name none."""

    path: Path
    now: datetime
    on_error: OnError = OnError.ABORT
    dry_run: bool = False
    announce: bool = True
    currency: str = "HKD"
    tell: Tell = no_one


@dataclass(slots=True)
class Outcome:
    """What became of a file: rows read well, rows merged by table, bad rows by line, and remarks."""

    rows: int = 0
    merged: dict[str, Merged] = field(default_factory=dict)
    bad: list[BadRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    written: bool = False


class Steps:
    """The three steps of an import, filled in by each kind of file."""

    def __init__(
        self,
        stage: Callable[[list[BadRow]], Awaitable[int]],
        judge: Callable[[], Awaitable[list[BadRow]]],
        drop: Callable[[list[BadRow]], Awaitable[list[BadRow]]],
        merge: Callable[[], Awaitable[dict[str, Merged]]],
    ) -> None:
        self.stage, self.judge, self.drop, self.merge = stage, judge, drop, merge


async def run(db: Connection, job: Job, steps: Steps) -> Outcome:
    """What became of the file; with bad rows and ABORT, or in a dry run, the database is as it was.

    A dry run merges too and then takes everything back, so it tells exactly what would happen.
    """
    outcome = Outcome()
    transaction = db.transaction()
    await transaction.start()
    try:
        outcome.rows = await steps.stage(outcome.bad)
        found = await steps.judge()
        outcome.bad += found
        goes_in = not outcome.bad or job.on_error is OnError.SKIP
        if goes_in:
            if found:
                outcome.bad += await steps.drop(found)
            outcome.merged = await steps.merge()
        outcome.written = goes_in and not job.dry_run
    except BaseException:
        await transaction.rollback()
        raise
    await (transaction.commit() if outcome.written else transaction.rollback())
    outcome.bad.sort(key=lambda row: (row.line, row.column))
    return outcome
