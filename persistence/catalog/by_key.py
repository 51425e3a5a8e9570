"""The catalogue by its keys: what loaders ask for, one statement for any number of keys."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from persistence.catalog.tables import Category, Product, Variant
from persistence.database import Connection, given, param, statement, texts

RowT = TypeVar("RowT")
KeyT = TypeVar("KeyT", bound=Hashable)

MOST_VARIANTS = 250
"""A product shows no more variants than this."""

PRODUCT_COLUMNS = (
    col(Product.id),
    col(Product.handle),
    col(Product.names),
    col(Product.brands),
    col(Product.brand),
    col(Product.descriptions),
    col(Product.category),
    col(Product.images),
    col(Product.attributes),
    col(Product.units_sold),
    col(Product.created_at),
    col(Product.updated_at),
)
"""Everything a product shows; what it is found and ordered by stays in the database."""


def keys(name: str) -> Any:
    """A named place for a list of primary keys."""
    return sa.any_(param(name, sa.ARRAY(sa.Uuid)))


_PRODUCTS_BY_ID = statement(sa.select(*PRODUCT_COLUMNS).where(col(Product.id) == keys("ids")), into=Product)
_PRODUCTS_BY_HANDLE = statement(
    sa.select(*PRODUCT_COLUMNS).where(col(Product.handle) == sa.any_(texts("handles"))), into=Product
)
_VARIANTS_BY_ID = statement(select(Variant).where(col(Variant.id) == keys("ids")))
_VARIANTS_BY_SKU = statement(select(Variant).where(col(Variant.sku) == sa.any_(texts("skus"))))
_VARIANTS_BY_GTIN = statement(select(Variant).where(col(Variant.gtin) == sa.any_(texts("gtins"))))


def _variants_by_product() -> Any:
    asked = given("asked", product_id=sa.Uuid)
    of_one = (
        select(Variant)
        .where(col(Variant.product_id) == asked.c.product_id)
        .order_by(col(Variant.position), col(Variant.id))
        .limit(sa.literal_column(str(MOST_VARIANTS)))
        .lateral("of_one")
    )
    variant = aliased(Variant, of_one)
    return (
        sa.select(variant)
        .select_from(asked)
        .join(of_one, sa.true())
        .order_by(col(variant.product_id), col(variant.position), col(variant.id))
    )


_VARIANTS_BY_PRODUCT = statement(_variants_by_product(), into=Variant)
_CATEGORIES_BY_ID = statement(select(Category).where(col(Category.id) == keys("ids")))
_CATEGORIES_BY_CODE = statement(select(Category).where(col(Category.code) == sa.any_(texts("codes"))))
_CATEGORIES_BY_PARENT = statement(
    select(Category).where(col(Category.parent) == sa.any_(texts("parents"))).order_by(col(Category.code))
)


async def products_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, Product]:
    """By id: the products that are there."""
    return {row.id: row for row in await _PRODUCTS_BY_ID.all(db, ids=ids)}


async def products_by_handle(db: Connection, handles: Sequence[str]) -> dict[str, Product]:
    """By handle: the products that are there."""
    return {row.handle: row for row in await _PRODUCTS_BY_HANDLE.all(db, handles=handles)}


async def variants_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, Variant]:
    """By id: the variants that are there."""
    return {row.id: row for row in await _VARIANTS_BY_ID.all(db, ids=ids)}


async def variants_by_sku(db: Connection, skus: Sequence[str]) -> dict[str, Variant]:
    """By sku: the variants that are there."""
    return {row.sku: row for row in await _VARIANTS_BY_SKU.all(db, skus=skus)}


async def variants_by_gtin(db: Connection, gtins: Sequence[str]) -> dict[str, Variant]:
    """By GTIN, as stored: the variants that are there."""
    return {str(row.gtin): row for row in await _VARIANTS_BY_GTIN.all(db, gtins=gtins)}


async def variants_by_product(db: Connection, ids: Sequence[UUID]) -> dict[UUID, list[Variant]]:
    """By product id: its first 250 variants in their order; no entry for a product without any."""
    return grouped((row.product_id, row) for row in await _VARIANTS_BY_PRODUCT.all(db, product_id=ids))


async def categories_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, Category]:
    """By id: the categories that are there."""
    return {row.id: row for row in await _CATEGORIES_BY_ID.all(db, ids=ids)}


async def categories_by_code(db: Connection, codes: Sequence[str]) -> dict[str, Category]:
    """By code: the categories that are there."""
    return {row.code: row for row in await _CATEGORIES_BY_CODE.all(db, codes=codes)}


async def categories_by_parent(db: Connection, parents: Sequence[str]) -> dict[str, list[Category]]:
    """By parent's code: its children by code; no entry for a category without any."""
    rows = await _CATEGORIES_BY_PARENT.all(db, parents=parents)
    return grouped((str(row.parent), row) for row in rows)


async def names_above(db: Connection, codes: Sequence[str]) -> dict[str, list[str]]:
    """By category code: its names in every language and those of all categories above it."""
    below = await categories_by_code(db, codes)
    every = await categories_by_code(db, list({code for row in below.values() for code in row.path}))
    return {
        code: [name for above in row.path if above in every for name in every[above].names.values()]
        for code, row in below.items()
    }


def grouped(pairs: Iterable[tuple[KeyT, RowT]]) -> dict[KeyT, list[RowT]]:
    """By key: its rows, in the order they came."""
    groups: dict[KeyT, list[RowT]] = {}
    for group, row in pairs:
        groups.setdefault(group, []).append(row)
    return groups
