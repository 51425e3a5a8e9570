"""The databases tests are given: migrated, apart from each other, gone afterwards."""

import asyncpg

from persistence import migrate
from tests.databases import created


async def _run(dsn, statement, *values):
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement, *values)
    finally:
        await connection.close()


async def test_every_database_stands_at_the_newest_revision(database_url, fresh_database):
    for dsn in (database_url, fresh_database):
        assert await _run(dsn, "SELECT version_num FROM alembic_version") == migrate.head()
    assert database_url != fresh_database


async def test_what_one_writes_the_other_does_not_see_and_the_template_stays_clean(
    database_server, database_template, fresh_database
):
    await _run(fresh_database, "CREATE TABLE mine AS SELECT 1")
    async with created(database_server, template=database_template) as another:
        assert await _run(another, "SELECT to_regclass('mine')") is None
    gone = another.rpartition("/")[2]
    assert await _run(database_server, "SELECT count(*) FROM pg_database WHERE datname = $1", gone) == 0


async def test_a_bare_database_has_no_table(bare_database):
    assert await _run(bare_database, "SELECT to_regclass('alembic_version')") is None
