"""The tables of the catalogue."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel
from typing_extensions import TypedDict

from domain.catalog.content import ContentUnit
from persistence import columns


class Picture(TypedDict):
    """An image as stored."""

    url: str
    alt: str | None


class Attribute(TypedDict):
    """A named value as stored."""

    name: str
    value: str


class Category(SQLModel, table=True):
    """A place in the tree of goods; `path` holds the codes from the root down to itself."""

    id: UUID = columns.key()
    code: str = columns.code(unique=True)
    names: dict[str, str] = columns.document()
    parent: str | None = columns.optional_code(refers_to="category.code")
    path: list[str] = columns.text_list()

    __table_args__ = (
        sa.Index("category_parent", "parent"),
        sa.Index("category_path", "path", postgresql_using="gin"),
    )


class Product(SQLModel, table=True):
    """What a shopper thinks of as one article; its variants are what is sold.

    `brand` is the brand in the shop's own words, the value brand filters and facets name. `words` is what
    full-text search reads, `letters` what trigram search does; the two sort keys order by name.
    """

    id: UUID = columns.key()
    handle: str = columns.code(unique=True)
    names: dict[str, str] = columns.document()
    brands: dict[str, str] | None = columns.optional_document()
    brand: str | None = columns.optional_text()
    descriptions: dict[str, str] | None = columns.optional_document()
    category: str | None = columns.optional_code(refers_to="category.code")
    images: list[Picture] = columns.document(default="[]")
    attributes: list[Attribute] = columns.document(default="[]")
    words: str = columns.search_vector()
    letters: str = columns.text(default="")
    sort_en: str = columns.text(default="")
    sort_zh: str = columns.text(default="")
    units_sold: int = columns.long(default=0)
    created_at: datetime = columns.moment()
    updated_at: datetime = columns.moment()

    __table_args__ = (
        sa.Index("product_words", "words", postgresql_using="gin"),
        sa.Index(
            "product_letters", "letters", postgresql_using="gin", postgresql_ops={"letters": "gin_trgm_ops"}
        ),
        sa.Index("product_category", "category"),
        sa.Index("product_brand", "brand"),
        sa.Index("product_newest", "created_at", "id"),
        sa.Index("product_updated", "updated_at", "id"),
        sa.Index("product_sort_en", "sort_en", "id"),
        sa.Index("product_sort_zh", "sort_zh", "id"),
        sa.Index("product_best_selling", "units_sold", "id"),
        sa.Index(
            "product_attributes",
            "attributes",
            postgresql_using="gin",
            postgresql_ops={"attributes": "jsonb_path_ops"},
        ),
    )


class Variant(SQLModel, table=True):
    """The thing that is sold, counted, priced and labelled.

    `price_changed_at` is the latest moment a price of it was recorded or ended, always above the one before;
    `price_sequence` numbers its price records. Both move only under the row's lock.
    """

    id: UUID = columns.key()
    sku: str = columns.code(unique=True)
    product_id: UUID = Field(foreign_key="product.id")
    position: int = columns.whole(default=0)
    gtin: str | None = columns.optional_code(unique=True)
    names: dict[str, str] | None = columns.optional_document()
    options: list[Attribute] = columns.document(default="[]")
    net_content: Decimal | None = columns.optional_decimal()
    net_content_unit: ContentUnit | None = columns.optional_choice(ContentUnit)
    origin: str | None = columns.optional_text()
    price_changed_at: datetime | None = columns.optional_moment()
    price_sequence: int = columns.long(default=0)

    __table_args__ = (sa.Index("variant_product", "product_id", "position"),)
