"""What `shelfgraph import` does with a file: the database, the progress bar, the summary."""

from __future__ import annotations

import asyncio
import csv
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from graph.demo.loader import chains
from graph.ground import Company, migrated_database
from graph.settings import Settings
from persistence.database import Connection, connect
from persistence.imports import hk_pricewatch
from persistence.imports.files.channels import import_channels
from persistence.imports.files.csv_file import BadFile
from persistence.imports.files.prices import import_prices
from persistence.imports.files.products import import_products
from persistence.imports.files.run import Job, OnError, Outcome
from persistence.imports.files.stock import import_stock
from persistence.imports.files.stores import import_stores
from persistence.imports.files.tiers import import_tiers
from persistence.imports.staging import BadRow, Merged, Tell

DONE, BAD_ROWS, CANNOT_START = 0, 1, 2
_SHOWN_AT_MOST = 50
_HK_EVENTS = 612_673  # the full log; a bar needs an end

Importer = Callable[[Connection, Job], Awaitable[Outcome]]
_IMPORTERS: dict[str, Importer] = {
    "channels": import_channels,
    "stores": import_stores,
    "tiers": import_tiers,
    "products": import_products,
    "prices": import_prices,
    "stock": import_stock,
}


@dataclass(frozen=True, slots=True)
class FileOrder:
    """What is asked for on the command line."""

    kind: str
    file: Path
    dry_run: bool = False
    skip: bool = False
    report: Path | None = None
    announce: bool = True


def bring_file(settings: Settings, order: FileOrder, out: Console | None = None) -> int:
    """The exit code of an import of a shop's own file: 0 done, 1 bad rows, 2 cannot start."""
    out = out or Console()

    async def run() -> Outcome:
        async with _database(settings) as db:
            with _progress(out, f"Reading {order.file.name}", _lines(order.file)) as tell:
                job = Job(
                    path=order.file,
                    now=datetime.now(UTC),
                    on_error=OnError.SKIP if order.skip else OnError.ABORT,
                    dry_run=order.dry_run,
                    announce=order.announce,
                    currency=settings.currency,
                    tell=tell,
                )
                outcome = await _IMPORTERS[order.kind](db, job)
            if outcome.written:
                await db.execute("ANALYZE")
        return outcome

    began = time.perf_counter()
    try:
        outcome = asyncio.run(run())
        if order.report is not None:
            _write_report(order.report, outcome.bad)
    except (BadFile, OSError) as wrong:
        out.print(str(wrong), style="red", markup=False, soft_wrap=True)
        return CANNOT_START
    _show_bad(out, outcome.bad)
    _show_merged(out, outcome.merged, dry_run=order.dry_run)
    for note in outcome.notes:
        out.print(note)
    out.print(_verdict(outcome, order), style="bold")
    out.print(_rate(outcome.rows, "rows", time.perf_counter() - began))
    return BAD_ROWS if outcome.bad else DONE


def bring_hk_pricewatch(
    settings: Settings, folder: Path, *, dry_run: bool, announce: bool, out: Console | None = None
) -> int:
    """The exit code of an import of the Online Price Watch: 0 done, 2 when the folder cannot be read."""
    out = out or Console()

    async def run() -> hk_pricewatch.Loaded:
        async with _database(settings) as db:
            transaction = db.transaction()
            await transaction.start()
            with _progress(out, "Folding the log", _HK_EVENTS) as tell:
                loaded = await hk_pricewatch.load(
                    db, folder, chains(), now=datetime.now(UTC), announce=announce, tell=tell
                )
            if dry_run:
                await transaction.rollback()
            else:
                await transaction.commit()
                await db.execute("ANALYZE")
        return loaded

    began = time.perf_counter()
    try:
        loaded = asyncio.run(run())
    except hk_pricewatch.FolderError as wrong:
        out.print(str(wrong), style="red", markup=False, soft_wrap=True)
        return CANNOT_START
    log = loaded.log
    merged = {"products": loaded.products, "prices": loaded.prices, "offers": loaded.offers}
    _show_merged(out, merged, dry_run=dry_run)
    events = ", ".join(f"{kind} {count:,}" for kind, count in log.events.most_common())
    offers = sum(point.offer is not None for point in log.points.values())
    out.print(
        f"Events {events}. On {log.last_day}: {len(log.points):,} price points, {offers:,} with an offer."
    )
    share = 100 * loaded.with_net_content / max(1, loaded.articles)
    out.print(
        f"Net content read from {loaded.with_net_content:,} of {loaded.articles:,} names ({share:.1f} %)."
    )
    out.print(_rate(log.events.total(), "events", time.perf_counter() - began))
    return DONE


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Connection]:
    # Rows by the million and no cycles among them: looking for some again and again costs a quarter.
    gc.disable()
    try:
        async with migrated_database(settings, Company.BESIDE) as dsn:
            db = await connect(dsn)
            try:
                yield db
            finally:
                await db.close()
    finally:
        gc.enable()


@contextmanager
def _progress(out: Console, what: str, total: int | None) -> Iterator[Tell]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bar = Progress(*columns, TimeElapsedColumn(), console=out, transient=True)
    with bar:
        task = bar.add_task(what, total=total)

        def tell(more: int) -> None:
            bar.advance(task, more)
            if total is not None and bar.tasks[0].completed >= total:
                bar.update(task, description="Writing")

        yield tell


def _lines(path: Path) -> int | None:
    """About how many rows a file has: its lines below the header; None where it can't be read."""
    try:
        with path.open("rb") as file:
            return max(0, sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b"")) - 1)
    except OSError:
        return None  # the import itself says what is wrong with it


def _write_report(path: Path, bad: Sequence[BadRow]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(BadRow._fields)
        writer.writerows(bad)


def _show_bad(out: Console, bad: Sequence[BadRow]) -> None:
    if not bad:
        return
    table = Table(title=f"{len(bad):,} bad rows", title_justify="left")
    table.add_column("Line", justify="right")
    table.add_column("Column")
    table.add_column("Reason", overflow="fold")
    for row in bad[:_SHOWN_AT_MOST]:
        table.add_row(str(row.line), _plain(row.column), _plain(row.reason))
    out.print(table)
    if len(bad) > _SHOWN_AT_MOST:
        out.print(f"… and {len(bad) - _SHOWN_AT_MOST:,} more; --report FILE.csv writes them all.")


def _plain(text: str) -> str:
    """The text without what a terminal or its markup would act on."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text).replace("[", "\\[")


def _show_merged(out: Console, merged: dict[str, Merged], *, dry_run: bool) -> None:
    if not merged:
        return
    table = Table(title="What would happen" if dry_run else "What happened", title_justify="left")
    for column in ("", "added", "changed", "unchanged"):
        table.add_column(column, justify="right" if column else "left")
    for name, counts in merged.items():
        table.add_row(name, *(f"{count:,}" for count in counts))
    out.print(table)


def _verdict(outcome: Outcome, order: FileOrder) -> str:
    if order.dry_run:
        return "A dry run: nothing was written."
    if not outcome.written:
        return "Nothing was written. Mend the rows above, or leave them out by --on-error skip."
    lines = len({row.line for row in outcome.bad})
    return f"Written, but for {lines:,} bad rows." if lines else "Written."


def _rate(count: int, what: str, seconds: float) -> str:
    return f"{count:,} {what} in {seconds:.1f} s ({count / max(seconds, 0.001):,.0f} a second)."
