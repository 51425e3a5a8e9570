"""What promotions ask about goods: their categories and brand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import col

from persistence.catalog.tables import Category, Product, Variant
from persistence.database import Connection, statement, texts


class Goods(NamedTuple):
    """A variant's categories, from the root down, and its brand."""

    sku: str
    categories: list[str]
    brand: str | None


_BY_SKU = statement(
    sa.select(
        col(Variant.sku),
        sa.func.coalesce(col(Category.path), sa.literal_column("'{}'::text[]")).label("categories"),
        col(Product.brand),
    )
    .join(Product, col(Product.id) == col(Variant.product_id))
    .outerjoin(Category, col(Category.code) == col(Product.category))
    .where(col(Variant.sku) == sa.any_(texts("skus"))),
    Goods,
)


async def goods_by_sku(db: Connection, skus: Sequence[str]) -> dict[str, Goods]:
    """By sku: what promotions ask about it."""
    return {row.sku: row for row in await _BY_SKU.all(db, skus=skus)}
