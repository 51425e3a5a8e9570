"""Where else a sku can be had, on real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from domain.channels import StockPolicy
from persistence.database import connect
from persistence.inventory.nearest import Wanted, nearest_with_stock
from tests.makers import make_allotment, make_channel, make_product, make_stock, make_store

STORES = {"here": (22.28, 114.15), "near": (22.29, 114.15), "far": (22.40, 114.15), "gone": (22.28, 114.15)}


@pytest.fixture(scope="module")
async def db(fresh_database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(fresh_database)
    for channel, policy in (
        ("app", StockPolicy.SHARED),
        ("jd", StockPolicy.ALLOTTED),
        ("live", StockPolicy.BORROW),
    ):
        await make_channel(connection, channel, stock_policy=policy)
    for store, at in STORES.items():
        await make_store(connection, store, at=at, till_channel="app", active=store != "gone")
    await make_product(connection, "tea", skus=["TEA"])
    for store, on_hand in (("here", 50), ("near", 6), ("far", 9), ("gone", 99)):
        await make_stock(connection, store, "TEA", on_hand)
    # Of the six near by, four were set apart: the pool has two there.
    await make_allotment(connection, "jd", "near", "TEA", 3)
    await make_allotment(connection, "live", "near", "TEA", 1)
    yield connection
    await connection.close()


WANTED = {
    Wanted("app", "TEA", 2, "here"): "near",
    Wanted("app", "TEA", 3, "here"): "far",
    Wanted("app", "TEA", 9, "here"): "far",
    Wanted("app", "TEA", 10, "here"): None,
    Wanted("jd", "TEA", 3, "here"): "near",
    Wanted("jd", "TEA", 4, "here"): None,
    Wanted("live", "TEA", 3, "here"): "near",
    Wanted("live", "TEA", 4, "here"): "far",
    Wanted("app", "TEA", 2, None): "here",
    Wanted("app", "TEA", 10, "far"): "here",
    Wanted("app", "NOPE", 1, "here"): None,
    Wanted("nowhere", "TEA", 1, "here"): None,
}


@pytest.mark.parametrize(("wanted", "store"), WANTED.items())
async def test_the_nearest_store_that_may_promise_as_many_is_named(
    db: asyncpg.Connection, wanted: Wanted, store: str | None
) -> None:
    assert (await nearest_with_stock(db, [wanted])).get(wanted) == store


async def test_all_that_is_wanted_takes_one_statement(db: asyncpg.Connection) -> None:
    statements: list[object] = []
    await nearest_with_stock(db, list(WANTED))
    with db.query_logger(statements.append):
        found = await nearest_with_stock(db, list(WANTED))
        await asyncio.sleep(0)
    assert found == {wanted: store for wanted, store in WANTED.items() if store is not None}
    assert len(statements) == 1
