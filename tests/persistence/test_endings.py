"""The relay and the hub end when they are told to, also in the very moment they are woken."""

import asyncio

import pytest

from persistence.news.hub import Hub
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


async def _turn(turns):
    for _ in range(turns):
        await asyncio.sleep(0)
