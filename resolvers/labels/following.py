"""Keeping labels in step with prices, stock and goods: of all processes one follows the news."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from time import monotonic
from typing import NamedTuple

import asyncpg
import structlog

from domain.news import Cursor, Happening, Topic
from persistence.database import Database, connect
from persistence.labels import faces as faces_db
from persistence.labels import following as following_db
from persistence.news import outbox
from persistence.news.subscription import Idle, Subscription
from resolvers.house import House
from resolvers.labels.desired import STAGED_AHEAD, TIMED_MODELS, Cause, bring_up

_log = structlog.stdlib.get_logger("shelfgraph.labels")
_TOPICS = frozenset({Topic.PRICE, Topic.STOCK, Topic.PRODUCT})
_OUR_OWN = frozenset({"labelsReport", "labelConfirmByHand", "labelUnbind", "deviceRetire"})
_BATCH = 5_000
_CHUNK = 1_000  # articles brought up in one transaction
_LOOK_SECONDS = 1.0
_STAGE_SECONDS = 30.0
_SWEEP = "labelSweep"
_BY_CLOCK = "priceBoundary"


class _Task(NamedTuple):
    store: str
    cause: str


@dataclass(slots=True)
class LabelFollower:
    """The worker of one process; of several one works, and another takes over when that one dies."""

    house: House
    direct_dsn: str

    async def run(self) -> None:
        """Runs until the hub is stopped; raises when the database goes away, and may simply be run again."""
        alone = await connect(self.direct_dsn)
        try:
            await alone.execute("SET application_name = 'shelfgraph labels'")
            while not await following_db.lead(alone):  # noqa: ASYNC110 - a lock has no event
                await asyncio.sleep(_LOOK_SECONDS)
            async with Database(self.house.database.dsn, size=2) as database:
                await _Following(replace(self.house, database=database), alone).run()
        finally:
            if not alone.is_closed():
                await alone.close(timeout=1)


class _Following:
    def __init__(self, house: House, alone: asyncpg.Connection) -> None:
        self._house = house
        # Whoever has lost the lock must not go on: it is asked on the connection that holds it.
        self._alone = alone

    async def run(self) -> None:
        await self._house.hub.ready()
        after = await following_db.mark(self._alone)
        begin = after or self._house.hub.cursor
        if after is None:
            await self._sweep(begin)
        async with self._house.hub.subscribe(
            _matters, topics=_TOPICS, after=begin, limit=_BATCH, idle_seconds=_LOOK_SECONDS
        ) as news:
            await self._follow(news)

    async def _follow(self, news: Subscription) -> None:
        staged_at = float("-inf")
        async for item in news:
            if isinstance(item, Happening):
                await self._bring_up([item, *news.take(_BATCH - 1)])
            elif not isinstance(item, Idle):
                await self._sweep(item.cursor)
            if monotonic() - staged_at >= _STAGE_SECONDS:
                staged_at = monotonic()
                await self._stage()

    async def _stage(self) -> None:
        """Has labels load the prices that begin soon, where nothing else called for it."""
        now = self._house.clock()
        async with self._house.database.connection() as db:
            due = await faces_db.due_for_staging(db, TIMED_MODELS, now=now, horizon=now + STAGED_AHEAD)
        for store, group in groupby(due, key=lambda one: one[0]):
            skus = [sku for _, sku in group]
            for start in range(0, len(skus), _CHUNK):
                chunk = skus[start : start + _CHUNK]
                await self._chunk(store, chunk, Cause("changeover", now, by_clock=True, together=len(skus)))

    async def _sweep(self, upto: Cursor) -> None:
        """Brings every label up, whatever was missed: those that are right already cost no radio."""
        async with self._house.database.connection() as db:
            stores = await faces_db.stores_with_labels(db)
        for store in stores:
            await self._sweep_store(store, _SWEEP)
        await following_db.set_mark(self._alone, upto)

    async def _sweep_store(self, store: str, cause: str) -> None:
        after = ""
        while True:
            async with self._house.database.connection() as db:
                skus = await faces_db.bound_skus(db, store, after=after, limit=_CHUNK)
            if not skus:
                return
            await self._chunk(store, skus, Cause(cause, self._house.clock(), together=len(skus)))
            after = skus[-1]

    async def _bring_up(self, happenings: Sequence[Happening]) -> None:
        tasks: dict[_Task, dict[str, Happening]] = defaultdict(dict)
        anywhere: dict[str, Happening] = {}
        whole: dict[str | None, Happening] = {}
        for one in happenings:
            if one.sku is None:
                whole[one.store] = one
            elif one.store is None:
                anywhere[one.sku] = one
            else:
                tasks[_Task(one.store, one.cause)][one.sku] = one
        if anywhere:
            async with self._house.database.connection() as db:
                hung = await faces_db.hung(db, list(anywhere))
            for store, sku in hung:
                tasks[_Task(store, anywhere[sku].cause)][sku] = anywhere[sku]
        for task, about in tasks.items():
            cause = Cause(
                task.cause,
                min(one.occurred_at for one in about.values()),
                by_clock=task.cause == _BY_CLOCK,
                together=len(about),
            )
            skus = sorted(about)
            for start in range(0, len(skus), _CHUNK):
                await self._chunk(task.store, skus[start : start + _CHUNK], cause)
        for place, one in whole.items():
            if place is None:
                await self._sweep(happenings[-1].cursor)
            else:
                await self._sweep_store(place, one.cause)
        await following_db.set_mark(self._alone, happenings[-1].cursor)

    async def _chunk(self, store: str, skus: Sequence[str], cause: Cause) -> None:
        async with self._house.database.transaction() as db:
            news = await bring_up(db, self._house, store, skus, cause)
            await outbox.write(db, news)
        if news:
            self._house.hub.nudge()


def _matters(happening: Happening) -> bool:
    return happening.cause not in _OUR_OWN
