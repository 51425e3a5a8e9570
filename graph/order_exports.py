"""What `shelfgraph export orders` does: one line of the file for each line of an order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from domain.money import Money
from domain.orders.numbers import number_of
from domain.orders.states import state_at
from graph.exports import Format, as_csv, as_json_lines, as_moment, opened
from graph.ground import Company, running_database
from graph.settings import Settings
from persistence.database import connect
from persistence.exports.orders import ExportedLine, order_lines

COLUMNS = (
    "number", "external_number", "channel", "store", "fulfilment_store", "state", "payment_state",
    "placed_at", "currency", "order_total", "line", "sku", "quantity", "unit_price", "discount", "line_total",
    "returned", "refunded",
)  # fmt: skip
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class OrdersAsked:
    """What is asked for on the command line; without moments, everything up to now."""

    since: datetime | None = None
    until: datetime | None = None
    channel: str | None = None
    format: Format = "csv"
    output: Path | None = None


def export_orders(settings: Settings, asked: OrdersAsked) -> int:
    """How many lines of orders were written. Raises CannotExport and NobodyReads."""

    async def run() -> int:
        async with running_database(settings, Company.BESIDE) as dsn:
            db = await connect(dsn)
            try:
                async with db.transaction(isolation="repeatable_read", readonly=True):
                    now: datetime = await db.fetchval("SELECT clock_timestamp()")
                    since = asked.since or datetime.min.replace(tzinfo=UTC)
                    lines = order_lines(db, since=since, until=asked.until or now, channel=asked.channel)
                    with opened(asked.output) as file:
                        return await _write(file, asked.format, lines, now)
            finally:
                await db.close()

    return asyncio.run(run())


async def _write(file: IO[str], format: Format, lines: AsyncIterator[ExportedLine], now: datetime) -> int:
    count = 0
    rows: list[tuple[str | int | None, ...]] = []
    if format == "csv":
        file.write(as_csv([COLUMNS]))

    def flush() -> None:
        file.write(as_csv(rows) if format == "csv" else as_json_lines(COLUMNS, rows))
        rows.clear()

    async for line in lines:
        rows.append(_row(line, now))
        count += 1
        if len(rows) == _AT_ONCE:
            flush()
    flush()
    return count


def _row(line: ExportedLine, now: datetime) -> tuple[str | int | None, ...]:
    def amount(minor: int) -> str:
        return str(Money(minor, line.currency_code).amount)

    return (
        number_of(line.serial),
        line.external_number,
        line.channel,
        line.store,
        line.fulfilment_store,
        state_at(line.state, line.held_until, now).value,
        line.payment_state.value,
        as_moment(line.placed_at),
        line.currency_code,
        amount(line.order_total_minor),
        line.position + 1,
        line.sku,
        line.quantity,
        amount(line.unit_price_minor),
        amount(line.discount_minor),
        amount(line.total_minor),
        line.returned,
        amount(line.refunded_minor),
    )
