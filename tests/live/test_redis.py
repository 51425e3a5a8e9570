"""Redis brings the news; whatever happens to it, the outbox makes good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncpg
import pytest
from redis.asyncio import Redis

from domain.news import Cursor, Happening
from persistence.news.hub import Hub
from persistence.news.outbox import OutboxRow
from persistence.news.redis_stream import Batch, Sender, beside, stream_key
from tests.live.conftest import Live, happenings_of, price, skus, until
from tests.redis_servers import OwnRedis

NOON = datetime(2026, 3, 1, 12, 0, 0, 500, tzinfo=UTC)
NEVER = 3600.0


def everything(_: Happening) -> bool:
    return True


@pytest.fixture
def carrier(redis_server: OwnRedis) -> str:
    """A Redis that each test may kill."""
    return redis_server.url


@pytest.fixture
async def redis(redis_server: OwnRedis) -> AsyncIterator[Redis]:
    """A client to look with."""
    async with Redis.from_url(redis_server.url) as client:
        yield client


@asynccontextmanager
async def sending(live: Live, **options: int) -> AsyncIterator[Sender]:
    """A sender that no relay has."""
    sender = Sender(str(live.redis_url), **options)
    async with beside(sender.run()):
        yield sender


def batch(first: int, last: int, *, epoch: int = 1) -> Batch:
    """News of these positions, each about the sku "redis" and its position."""
    return Batch(
        epoch,
        [
            OutboxRow(place, place, "price", f"redis-{place}", "aeon", None, "pricesSet", NOON)
            for place in range(first, last + 1)
        ],
    )


async def put_in_outbox(live: Live, last: int) -> None:
    """News that has positions up to `last`, of which nobody was told."""
    await live.db.execute(
        "INSERT INTO outbox (position, topic, sku, cause) "
        "SELECT place, 'price', 'outbox-' || place, 'pricesSet' FROM generate_series(1, $1) AS place",
        last,
    )
    await live.db.execute("UPDATE stream SET head = $1", last)


async def deaf_hub(live: Live) -> Hub:
    """A hub that looks into the outbox only when Redis leaves it no choice."""
    hub = await live.hub(poll_seconds=NEVER)
    await asyncio.sleep(0.1)  # it has looked, and listens
    return hub


async def test_what_redis_brings_needs_no_outbox(live: Live) -> None:
    hub = await deaf_hub(live)
    async with hub.subscribe(everything) as news, sending(live) as sender:
        sender.send(await stream_key(live.db), batch(1, 3))
        heard = await happenings_of(news, 3)
    assert skus(heard) == ["redis-1", "redis-2", "redis-3"]
    assert heard[2] == (Cursor(1, 3), "price", "redis-3", "aeon", None, "pricesSet", NOON)
    assert hub.cursor == Cursor(1, 3)


async def test_what_redis_leaves_out_comes_from_the_outbox_and_before_it(live: Live) -> None:
    hub = await deaf_hub(live)
    await put_in_outbox(live, 2)
    async with hub.subscribe(everything) as news, sending(live) as sender:
        sender.send(await stream_key(live.db), batch(3, 4))
        assert skus(await happenings_of(news, 4)) == ["outbox-1", "outbox-2", "redis-3", "redis-4"]


async def test_what_redis_brings_twice_is_told_once(live: Live) -> None:
    hub = await deaf_hub(live)
    key = await stream_key(live.db)
    async with hub.subscribe(everything) as news, sending(live) as sender:
        for first, last in [(1, 3), (2, 3), (1, 4), (3, 6)]:
            sender.send(key, batch(first, last))
        sender.send(key, batch(1, 2))  # of a relay that led before
        sender.send(key, batch(5, 7))
        heard = await happenings_of(news, 7)
    assert [each.cursor.position for each in heard] == [1, 2, 3, 4, 5, 6, 7]


async def test_the_stream_is_capped(live: Live, redis: Redis) -> None:
    key = await stream_key(live.db)
    async with sending(live, keep=500) as sender:
        for first in range(0, 20_000, 200):
            sender.send(key, batch(first + 1, first + 200))

        async def all_sent() -> bool:
            return bool(await redis.xrange(key, "1-20000", "1-20000"))

        await until(all_sent)
    # Redis drops whole nodes of its own, of 4 KiB or one entry.
    assert 3 <= await redis.xlen(key) <= 5


async def test_each_database_has_its_own_stream(live: Live, database_url: str) -> None:
    other = await asyncpg.connect(database_url)
    try:
        assert await stream_key(other) != await stream_key(live.db)
    finally:
        await other.close()


async def test_what_a_past_left_behind_is_swept_away(live: Live, redis: Redis) -> None:
    """As after a standby took over that had not got the last commits: Redis is ahead of the outbox."""
    key = await stream_key(live.db)
    async with sending(live) as sender:
        sender.send(key, batch(40, 60))
        await until(lambda: not sender._unsent)
    hub = await live.hub(poll_seconds=0.1)
    relay = await live.relay()
    await until(lambda: relay.is_leading)
    async with hub.subscribe(everything) as news:
        for step in range(5):
            await live.write(price(str(step)))
            assert skus(await happenings_of(news, 1)) == [str(step)]
    first = (await redis.xrange(key, count=1))[0][0]
    assert first < b"1-40"


async def test_nothing_is_lost_while_redis_is_dead_and_after_it_forgot_all(
    live: Live, redis_server: OwnRedis
) -> None:
    await live.relay()
    hubs = [await live.hub(), await live.hub()]
    async with hubs[0].subscribe(everything) as here, hubs[1].subscribe(everything) as there:
        written = 0

        async def write(count: int) -> None:
            nonlocal written
            for _ in range(count):
                written += 1
                await live.write(price(str(written)))
                await asyncio.sleep(0.002)

        for _ in range(2):
            await write(20)
            with redis_server.away():
                await write(20)
            await write(20)
        expected = [str(step + 1) for step in range(written)]
        assert skus(await happenings_of(here, written)) == expected
        assert skus(await happenings_of(there, written)) == expected


async def test_nobody_waits_for_a_frozen_redis(live: Live, redis_server: OwnRedis) -> None:
    await live.relay()
    hub = await live.hub(poll_seconds=NEVER)
    async with hub.subscribe(everything) as news:
        await live.write(price("before"))
        assert skus(await happenings_of(news, 1)) == ["before"]
        with redis_server.frozen():
            for step in range(20):
                await live.write(price(str(step)))
                assert skus(await happenings_of(news, 1, seconds=2)) == [str(step)]


async def test_redis_brings_the_news_again_once_it_is_back(live: Live, redis_server: OwnRedis) -> None:
    await live.relay()
    hub = await live.hub()
    with redis_server.away():
        await live.write(price("without"))
        await until(lambda: hub.cursor.position == 1)

    async def is_prompt() -> bool:
        await live.write(price("with"))
        await asyncio.sleep(0.05)
        assert hub._express is not None
        return hub._express.is_prompt

    await until(is_prompt)


async def test_a_redis_that_was_never_there_is_no_obstacle(live: Live, redis_server: OwnRedis) -> None:
    redis_server.kill()
    await live.relay()
    hub = await live.hub()
    async with hub.subscribe(everything) as news:
        await live.write(price("a"))
        assert skus(await happenings_of(news, 1)) == ["a"]
