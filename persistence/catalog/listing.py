"""The product list: a page of it, and its length; one statement for each."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import sqlalchemy as sa

from domain.catalog.listing import ProductSort
from persistence.catalog.matching import found_by_search, matching
from persistence.catalog.pages import ORDERS, page
from persistence.catalog.tables import Product
from persistence.catalog.wanted import ProductQuery, Shape, asked
from persistence.database import Connection, Statement, statement
from persistence.paging import Page, Place, page_of

_STATEMENTS = 256


async def products(
    db: Connection, query: ProductQuery, first: int, after: str | None = None
) -> Page[Product]:
    """A page of the products a question means, in its order, in one statement.

    Products without a price in the context are listed too, unless the question is of price. Cursors hold the
    order's values, so that the next page goes on after the last row even when rows came or went. Equal
    prices stand by the sku of the cheapest variant, everything else by id. Raises BAD_USER_INPUT for a cursor
    of another order.
    """
    shape, values = asked(query)
    place = _place(query, shape)
    if after is not None:
        values["after_1"], values["after_2"] = place.values(after)
    rows = await page(replace(shape, after=after is not None)).all(db, limit=first + 1, **values)
    return page_of(
        rows, first, place=place, values=lambda row: (row.order_1, row.order_2), began=after is None
    )


def check(query: ProductQuery, after: str | None) -> None:
    """Raises BAD_USER_INPUT for what `products` would refuse, without asking the database."""
    shape, _ = asked(query)
    if after is not None:
        _place(query, shape).values(after)


async def products_total(db: Connection, query: ProductQuery) -> int:
    """How many products the whole list has."""
    shape, values = asked(query)
    sort = ProductSort.PRICE_ASC if shape.sort.by_price else ProductSort.NEWEST
    return int(await _total(replace(shape, sort=sort, chinese=False)).value(db, **values))


def _place(query: ProductQuery, shape: Shape) -> Place:
    named: list[str | None] = ["products", shape.sort.value]
    if shape.sort is ProductSort.NAME:
        named.append("zh" if shape.chinese else "en")
    elif shape.sort.by_price:
        named += [query.channel, query.store]
    elif shape.sort is ProductSort.RELEVANCE:
        named.append(query.search)
    return Place(named, ORDERS[shape.sort].kinds)


@lru_cache(maxsize=_STATEMENTS)
def _total(shape: Shape) -> Statement[int]:
    found = found_by_search(shape, ranked=False)
    matched = matching(shape, found, sa.literal_column("1").label("one")).subquery("matched")
    return statement(sa.select(sa.func.count()).select_from(matched))
