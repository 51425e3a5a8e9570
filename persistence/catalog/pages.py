"""How a page of products is read: the SQL of every order, each compiled once per shape.

There are two ways to a page. Walking reads products in the list's order and leaves out what does not match:
right when much of the catalogue matches. Gathering takes everything that matches and sorts it: right when
little does. No statistics tell the two apart reliably, and a shared plan has none; so the statement looks
itself. Up to FEW candidates are gathered, else it walks, and then a page is only as far away as the share of
matches puts it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from domain.catalog.listing import ProductSort
from persistence import paging
from persistence.catalog.by_key import PRODUCT_COLUMNS
from persistence.catalog.matching import (
    cheapest,
    found_by_search,
    guarded,
    in_range,
    narrow_conditions,
    price_scopes,
    since_condition,
    stock_condition,
)
from persistence.catalog.tables import Product, Variant
from persistence.catalog.wanted import Shape
from persistence.database import Statement, param, statement
from persistence.pricing.tables import PublicPrice

FEW = 2000
LARGEST_PAGE = 100
_STATEMENTS = 256


@dataclass(frozen=True, slots=True)
class Order:
    """The two values a list is ordered by, as a cursor reads them and as the server takes them.

    The second is unique: the primary key, or in orders by price the sku of the cheapest variant.
    """

    descending: bool
    kinds: tuple[Callable[[object], object], Callable[[object], object]]
    types: tuple[Any, Any]


_MOMENT = sa.DateTime(timezone=True)
ORDERS = {
    ProductSort.RELEVANCE: Order(True, (paging.whole, paging.key), (sa.BigInteger, sa.Uuid)),
    ProductSort.NEWEST: Order(True, (paging.moment, paging.key), (_MOMENT, sa.Uuid)),
    ProductSort.UPDATED_ASC: Order(False, (paging.moment, paging.key), (_MOMENT, sa.Uuid)),
    ProductSort.NAME: Order(False, (paging.text, paging.key), (sa.Text, sa.Uuid)),
    ProductSort.PRICE_ASC: Order(False, (paging.whole, paging.text), (sa.BigInteger, sa.Text)),
    ProductSort.PRICE_DESC: Order(True, (paging.whole, paging.text), (sa.BigInteger, sa.Text)),
    ProductSort.BEST_SELLING: Order(True, (paging.whole, paging.key), (sa.BigInteger, sa.Uuid)),
}


@lru_cache(maxsize=_STATEMENTS)
def page(shape: Shape) -> Statement[Any]:
    """The statement of a page: products in order, each with `order_1` and `order_2` for its cursor."""
    if shape.sort is ProductSort.RELEVANCE:
        ways = [_sorted(_ranked(shape), shape)]
    else:
        ways = _gathered_or_walked(shape)
    either: Any = ways[0] if len(ways) == 1 else sa.union_all(*(sa.select(way.subquery()) for way in ways))
    picked = either.subquery("picked")
    # Only what is shown is read in full.
    rows = (
        sa.select(*PRODUCT_COLUMNS, picked.c.order_1, picked.c.order_2)
        .join(picked, picked.c.id == col(Product.id))
        .order_by(*_in_order(shape, picked.c.order_1, picked.c.order_2))
        .limit(param("limit", sa.Integer))
    )
    return statement(rows, into=Product)


def _gathered_or_walked(shape: Shape) -> list[Any]:
    found = found_by_search(shape, ranked=False)
    ways: list[Any] = []
    too_many: list[Any] = []
    for candidates in _candidates(shape, found):
        count = sa.select(sa.func.count()).select_from(candidates).scalar_subquery()
        few = count <= sa.literal_column(str(FEW))
        ways.append(_sorted(_gathered(shape, candidates, found).where(*too_many, few), shape))
        too_many.append(count > sa.literal_column(str(FEW)))
    return [*ways, _sorted(_walked(shape, found).where(*too_many), shape)]


def _candidates(shape: Shape, found: Any) -> list[Any]:
    """Up to FEW and one ids that pass the narrow filters, and as many with a price record in the range."""
    enough: Any = sa.literal_column(str(FEW + 1))
    sources: list[tuple[str, Any]] = []
    if shape.narrow:
        conditions = [*narrow_conditions(shape, found), *since_condition(shape)]
        sources.append(("narrowed", sa.select(col(Product.id).label("id")).where(*conditions).limit(enough)))
    if shape.price_range and not shape.sort.by_price:
        listed = _listed(shape, ordered=False).limit(enough).subquery("listed")
        sources.append(
            (
                "affordable",
                sa.select(col(Variant.product_id).label("id")).join(listed, listed.c.sku == col(Variant.sku)),
            )
        )
    return [source.cte(name).prefix_with("MATERIALIZED", dialect="postgresql") for name, source in sources]


def _ranked(shape: Shape) -> Any:
    """What a search found, the best first."""
    found = found_by_search(shape, ranked=True)
    conditions = [*narrow_conditions(shape, None), *since_condition(shape), *stock_condition(shape)]
    source = found
    if conditions or shape.priced:
        source = sa.join(found, Product, found.c.id == col(Product.id))
    if shape.priced:
        source = source.join(cheapest(col(Product.id), shape), sa.true())
    return _columns(found.c.id, found.c.score, found.c.id).select_from(source).where(*conditions)


def _gathered(shape: Shape, candidates: Any, found: Any) -> Any:
    """The matches among some candidates."""
    distinct = sa.select(candidates.c.id).distinct().subquery("candidate")
    source: Any = sa.join(distinct, Product, distinct.c.id == col(Product.id))
    conditions = stock_condition(shape)
    if candidates.name == "affordable":
        # Candidates by price have passed nothing else yet.
        conditions += [*narrow_conditions(shape, found), *since_condition(shape)]
    if shape.priced:
        price = cheapest(col(Product.id), shape)
        source = source.join(price, sa.true())
        if shape.sort.by_price:
            return (
                _columns(col(Product.id), price.c.amount, price.c.sku).select_from(source).where(*conditions)
            )
    return _columns(col(Product.id), _key(shape), col(Product.id)).select_from(source).where(*conditions)


def _walked(shape: Shape, found: Any) -> Any:
    """All products in the list's order, without those that do not match."""
    guards = [*narrow_conditions(shape, found), *stock_condition(shape)]
    ranges = since_condition(shape)
    if shape.sort is not ProductSort.UPDATED_ASC:
        guards, ranges = guards + ranges, []
    if shape.sort.by_price:
        return _walked_by_price(shape, guards)
    source: Any = guarded(sa.inspect(Product).local_table, guards)
    if shape.price_range:
        source = source.join(cheapest(col(Product.id), shape), sa.true())
    return _columns(col(Product.id), _key(shape), col(Product.id)).select_from(source).where(*ranges)


