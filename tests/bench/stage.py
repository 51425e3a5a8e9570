"""What measurements stand on: a durable PostgreSQL of their own, databases in it, and the demo mall."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import asyncpg

from graph.demo.loader import load_demo
from persistence import migrate
from persistence.postgres import EmbeddedPostgres
from tests.databases import created


@dataclass(frozen=True, slots=True)
class Effort:
    """How long measurements take: seconds of one measurement under load, and how often each is repeated."""

    seconds: float = 2.0
    rounds: int = 3


class Stage:
    """Each part is made when it is first asked for, and ended with the run."""

    def __init__(self, effort: Effort) -> None:
        self.effort = effort
        self.folder = Path(tempfile.mkdtemp(prefix="shelfgraph-bench-"))
        self.folder.chmod(0o711)  # the database may run as another user, who has to get through
        self._stack = AsyncExitStack()
        self._server: str | None = None
        self._template: str | None = None
        self._mall: str | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._stack.aclose()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    async def server(self) -> str:
        """The address of the server: SHELFGRAPH_DATABASE_URL, or an embedded one with durable settings.

        Nothing is ever written to the database this address names.
        """
        if self._server is None:
            self._server = os.environ.get("SHELFGRAPH_DATABASE_URL")
        if self._server is None:
            postgres = EmbeddedPostgres(self.folder, durable=True)
            self._server = await asyncio.to_thread(postgres.start)
            self._stack.callback(postgres.stop)
        return self._server

    async def database(self) -> str:
        """The address of a new, migrated, empty database."""
        server = await self.server()
        if self._template is None:
            dsn = await self._stack.enter_async_context(created(server))
            await migrate.upgrade(dsn)
            self._template = urlsplit(dsn).path.removeprefix("/")
        return await self._stack.enter_async_context(created(server, template=self._template))

    async def mall(self) -> str:
        """The address of a database with the demo mall, shared by every subject that only reads it."""
        if self._mall is None:
            dsn = await self.database()
            await load_demo(dsn)
            await settle(dsn)
            self._mall = dsn
        return self._mall


async def settle(dsn: str) -> None:
    """Returns once what was written is on disk and counted, so that it costs nobody who is measured."""
    db = await asyncpg.connect(dsn)
    try:
        await db.execute("VACUUM ANALYZE")
        await db.execute("CHECKPOINT")
    finally:
        await db.close()
