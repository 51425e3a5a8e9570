"""Imports: how fast files become rows, and whether the promised sizes keep within their minute."""

from __future__ import annotations

import csv
import gc
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from domain.channels import ChannelKind
from graph.demo.loader import SAMPLE, chains, load_demo
from persistence.database import Connection, connect
from persistence.imports import hk_pricewatch
from persistence.imports.files.prices import import_prices
from persistence.imports.files.products import import_products
from persistence.imports.files.run import Job, Outcome
from persistence.imports.files.stock import import_stock
from tests.bench.cpu import database_processes, used
from tests.bench.stage import Stage
from tests.bench.subject import Column, Findings, Value, subject
from tests.makers import make_channel, make_store

_PRODUCTS = 100_000
_MILLION = 1_000_000
_COLUMNS = (
    Column("what", "file"),
    Column("rows", "rows"),
    Column("seconds", "seconds", "", 1),
    Column("per_second", "rows/s"),
    Column("cpu_seconds", "own CPU", "seconds", 1),
    Column("database_cpu_seconds", "database CPU", "seconds", 1),
)
_WORDS = ("milk", "rice", "noodle", "tea", "oil", "soap", "bread", "juice", "牛奶", "白米", "橄欖油", "紅茶")
_SIZES = ("250mL", "330mL x 8", "1公升", "500g", "2kg", "12片裝")
_SHARED_DATA = Path(__file__).parents[4] / "shared" / "data" / "hk_pricewatch"
_Importer = Callable[[Connection, Job], Awaitable[Outcome]]


@dataclass(slots=True)
class _Took:
    """Seconds until it was over, and of CPU: here, and in PostgreSQL."""

    seconds: float = 0.0
    cpu: float = 0.0
    database_cpu: float = 0.0


@subject("imports", "rows per second of every import, at the promised sizes", place=2)
async def imports(stage: Stage) -> Findings:
    """Each file from its first byte to the commit, news to subscribers included, each database new."""
    found = Findings("Imports", _COLUMNS)
    found.rows += await _own_files(stage)
    found.rows.append(await _log(stage, found.notes))
    dsn = await stage.database()
    with _watch() as took:
        loaded = await load_demo(dsn)
    assert loaded is not None
    found.rows.append(_row("the demo mall", sum(loaded), took))
    return found


async def _own_files(stage: Stage) -> list[dict[str, Value]]:
    """A shop's own files: products, then their prices and stock, then the products once more."""
    files = written(stage.folder, _PRODUCTS)
    db = await connect(await stage.database())
    rows: list[dict[str, Value]] = []
    try:
        await make_store(db, "one", till_channel=await make_channel(db, "pos", kind=ChannelKind.POS))
        importers: tuple[tuple[str, _Importer], ...] = (
            ("products", import_products),
            ("prices", import_prices),
            ("stock", import_stock),
        )
        tooks = []
        for kind, importer in importers:
            count, took = await _imported(db, files[kind], importer)
            rows.append(_row(kind, count, took))
            tooks.append(took)
        rows.append(_row(f"{_PRODUCTS:,} products with both", 3 * _PRODUCTS, _together(tooks)))
        rows.append(_row("products once more", *await _imported(db, files["products"], import_products)))
    finally:
        await db.close()
    return rows


