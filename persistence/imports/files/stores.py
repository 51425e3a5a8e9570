"""`shelfgraph import stores`: a file of stores."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from domain.stores import StoreService
from persistence.database import Connection
from persistence.imports.files import cells
from persistence.imports.files.csv_file import rows_of
from persistence.imports.files.layouts import STORES
from persistence.imports.files.run import Job, Outcome, Steps, run
from persistence.imports.places import (
    TILL_CHANNEL,
    StoreRow,
    add_channels,
    announce_directory,
    merge_stores,
    problems_of_stores,
    stage_stores,
    tills,
)
from persistence.imports.staging import BadRow, Merged, drop_lines


def read_stores(path: Path, bad: list[BadRow]) -> Iterator[StoreRow]:
    """The stores of a file; rows that are none go to `bad`. Raises BadFile."""
    seen: dict[str, int] = {}
    for row in rows_of(path, STORES, bad):
        before = len(bad)
        code = row.read("code", cells.code, bad) or ""
        names, addresses = row.texts("name_"), row.texts("address_")
        city = row.cells["city"]
        latitude = row.read("latitude", partial(cells.degrees, largest=90), bad)
        longitude = row.read("longitude", partial(cells.degrees, largest=180), bad)
        zone = row.read("time_zone", cells.time_zone, bad)
        hours = row.read("opening_hours", cells.opening_hours, bad)
        services = row.read("services", partial(cells.choices, kind=StoreService), bad)
        till = row.read("till_channel", cells.optional_code, bad)
        active = row.read("active", cells.yes_or_no, bad)
        bad += (
            BadRow(row.line, column, "A value is needed here.")
            for column, value in (("name_*", names), ("address_*", addresses), ("city", city))
            if not value
        )
        first = seen.setdefault(code, row.line)
        if code and first != row.line:
            bad.append(BadRow(row.line, "code", f"Line {first} has the same code."))
        if len(bad) > before or latitude is None or longitude is None:
            continue
        yield StoreRow(
            row.line, code, names, addresses, city, latitude, longitude, zone or "", hours or [],
            services or [], till or TILL_CHANNEL, active is not False,
        )  # fmt: skip


async def import_stores(db: Connection, job: Job) -> Outcome:
    """What became of a file of stores; the channel of tills is made when it is not there. Raises BadFile."""

    async def stage(bad: list[BadRow]) -> int:
        await add_channels(db, [tills(job.currency)])
        return await stage_stores(db, read_stores(job.path, bad))

    async def drop(bad: list[BadRow]) -> list[BadRow]:
        await drop_lines(db, "staged_store", bad)
        return []

    async def merge() -> dict[str, Merged]:
        merged = await merge_stores(db)
        if job.announce and merged.added + merged.changed:
            await announce_directory(db, job.now)
        return {"stores": merged}

    return await run(db, job, Steps(stage, partial(problems_of_stores, db), drop, merge))
