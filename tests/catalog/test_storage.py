"""The product list on a real database: every order and filter against the same worked out in Python."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.catalog.listing import ProductSort
from domain.refusals import RequestError
from persistence.catalog import pages
from persistence.catalog.facets import product_facets
from persistence.catalog.listing import products, products_total
from persistence.catalog.pages import page
from persistence.catalog.wanted import ProductQuery, asked
from persistence.database import connect
from persistence.paging import Place
from tests.catalog.listed import DAY, catalogue, store_all

APP = ProductQuery("app", stock_stores=("north", "south"))
NORTH = ProductQuery("app", "north", stock_stores=("north",))


@pytest.fixture(scope="module")
def listed():
    return catalogue()


@pytest.fixture(scope="module")
async def db(fresh_database, listed):
    connection = await connect(fresh_database)
    await store_all(connection, listed)
    yield connection
    await connection.close()


@pytest.fixture(params=["gathered", "walked"])
def way(request, monkeypatch):
    """Both ways to a page give the same page: small lists are gathered, unless nothing counts as few."""
    if request.param == "walked":
        monkeypatch.setattr(pages, "FEW", 0)
    pages.page.cache_clear()
    yield
    pages.page.cache_clear()


async def every_page(db, query, first):
    handles, after, pages_read = [], None, 0
    while True:
        page = await products(db, query, first, after)
        assert len(page.rows) == len(page.cursors) <= first
        assert page.has_previous == (after is not None)
        handles += [row.handle for row in page.rows]
        pages_read += 1
        if not page.has_next:
            return handles
        assert len(page.rows) == first
        assert pages_read < 100
        after = page.cursors[-1]


async def statements_of(db, ask, *arguments):
    await ask(db, *arguments)  # the driver learns the types it has not met yet
    statements = []
    with db.query_logger(statements.append):
        await ask(db, *arguments)
        await asyncio.sleep(0)
    return len(statements)


def in_order(listed, query):
    """The handles in the order a query asks for."""
    price = {one.handle: one.price(query.channel, query.store) for one in listed}
    keys = {
        ProductSort.NEWEST: lambda one: (one.created_at, one.id),
        ProductSort.UPDATED_ASC: lambda one: (one.updated_at, one.id),
        ProductSort.BEST_SELLING: lambda one: (one.units_sold, one.id),
        ProductSort.NAME: lambda one: (one.name.casefold(), one.id),
        ProductSort.PRICE_ASC: lambda one: price[one.handle],
        ProductSort.PRICE_DESC: lambda one: price[one.handle],
    }
    descending = query.sort in (ProductSort.NEWEST, ProductSort.BEST_SELLING, ProductSort.PRICE_DESC)
    wanted = [one for one in listed if price[one.handle] or not query.sort.by_price]
    return [one.handle for one in sorted(wanted, key=keys[query.sort], reverse=descending)]


@pytest.mark.parametrize("first", [1, 7, 100])
@pytest.mark.parametrize("context", [APP, NORTH], ids=["channel", "store"])
@pytest.mark.parametrize("sort", [sort for sort in ProductSort if sort is not ProductSort.RELEVANCE])
async def test_pages_put_together_are_the_whole_list_in_order(db, listed, way, sort, context, first):
    query = replace(context, sort=sort)
    expected = in_order(listed, query)
    assert await every_page(db, query, first) == expected
    assert await products_total(db, query) == len(expected)


@pytest.mark.parametrize("sort", [sort for sort in ProductSort if sort is not ProductSort.RELEVANCE])
async def test_pages_of_a_narrowed_list_are_the_whole_list_in_order(db, listed, way, sort):
    query = replace(NORTH, sort=sort, category="food", lowest_price=400, highest_price=900)
    kept = [one for one in listed if one.category in ("food", "drinks", "milk", "snacks")]
    kept = [one for one in kept if one.price("app", "north") and 400 <= one.price("app", "north")[0] <= 900]
    expected = in_order(kept, query)
    assert len(expected) > 8
    assert await every_page(db, query, 3) == expected
    assert await products_total(db, query) == len(expected)


def below(*codes):
    return lambda one: one.category in codes


def costs(lowest, highest, store=None):
    def matches(one):
        price = one.price("app", store)
        return price is not None and lowest <= price[0] <= highest

    return matches


FILTERS = {
    "a category and what is below it": (
        replace(APP, category="food"),
        below("food", "drinks", "milk", "snacks"),
    ),
    "a category in the middle": (replace(APP, category="drinks"), below("drinks", "milk")),
    "a category that is not there": (replace(APP, category="garden"), below()),
    "a brand": (replace(APP, brands=("Dairy & Sons",)), lambda one: one.brand == "Dairy & Sons"),
    "any of two brands": (replace(APP, brands=("Dairy & Sons", "Kowloon")), lambda one: one.brand),
    "a brand by part of its name": (replace(APP, brands=("Dairy",)), lambda one: False),
    "an attribute": (replace(APP, attributes=(("colour", ("red",)),)), lambda one: one.colour == "red"),
    "any of two values": (
        replace(APP, attributes=(("colour", ("red", "blue")),)),
        lambda one: one.colour in ("red", "blue"),
    ),
    "two attributes": (
        replace(APP, attributes=(("colour", ("red",)), ("size", ("large",)))),
        lambda one: one.colour == "red" and one.units_sold > 3,
    ),
    "the value of another attribute": (replace(APP, attributes=(("size", ("red",)),)), lambda one: False),
    "a price range": (replace(APP, lowest_price=600, highest_price=700), costs(600, 700)),
    "a price and no more": (replace(APP, highest_price=599), costs(0, 599)),
    "a price or more": (replace(APP, lowest_price=1000), costs(1000, 10**9)),
    "a store's price": (replace(NORTH, lowest_price=450, highest_price=450), costs(450, 450, "north")),
    "stock somewhere": (replace(APP, in_stock=True), lambda one: one.in_stock("north", "south")),
    "stock in the store": (replace(NORTH, in_stock=True), lambda one: one.in_stock("north")),
    "no stock in the store": (replace(NORTH, in_stock=False), lambda one: not one.in_stock("north")),
    "no store that delivers": (replace(APP, stock_stores=(), in_stock=True), lambda one: False),
    "an update": (
        replace(APP, updated_since=DAY + timedelta(days=4)),
        lambda one: one.updated_at >= DAY + timedelta(days=4),
    ),
    "everything at once": (
        replace(
            NORTH,
            search="milk",
            category="food",
            brands=("Kowloon",),
            attributes=(("colour", ("red",)),),
            lowest_price=1,
            in_stock=False,
            updated_since=DAY,
        ),
        lambda one: (
            one.name == "Fresh Milk"
            and below("food", "drinks", "milk", "snacks")(one)
            and one.brand == "Kowloon"
            and one.colour == "red"
            and one.price("app", "north") is not None
            and not one.in_stock("north")
        ),
    ),
}


@pytest.mark.parametrize(("query", "matches"), FILTERS.values(), ids=FILTERS)
async def test_a_filter_keeps_what_it_says(db, listed, way, query, matches):
    expected = {one.handle for one in listed if matches(one)}
    for sort in (ProductSort.NEWEST, ProductSort.UPDATED_ASC):
        assert {*await every_page(db, replace(query, sort=sort), 100)} == expected
    assert await products_total(db, query) == len(expected)


async def test_a_page_goes_on_behind_a_row_that_is_gone_and_before_one_that_came(db, listed):
    query = replace(APP, sort=ProductSort.BEST_SELLING)
    first = await products(db, query, 5)
    transaction = db.transaction()
    await transaction.start()
    try:
        last = first.rows[-1]
        await db.execute("UPDATE product SET units_sold = 1000 WHERE id = $1", last.id)
        second = await products(db, query, 5, first.cursors[-1])
    finally:
        await transaction.rollback()
    assert [row.handle for row in second.rows] == in_order(listed, query)[5:10]


async def test_a_list_takes_one_statement_a_page_and_one_to_be_counted(db):
    query = replace(NORTH, search="milk", category="food", in_stock=True, lowest_price=1)
    assert await statements_of(db, products, query, 24) == 1
    assert await statements_of(db, products_total, query) == 1
    assert await statements_of(db, product_facets, query, 2) == 1


async def test_equal_questions_share_a_statement_whatever_their_values():
    queries = [
        replace(APP, brands=brands, search=search)
        for brands, search in ((("a",), "milk"), (("b", "c"), "bread"))
    ]
    first, second = (page(asked(query)[0]) for query in queries)
    assert first is second


OTHER_ORDERS = [
    replace(APP, sort=ProductSort.PRICE_DESC),
    replace(APP, sort=ProductSort.NEWEST),
    replace(NORTH, sort=ProductSort.PRICE_ASC),
    replace(APP, sort=ProductSort.PRICE_ASC, channel="pos"),
]


@pytest.mark.parametrize("other", OTHER_ORDERS)
async def test_a_cursor_of_another_order_is_refused(db, other):
    begun = await products(db, replace(APP, sort=ProductSort.PRICE_ASC), 2)
    with pytest.raises(RequestError, match="another order"):
        await products(db, other, 2, begun.cursors[-1])


async def test_a_cursor_outlives_a_change_of_filter(db, listed):
    query = replace(APP, sort=ProductSort.NEWEST)
    page = await products(db, query, 2)
    narrowed = replace(query, category="food")
    kept = [one for one in listed if one.category in ("food", "drinks", "milk", "snacks")]
    page = await products(db, narrowed, 100, page.cursors[-1])
    whole = in_order(listed, query)[2:]
    assert [row.handle for row in page.rows] == [h for h in whole if h in {one.handle for one in kept}]


def forged(*values):
    return Place(["products", "NEWEST"], ()).cursor(values)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "bm9uc2Vuc2U",
        "WzFd",
        "x" * 9000,
        "\ud800",
        forged(),
        forged("yesterday", "0198"),
        forged("2026-01-01T00:00:00", "01980000-0000-7000-8000-000000000000"),
        forged(5, "01980000-0000-7000-8000-000000000000"),
        forged("2026-01-01T00:00:00+00:00", 7),
        forged("2026-01-01T00:00:00+00:00", "\0"),
        forged("2026-01-01T00:00:00+00:00", "01980000-0000-7000-8000-000000000000", 1),
    ],
)
async def test_a_cursor_that_is_none_is_refused(db, cursor):
    with pytest.raises(RequestError, match="BAD_USER_INPUT"):
        await products(db, replace(APP, sort=ProductSort.NEWEST), 2, cursor)


@pytest.mark.parametrize(
    "query",
    [
        replace(APP, brands=tuple(map(str, range(101)))),
        replace(APP, attributes=tuple((str(name), ("a",)) for name in range(11))),
        replace(APP, attributes=(("a", tuple(map(str, range(101)))),)),
    ],
)
async def test_more_values_than_a_filter_takes_are_refused(db, query):
    with pytest.raises(RequestError, match="BAD_USER_INPUT"):
        await products(db, query, 2)


@pytest.mark.parametrize("nothing", ["", "   ", None])
async def test_an_empty_search_is_none(db, listed, nothing):
    newest = replace(APP, sort=ProductSort.NEWEST)
    for sort in (None, ProductSort.RELEVANCE):
        page = await products(db, replace(APP, search=nothing, sort=sort), 100)
        assert [row.handle for row in page.rows] == in_order(listed, newest)