@subject("million", "a million prices from a file, among a hundred thousand articles in ten stores", place=2)
async def million(stage: Stage) -> Findings:
    """The whole import, from the file's first byte to the commit, news to subscribers included."""
    found = Findings("A million prices", _COLUMNS)
    file = _file(
        stage.folder / "million.csv",
        ("sku", "amount", "store"),
        (
            (f"B{number:06}", f"{100 + number % 40_000 / 100 + store:.2f}", f"store-{store}")
            for store in range(_MILLION // _PRODUCTS)
            for number in range(_PRODUCTS)
        ),
    )
    db = await connect(await stage.database())
    try:
        channel = await make_channel(db, "pos", kind=ChannelKind.POS)
        for store in range(_MILLION // _PRODUCTS):
            await make_store(db, f"store-{store}", till_channel=channel)
        await db.execute(
            """
            WITH made AS (
                INSERT INTO product (handle, names, words)
                SELECT 'B' || lpad(n::text, 6, '0'), '{}', '' FROM generate_series(0, $1::int - 1) AS n
                RETURNING id, handle
            )
            INSERT INTO variant (sku, product_id) SELECT handle, id FROM made
            """,
            _PRODUCTS,
        )
        await db.execute("VACUUM ANALYZE product, variant")
        found.rows.append(_row("prices", *await _imported(db, file, import_prices)))
    finally:
        await db.close()
    return found


async def _imported(db: Connection, file: Path, importer: _Importer) -> tuple[int, _Took]:
    with _without_collection(), _watch() as took:
        outcome = await importer(db, Job(path=file, now=datetime.now(UTC)))
    assert outcome.written, outcome.bad[:3]
    return outcome.rows, took


async def _log(stage: Stage, notes: list[str]) -> dict[str, Value]:
    """The Hong Kong log: the whole of it where it is at hand, else the sample that ships."""
    whole = _SHARED_DATA.is_dir()
    db = await connect(await stage.database())
    try:
        with _without_collection(), _watch() as took:
            async with db.transaction():
                loaded = await hk_pricewatch.load(
                    db, _SHARED_DATA if whole else SAMPLE, chains(), now=datetime.now(UTC), announce=True
                )
    finally:
        await db.close()
    if not whole:
        notes.append("The whole Hong Kong log is not at hand; the sample that ships was taken.")
    name = "Hong Kong log, whole" if whole else "Hong Kong log, sample"
    return _row(f"{name} (events)", loaded.log.events.total(), took)


def _row(what: str, rows: int, took: _Took) -> dict[str, Value]:
    return {
        "what": what,
        "rows": rows,
        "seconds": took.seconds,
        "per_second": rows / took.seconds,
        "cpu_seconds": took.cpu,
        "database_cpu_seconds": took.database_cpu,
    }


def _together(tooks: Sequence[_Took]) -> _Took:
    return _Took(
        sum(one.seconds for one in tooks),
        sum(one.cpu for one in tooks),
        sum(one.database_cpu for one in tooks),
    )


@contextmanager
def _watch() -> Iterator[_Took]:
    """What the block takes, filled in at its end."""
    took = _Took()
    mine = [psutil.Process()]
    cpu, database_cpu = used(mine), used(database_processes())
    began = time.perf_counter()
    yield took
    took.seconds = time.perf_counter() - began
    took.cpu = used(mine) - cpu
    took.database_cpu = used(database_processes()) - database_cpu


@contextmanager
def _without_collection() -> Iterator[None]:
    # As the command does it: rows by the million and no cycles among them.
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def written(folder: Path, count: int) -> dict[str, Path]:
    """Files of so many products, their prices in one store, and its stock; always the same."""
    draw = random.Random(20261122)
    skus = [f"B{number:06}" for number in range(count)]
    return {
        "products": _file(
            folder / "products.csv",
            ("sku", "name_en", "name_zh_hk", "brand", "category", "origin"),
            (
                (
                    sku,
                    f"{' '.join(draw.choices(_WORDS, k=3))} {draw.choice(_SIZES)}",
                    f"{draw.choice(_WORDS)}{draw.choice(_WORDS)} {draw.choice(_SIZES)}",
                    f"Brand {draw.randrange(500)}",
                    f"part {draw.randrange(8)} > aisle {draw.randrange(12)}",
                    "Hong Kong",
                )
                for sku in skus
            ),
        ),
        "prices": _file(
            folder / "prices.csv",
            ("sku", "amount", "store"),
            ((sku, f"{draw.randrange(100, 50_000) / 100:.2f}", "one") for sku in skus),
        ),
        "stock": _file(
            folder / "stock.csv",
            ("store", "sku", "on_hand"),
            (("one", sku, str(draw.randrange(200))) for sku in skus),
        ),
    }


def _file(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path
