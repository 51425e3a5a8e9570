"""Several real processes on one database: each hears everything once, in order, whichever of them dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.live.conftest import Live, both_ways, price, until
from tests.live.listening import Listener
from tests.processes import leader
from tests.redis_servers import OwnRedis


@pytest.fixture
async def listeners(live: Live, tmp_path: Path) -> AsyncIterator[list[Listener]]:
    """Three processes that listen and relay."""
    three = [
        Listener(tmp_path, f"listener-{place}", DATABASE_URL=live.dsn, REDIS_URL=live.redis_url)
        for place in range(3)
    ]
    try:
        for one in three:
            one.start()
        await until(lambda: all(one.reached >= 0 for one in three), seconds=60)
        yield three
    finally:
        for one in three:
            one.kill()


async def written(live: Live, first: int, count: int) -> int:
    """How many pieces of news there are by now, after so many more commits."""
    for step in range(first, first + count):
        await live.write(price(str(step)))
        await asyncio.sleep(0.003)
    return first + count


async def heard_by_all(listeners: list[Listener], count: int) -> None:
    """Fails unless each hears all of it, once, in order, and nobody has to resync."""
    await until(lambda: all(one.reached == count for one in listeners), seconds=30)
    for one in listeners:
        assert [heard.sku for heard in one.happenings()] == [str(step) for step in range(count)]
        assert [heard.cursor.position for heard in one.happenings()] == list(range(1, count + 1))
        assert "resync" not in {line.topic for line in one.lines()}


async def kill_leader(live: Live, listeners: list[Listener]) -> Listener:
    """The listener that led, dead now."""
    leading: list[Listener] = []

    async def leads() -> bool:
        pid = await leader(live.db, [one.pid for one in listeners])
        leading[:] = [one for one in listeners if one.pid is not None and one.pid == pid]
        return bool(leading)

    await until(leads)
    leading[0].kill()
    return leading[0]


@both_ways
async def test_everybody_hears_everything_once_in_order_while_leaders_are_killed(
    live: Live, listeners: list[Listener]
) -> None:
    count = await written(live, 0, 50)
    dead = await kill_leader(live, listeners)
    count = await written(live, count, 50)
    await until(lambda: all(one.reached == count for one in listeners if one is not dead))
    dead.start()
    await kill_leader(live, [one for one in listeners if one is not dead])
    count = await written(live, count, 50)
    for one in listeners:
        if one.pid is None:
            one.start()
    await heard_by_all(listeners, count)


class TestWithARedisThatDies:
    """And with connections to the database cut off in the meantime."""

    @pytest.fixture
    def carrier(self, redis_server: OwnRedis) -> str:
        return redis_server.url

    async def test_nothing_is_lost_and_nothing_comes_twice(
        self, live: Live, listeners: list[Listener], redis_server: OwnRedis
    ) -> None:
        count = await written(live, 0, 30)
        with redis_server.away():
            count = await written(live, count, 30)
        for application in ("hub", "relay"):
            count = await written(live, count, 30)
            assert await live.cut(f"shelfgraph {application}") >= 1
        count = await written(live, count, 30)
        await heard_by_all(listeners, count)
