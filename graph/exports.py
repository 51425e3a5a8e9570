"""What `shelfgraph export` does: one moment of the database, line by line, into a file or to the screen."""

from __future__ import annotations

import asyncio
import csv
import io
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Literal

import orjson

from graph.ground import Company, running_database
from graph.settings import Settings
from persistence.channels import channels_by_code
from persistence.database import AWAY, Connection, connect
from persistence.exports.prices import Asked, EffectivePrice, effective_prices
from persistence.stores import stores_by_code

COLUMNS = (
    "sku", "gtin", "amount", "currency", "compare_at", "kind", "source", "valid_from", "valid_until",
    "version", "unit_price", "unit_price_per", "unit_price_unit",
)  # fmt: skip
Format = Literal["csv", "jsonl"]


class CannotExport(Exception):  # noqa: N818 - what it says is for the person at the terminal
    """What was asked for is not there, or cannot be written."""


class NobodyReads(Exception):  # noqa: N818 - no error: they have seen enough
    """Who was reading what is printed has gone."""


@dataclass(frozen=True, slots=True)
class PricesOrder:
    """What is asked for on the command line; without a moment, now."""

    channel: str
    store: str | None = None
    tier: str | None = None
    at: datetime | None = None
    format: Format = "csv"
    output: Path | None = None


def export_prices(settings: Settings, order: PricesOrder) -> int:
    """How many prices were written. Raises CannotExport and NobodyReads."""

    async def run() -> int:
        async with running_database(settings, Company.BESIDE) as dsn:
            db = await connect(dsn)
            try:
                async with db.transaction(isolation="repeatable_read", readonly=True):
                    asked = await _asked(db, order)
                    with opened(order.output) as file:
                        return await _write(file, order.format, effective_prices(db, asked))
            finally:
                await db.close()

    return asyncio.run(run())


async def _asked(db: Connection, order: PricesOrder) -> Asked:
    channel = (await channels_by_code(db, [order.channel])).get(order.channel)
    if channel is None:
        raise CannotExport(f'There is no channel "{order.channel}".')
    store = None
    if order.store is not None:
        store = (await stores_by_code(db, [order.store])).get(order.store)
        if store is None:
            raise CannotExport(f'There is no store "{order.store}".')
    return Asked(
        channel=store.till_channel if store is not None and channel.kind.is_till else channel.code,
        currency_code=channel.currency_code,
        store=order.store,
        tier=order.tier,
        at=order.at or await db.fetchval("SELECT clock_timestamp()"),
        now=order.at is None,
    )


@contextmanager
def opened(path: Path | None) -> Iterator[IO[str]]:
    """The screen, or a file that bears its name only once it is whole."""
    if path is None:
        try:
            yield sys.stdout
            sys.stdout.flush()
        except BrokenPipeError:
            raise NobodyReads from None
        return
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            yield file
        unfinished.replace(path)
    except AWAY:
        raise
    except OSError as wrong:
        raise CannotExport(f"{path} cannot be written: {wrong.strerror}.") from None
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


async def _write(file: IO[str], format: Format, prices: AsyncIterator[list[EffectivePrice]]) -> int:
    count = 0
    if format == "csv":
        file.write(as_csv([COLUMNS]))
    async for some in prices:
        rows = [_row(price) for price in some]
        file.write(as_csv(rows) if format == "csv" else as_json_lines(COLUMNS, rows))
        count += len(rows)
    return count


def _row(price: EffectivePrice) -> tuple[str | int | None, ...]:
    per = price.unit_price
    return (
        price.sku,
        price.gtin,
        str(price.amount.amount),
        price.amount.currency_code,
        None if price.compare_at is None else str(price.compare_at.amount),
        price.kind.value,
        price.source,
        as_moment(price.valid_from),
        as_moment(price.valid_until),
        price.version,
        *((None, None, None) if per is None else (str(per.amount.amount), str(per.per), per.unit.value)),
    )


def as_moment(moment: datetime | None) -> str | None:
    """A moment as files have it: ISO 8601, in UTC."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def as_csv(rows: Sequence[Sequence[object]]) -> str:
    """Rows of CSV."""
    lines = io.StringIO(newline="")
    csv.writer(lines, lineterminator="\n").writerows(rows)
    return lines.getvalue()


def as_json_lines(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """One JSON object a line."""
    return "".join(f"{orjson.dumps(dict(zip(columns, row, strict=True))).decode()}\n" for row in rows)
