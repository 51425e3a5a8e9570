"""The tables as migrated are the tables as written: columns, defaults, checks, keys and indexes alike."""

import asyncio
import re
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from persistence import migrate
from persistence.database import connect
from persistence.postgres import programs
from persistence.tables import METADATA
from tests.databases import created

EXTENSIONS = ("cube", "earthdistance", "pg_trgm")


async def schema_of(dsn):
    """Every statement that makes the database's schema, columns and constraints in order of their names."""
    process = await asyncio.create_subprocess_exec(
        str(programs.installed() / "bin" / "pg_dump"),
        "--schema-only",
        "--no-owner",
        "--no-privileges",
        "--exclude-table=alembic_version",
        f"--dbname={dsn}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=programs.environment(),
    )
    said, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()
    return normal(said.decode())


def normal(dump):
    """The statements of a dump that make something, sorted; in a table, column order means nothing to us."""
    lines = [line for line in dump.splitlines() if line.strip() and not line.startswith(("--", "\\"))]
    statements = re.split(r";(?:\n|$)", "\n".join(lines))
    return sorted(
        _sorted_inside(one.strip())
        for one in statements
        if one.strip() and not re.match(r"SET |SELECT pg_catalog\.set_config", one.strip())
    )


def _sorted_inside(one):
    if not one.startswith("CREATE TABLE"):
        return " ".join(one.split())
    first, *inside, last = one.splitlines()
    return "\n".join([first, *sorted(line.strip().rstrip(",") for line in inside), last])


async def create_all(dsn, metadata):
    url = urlsplit(dsn)._replace(scheme="postgresql+asyncpg").geturl()
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            for extension in EXTENSIONS:
                await connection.execute(sa.text(f"CREATE EXTENSION IF NOT EXISTS {extension}"))
            await connection.run_sync(metadata.create_all)
    finally:
        await engine.dispose()


async def test_a_migrated_database_has_the_schema_of_the_models(bare_database, fresh_database):
    await create_all(bare_database, METADATA)
    written, migrated = await schema_of(bare_database), await schema_of(fresh_database)
    only_models = [one for one in written if one not in migrated]
    only_migrations = [one for one in migrated if one not in written]
    assert (only_models, only_migrations) == ([], []), "add a migration, or change the model"
    assert len(written) > 4 * len(METADATA.tables)


CHANGES = [
    "ALTER TABLE variant ALTER COLUMN position SET DEFAULT 1",
    "ALTER TABLE variant ALTER COLUMN origin SET NOT NULL",
    "ALTER TABLE variant ADD COLUMN note text",
    "ALTER TABLE stock_level DROP CONSTRAINT stock_level_not_oversold",
    "DROP INDEX price_record_from",
    "DROP INDEX product_newest; CREATE INDEX product_newest ON product (id, created_at)",
    "DROP INDEX price_record_ends; CREATE INDEX price_record_ends ON price_record (valid_until)",
    "ALTER TABLE label DROP CONSTRAINT label_sku_fkey",
]


async def test_this_test_sees_what_one_of_them_lacks(database_server, database_template):
    async with created(database_server, template=database_template) as dsn:
        before = await schema_of(dsn)
        for change in CHANGES:
            db = await connect(dsn)
            try:
                await db.execute(change)
            finally:
                await db.close()
            after = await schema_of(dsn)
            assert after != before, change
            before = after


async def test_a_second_upgrade_changes_nothing(fresh_database):
    before = await schema_of(fresh_database)
    assert await migrate.upgrade(fresh_database) is False
    assert await schema_of(fresh_database) == before


async def test_processes_that_start_together_migrate_once(bare_database):
    done = await asyncio.gather(*(migrate.upgrade(bare_database) for _ in range(3)))
    assert sorted(done) == [False, False, True]
