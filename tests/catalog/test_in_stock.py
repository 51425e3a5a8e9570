"""The inStock filter and hasStock of stores, held against what the stock rules promise a channel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from domain.channels import StockPolicy
from domain.inventory import Stock, promised
from persistence.catalog.listing import products, products_total
from persistence.catalog.wanted import ProductQuery
from persistence.database import connect
from persistence.store_list import StoreQuery, stores
from tests.makers import make_allotment, make_channel, make_product, make_stock, make_store

# In each: the channel's own allotment, and that of another channel on top.
STOCKS = {
    "nothing": (Stock(0), 0),
    "one": (Stock(1), 0),
    "all reserved": (Stock(3, reserved=3), 0),
    "all but one reserved": (Stock(4, reserved=3), 0),
    "all kept back": (Stock(3, safety_stock=3), 0),
    "more kept back than there is": (Stock(3, safety_stock=5, allotted=2), 0),
    "all of it its own": (Stock(2, allotted=2), 0),
    "some of it its own": (Stock(3, allotted=2), 0),
    "all of it another's": (Stock(2), 2),
    "another's but for one": (Stock(3), 2),
    "both have some and nothing is left": (Stock(5, allotted=3), 2),
    "allotted to both and not arrived": (Stock(0, allotted=3), 2),
    "its own is gone, the pool is not": (Stock(4, allotted=0), 3),
    "its own, while another waits for more": (Stock(1, allotted=1), 9),
}


def seen(stock: Stock, other: int) -> Stock:
    """The stock as the channel reads it, with everybody's allotments."""
    return replace(stock, allotted_all=stock.allotted + other)


@pytest.fixture(scope="module")
async def db(fresh_database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(fresh_database)
    for channel in ("app", "jd"):
        await make_channel(connection, channel)
    await make_store(connection, "north", till_channel="app")
    for number, (stock, other) in enumerate(STOCKS.values()):
        sku = (await make_product(connection, f"made-{number}")).skus[0]
        await make_stock(
            connection,
            "north",
            sku,
            stock.on_hand,
            reserved=stock.reserved,
            safety_stock=stock.safety_stock,
        )
        for channel, units in (("jd", stock.allotted), ("app", other)):
            if units:
                await make_allotment(connection, channel, "north", sku, units)
    yield connection
    await connection.close()


@pytest.mark.parametrize("in_stock", [True, False])
@pytest.mark.parametrize("policy", StockPolicy)
async def test_a_product_is_in_stock_when_its_channel_may_promise_one(
    db: asyncpg.Connection, policy: StockPolicy, in_stock: bool
) -> None:
    query = ProductQuery(
        "app",
        "north",
        stock_stores=("north",),
        stock_channel="jd",
        stock_policy=policy,
        in_stock=in_stock,
    )
    expected = {
        name
        for name, (stock, other) in STOCKS.items()
        if (promised(seen(stock, other), policy) > 0) is in_stock
    }
    names = list(STOCKS)
    found = await products(db, query, 100)
    assert {names[int(row.handle.removeprefix("made-"))] for row in found.rows} == expected
    assert await products_total(db, query) == len(expected)
    assert 0 < len(expected) < len(STOCKS)


@pytest.mark.parametrize("policy", StockPolicy)
@pytest.mark.parametrize("name", STOCKS)
async def test_a_store_has_what_the_channel_may_promise_and_no_more(
    db: asyncpg.Connection, policy: StockPolicy, name: str
) -> None:
    units = promised(seen(*STOCKS[name]), policy)
    sku = f"MADE-{list(STOCKS).index(name)}"

    async def has(quantity: int) -> bool:
        query = StoreQuery(has_stock=((sku, quantity),), stock_channel="jd", stock_policy=policy)
        return bool((await stores(db, query, 1)).rows)

    assert not await has(units + 1)
    if units:
        assert await has(units)
