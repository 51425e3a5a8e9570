"""What a face says besides the price: names, brand, origin, content, and whether there is any."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import col

from domain.catalog.content import ContentUnit
from persistence.catalog.tables import Product, Variant
from persistence.database import Connection, param, statement, texts
from persistence.inventory.tables import StockLevel


class Article(NamedTuple):
    """A variant as a store's label tells of it; `on_hand` None: nobody counts it there."""

    sku: str
    gtin: str | None
    own_names: dict[str, str] | None
    names: dict[str, str]
    brands: dict[str, str] | None
    origin: str | None
    net_content: Decimal | None
    net_content_unit: ContentUnit | None
    on_hand: int | None


_ARTICLES = statement(
    sa.select(
        col(Variant.sku),
        col(Variant.gtin),
        col(Variant.names).label("own_names"),
        col(Product.names),
        col(Product.brands),
        col(Variant.origin),
        col(Variant.net_content),
        col(Variant.net_content_unit),
        col(StockLevel.on_hand),
    )
    .join(Product, col(Product.id) == col(Variant.product_id))
    .outerjoin(
        StockLevel, sa.and_(col(StockLevel.store) == param("store"), col(StockLevel.sku) == col(Variant.sku))
    )
    .where(col(Variant.sku) == sa.any_(texts("skus"))),
    Article,
)


async def articles(db: Connection, store: str, skus: Sequence[str]) -> dict[str, Article]:
    """By sku: what a store's labels tell of it."""
    return {row.sku: row for row in await _ARTICLES.all(db, store=store, skus=skus)}
