"""Prices by the million: what a lookup costs among them, and how fast a changeover by the clock is told."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, NamedTuple

import orjson

from domain.channels import ChannelKind
from persistence.database import Connection, connect
from persistence.news.boundaries import PriceBoundaries
from persistence.news.hub import Hub
from persistence.news.relay import Relay
from persistence.pricing.reads import Place, current_prices
from tests.bench.cpu import database_processes, used
from tests.bench.stage import Stage, settle
from tests.bench.subject import Column, Findings, Value, subject
from tests.makers import make_channel, make_store

_PER_VARIANT = 20
_SIZES = (10_000, 1_000_000)
_VARIANTS_ASKED = 100
_LOOKUPS = 400
_CHANGES = 20_000
_DAY = timedelta(days=1)
_COLUMNS = (
    "sku", "kind", "amount_minor", "currency_code", "channel", "store", "tier", "campaign", "min_quantity",
    "valid_from", "valid_until", "source", "sequence", "recorded_at", "recorded_by",
)  # fmt: skip


class _Price(NamedTuple):
    """One of the prices that every variant has; days are counted from now."""

    kind: str
    minor: int
    channel: str | None = None
    store: str | None = None
    tier: str | None = None
    campaign: str | None = None
    min_quantity: int = 1
    begins: int | None = None
    ends: int | None = None


# Eleven of them are read for the app in store 0: nothing else is in force there, or will be.
_PRICES = (
    _Price("LIST", 2590),
    _Price("LIST", 2490, channel="app"),
    _Price("LIST", 2450, channel="pos"),
    _Price("STORE", 2400, store="store-0"),
    _Price("STORE", 2390, channel="app", store="store-0"),
    _Price("SALE", 2290, channel="app", ends=2),
    _Price("SALE", 2190, begins=-7, ends=-2),
    _Price("SALE", 1990, begins=2, ends=3),
    _Price("MEMBER", 2250, tier="gold"),
    _Price("MEMBER", 2350, tier="silver"),
    _Price("LIVE", 1890, campaign="room-8"),
    _Price("LIST", 2100, min_quantity=6),
    _Price("CLEARANCE", 2000, store="store-0", begins=-11, ends=-2),
    _Price("STORE", 2380, store="store-0", ends=2),
    *(_Price("STORE", 2400 + store, store=f"store-{store}") for store in range(1, 7)),
)


@subject("prices", "effective prices among a million records, and 20,000 changes at one moment", place=3)
async def prices(stage: Stage) -> Findings:
    """Server time by EXPLAIN ANALYZE, CPU of the database's processes; the changeover from its moment on."""
    found = Findings(
        f"Prices: {_VARIANTS_ASKED} articles with {_PER_VARIANT} records each, in one store and channel",
        (
            Column("what", "what"),
            Column("records", "records"),
            Column("server_p50_ms", "server p50", "ms", 2),
            Column("server_p99_ms", "server p99", "ms", 2),
            Column("wall_p50_ms", "until answered p50", "ms", 2),
            Column("database_cpu_ms", "database CPU", "ms", 2),
            Column("own_cpu_ms", "own CPU", "ms", 2),
            Column("growth", "CPU", "× the first", 2),
            Column("seconds", "seconds", "", 2),
        ),
    )
    for size in _SIZES:
        dsn = await stage.database()
        await _fill(dsn, size)
        row = await _lookups(dsn, size)
        first = found.rows[0] if found.rows else row
        found.rows.append({**row, "growth": _figure(row) / _figure(first)})
    found.rows.extend(await _changeover(dsn))
    found.notes.append("A lookup is one statement; 11 of the 20 records of an article are read for it.")
    return found


def _figure(row: dict[str, Value] | Any) -> float:
    return float(row["database_cpu_ms"])


# ------------------------------------------------------------------ making them


async def _fill(dsn: str, records: int) -> None:
    variants = records // _PER_VARIANT
    db = await connect(dsn)
    try:
        for code, kind in (("app", ChannelKind.APP), ("pos", ChannelKind.POS), ("jd", ChannelKind.APP)):
            await make_channel(db, code, kind=kind)
        for store in range(7):
            await make_store(db, f"store-{store}", till_channel="pos")
        await db.execute(
            """
            WITH made AS (
                INSERT INTO product (handle, names, words)
                SELECT 'P' || lpad(n::text, 6, '0'), '{}', '' FROM generate_series(0, $1::int - 1) AS n
                RETURNING id, handle
            )
            INSERT INTO variant (sku, product_id, price_changed_at, price_sequence)
            SELECT handle, id, now(), $2::int FROM made
            """,
            variants,
            _PER_VARIANT,
        )
        await _copy(db, _written(variants))
    finally:
        await db.close()
    await settle(dsn)


async def _copy(db: Connection, rows: Iterator[tuple[object, ...]]) -> None:
    """By COPY, the indexes made anew behind it: a million rows into eight indexes take minutes."""
    indexes = await db.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'price_record' "
        "AND indexname NOT IN (SELECT conname FROM pg_constraint)"
    )
    async with db.transaction():
        for index in indexes:
            await db.execute(f'DROP INDEX "{index["indexname"]}"')
        await db.execute("SET LOCAL session_replication_role = replica")  # every sku is there: no looking up
        await db.copy_records_to_table("price_record", records=rows, columns=list(_COLUMNS))
        for index in indexes:
            await db.execute(index["indexdef"])


