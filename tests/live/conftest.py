"""A live path for tests: a database of its own, with a relay and a hub on request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from redis.asyncio import Redis

from domain.news import Happening, News, Topic
from persistence.database import Connection, connect
from persistence.news import outbox
from persistence.news.hub import Hub, Idle, Resync, Subscription
from persistence.news.redis_stream import stream_key
from persistence.news.relay import Relay

Item = Happening | Idle | Resync

both_ways = pytest.mark.parametrize("carrier", ["outbox", "redis"], indirect=True)
"""Runs a test twice: the hubs read the outbox, or Redis brings them the news."""


def price(sku: str, **more: Any) -> News:
    """A piece of news about the price of a sku."""
    return News(Topic.PRICE, "pricesSet", sku=sku, **more)


async def until(true: Callable[[], bool] | Callable[[], Awaitable[bool]], seconds: float = 10.0) -> None:
    """Returns once it is true; fails when it does not become so in time."""
    async with asyncio.timeout(seconds):
        while True:
            answer = true()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.01)


class Live:
    """One database and whatever runs on it; everything is ended with the test."""

    def __init__(
        self, dsn: str, db: asyncpg.Connection, stack: AsyncExitStack, redis_url: str | None = None
    ) -> None:
        self.dsn = dsn
        self.db = db
        self.redis_url = redis_url
        self._stack = stack

    async def relay(self, dsn: str | None = None, **options: Any) -> Relay:
        """A relay that runs until the end of the test."""
        relay = Relay(dsn or self.dsn, redis_url=self.redis_url, **options)
        await self._stack.enter_async_context(running(relay))
        return relay

    async def hub(self, dsn: str | None = None, **options: Any) -> Hub:
        """A hub that follows the news until the end of the test."""
        hub = Hub(dsn or self.dsn, redis_url=self.redis_url, **options)
        self._stack.push_async_callback(hub.stop)
        await hub.start()
        return hub

    async def gate(self) -> Gate:
        """An open gate to the database, shut at the end of the test."""
        gate = Gate(self.dsn)
        await gate.open()
        self._stack.push_async_callback(gate.shut)
        return gate

    async def connection(self) -> asyncpg.Connection:
        """One more connection, for what happens side by side."""
        db = await connect(self.dsn)
        self._stack.push_async_callback(db.close)
        return db

    async def write(self, *news: News, db: Connection | None = None) -> int:
        """The highest outbox id of news that is committed at once."""
        highest = await outbox.write(db or self.db, news)
        assert highest is not None
        return highest

    async def reaches(self, position: int) -> None:
        """Returns once the relay has given this position."""

        async def reached() -> bool:
            return (await outbox.extent(self.db)).head >= position

        await until(reached)

    async def positions(self) -> list[tuple[int, int | None]]:
        """Every (id, position) that is kept, by id."""
        return [tuple(row) for row in await self.db.fetch("SELECT id, position FROM outbox ORDER BY id")]

    async def cut(self, application: str) -> int:
        """How many of an application's connections were cut off."""
        rows = await self.db.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = $1 AND datname = current_database()",
            application,
        )
        return len(rows)


class Gate:
    """A way to the database that can be shut: connections through it break, and new ones are refused."""

    def __init__(self, dsn: str) -> None:
        self._target = urlsplit(dsn)
        self._port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def dsn(self) -> str:
        """The address of the database, through the gate."""
        address = self._target.netloc.rpartition("@")[0] + f"@127.0.0.1:{self._port}"
        return self._target._replace(netloc=address).geturl()

    async def open(self) -> None:
        """Lets connections through."""
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Breaks what is open, and refuses what comes."""
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._open):
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._open |= {writer, back}
        with suppress(OSError):
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        self._open -= {writer, back}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[None]:
    """While entered, the relay runs."""
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def next_of(subscription: Subscription, count: int, *, seconds: float = 10.0) -> list[Item]:
    """The next items of a subscription, markers included."""
    async with asyncio.timeout(seconds):
        return [await anext(subscription) for _ in range(count)]


async def happenings_of(subscription: Subscription, count: int, *, seconds: float = 20.0) -> list[Happening]:
    """The next happenings of a subscription; markers are passed over, but a Resync is none of them."""
    found: list[Happening] = []
    async with asyncio.timeout(seconds):
        while len(found) < count:
            item = await anext(subscription)
            assert not isinstance(item, Resync)
            if isinstance(item, Happening):
                found.append(item)
    return found


def skus(items: list[Item] | list[Happening]) -> list[str | None]:
    """The skus of happenings, None for markers."""
    return [item.sku if isinstance(item, Happening) else None for item in items]


@pytest.fixture
def carrier(request: pytest.FixtureRequest) -> str | None:
    """The address of the Redis that brings the news, None without one."""
    way = getattr(request, "param", "outbox")
    return None if way == "outbox" else str(request.getfixturevalue("shared_redis"))


@pytest.fixture
async def live(fresh_database: str, carrier: str | None) -> AsyncIterator[Live]:
    """The module's database, with the news at its beginning."""
    async with AsyncExitStack() as stack:
        db = await connect(fresh_database)
        stack.push_async_callback(db.close)
        await db.execute(
            "TRUNCATE outbox RESTART IDENTITY; TRUNCATE watermark; DROP TABLE IF EXISTS truth; "
            "UPDATE stream SET epoch = 1, head = 0, oldest = 0"
        )
        if carrier is not None:
            async with Redis.from_url(carrier) as redis:
                await redis.delete(await stream_key(db))
        yield Live(fresh_database, db, stack, carrier)
