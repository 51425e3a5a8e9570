"""`shelfgraph import stock`: a file of counts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from domain.inventory import StockMovementReason
from persistence.database import Connection
from persistence.imports.files import cells
from persistence.imports.files.csv_file import rows_of
from persistence.imports.files.layouts import STOCK
from persistence.imports.files.run import Job, Outcome, Steps, run
from persistence.imports.staging import BadRow, Merged, analyse, drop_lines
from persistence.imports.stock import StockRow, merge_stock, problems_of_stock, stage_stock


def read_stock(path: Path, bad: list[BadRow]) -> Iterator[StockRow]:
    """The counts of a file; rows that are none go to `bad`. Raises BadFile."""
    seen: dict[tuple[str | None, str | None], int] = {}
    for row in rows_of(path, STOCK, bad):
        before = len(bad)
        store, sku = row.read("store", cells.code, bad), row.read("sku", cells.code, bad)
        on_hand = row.read("on_hand", cells.whole, bad)
        safety = row.read("safety_stock", _whole_or_none, bad)
        first = seen.setdefault((store, sku), row.line)
        if first != row.line and store and sku:
            bad.append(BadRow(row.line, "sku", f"Line {first} counts the same sku in the same store."))
        if len(bad) == before and store and sku and on_hand is not None:
            yield StockRow(row.line, store, sku, on_hand, safety)


async def import_stock(db: Connection, job: Job) -> Outcome:
    """What became of a file of counts: each difference is a movement of reason COUNT. Raises BadFile."""

    async def stage(bad: list[BadRow]) -> int:
        await analyse(db, "variant", "stock_level")
        return await stage_stock(db, read_stock(job.path, bad), job.tell)

    async def drop(bad: list[BadRow]) -> list[BadRow]:
        await drop_lines(db, "staged_stock", bad)
        return []

    async def merge() -> dict[str, Merged]:
        merged = await merge_stock(
            db,
            reason=StockMovementReason.COUNT,
            moved_by="import",
            reference=job.path.name,
            now=job.now,
            announce=job.announce,
        )
        return {"stock levels": merged}

    return await run(db, job, Steps(stage, partial(problems_of_stock, db), drop, merge))


def _whole_or_none(text: str) -> int | None:
    return cells.whole(text) if text else None
