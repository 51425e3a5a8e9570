"""Holds that end by the clock: noted, and told as stock that is free again, within a second."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg

from domain.inventory import Demand
from domain.news import News, Topic
from persistence.database import Connection, connect
from persistence.inventory.sql import LOCK, giving_back, written
from persistence.news import outbox
from persistence.news.hub import Hub

CAUSE = "holdExpired"
_LONGEST_SLEEP_SECONDS = 0.5
_BATCH = 500

_NOTE = giving_back(
    """
    UPDATE stock_hold hold SET state = 'EXPIRED', closed_at = :now
    FROM unnest(:stores, :skus) AS asked (store, sku)
    WHERE hold.store = asked.store AND hold.sku = asked.sku
        AND hold.state = 'HELD' AND hold.expires_at <= :now
    """
)


async def note_expired(
    db: Connection, stores: Sequence[str], skus: Sequence[str], now: datetime
) -> list[Demand]:
    """What became free by place, now that expired holds of these levels are noted; the levels are locked."""
    return await _NOTE.all(db, stores=stores, skus=skus, now=now)


class _Place(NamedTuple):
    store: str
    sku: str


_DUE = written(
    """
    SELECT store, sku FROM (
        SELECT store, sku FROM stock_hold WHERE state = 'HELD' AND expires_at <= :now
        ORDER BY expires_at LIMIT :limit
    ) due
    GROUP BY store, sku
    """,
    _Place,
)
_NEXT_IN = written(
    """
    SELECT expires_at - clock_timestamp() FROM stock_hold WHERE state = 'HELD'
    ORDER BY expires_at LIMIT 1
    """
)


class HoldBoundaries:
    """The worker of one process; of any number of them one notes the end of a hold, and tells of it."""

    def __init__(self, dsn: str, hub: Hub) -> None:
        self._dsn = dsn
        self._hub = hub

    async def run(self) -> None:
        """Runs until it is cancelled; raises when the database goes away, and may simply be run again."""
        db = await connect(self._dsn)
        try:
            await db.execute("SET application_name = 'shelfgraph holds'")
            while True:
                await self.tell_expired(db)
                # A hold made meanwhile may end sooner than any that we know of.
                await asyncio.sleep(await _seconds_to_next(db))
        finally:
            if not db.is_closed():
                await db.close(timeout=1)

    async def tell_expired(self, db: asyncpg.Connection) -> int:
        """How many levels have units free again that nobody had told of."""
        told = 0
        while True:
            now: datetime = await db.fetchval("SELECT clock_timestamp()")
            async with db.transaction():
                due = await _DUE.all(db, now=now, limit=_BATCH)
                stores, skus = [place.store for place in due], [place.sku for place in due]
                await LOCK.run(db, stores=stores, skus=skus)
                free = await note_expired(db, stores, skus, now)
                await outbox.write(db, [_news(each) for each in free])
            if free:
                self._hub.nudge()
            told += len(free)
            if not due:
                return told


def _news(free: Demand) -> News:
    return News(Topic.STOCK, CAUSE, sku=free.sku, store=free.store)


async def _seconds_to_next(db: Connection) -> float:
    ahead: timedelta | None = await _NEXT_IN.value(db)
    if ahead is None:
        return _LONGEST_SLEEP_SECONDS
    return max(0.0, min(ahead.total_seconds(), _LONGEST_SLEEP_SECONDS))
