"""The pool: what it sends, what it leaves behind, and how it lives through a server that goes away."""

import asyncio
import socket
import time

import asyncpg
import pytest

from domain.refusals import RequestCode, RequestError
from persistence import database as database_module
from persistence import migrate
from persistence.database import Database, connect
from tests.persistence.servers import own_server, wired


@pytest.fixture
async def single(database_url):
    """A pool of one connection, so that whatever is left on it is met by the next."""
    async with Database(database_url, size=1, patience_seconds=2) as opened:
        yield opened


@pytest.fixture(scope="module")
def own():
    with own_server() as server:
        yield server


async def answers(database):
    async with database.connection() as db:
        return await db.fetchval("SELECT 42")


async def is_unavailable(work):
    with pytest.raises(RequestError) as refused:
        await work
    assert refused.value.code is RequestCode.UNAVAILABLE
    assert refused.value.retry_after_seconds == 2
    return True


async def test_lending_and_giving_back_sends_nothing(database_url):
    async with wired(database_url) as (wire, near), Database(near, size=1) as database:
        assert await answers(database) == 42  # connected and prepared
        for _ in range(3):
            before = wire.sent
            async with database.connection():
                pass
            assert wire.sent == before
        async with database.connection() as db:
            before = wire.sent
            assert await db.fetchval("SELECT 42") == 42
            asked = wire.sent - before
        assert wire.sent - before == asked < 100  # the name of a prepared statement, not its text


async def test_whoever_watches_hears_every_statement_and_nothing_else(database_url):
    heard = []
    database = Database(database_url, size=1)
    database.watch = heard.append
    async with database, database.transaction() as db:
        await db.fetchval("SELECT 42")
    assert [text.rstrip(";") for text in heard] == ["BEGIN", "SELECT 42", "COMMIT"]


class StumbledError(Exception):
    """Something went wrong in the middle."""


async def stumble(db):
    raise StumbledError


async def refused_by_the_server(db):
    await db.execute("SELECT 1 / 0")


async def cancelled(db):
    sleeping = asyncio.create_task(db.execute("SELECT pg_sleep(30)"))
    await asyncio.sleep(0.05)
    sleeping.cancel()
    await sleeping


async def refused_and_swallowed(db):
    with pytest.raises(asyncpg.DivisionByZeroError):
        await db.execute("SELECT 1 / 0")
    raise StumbledError


@pytest.mark.parametrize("failure", [stumble, refused_by_the_server, cancelled, refused_and_swallowed])
async def test_a_failed_transaction_leaves_nothing_open_and_nothing_written(single, failure):
    async with single.connection() as db:
        await db.execute("CREATE TEMP TABLE IF NOT EXISTS kept (n int)")

    async def write_and_fail():
        async with single.transaction() as db:
            await db.execute("INSERT INTO kept VALUES (1)")
            await failure(db)

    with pytest.raises((StumbledError, asyncpg.DivisionByZeroError, asyncio.CancelledError)):
        await write_and_fail()
    async with single.connection() as db:
        assert not db.is_in_transaction()
        assert await db.fetchval("SELECT pg_current_xact_id_if_assigned()") is None
        assert await db.fetchval("SELECT count(*) FROM kept") == 0


async def test_a_statement_nobody_waits_for_any_more_is_stopped_and_its_connection_used_again(single):
    async def sleep():
        async with single.connection() as db:
            await db.execute("SELECT pg_sleep(30) AS nobody_waits")

    sleeping = asyncio.create_task(sleep())
    await asyncio.sleep(0.2)
    began = time.monotonic()
    sleeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeping
    async with single.connection() as db:
        running = await db.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE state = 'active' AND query LIKE '%nobody_waits%' AND pid <> pg_backend_pid()"
        )
    assert (running, time.monotonic() - began < 2) == (0, True)


async def test_who_waits_too_long_for_a_connection_is_told_so_and_the_pool_lives_on(database_url):
    async with Database(database_url, size=1, patience_seconds=0.2) as database:
        async with database.connection():
            assert await is_unavailable(answers(database))
        assert await answers(database) == 42


