"""The workers of a process: kept running, in the server's process or in one of their own."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta

from domain.news import Cursor
from graph.settings import Environment, Settings
from graph.workers import Workers, run
from persistence.news import outbox
from tests.live.conftest import Live, happenings_of, price, skus, until


async def test_workers_relay_what_is_committed_and_outlive_the_database(live: Live) -> None:
    gate = await live.gate()
    hub = await live.hub(gate.dsn)
    workers = Workers(gate.dsn, gate.dsn, hub, Settings(env=Environment.TEST))
    await workers.start()
    try:
        async with hub.subscribe(lambda each: True) as news:
            await live.write(price("before"))
            assert skus(await happenings_of(news, 1)) == ["before"]
            await gate.shut()
            await live.write(price("after"))
            await asyncio.sleep(0.5)
            await gate.open()
            assert skus(await happenings_of(news, 1)) == ["after"]
    finally:
        await workers.stop()
    await live.write(price("nobody works"))
    await asyncio.sleep(0.5)
    assert (await outbox.head(live.db)) == Cursor(1, 2)


async def test_the_worker_command_works_until_it_is_told_to_end(live: Live) -> None:
    mark = datetime.now(UTC) - timedelta(minutes=1)
    await live.db.execute("INSERT INTO watermark (name, at) VALUES ('price-boundaries', $1)", mark)
    await live.write(price("a"))
    working = asyncio.create_task(run(Settings(env=Environment.TEST, database_url=live.dsn)))
    await live.reaches(1)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(working, 5)

    async def is_alone() -> bool:
        return not await live.db.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'shelfgraph%' "
            "AND datname = current_database()"
        )

    await until(is_alone)
