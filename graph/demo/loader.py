"""The demo mall into a database, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from domain.inventory import StockMovementReason
from graph.demo import mall
from persistence.database import Connection, connect
from persistence.imports import hk_pricewatch
from persistence.imports.files.stores import read_stores
from persistence.imports.hk_pricewatch_log import moment_of
from persistence.imports.labels import add_labels
from persistence.imports.places import StoreRow, add_channels
from persistence.imports.prices import merge_prices, stage_prices
from persistence.imports.staging import BadRow, Tell
from persistence.imports.stock import merge_stock, stage_stock

SAMPLE = Path(__file__).parent.parent / "sample" / "hk_pricewatch"
STORES = Path(__file__).parent / "stores.csv"
RECORDED_BY = "demo"
_LOCK = 0x5E1F_6A22  # two processes that start together load once

Progress = Callable[[str, float], None]
"""Hears what is being done and how far the whole is, from 0 to 1."""


class Mall(NamedTuple):
    """What was loaded, in rows."""

    products: int
    prices: int
    stock_levels: int
    labels: int


def quiet(_: str, __: float) -> None:
    """Tells nobody."""


def chains() -> list[StoreRow]:
    """The ten stores that stand for the chains of the sample."""
    bad: list[BadRow] = []
    stores = [*read_stores(STORES, bad)]
    if bad:
        raise ValueError(f"{STORES}: {bad}")
    return stores


async def is_loaded(db: Connection) -> bool:
    """Whether the mall stands already; it is loaded whole or not at all."""
    return bool(
        await db.fetchval("SELECT EXISTS (SELECT FROM device WHERE code = $1)", mall.gateways()[0].code)
    )


async def load_demo(dsn: str, progress: Progress = quiet) -> Mall | None:
    """What was loaded, or None when the mall stood there already.

    All in one transaction: a load that is killed leaves nothing, and the next start loads it anew. Nobody
    listens yet, so nothing is announced.
    """
    db = await connect(dsn)
    try:
        async with db.transaction():
            await db.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            if await is_loaded(db):
                return None
            loaded = await _load(db, progress)
        progress("Gathering statistics", 0.97)
        await db.execute("ANALYZE")
        progress("The mall stands", 1.0)
        return loaded
    finally:
        await db.close()


async def _load(db: Connection, progress: Progress) -> Mall:
    progress("Reading 90 days of Hong Kong shelf prices", 0.02)
    await add_channels(db, mall.CHANNELS)
    source = await hk_pricewatch.load(
        db,
        SAMPLE,
        chains(),
        now=datetime.now(UTC),
        announce=False,
        tell=_from_to(progress, "Reading 90 days of Hong Kong shelf prices", 0.02, 0.6, 50_000),
    )
    points, opened = source.log.points, moment_of(source.log.last_day)
    progress("Setting the online prices", 0.65)
    await stage_prices(db, mall.online_prices(points, source.log.last_day))
    prices = await merge_prices(db, recorded_by=RECORDED_BY, now=opened, announce=False)
    progress("Filling the shelves", 0.85)
    await stage_stock(db, mall.stock(points))
    levels = await merge_stock(
        db,
        reason=StockMovementReason.RECEIPT,
        moved_by=RECORDED_BY,
        reference="opening stock",
        now=opened,
        announce=False,
    )
    progress("Hanging the labels", 0.95)
    labels = await add_labels(db, mall.gateways(), mall.labels(points))
    return Mall(source.articles, source.prices.added + prices.added, levels.added, labels.added)


def _from_to(progress: Progress, what: str, first: float, last: float, total: int) -> Tell:
    done = 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        progress(what, first + (last - first) * min(1.0, done / total))

    return tell