async def test_a_wrong_argument_is_a_bug_and_no_outage(single):
    with pytest.raises(asyncpg.DataError):
        async with single.connection() as db:
            await db.fetchval("SELECT $1::int", "three")
    with pytest.raises(asyncpg.InterfaceError):
        async with single.connection() as db:
            await db.fetchval("SELECT 42", "one too many")
    assert await answers(single) == 42


async def test_it_opens_without_a_server_and_says_that_it_is_away():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with Database(f"postgresql://nobody:none@127.0.0.1:{port}/none") as database:
        assert await is_unavailable(answers(database))


async def test_a_pool_that_is_closed_or_was_never_opened_is_away(database_url):
    database = Database(database_url)
    assert await is_unavailable(answers(database))
    async with database:
        assert await answers(database) == 42
    assert await is_unavailable(answers(database))


async def test_a_server_that_goes_and_comes_back_is_used_again_by_the_same_pool(own):
    async with Database(own.dsn, size=3, patience_seconds=2) as database:
        # Several idle connections, so that each of them is found dead and replaced.
        async with database.connection(), database.connection():
            assert await answers(database) == 42
        with own.away():
            assert all([await is_unavailable(answers(database)) for _ in range(4)])
        assert [await answers(database) for _ in range(4)] == [42] * 4
        async with database.connection(), database.connection():
            assert await answers(database) == 42


@pytest.mark.parametrize("lend", ["connection", "transaction"])
async def test_a_statement_whose_server_goes_away_midway_says_so_at_once(own, lend):
    async with Database(own.dsn, size=2, patience_seconds=2) as database:

        async def sleep():
            async with getattr(database, lend)() as db:
                await db.execute("SELECT pg_sleep(30)")

        sleeping = asyncio.create_task(sleep())
        await asyncio.sleep(0.2)
        began = time.monotonic()
        with own.away():
            assert await is_unavailable(sleeping)
        assert time.monotonic() - began < 5
        assert await answers(database) == 42


@pytest.mark.parametrize("lend", ["connection", "transaction"])
async def test_a_line_that_breaks_midway_is_an_outage_and_the_next_gets_a_new_one(database_url, lend):
    async with wired(database_url) as (wire, near), Database(near, size=1, patience_seconds=2) as database:

        async def sleep():
            async with getattr(database, lend)() as db:
                await db.execute("SELECT pg_sleep(2)")

        sleeping = asyncio.create_task(sleep())
        await asyncio.sleep(0.2)
        wire.cut()
        assert await is_unavailable(sleeping)
        assert await answers(database) == 42


async def test_a_transaction_that_loses_its_server_between_statements_is_an_outage(own):
    async with Database(own.dsn, size=1, patience_seconds=2) as database:

        async def two_steps():
            async with database.transaction() as db:
                await db.execute("SELECT 1")
                with own.away():
                    await asyncio.sleep(0.05)
                await db.execute("SELECT 2")

        assert await is_unavailable(two_steps())
        assert await answers(database) == 42


async def test_a_server_older_than_wanted_is_refused_before_anything_is_changed(bare_database, monkeypatch):
    async with Database(bare_database, size=1) as database:
        version = await database.server_version()
        assert version >= database_module.SMALLEST_SERVER == 180000
        monkeypatch.setattr(migrate, "SMALLEST_SERVER", version + 1)
        with pytest.raises(migrate.ServerTooOldError, match=f"this server is {version // 10000}\\."):
            await migrate.upgrade(bare_database)
        async with database.connection() as db:
            assert await migrate.current(db) is None
        monkeypatch.setattr(migrate, "SMALLEST_SERVER", version)
        assert await migrate.upgrade(bare_database) is True


async def test_a_connection_outside_every_pool_speaks_the_same_documents(database_url):
    db = await connect(database_url)
    try:
        assert await db.fetchval("SELECT $1::jsonb", {"en": ["燕麦奶", None]}) == {"en": ["燕麦奶", None]}
    finally:
        await db.close()
