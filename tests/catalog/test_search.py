"""Searching the catalogue: in English and Chinese, by code, and mistyped."""

from __future__ import annotations

import pytest

from persistence.catalog.listing import products, products_total
from persistence.catalog.wanted import ProductQuery
from persistence.database import connect
from tests.makers import make_channel, make_product

SHELF = {
    "fresh-milk": ({"en": "Fresh Milk 1L", "zh-HK": "鮮牛奶 1公升", "zh-CN": "鲜牛奶 1升"}, "Dairy Farm"),
    "milk": ({"en": "Milk", "zh-CN": "牛奶"}, "Plain"),
    "milk-biscuit": ({"en": "Milk Biscuits with Calcium", "zh-CN": "高钙牛奶饼干"}, "Garden"),
    "chocolate": ({"en": "Dark Chocolate Bar", "zh-CN": "黑巧克力"}, "Milky Way Foods"),
    "yoghurt": ({"en": "Greek Yoghurt", "zh-CN": "希腊酸奶"}, "Dairy Farm"),
    "apples": ({"en": "Apples", "zh-CN": "苹果"}, None),
}


@pytest.fixture(scope="module")
async def db(fresh_database):
    connection = await connect(fresh_database)
    await make_channel(connection, "app")
    for handle, (names, brand) in SHELF.items():
        await make_product(
            connection,
            handle,
            names=names,
            brands={"en": brand} if brand else None,
            descriptions={"en": "Made without milk."} if handle == "apples" else None,
            skus=[f"SKU-{handle}"],
            gtins=["4006381333931"] if handle == "chocolate" else (),
        )
    yield connection
    await connection.close()


async def found(db, search):
    query = ProductQuery("app", search=search)
    page = await products(db, query, 100)
    assert await products_total(db, query) == len(page.rows)
    return [row.handle for row in page.rows]


@pytest.mark.parametrize(
    ("search", "handles"),
    [
        ("milk", {"milk", "fresh-milk", "milk-biscuit", "apples"}),
        ("MILK", {"milk", "fresh-milk", "milk-biscuit", "apples"}),
        ("牛奶", {"milk", "fresh-milk", "milk-biscuit"}),
        ("鮮牛奶", {"fresh-milk"}),
        ("鲜牛奶", {"fresh-milk"}),
        ("apple", {"apples"}),
        ("蘋果", {"apples"}),
        ("dairy farm", {"fresh-milk", "yoghurt"}),
        ("fresh dairy", {"fresh-milk"}),
        ("fresh chocolate", {"chocolate"}),
        ("choclate", {"chocolate"}),
        ("biscut", {"milk-biscuit"}),
        ("mlikz", set()),
        ("yogurt", {"yoghurt"}),
        ("SKU-yoghurt", {"yoghurt"}),
        ("4006381333931", {"chocolate"}),
        ("电视", set()),
        ("'; DROP TABLE product; --", set()),
        ("milk & | ! <-> ( :*", {"milk", "fresh-milk", "milk-biscuit", "apples"}),
        ("%_\\", set()),
        ("!!!", set()),
    ],
)
async def test_a_search_finds(db, search, handles):
    assert {*await found(db, search)} == handles


@pytest.mark.parametrize("search", ["milk", "牛奶", "Milk "])
async def test_what_is_called_so_comes_first(db, search):
    assert (await found(db, search))[0] == "milk"


async def test_a_name_counts_for_more_than_a_description(db):
    assert (await found(db, "milk"))[-1] == "apples"


async def test_pages_of_a_search_follow_on(db):
    query = ProductQuery("app", search="milk")
    whole, handles, after = await found(db, "milk"), [], None
    for _ in whole:
        page = await products(db, query, 1, after)
        handles += [row.handle for row in page.rows]
        after = page.cursors[-1]
    assert handles == whole
    assert not page.has_next
