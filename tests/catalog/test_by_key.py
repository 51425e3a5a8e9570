"""The catalogue by its keys: what is there comes back under its key, what is not is left out."""

from __future__ import annotations

from uuid import uuid4

import pytest

from persistence.catalog import by_key
from persistence.database import connect
from tests.makers import make_category, make_product


@pytest.fixture(scope="module")
async def db(fresh_database):
    connection = await connect(fresh_database)
    yield connection
    await connection.close()


async def test_products_and_variants_come_under_the_keys_asked(db):
    tea = await make_product(db, "tea", skus=["T1", "T2"], gtins=["4006381333931"])
    await make_product(db, "salt", skus=["SALT"])
    nobody = uuid4()
    assert {key: row.handle for key, row in (await by_key.products_by_id(db, [tea.id, nobody])).items()} == {
        tea.id: "tea"
    }
    assert {*await by_key.products_by_handle(db, ["salt", "tea", "tea", "none"])} == {"salt", "tea"}
    assert {*await by_key.variants_by_sku(db, ["T2", "SALT", "t2"])} == {"T2", "SALT"}
    found = (await by_key.variants_by_gtin(db, ["4006381333931", "00000000"]))["4006381333931"]
    assert found.sku == "T1"
    assert {row.sku for row in (await by_key.variants_by_id(db, [found.id, nobody])).values()} == {"T1"}
    assert await by_key.variants_by_sku(db, []) == {}


async def test_a_product_shows_its_variants_in_order_and_no_more_than_250(db):
    many = await make_product(db, "many", skus=[f"M{number:03}" for number in range(252)])
    one = await make_product(db, "one", skus=["ONE"])
    none = await make_product(db, "none", skus=[])
    rows = await by_key.variants_by_product(db, [one.id, many.id, none.id])
    assert [row.sku for row in rows[many.id]] == many.skus[:250]
    assert [row.sku for row in rows[one.id]] == ["ONE"]
    assert none.id not in rows


async def test_categories_come_by_code_and_by_parent(db):
    await make_category(db, "food")
    await make_category(db, "tea", above=["food"])
    await make_category(db, "milk", above=["food"])
    found = await by_key.categories_by_code(db, ["tea", "none"])
    assert {code: row.path for code, row in found.items()} == {"tea": ["food", "tea"]}
    children = await by_key.categories_by_parent(db, ["food", "tea"])
    assert {parent: [row.code for row in rows] for parent, rows in children.items()} == {
        "food": ["milk", "tea"]
    }
    assert {row.code for row in (await by_key.categories_by_id(db, [found["tea"].id])).values()} == {"tea"}
