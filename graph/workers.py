"""The workers of a process: the relay and the clock, kept running whatever happens to them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from types import MappingProxyType

import structlog

from graph.ground import Company, migrated_database
from graph.household import household
from graph.settings import Settings
from persistence.database import AWAY_AT_FIRST
from persistence.inventory.expiry import HoldBoundaries
from persistence.loyalty.expiry import PointsBoundaries
from persistence.news.boundaries import PriceBoundaries
from persistence.news.hub import Hub
from persistence.news.relay import Relay

_log = structlog.stdlib.get_logger("shelfgraph.workers")
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0
NO_MORE: Mapping[str, Callable[[], Awaitable[None]]] = MappingProxyType({})
_STEADY_SECONDS = 30.0  # a worker that ran so long had recovered


class Workers:
    """What works behind the graph, in the server's process or in one of its own; any number may run.

    `direct_dsn` reaches the database past a transaction pooler; `more` is work of the areas, by name.
    """

    def __init__(
        self,
        dsn: str,
        direct_dsn: str,
        hub: Hub,
        settings: Settings,
        more: Mapping[str, Callable[[], Awaitable[None]]] = NO_MORE,
    ) -> None:
        relay = Relay(
            direct_dsn,
            redis_url=settings.redis_url,
            keep=timedelta(hours=settings.replay_hours),
            keep_at_least=settings.replay_at_least,
        )
        self._work: dict[str, Callable[[], Awaitable[None]]] = {
            "relay": relay.run,
            "price boundaries": PriceBoundaries(dsn, hub).run,
            "hold boundaries": HoldBoundaries(dsn, hub).run,
            "points boundaries": PointsBoundaries(dsn).run,
            **more,
        }
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Returns at once; the workers connect by themselves, and again whenever they have to."""
        self._tasks = [
            asyncio.create_task(_keep_running(name, run), name=name) for name, run in self._work.items()
        ]

    async def stop(self) -> None:
        """Ends the workers; what they had not committed is done by another one, or after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []


async def _keep_running(name: str, run: Callable[[], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    pause = _FIRST_PAUSE_SECONDS
    while True:
        began = loop.time()
        try:
            await run()
            return
        except AWAY_AT_FIRST as away:
            _log.warning("a worker lost the database", worker=name, reason=str(away) or type(away).__name__)
        except Exception:  # noqa: BLE001 - whatever it was, the work has to go on
            _log.exception("a worker stumbled", worker=name)
        if loop.time() - began > _STEADY_SECONDS:
            pause = _FIRST_PAUSE_SECONDS
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


async def run(settings: Settings) -> None:
    """Runs the workers alone until SIGINT or SIGTERM: `shelfgraph worker`, beside any number of servers."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ending.set)
    try:
        async with migrated_database(settings, Company.BESIDE) as dsn:
            direct_dsn = settings.database_direct_url or dsn
            home = household(settings.model_copy(update={"database_url": dsn}))
            hub = home.house.hub
            async with AsyncExitStack() as stack:
                for database in home.databases:
                    await stack.enter_async_context(database)
                await hub.start()
                workers = Workers(dsn, direct_dsn, hub, settings, home.work)
                await workers.start()
                _log.info("working")
                await ending.wait()
                _log.info("ending")
                await workers.stop()
                await home.till_room.stop()
                await hub.stop()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
