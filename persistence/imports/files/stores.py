"""`shelfgraph import stores`: a file of stores."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from domain.stores import StoreService
from persistence.database import Connection
from persistence.imports.files import cells
from persistence.imports.files.csv_file import Column, rows_of
from persistence.imports.files.run import Job, Outcome, Steps, run
from persistence.imports.places import StoreRow, merge_stores, problems_of_stores, stage_stores
from persistence.imports.staging import BadRow, Merged, drop_lines

LAYOUT = (
    Column("code", "The store's code; a store that is there already is replaced.", required=True),
    Column("name_*", "The name in one language: name_en, name_zh_hk, name_zh_cn.", required=True),
    Column("address_*", "The address in one language: address_en, address_zh_hk.", required=True),
    Column("city", "The city.", required=True),
    Column("latitude", "Degrees north (WGS 84).", required=True),
    Column("longitude", "Degrees east (WGS 84).", required=True),
    Column("time_zone", "An IANA name such as Asia/Hong_Kong.", required=True),
    Column("opening_hours", "Spans such as: Mon-Fri 08:00-22:00; Sat 09:00-21:00. Local time."),
    Column("services", f"Any of {' '.join(StoreService)}, separated by spaces."),
    Column("till_channel", "The channel of its tills and labels; pos when empty."),
    Column("active", "yes or no; yes when empty."),
)


def read_stores(path: Path, bad: list[BadRow]) -> Iterator[StoreRow]:
    """The stores of a file; rows that are none go to `bad`. Raises BadFile."""
    seen: dict[str, int] = {}
    for row in rows_of(path, LAYOUT, bad):
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
        active = row.read("active", _yes_or_no, bad)
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
            services or [], till or "pos", active is not False,
        )  # fmt: skip


async def import_stores(db: Connection, job: Job) -> Outcome:
    """What became of a file of stores. Raises BadFile."""

    async def stage(bad: list[BadRow]) -> int:
        return await stage_stores(db, read_stores(job.path, bad))

    async def drop(bad: list[BadRow]) -> list[BadRow]:
        await drop_lines(db, "staged_store", bad)
        return []

    async def merge() -> dict[str, Merged]:
        return {"stores": await merge_stores(db)}

    return await run(db, job, Steps(stage, partial(problems_of_stores, db), drop, merge))


def _yes_or_no(text: str) -> bool:
    if text.lower() in ("", "yes", "true", "1"):
        return True
    if text.lower() in ("no", "false", "0"):
        return False
    raise cells.BadCell(f"{text!r} is neither yes nor no.")
