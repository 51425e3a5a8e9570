"""Stock levels as readers ask for them."""

from __future__ import annotations

import pytest

from persistence.database import connect
from persistence.inventory import levels
from tests.makers import make_product, make_stock, make_store


@pytest.fixture(scope="module")
async def db(fresh_database):
    connection = await connect(fresh_database)
    for store in ("east", "north", "west"):
        await make_store(connection, store)
    await make_product(connection, "rice", skus=["R1", "R2", "R3"])
    await make_stock(connection, "north", "R1", 7, reserved=2, safety_stock=1)
    await make_stock(connection, "east", "R1", 3)
    await make_stock(connection, "west", "R1", 9)
    await make_stock(connection, "north", "R2", 1, reserved=1, safety_stock=5)
    yield connection
    await connection.close()


async def test_a_store_answers_for_the_skus_it_ever_had(db):
    found = await levels.levels_in_store(db, "north", ["R2", "R1", "R3", "none"])
    assert {sku: row.on_hand for sku, row in found.items()} == {"R1": 7, "R2": 1}
    assert await levels.levels_in_store(db, "nowhere", ["R1"]) == {}


async def test_what_is_free_is_never_below_nothing(db):
    found = await levels.levels_in_store(db, "north", ["R1", "R2"])
    assert {sku: levels.stock_of(row).free for sku, row in found.items()} == {"R1": 4, "R2": 0}
    row = found["R1"]
    assert (await levels.levels_by_id(db, [row.id]))[row.id].sku == "R1"
