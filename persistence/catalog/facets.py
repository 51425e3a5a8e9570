"""What a product list can be narrowed by, with how many products each choice would leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased
from sqlmodel import col

from domain.catalog.listing import PriceBand, ProductSort, price_band, price_bounds
from persistence.catalog.matching import found_by_search, matching, with_price
from persistence.catalog.tables import Category, Product, Variant
from persistence.catalog.wanted import ProductQuery, Shape, asked
from persistence.database import Connection, Statement, param, statement

COUNTED = 10_000
"""Facets count no more matches than this, the oldest products first."""
MOST_CHOICES = 50
"""A facet shows no more choices than this, those with the most matches."""
_STATEMENTS = 256


@dataclass(frozen=True, slots=True)
class Choice:
    """One value to narrow by: its translations where it has some, and how many matches it would leave."""

    value: str
    names: dict[str, str] | None
    count: int


@dataclass(frozen=True, slots=True)
class BandChoice:
    """A price band and how many matches it would leave."""

    band: PriceBand
    count: int


@dataclass(frozen=True, slots=True)
class ProductFacets:
    """The facets of a product list; categories and brands by count, price bands by price."""

    categories: list[Choice]
    brands: list[Choice]
    prices: list[BandChoice]


class _Row(NamedTuple):
    facet: str
    value: str
    names: dict[str, str] | None
    matches: int


async def product_facets(db: Connection, query: ProductQuery, exponent: int) -> ProductFacets:
    """The facets of a list, in one statement; `exponent` is that of the context's currency.

    Brands and prices are counted as if their own filter were not set, so that a shopper sees what a change of
    mind would bring. Categories are those one level below the chosen one, or the roots: there the filter is
    where the shopper stands, and stays.
    """
    shape, values = asked(query)
    bounds = price_bounds(exponent)
    sort = ProductSort.PRICE_ASC if shape.sort.by_price else ProductSort.NEWEST
    rows = await _facets(replace(shape, sort=sort, chinese=False)).all(db, bounds=bounds, **values)
    return ProductFacets(
        _choices(rows, "category"),
        _choices(rows, "brand"),
        [
            BandChoice(price_band(bounds, number), count)
            for number, count in sorted((int(row.value), row.matches) for row in rows if row.facet == "price")
        ],
    )


def _choices(rows: Sequence[_Row], facet: str) -> list[Choice]:
    found = [Choice(row.value, row.names, row.matches) for row in rows if row.facet == facet]
    return sorted(found, key=lambda choice: (-choice.count, choice.value))


@lru_cache(maxsize=_STATEMENTS)
def _facets(shape: Shape) -> Statement[_Row]:
    found = found_by_search(shape, ranked=False)
    every = _matched(shape, found, "every")
    without_brand = _matched(replace(shape, brands=False), found, "any_brand") if shape.brands else every
    without_price = every
    if shape.price_range:
        without_price = _matched(replace(shape, lowest_price=False, highest_price=False), found, "any_price")
    parts = [_categories(shape, every), _brands(without_brand), _prices(shape, without_price)]
    return statement(sa.union_all(*(sa.select(part.subquery(name)) for name, part in parts)), into=_Row)


def _matched(shape: Shape, found: Any, name: str) -> Any:
    columns = (col(Product.id), col(Product.category), col(Product.brand), col(Product.brands))
    return (
        matching(shape, found, *columns)
        .order_by(col(Product.id))
        .limit(sa.literal_column(str(COUNTED)))
        .cte(name)
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )


def _row(facet: str, value: Any, names: Any, source: Any) -> Any:
    each = sa.select(value.label("value"), names.label("names")).select_from(source).subquery("each")
    count = sa.func.count().label("matches")
    return (
        sa.select(
            sa.literal_column(f"'{facet}'").label("facet"),
            each.c.value,
            sa.func.any_value(each.c.names, type_=JSONB).label("names"),
            count,
        )
        .where(each.c.value.is_not(None))
        .group_by(each.c.value)
        .order_by(count.desc(), each.c.value)
        .limit(sa.literal_column(str(MOST_CHOICES)))
    )


def _categories(shape: Shape, matched: Any) -> tuple[str, Any]:
    own, chosen = aliased(Category, name="own"), aliased(Category, name="chosen")
    level: Any = sa.literal_column("1")
    if shape.category:
        depth = sa.select(sa.func.cardinality(chosen.path)).where(
            col(chosen.code) == param("category", sa.Text)
        )
        level = depth.scalar_subquery() + sa.literal_column("1")
    counted = _row(
        "category",
        col(own.path)[level],
        sa.literal_column("NULL::jsonb"),
        sa.join(matched, own, col(own.code) == matched.c.category),
    ).subquery("counted")
    return "categories", (
        sa.select(counted.c.facet, counted.c.value, col(Category.names).label("names"), counted.c.matches)
        .select_from(counted)
        .join(Category, col(Category.code) == counted.c.value)
    )


def _brands(matched: Any) -> tuple[str, Any]:
    return "brand", _row("brand", matched.c.brand, matched.c.brands, matched)


def _prices(shape: Shape, matched: Any) -> tuple[str, Any]:
    variant = aliased(Variant, name="offered")
    joined = sa.join(matched, variant, col(variant.product_id) == matched.c.id)
    resolved = with_price(joined, col(variant.sku), shape)
    priced = (
        sa.select(sa.func.min(resolved.amount).label("amount"))
        .select_from(resolved.source)
        .where(resolved.amount.is_not(None))
        .group_by(matched.c.id)
        .subquery("priced")
    )
    band = sa.cast(sa.func.width_bucket(priced.c.amount, param("bounds", sa.ARRAY(sa.BigInteger))), sa.Text)
    return "price", _row("price", band, sa.literal_column("NULL::jsonb"), priced)
