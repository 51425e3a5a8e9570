"""A process that works and listens as a server does, and prints all it hears.

A line is a cursor, a topic and a sku; after a marker, its kind instead of a topic.
"""

from __future__ import annotations

import asyncio
import sys

from domain.news import Cursor, Happening
from graph import logs
from graph.household import hub_of
from graph.settings import load
from graph.workers import Workers
from persistence.news.subscription import Idle


async def listen(after: Cursor | None) -> None:
    """Prints everything after a cursor, or from now on, until it is ended."""
    settings = load()
    dsn = settings.database_url or ""
    logs.set_up(env=settings.env, level=settings.log_level, format=settings.log_format)
    hub = hub_of(settings, dsn)
    await hub.start()
    workers = Workers(dsn, dsn, hub, settings)
    await workers.start()
    async with hub.subscribe(lambda _: True, after=after, idle_seconds=0.5) as news:
        if after is None:
            _say(news.cursor, "begin")
        async for item in news:
            if isinstance(item, Happening):
                _say(item.cursor, item.topic, item.sku or "-")
            else:
                _say(item.cursor, "idle" if isinstance(item, Idle) else "resync")


def _say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")


if __name__ == "__main__":
    asyncio.run(listen(Cursor.parse(sys.argv[1]) if len(sys.argv) > 1 else None))
