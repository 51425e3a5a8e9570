"""The live path: how fast committed news reaches 10,000 subscriptions of one process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress

from domain.news import Happening, News, Topic
from persistence.database import Connection, connect
from persistence.news import outbox
from persistence.news.hub import Hub
from persistence.news.relay import Relay
from tests.bench.stage import Stage
from tests.bench.subject import Column, Findings, Value, subject

_SUBSCRIPTIONS = 10_000
_BATCH = 1_000
_PATIENCE_SECONDS = 60.0


class _Audience:
    """Subscriptions with a reader each, and a count of what they were told."""

    def __init__(self, hub: Hub, stores: Sequence[str | None]) -> None:
        self._hub = hub
        self._stores = stores
        self._told = 0
        self._expected = 0
        self._all_told = asyncio.Event()
        self._seated = asyncio.Semaphore(0)

    async def __aenter__(self) -> _Audience:
        self._readers = [
            asyncio.create_task(self._read(number, store)) for number, store in enumerate(self._stores)
        ]
        for _ in self._readers:
            await self._seated.acquire()
        return self

    async def __aexit__(self, *_: object) -> None:
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    def expect(self, deliveries: int) -> None:
        """How many deliveries from now on end the wait."""
        self._told, self._expected = 0, deliveries
        self._all_told.clear()

    async def hear_all(self) -> None:
        """Returns when every delivery was read."""
        await asyncio.wait_for(self._all_told.wait(), _PATIENCE_SECONDS)

    async def _read(self, number: int, store: str | None) -> None:
        skus = frozenset({f"sku-{number}"}) if store is None else None
        stores = None if store is None else frozenset({store})
        async with self._hub.subscribe(_everything, skus=skus, stores=stores) as news:
            self._seated.release()
            async for happening in news:
                if isinstance(happening, Happening):
                    self._told += 1
                    if self._told == self._expected:
                        self._all_told.set()


def _everything(_: Happening) -> bool:
    return True


@subject("hub", "events dispatched by the hub to 10,000 subscriptions", place=6)
async def hub(stage: Stage) -> Findings:
    """A relay and a hub on PostgreSQL in this process; from the commit until the last reader has it."""
    found = Findings(
        f"Hub: {_SUBSCRIPTIONS:,} subscriptions in one process",
        (
            Column("what", "news"),
            Column("events", "events"),
            Column("deliveries", "deliveries"),
            Column("events_per_second", "events/s"),
            Column("per_second", "deliveries/s"),
            Column("cpu_us", "CPU", "µs/delivery", 1),
            Column("first_to_last_ms", "one event to all", "ms", 1),
        ),
    )
    dsn = await stage.database()
    async with AsyncExitStack() as stack:
        db = await connect(dsn)
        stack.push_async_callback(db.close)
        relay = asyncio.create_task(Relay(dsn).run())
        stack.push_async_callback(_ended, relay)
        follows = Hub(dsn)
        await follows.start()
        stack.push_async_callback(follows.stop)
        own = [News(Topic.PRICE, "bench", sku=f"sku-{number}") for number in range(_SUBSCRIPTIONS)]
        async with _Audience(follows, [None] * _SUBSCRIPTIONS) as audience:
            found.rows.append(await _told(db, follows, audience, "each its own sku", own, 1))
        shared = [News(Topic.PRICE, "bench", sku=f"sku-{number}", store="one") for number in range(50)]
        async with _Audience(follows, ["one"] * _SUBSCRIPTIONS) as audience:
            row = await _told(db, follows, audience, "all the same store", shared, _SUBSCRIPTIONS)
            alone = await _told(db, follows, audience, "", shared[:1], _SUBSCRIPTIONS)
            events, rate = alone["deliveries"], alone["per_second"]
            assert isinstance(events, int)
            assert isinstance(rate, float)
            found.rows.append({**row, "first_to_last_ms": 1000 * events / rate})
    found.notes.append("From the commit through relay and hub until every reader's coroutine has the event;")
    found.notes.append("what a reader then does with it (resolving, encoding, sending) is not in it.")
    return found


async def _told(
    db: Connection, hub: Hub, audience: _Audience, what: str, news: Sequence[News], readers_each: int
) -> dict[str, Value]:
    deliveries = len(news) * readers_each
    audience.expect(deliveries)
    began, used = time.perf_counter(), time.process_time()
    for start in range(0, len(news), _BATCH):
        await outbox.write(db, news[start : start + _BATCH])
        hub.nudge()
    await audience.hear_all()
    took, used = time.perf_counter() - began, time.process_time() - used
    return {
        "what": what,
        "events": len(news),
        "deliveries": deliveries,
        "events_per_second": len(news) / took,
        "per_second": deliveries / took,
        "cpu_us": used * 1e6 / deliveries,
    }


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
