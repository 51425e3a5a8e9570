"""Three ways to 24 rows: an ORM session, SQLAlchemy Core, and the house's compiled statements."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlmodel import col, select

from persistence.catalog.tables import Variant
from persistence.database import Database, statement, texts
from tests.bench.stage import Stage
from tests.bench.subject import Column, Findings, subject
from tests.bench.timing import Each, each_awaited

_ROWS = 24
_CALLS = 100


@subject("rows", "24 rows by an ORM session, by Core, and by a compiled statement", place=3)
async def rows(stage: Stage) -> Findings:
    """The variants of 24 skus, each time on a connection borrowed from a pool, as a request does it."""
    dsn = await stage.mall()
    took: dict[str, Each] = {}
    async with Database(dsn, size=1) as database:
        async with database.connection() as db:
            skus = [row[0] for row in await db.fetch("SELECT sku FROM variant ORDER BY sku LIMIT $1", _ROWS)]
        compiled = statement(select(Variant).where(col(Variant.sku) == sa.any_(texts("skus"))))

        async def by_statement() -> None:
            async with database.connection() as db:
                assert len([row.sku for row in await compiled.all(db, skus=skus)]) == _ROWS

        async def by_pool_alone() -> None:
            async with database.connection():
                pass

        engine = create_async_engine(dsn.replace("postgresql://", "postgresql+asyncpg://"), pool_size=1)
        wanted = select(Variant).where(
            col(Variant.sku) == sa.any_(sa.bindparam("skus", skus, sa.ARRAY(sa.Text)))
        )
        table = sa.select(*sa.inspect(Variant).local_table.c).where(
            col(Variant.sku) == sa.any_(sa.bindparam("skus", skus, sa.ARRAY(sa.Text)))
        )

        async def by_core() -> None:
            async with engine.connect() as connection:
                assert len([row.sku for row in await connection.execute(table)]) == _ROWS

        async def by_session() -> None:
            async with AsyncSession(engine) as session:
                assert len([row.sku for row in await session.scalars(wanted)]) == _ROWS

        try:
            took["ORM session"] = await each_awaited(by_session, count=_CALLS)
            took["Core"] = await each_awaited(by_core, count=_CALLS)
            took["compiled statement"] = await each_awaited(by_statement, count=_CALLS)
            async with database.connection() as kept:
                took["the same, connection kept"] = await each_awaited(
                    lambda: compiled.all(kept, skus=skus), count=_CALLS
                )
                took["asyncpg's records, connection kept"] = await each_awaited(
                    lambda: kept.fetch(compiled.sql, skus), count=_CALLS
                )
            took["borrowing a connection alone"] = await each_awaited(by_pool_alone, count=_CALLS)
        finally:
            await engine.dispose()
    best = took["compiled statement"]
    found = Findings(
        "Rows: 24 variants by sku, on a borrowed connection",
        (
            Column("what", "way"),
            Column("cpu_us", "client CPU", "µs"),
            Column("wall_us", "until answered", "µs"),
            Column("times", "CPU", "× the statement", 1),
        ),
    )
    found.rows += [
        {"what": name, "cpu_us": one.cpu_us, "wall_us": one.wall_us, "times": one.cpu_us / best.cpu_us}
        for name, one in took.items()
    ]
    return found
