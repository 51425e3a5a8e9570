"""What the clock changes by itself: prices that begin and end are told at their moment, exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.news import Happening, News, Topic
from persistence.database import Connection, connect, param, statement
from persistence.news import outbox
from persistence.news.hub import Hub, Subscription
from persistence.news.tables import Watermark
from persistence.pricing import projection
from persistence.pricing.tables import PriceEnd, PriceRecord

CAUSE = "priceBoundary"
_MARK = "price-boundaries"
_MOMENT = sa.DateTime(timezone=True)
_LONGEST_SLEEP_SECONDS = 1.0
_LONGEST_WAIT_FOR_WRITERS_SECONDS = 0.5
_BREATH_SECONDS = 0.05


class Mark(NamedTuple):
    """Up to where boundaries were told: every one before `at`, and at it those up to `done_key`, or all."""

    at: datetime
    done_key: str | None


class Boundary(NamedTuple):
    """A moment at which a price of a sku begins or ends to count, and where it matters."""

    moment: datetime
    sku: str
    channel: str | None
    store: str | None


_BEGIN = statement(
    insert(Watermark)
    .values(name=_MARK, at=sa.func.clock_timestamp())
    .on_conflict_do_nothing(index_elements=["name"])
)
_LOOK = statement(
    sa.select(col(Watermark.at), col(Watermark.done_key)).where(col(Watermark.name) == _MARK), Mark
)
_TAKE = statement(
    sa.select(col(Watermark.at), col(Watermark.done_key))
    .where(col(Watermark.name) == _MARK)
    .with_for_update(),
    Mark,
)
_MOVE = statement(
    sa.update(Watermark)
    .where(col(Watermark.name) == _MARK)
    .values(at=param("at", _MOMENT), done_key=param("done_key", sa.Text))
)

_begins, _ends = col(PriceRecord.valid_from), col(PriceRecord.valid_until)
_recorded_at = col(PriceRecord.recorded_at)
_ever_counts = sa.or_(_ends.is_(None), _ends > sa.func.greatest(_begins, _recorded_at))
# One that was ended on the spot was told of by whoever ended it.
_ended_on_the_spot = (
    sa.select(sa.literal(1))
    .where(col(PriceEnd.record_id) == col(PriceRecord.id), col(PriceEnd.recorded_at) >= _ends)
    .exists()
)


def _between(moment: Any) -> sa.ColumnElement[bool]:
    at, key = param("at", _MOMENT), param("done_key", sa.Text)
    return sa.and_(
        moment >= at,
        sa.or_(moment > at, col(PriceRecord.sku) > key),
        moment <= param("horizon", _MOMENT),
        _ever_counts,
        # What counted from when it was recorded was told then.
        moment > _recorded_at,
    )


_where = (col(PriceRecord.sku), col(PriceRecord.channel), col(PriceRecord.store))
_passed = sa.union(
    sa.select(_begins.label("moment"), *_where).where(_between(_begins)),
    sa.select(_ends.label("moment"), *_where).where(_between(_ends), ~_ended_on_the_spot),
).subquery("passed")
_PASSED = statement(
    sa.select(*_passed.c)
    .order_by(_passed.c.moment, _passed.c.sku)
    # A sku is told of as a whole: the mark can stand between two skus, and not inside one.
    .fetch(param("batch", sa.BigInteger), with_ties=True),
    Boundary,
)


def _first_after(moment: Any) -> Any:
    return sa.select(moment).where(moment > param("at", _MOMENT)).order_by(moment).limit(1).scalar_subquery()


_NOW = statement(sa.select(sa.func.clock_timestamp()))
_NEXT_IN = statement(
    sa.select(sa.func.least(_first_after(_begins), _first_after(_ends)) - sa.func.clock_timestamp())
)


class PriceBoundaries:
    """The worker of one process; any number of them tell every boundary once, within a second."""

    def __init__(self, dsn: str, hub: Hub, *, batch: int = 2000) -> None:
        self._dsn = dsn
        self._hub = hub
        self._batch = batch

    async def run(self) -> None:
        """Runs until the hub is stopped; raises when the database goes away, and may simply be run again."""
        db = await connect(self._dsn)
        try:
            await db.execute("SET application_name = 'shelfgraph boundaries'")
            await _BEGIN.run(db)
            # A price set or ended may have a boundary before the next one known.
            changes = self._hub.subscribe(
                _may_be_earlier, key=lambda _: None, topics=frozenset({Topic.PRICE}), idle_seconds=3600
            )
            async with changes:
                await self._watch(db, changes)
        finally:
            if not db.is_closed():
                await db.close(timeout=1)

    async def _watch(self, db: asyncpg.Connection, changes: Subscription) -> None:
        while True:
            wait_seconds = await self._seconds_to_next(db)
            if wait_seconds <= 0:
                await self.tell_passed(db)
                continue
            try:
                async with asyncio.timeout(min(wait_seconds, _LONGEST_SLEEP_SECONDS)):
                    if await anext(changes, None) is None:
                        return
                    # In a rush of changes one look for many is enough.
                    await asyncio.sleep(_BREATH_SECONDS)
            except TimeoutError:
                continue

    async def _seconds_to_next(self, db: Connection) -> float:
        mark = await _LOOK.one(db)
        # At the mark itself there may be more skus to do.
        at = mark.at if mark.done_key is None else mark.at - timedelta(microseconds=1)
        ahead: timedelta | None = await _NEXT_IN.value(db, at=at)
        return _LONGEST_SLEEP_SECONDS if ahead is None else ahead.total_seconds()

    async def tell_passed(self, db: Connection) -> int:
        """How many boundaries were told: all that had passed when it was called and nobody had told yet."""
        horizon = await _settled(db)
        told = 0
        while True:
            async with db.transaction():
                batch = await self._tell_batch(db, horizon)
            if batch is None:
                break
            told += batch
            # Now, and not with the last batch: who is told late is told as early as possible.
            self._hub.nudge()
        return told

    async def _tell_batch(self, db: Connection, horizon: datetime) -> int | None:
        """How many were told in this transaction; None when nothing up to the horizon is left."""
        mark = await _TAKE.one(db)
        if mark.at > horizon or (mark.at == horizon and mark.done_key is None):
            return None  # another worker was quicker
        passed = await _PASSED.all(db, **mark._asdict(), horizon=horizon, batch=self._batch)
        if len(passed) < self._batch:
            await _MOVE.run(db, at=horizon, done_key=None)
        else:
            last = passed[-1]
            await _MOVE.run(db, at=last.moment, done_key=last.sku)
        if passed:
            await projection.refresh(
                db, {each.sku for each in passed}, horizon, stores=_only_in_stores(passed)
            )
            await outbox.write(db, [_news(each) for each in passed])
        return len(passed)


def _only_in_stores(passed: Sequence[Boundary]) -> dict[str, set[str]]:
    """By sku: the stores it changes in, of those skus that change in named stores only."""
    everywhere = {each.sku for each in passed if each.store is None}
    stores: dict[str, set[str]] = {}
    for each in passed:
        if each.store is not None and each.sku not in everywhere:
            stores.setdefault(each.sku, set()).add(each.store)
    return stores


def _news(boundary: Boundary) -> News:
    return News(
        Topic.PRICE,
        CAUSE,
        sku=boundary.sku,
        store=boundary.store,
        channel=boundary.channel,
        occurred_at=boundary.moment,
    )


def _may_be_earlier(happening: Happening) -> bool:
    return happening.cause != CAUSE


async def _settled(db: Connection) -> datetime:
    """A moment such that whoever records a price from here on sees it as past.

    Somebody may have recorded a price that begins before this moment without having committed yet. Had the
    mark passed it by then, nobody would put it into the projection. So those who are at it are waited for;
    whoever begins later projects as of a later moment. Long imports are not waited for: they project last.
    """
    now: datetime = await _NOW.value(db)
    loop = asyncio.get_running_loop()
    patience_ends = loop.time() + _LONGEST_WAIT_FOR_WRITERS_SECONDS
    before = await projection.writers(db)
    while before and loop.time() < patience_ends:
        await asyncio.sleep(0.01)
        before &= await projection.writers(db)
    return now
