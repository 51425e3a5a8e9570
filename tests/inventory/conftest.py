"""A small mall whose stock is kept, each test in a transaction that is rolled back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from persistence.database import connect
from tests.makers import make_channel, make_product, make_stock, make_store


@pytest.fixture(scope="module")
async def mall(fresh_database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(fresh_database)
    for channel in ("app", "jd", "live"):
        await make_channel(connection, channel)
    for store in ("east", "north", "west"):
        await make_store(connection, store)
    yield connection
    await connection.close()


@pytest.fixture
async def db(mall: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    transaction = mall.transaction()
    await transaction.start()
    yield mall
    await transaction.rollback()


@pytest.fixture
async def sku(db: asyncpg.Connection) -> str:
    """Ten in north, two of them reserved by nobody we know, one kept as safety stock: seven are free."""
    sku = (await make_product(db)).skus[0]
    await make_stock(db, "north", sku, 10, reserved=2, safety_stock=1)
    return sku
