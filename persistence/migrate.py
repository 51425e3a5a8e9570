"""Bringing a database to the schema of this release, and no further."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from persistence.database import SMALLEST_SERVER, Connection

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x5E1F_6A21  # one advisory lock: two processes that start together migrate once


class ServerTooOldError(Exception):
    """The PostgreSQL at hand is older than 18."""


def alembic_config(dsn: str) -> Config:
    """Alembic's settings for a database, without a file of its own."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["dsn"] = dsn
    return config


@functools.cache
def head() -> str:
    """The revision this release wants."""
    from alembic.script import ScriptDirectory

    return str(ScriptDirectory.from_config(alembic_config("")).get_current_head())


async def current(connection: Connection) -> str | None:
    """The revision a database stands at; None when it is empty."""
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    return str(await connection.fetchval("SELECT version_num FROM alembic_version"))


async def upgrade(dsn: str) -> bool:
    """True when something was migrated; safe to call from several processes at once.

    Raises ServerTooOldError below PostgreSQL 18.
    """
    import asyncio

    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        version = int(await connection.fetchval("SHOW server_version_num"))
        if version < SMALLEST_SERVER:
            raise ServerTooOldError(
                f"PostgreSQL 18 or newer is needed; this server is {version // 10000}.{version % 10000}."
            )
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        if await current(connection) == head():
            return False
        await asyncio.to_thread(_run_alembic, dsn)
        return True
    finally:
        await connection.close()


def _run_alembic(dsn: str) -> None:
    from alembic import command

    command.upgrade(alembic_config(dsn), "head")
