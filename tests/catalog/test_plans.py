"""A page never reads a whole table: every order is carried by an index, whatever plan the server takes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from domain.catalog.listing import ProductSort
from domain.channels import StockPolicy
from persistence.catalog.pages import FEW, page
from persistence.catalog.wanted import ProductQuery, asked
from persistence.database import connect
from tests.makers import make_category, make_channel, make_store

APP = ProductQuery("app", stock_stores=("north",))
NORTH = ProductQuery("app", "north", stock_stores=("north",))
TABLES = {"product", "variant", "public_price", "stock_level", "stock_allotment"}
# Six thousand products, two thirds of them in one category, half of them with a price of the store's own.
CATALOGUE = (
    """
    INSERT INTO product (
        handle, names, category, words, letters, sort_en, sort_zh, units_sold, created_at, updated_at
    )
    SELECT 'p' || i, '{"en": "Milk"}', CASE WHEN i % 3 > 0 THEN 'most' END, 'milk', 'milk', 'milk ' || i % 50,
           'niu2 nai3 ' || i % 70, i * 7919 % 500, now() - i * interval '1 hour', now() - i * interval '1 s'
    FROM generate_series(1, 6000) i
    """,
    "INSERT INTO variant (sku, product_id) SELECT upper(handle), id FROM product",
    "INSERT INTO public_price SELECT 'app', '', sku, hashtext(sku) & 65535 FROM variant",
    """
    INSERT INTO public_price
    SELECT '', 'north', sku, hashtext(sku) & 32767 FROM variant WHERE hashtext(sku) & 4096 > 0
    """,
    "INSERT INTO stock_level (store, sku, on_hand) SELECT 'north', sku, hashtext(sku) & 1 FROM variant",
    # Of every other article that is there, one was set apart for this channel.
    """
    INSERT INTO stock_allotment (channel, store, sku, remaining)
    SELECT 'app', 'north', sku, on_hand FROM stock_level WHERE hashtext(sku) & 2 > 0
    """,
    """
    UPDATE stock_level level SET allotted = remaining FROM stock_allotment own
    WHERE own.sku = level.sku AND own.store = level.store
    """,
    "ANALYZE",
)


@pytest.fixture(scope="module")
async def db(fresh_database):
    connection = await connect(fresh_database)
    await make_channel(connection, "app")
    await make_store(connection, "north", till_channel="app")
    await make_category(connection, "most")
    for part in CATALOGUE:
        await connection.execute(part)
    yield connection
    await connection.close()


@pytest.fixture(params=["force_custom_plan", "force_generic_plan"])
async def mode(db, request):
    """Plans made for the values at hand, and the one shared by all values that comes after a few runs."""
    await db.execute(f"SET plan_cache_mode = {request.param}")
    yield
    await db.execute("RESET plan_cache_mode")


def steps(plan):
    """Every step of a plan that was taken."""
    if plan["Actual Loops"]:
        yield plan
        for part in plan.get("Plans", ()):
            yield from steps(part)


async def taken(db, query):
    """The steps that reading a page of 24 took."""
    shape, values = asked(query)
    statement = page(shape)
    text = statement.sql
    arguments = statement._arguments({"limit": 25, **values})
    ((told,),) = await db.fetch(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {text}", *arguments)
    return list(steps(json.loads(told)[0]["Plan"]))


SORTS = [sort for sort in ProductSort if sort is not ProductSort.RELEVANCE]


@pytest.mark.parametrize("context", [APP, NORTH], ids=["channel", "store"])
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("policy", [None, *StockPolicy])
async def test_a_page_of_the_whole_catalogue_reads_little_of_it(db, mode, sort, context, policy):
    stocked = {} if policy is None else {"in_stock": True, "stock_policy": policy, "stock_channel": "app"}
    for step in await taken(db, replace(context, sort=sort, **stocked)):
        whole = step["Node Type"].endswith("Seq Scan") and step["Relation Name"] in TABLES
        assert not whole, step
        assert step["Actual Rows"] * step["Actual Loops"] <= 500, step


@pytest.mark.parametrize("sort", SORTS)
async def test_a_page_of_most_of_the_catalogue_looks_at_no_more_than_it_takes_to_know(db, mode, sort):
    for step in await taken(db, replace(NORTH, sort=sort, category="most")):
        assert step["Actual Rows"] * step["Actual Loops"] <= 2 * (FEW + 1), step


@pytest.mark.parametrize("sort", [ProductSort.NEWEST, ProductSort.NAME])
async def test_a_narrow_range_of_prices_is_not_walked_to(db, mode, sort):
    for step in await taken(db, replace(NORTH, sort=sort, lowest_price=100, highest_price=300)):
        assert step["Actual Rows"] * step["Actual Loops"] <= 500, step
