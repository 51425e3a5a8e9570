"""Foreign keys of an import seen to at once: nothing passes that a check row by row would stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest

from domain.inventory import StockMovementReason
from persistence.database import Connection, connect
from persistence.imports.prices import PriceImportRow, merge_prices, stage_prices
from persistence.imports.references import references_held
from persistence.imports.stock import StockRow, merge_stock, stage_stock
from tests.databases import created
from tests.makers import make_channel, make_product, make_store

NOW = datetime(2026, 1, 5, 4, tzinfo=UTC)
ROLE = "SHOW session_replication_role"
MISSING = [("sku", "NONE", "central"), ("store", "MILK", "nowhere")]


@pytest.fixture
async def dsn(database_server: str, database_template: str) -> AsyncIterator[str]:
    async with created(database_server, template=database_template) as dsn:
        yield dsn


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Connection]:
    """A database with one article and one store."""
    found = await connect(dsn)
    await make_store(found, "central", till_channel=await make_channel(found, "pos"))
    await make_product(found, "MILK")
    yield found
    await found.close()


async def counted(db: Connection, sku: str, store: str) -> None:
    """One count, merged without having been judged."""
    async with db.transaction():
        await stage_stock(db, [StockRow(2, store, sku, 5)])
        await merge_stock(
            db, reason=StockMovementReason.COUNT, moved_by="t", reference=None, now=NOW, announce=False
        )


async def priced(db: Connection, row: PriceImportRow) -> None:
    """One price, merged without having been judged."""
    async with db.transaction():
        await stage_prices(db, [row])
        await merge_prices(db, recorded_by="t", now=NOW, announce=False)


@pytest.mark.parametrize(("what", "sku", "store"), MISSING)
async def test_a_count_of_what_is_not_there_is_stopped(
    db: Connection, what: str, sku: str, store: str
) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError, match=what):
        await counted(db, sku, store)
    assert await db.fetchval(ROLE) == "origin"


@pytest.mark.parametrize("channel", ["nowhere", None])
async def test_a_price_of_what_is_not_there_is_stopped(db: Connection, channel: str | None) -> None:
    row = PriceImportRow(2, "MILK", "LIST", 100, "HKD", channel, "central" if channel else "nowhere")
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="channel" if channel else "store"):
        await priced(db, row)


async def test_an_article_stays_until_its_count_is_in(db: Connection, dsn: str) -> None:
    other = await asyncpg.connect(dsn)
    try:
        async with db.transaction():
            await counted(db, "MILK", "central")
            deleting = asyncio.create_task(other.execute("DELETE FROM variant WHERE sku = 'MILK'"))
            await asyncio.wait({deleting}, timeout=0.3)
            assert not deleting.done()
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await deleting
    finally:
        await other.close()


async def test_checks_are_off_within_only_and_only_for_who_may(db: Connection) -> None:
    async with db.transaction():
        await stage_stock(db, [StockRow(2, "central", "MILK", 5)])
        async with references_held(db, "staged_stock", "sku", "store"):
            assert await db.fetchval(ROLE) == "replica"
        assert await db.fetchval(ROLE) == "origin"
        await db.execute("SET LOCAL ROLE pg_monitor")
        async with references_held(db, "staged_stock", "sku", "store"):
            assert await db.fetchval(ROLE) == "origin"


async def test_no_trigger_waits_for_what_imports_insert(db: Connection) -> None:
    """It would not fire; who adds one has to see to it in the import."""
    tables = ["price_record", "stock_level", "stock_movement"]
    found = await db.fetch(
        """
        SELECT tgname FROM pg_trigger
        WHERE tgrelid = ANY($1::regclass[]) AND NOT tgisinternal AND tgtype & 4 > 0
        """,  # 4 stands for INSERT
        tables,
    )
    assert found == []