def _written(variants: int) -> Iterator[tuple[object, ...]]:
    """The records as they come about: one price of every variant after the other, in no order of theirs."""
    draw, now = random.Random(20261123), datetime.now(UTC)
    numbers = list(range(variants))
    for position, price in enumerate(_PRICES):
        draw.shuffle(numbers)
        begins = None if price.begins is None else now + price.begins * _DAY
        ends = None if price.ends is None else now + price.ends * _DAY
        for number in numbers:
            yield (
                _sku(number), price.kind, price.minor + number % 500, "HKD", price.channel, price.store,
                price.tier, price.campaign, price.min_quantity, begins, ends, f"{number}/{position}",
                position + 1, now - (90 - position) * _DAY, "bench",
            )  # fmt: skip


def _sku(number: int) -> str:
    return f"P{number:06}"


# ------------------------------------------------------------------ looking them up


async def _lookups(dsn: str, records: int) -> dict[str, Value]:
    db = await connect(dsn)
    seen: list[tuple[str, tuple[object, ...]]] = []
    draw = random.Random(7)
    place = Place("app", "store-0", datetime.now(UTC), now=True)
    asked = [
        [_sku(number) for number in draw.sample(range(records // _PER_VARIANT), _VARIANTS_ASKED)]
        for _ in range(_LOOKUPS)
    ]
    try:
        for skus in asked:
            answer = await current_prices(db, skus, place)
            assert sum(len(each.records) for each in answer.values()) == 11 * _VARIANTS_ASKED
        waited = []
        processes = database_processes()
        cpu = used(processes)
        for skus in asked:
            began = time.perf_counter()
            await current_prices(db, skus, place)
            waited.append((time.perf_counter() - began) * 1e3)
        cpu = used(processes) - cpu
        with db.query_logger(lambda logged: seen.append((logged.query, tuple(logged.args)))):
            for skus in asked:
                await current_prices(db, skus, place)
            await asyncio.sleep(0)  # the logger hears of a statement after it
        assert len(seen) == _LOOKUPS
        server = sorted([await _server_ms(db, *each) for each in seen])
    finally:
        await db.close()
    return {
        "what": "effective prices",
        "records": records,
        "server_p50_ms": median(server),
        "server_p99_ms": server[len(server) * 99 // 100],
        "wall_p50_ms": median(waited),
        "database_cpu_ms": cpu * 1e3 / _LOOKUPS,
    }


async def _server_ms(db: Connection, query: str, arguments: tuple[object, ...]) -> float:
    plan = await db.fetchval(f"EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF, FORMAT JSON) {query}", *arguments)
    return float(orjson.loads(plan)[0]["Execution Time"])


# ------------------------------------------------------------------ a changeover by the clock


async def _changeover(dsn: str) -> list[dict[str, Value]]:
    """From the moment at which so many prices of a store begin: until all are written, and in order."""
    db = await connect(dsn)
    hub, relay = Hub(dsn), Relay(dsn)
    await hub.start()
    work = [asyncio.create_task(relay.run()), asyncio.create_task(PriceBoundaries(dsn, hub).run())]
    try:
        await _told(db, 0)
        moment = datetime.now(UTC) + timedelta(seconds=10)
        rows = (
            (
                _sku(number), "STORE", 1500, "HKD", None, "store-0", None, None, 1, moment, None,
                f"{number}/at-once", _PER_VARIANT + 1, datetime.now(UTC), "bench",
            )
            for number in range(_CHANGES)
        )  # fmt: skip
        await db.copy_records_to_table("price_record", records=rows, columns=list(_COLUMNS))
        await db.execute("ANALYZE price_record")
        assert datetime.now(UTC) < moment
        processes = database_processes()
        cpu, own_cpu = used(processes), time.process_time()
        written = await _told(db, _CHANGES) - moment
        placed = await _told(db, _CHANGES, placed=True) - moment
        cpu, own_cpu = used(processes) - cpu, time.process_time() - own_cpu
        await _is_projected(db)
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await hub.stop()
        await db.close()
    total = _SIZES[-1] + _CHANGES
    return [
        {
            "what": f"{_CHANGES:,} changes: raised and written",
            "records": total,
            "database_cpu_ms": cpu * 1e3,
            "own_cpu_ms": own_cpu * 1e3,
            "seconds": written.total_seconds(),
        },
        {
            "what": f"{_CHANGES:,} changes: in the one order",
            "records": total,
            "seconds": placed.total_seconds(),
        },
    ]


async def _told(db: Connection, count: int, *, placed: bool = False) -> datetime:
    """When so many pieces of news were there, those with a position alone when asked."""
    query = "SELECT count(*) FILTER (WHERE position IS NOT NULL OR NOT $1) FROM outbox"
    async with asyncio.timeout(120):
        # The mark is there as soon as the clock is watched.
        while not await db.fetchval("SELECT count(*) FROM watermark"):  # noqa: ASYNC110 - the database tells
            await asyncio.sleep(0.02)
        while await db.fetchval(query, placed) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return datetime.now(UTC)


async def _is_projected(db: Connection) -> None:
    held = await db.fetchval(
        "SELECT count(*) FROM public_price WHERE (channel, store, amount_minor) = ('', 'store-0', 1500)"
    )
    assert held == _CHANGES
