"""The database a command stands on: an outside one, the embedded one, or the one a running server has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum

import asyncpg
import structlog

from graph.settings import Environment, Settings
from persistence import migrate
from persistence.database import AWAY_AT_FIRST
from persistence.postgres import EmbeddedPostgres, running_dsn

_log = structlog.stdlib.get_logger("shelfgraph.ground")


class SchemaBehind(Exception):  # noqa: N818 - what it says is for whoever started the process
    """A database for customers is not at this release's schema, and is not changed unasked."""


class Company(Enum):
    """Whether a command may work beside a server that already uses the data folder."""

    ALONE = "alone"
    BESIDE = "beside"


@asynccontextmanager
async def running_database(settings: Settings, company: Company = Company.ALONE) -> AsyncIterator[str]:
    """The address of a database that runs until the end, as it is: nothing is migrated.

    Raises EmbeddedPostgresError when the embedded one cannot be started, as when its folder is in use.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    if company is Company.BESIDE and (dsn := running_dsn(settings.data_dir)) is not None:
        yield dsn
        return
    server = EmbeddedPostgres(settings.data_dir, durable=settings.env is not Environment.TEST)
    starting = asyncio.ensure_future(asyncio.to_thread(server.start))
    try:
        dsn = await asyncio.shield(starting)
        _log.info("embedded PostgreSQL is ready", folder=str(settings.data_dir))
        yield dsn
    finally:
        # Also when we are told to end before it has started: what was begun is ended.
        await asyncio.gather(starting, return_exceptions=True)
        await asyncio.to_thread(server.stop)


@asynccontextmanager
async def migrated_database(settings: Settings, company: Company = Company.ALONE) -> AsyncIterator[str]:
    """The address of a running database at this release's schema.

    An outside one in production is checked, not changed: SchemaBehind asks for `shelfgraph migrate`. One
    that is away is taken as it will be found: a server starts before its database, and answers 503 till then.
    """
    async with running_database(settings, company) as dsn:
        try:
            if settings.database_url is not None and settings.env is Environment.PRODUCTION:
                await _check(dsn)
            elif await migrate.upgrade(dsn):
                _log.info("the database was migrated", revision=migrate.head())
        except AWAY_AT_FIRST as error:
            if settings.database_url is None:
                raise
            _log.warning(
                "the database is away; starting without it", reason=str(error) or type(error).__name__
            )
        yield dsn


async def _check(dsn: str) -> None:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        found, wanted = await migrate.current(connection), migrate.head()
    finally:
        await connection.close()
    if found != wanted:
        raise SchemaBehind(
            f"The database is at {found or 'no revision'}, this release needs {wanted}: "
            "run `shelfgraph migrate`."
        )
