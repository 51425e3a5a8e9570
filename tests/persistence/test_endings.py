"""The relay and the hub end when they are told to, also in the very moment they are woken."""

import asyncio

import pytest

from domain.news import Cursor
from persistence.news.hub import Hub
from persistence.news.redis_stream import Receiver, beside
from persistence.news.relay import Relay


@pytest.mark.parametrize("turns", range(4))
async def test_a_relay_that_was_just_woken_ends(fresh_database, turns):
    relay = Relay(fresh_database, poll_seconds=5)
    running = asyncio.create_task(relay.run())
    while not relay.is_leading:  # noqa: ASYNC110 - leading has no event
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)  # it waits for news
    relay._wake.set()
    await _turn(turns)
    running.cancel()
    _, still = await asyncio.wait([running], timeout=3)
    assert not still


@pytest.mark.parametrize("turns", range(4))
async def test_a_hub_that_was_just_woken_ends(fresh_database, turns):
    hub = Hub(fresh_database, poll_seconds=5)
    await hub.start()
    await asyncio.sleep(0.1)
    hub._wake.set()
    await _turn(turns)
    async with asyncio.timeout(3):
        await hub.stop()


@pytest.mark.parametrize("turns", [0, 3, 8])
async def test_what_talks_to_redis_ends_while_it_connects(shared_redis, turns):
    receiver = Receiver(shared_redis)

    async def take(batch):
        return True

    async with asyncio.timeout(3):
        async with beside(receiver.follow("nobody's", lambda: Cursor(1, 0), take)):
            await _turn(turns)
        await receiver.close()


async def _turn(turns):
    for _ in range(turns):
        await asyncio.sleep(0)