def _walked_by_price(shape: Shape, guards: list[Any]) -> Any:
    """Products by the price of their cheapest variant, read off the price index.

    Each scope of the projection is in order by itself and the three are merged as they are read. A row
    counts when it is what its product's cheapest variant costs, and not outdone by a narrower scope.
    """
    listed = _listed(shape, ordered=True).subquery("listed")
    source: Any = sa.join(listed, Variant, col(Variant.sku) == listed.c.sku)
    source = guarded(source.join(Product, col(Product.id) == col(Variant.product_id)), guards)
    source = source.join(cheapest(col(Product.id), shape, at=listed), sa.true())
    return _columns(col(Product.id), listed.c.amount, listed.c.sku).select_from(source)


def _listed(shape: Shape, *, ordered: bool) -> Any:
    """The rows of the price projection in the range, of every scope that the context reads."""
    arms: list[Any] = []
    for number, (channel, store) in enumerate(price_scopes(shape)):
        row = aliased(PublicPrice, name=f"scope_{number}")
        amount, sku = col(row.amount_minor), col(row.sku)
        here = [col(row.channel) == channel, col(row.store) == store, amount.is_not(None)]
        arm: Any = sa.select(
            amount.label("amount"), sku.label("sku"), sa.literal_column(str(number)).label("scope")
        ).where(*here, *in_range(amount, shape))
        if ordered:
            # Each arm names its order, or it would be read in any and the whole sorted afterwards.
            arm = arm.where(*_behind(shape, amount, sku)).order_by(*_in_order(shape, amount, sku))
        arms.append(arm)
    merged: Any = arms[0] if len(arms) == 1 else sa.union_all(*arms)
    return merged


def _sorted(rows: Any, shape: Shape) -> Any:
    """The rows behind the cursor, in order, as many as the largest page takes.

    A number that stands in the text tells the planner that little is read; of a bound one it would assume a
    tenth of the catalogue. The page itself ends with the bound one.
    """
    _, first, second = (column.element for column in rows.selected_columns)
    rows = rows.where(*_behind(shape, first, second)).order_by(*_in_order(shape, first, second))
    return rows.limit(sa.literal_column(str(LARGEST_PAGE + 1)))


def _behind(shape: Shape, first: Any, second: Any) -> list[Any]:
    if not shape.after:
        return []
    order = ORDERS[shape.sort]
    here = sa.tuple_(first, second)
    last = sa.tuple_(param("after_1", order.types[0]), param("after_2", order.types[1]))
    return [here < last if order.descending else here > last]


def _in_order(shape: Shape, first: Any, second: Any) -> tuple[Any, Any]:
    return (first.desc(), second.desc()) if ORDERS[shape.sort].descending else (first, second)


def _columns(key: Any, first: Any, second: Any) -> Any:
    return sa.select(key.label("id"), first.label("order_1"), second.label("order_2"))


def _key(shape: Shape) -> Any:
    return {
        ProductSort.NEWEST: col(Product.created_at),
        ProductSort.UPDATED_ASC: col(Product.updated_at),
        ProductSort.NAME: col(Product.sort_zh if shape.chinese else Product.sort_en),
        ProductSort.BEST_SELLING: col(Product.units_sold),
    }[shape.sort]
