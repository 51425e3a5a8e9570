"""Real databases for tests: one server for the session, a migrated database of its own for each module."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from graph.demo.loader import load_demo
from persistence import migrate
from persistence.postgres import EmbeddedPostgres

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def database_server() -> Iterator[str]:
    """The address of a server that lets us create databases: SHELFGRAPH_DATABASE_URL, or an embedded one.

    Nothing is ever written to the database this address names. The embedded one lives in a folder of its own,
    below SHELFGRAPH_DATA_DIR when that is set, so that two runs never meet.
    """
    outside = os.environ.get("SHELFGRAPH_DATABASE_URL")
    if outside:
        yield outside
        return
    below = os.environ.get("SHELFGRAPH_DATA_DIR")
    if below:
        Path(below).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="shelfgraph-test-", dir=below))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder, durable=False) as server:
            yield server.dsn
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
async def database_template(database_server: str) -> AsyncIterator[str]:
    """The name of a migrated database that nobody connects to, to copy others from."""
    async with created(database_server) as dsn:
        await migrate.upgrade(dsn)
        yield urlsplit(dsn).path.removeprefix("/")


@pytest.fixture(scope="session")
async def database_url(database_server: str, database_template: str) -> AsyncIterator[str]:
    """The address of one migrated database for the whole session, for tests that mind only their own rows."""
    async with created(database_server, template=database_template) as dsn:
        yield dsn


@pytest.fixture(scope="module")
async def fresh_database(database_server: str, database_template: str) -> AsyncIterator[str]:
    """The address of a migrated, empty database that this module has to itself."""
    async with created(database_server, template=database_template) as dsn:
        yield dsn


@pytest.fixture(scope="session")
async def mall_template(database_server: str, database_template: str) -> AsyncIterator[str]:
    """The name of a database with the demo mall that nobody connects to, to copy others from."""
    async with created(database_server, template=database_template) as dsn:
        assert await load_demo(dsn) is not None
        yield urlsplit(dsn).path.removeprefix("/")


@pytest.fixture(scope="module")
async def mall_database(database_server: str, mall_template: str) -> AsyncIterator[str]:
    """The address of a demo mall that this module has to itself."""
    async with created(database_server, template=mall_template) as dsn:
        yield dsn


@pytest.fixture
async def bare_database(database_server: str) -> AsyncIterator[str]:
    """The address of a database without a single table, that this test has to itself."""
    async with created(database_server) as dsn:
        yield dsn


@asynccontextmanager
async def created(server: str, *, template: str = "template0") -> AsyncIterator[str]:
    """The address of a new database, dropped at the end together with whoever is still connected."""
    name = f"shelfgraph_test_{os.getpid()}_{next(_numbers)}"
    await _run(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        await _run(server, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _run(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
