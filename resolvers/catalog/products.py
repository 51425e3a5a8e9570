"""The catalogue in the graph: categories, products, and the variants that are sold."""

from __future__ import annotations

import asyncio
from datetime import datetime
from decimal import Decimal
from typing import Annotated, cast

import strawberry

from domain.access import CATALOG_READERS, PRICE_READERS, STOCK_SHOPPERS
from domain.catalog.content import ContentUnit
from domain.locales import translated
from persistence.catalog.tables import Category as StoredCategory
from persistence.catalog.tables import Product as StoredProduct
from persistence.catalog.tables import Variant as StoredVariant
from resolvers.context import Info
from resolvers.fields import field, query
from resolvers.inventory.stock import Availability, availability_of
from resolvers.places import SalesContext, resolve
from resolvers.pricing.history import LowestPrice, PriceHistory, history_of, lowest_of
from resolvers.pricing.prices import (
    Content,
    OfferText,
    Price,
    PriceRange,
    PriceTrace,
    offer_of,
    price_of,
    trace_of,
)
from resolvers.scalars import Locale
from resolvers.shapes import FromRow, Node, at_most, parse_global_id, positive, shape

MOST_KEYS = 100
LONGEST_CODE = 200


def _in_language(info: Info, texts: dict[str, str] | None, locale: str | None) -> str | None:
    if not texts:
        return None
    return translated(texts, locale or info.context.locale, info.context.house.default_locale)


@shape(CATALOG_READERS, description="A place in the tree of goods.")
class Category(FromRow[StoredCategory], Node):
    tag = "Ca"
    row: strawberry.Private[StoredCategory]
    code: str
    path: list[str] = strawberry.field(description="the codes from the root down to this one")

    @field()
    def name(self, info: Info, locale: Locale | None = None) -> str:
        return _in_language(info, self.row.names, locale) or self.row.code

    @field()
    async def parent(
        self, info: Info
    ) -> Annotated[Category, strawberry.lazy("resolvers.catalog.products")] | None:
        if self.row.parent is None:
            return None
        row = await info.context.loaders.category.load(self.row.parent)
        return None if row is None else Category.of(row)

    @field()
    async def children(
        self, info: Info
    ) -> list[Annotated[Category, strawberry.lazy("resolvers.catalog.products")]]:
        rows = await info.context.loaders.children_of_category.load(self.row.code)
        return [Category.of(row) for row in rows]


@shape(CATALOG_READERS)
class Image:
    url: str
    alt: str | None


@shape(CATALOG_READERS)
class AttributeValue:
    name: str
    value: str


@shape(CATALOG_READERS, description="The thing that is sold, counted, priced and labelled.")
class ProductVariant(FromRow[StoredVariant], Node):
    tag = "Va"
    row: strawberry.Private[StoredVariant]
    sku: str
    gtin: str | None = strawberry.field(description="GTIN-8/12/13/14, check digit verified")
    net_content: Decimal | None = strawberry.field(
        description="net content, for the unit price: 500 g, 1.5 L, 6 pieces"
    )
    net_content_unit: ContentUnit | None
    origin: str | None = strawberry.field(description="place of origin, a duty of shelf labelling")

    @property
    def content(self) -> Content:
        """What one holds."""
        return Content(self.row.net_content, self.row.net_content_unit)

    @field(description="Its own name, else its product's.")
    async def name(self, info: Info, locale: Locale | None = None) -> str:
        own = _in_language(info, self.row.names, locale)
        if own is not None:
            return own
        product = await info.context.loaders.product.load(self.row.product_id)
        return (_in_language(info, product.names, locale) if product else None) or self.row.sku

    @field()
    async def product(self, info: Info) -> Annotated[Product, strawberry.lazy("resolvers.catalog.products")]:
        row = await info.context.loaders.product.load(self.row.product_id)
        if row is None:
            raise LookupError(f"variant {self.row.sku} has lost its product")
        return Product.of(row)

    @field()
    def options(self) -> list[AttributeValue]:
        return [AttributeValue(**option) for option in self.row.options]

    @field(rule=PRICE_READERS, description="null when the context may not sell it")
    async def price(self, info: Info, context: SalesContext, quantity: int = 1) -> Price | None:
        asked = await resolve(info.context, context)
        return await price_of(info.context, asked, self.row.sku, self.content, positive("quantity", quantity))

    @field(
        rule=PRICE_READERS,
        description="Every candidate that was considered, winner first, with why each lost; at most 500.",
    )
    async def price_trace(self, info: Info, context: SalesContext, quantity: int = 1) -> PriceTrace:
        asked = await resolve(info.context, context)
        return await trace_of(info.context, asked, self.row.sku, positive("quantity", quantity))

    @field(
        rule=PRICE_READERS,
        description="What one piece cost in the context, the latest period first; first is 1 to 100. Without "
        "from and until: the last 30 days. Staff may look 1,100 days back, others 31.",
    )
    async def price_history(
        self,
        info: Info,
        context: SalesContext,
        first: int,
        after: str | None = None,
        from_: Annotated[datetime | None, strawberry.argument(name="from")] = None,
        until: Annotated[datetime | None, strawberry.argument(description="exclusive")] = None,
    ) -> PriceHistory:
        asked = await resolve(info.context, context)
        return await history_of(
            info.context, asked, self.row.sku, first=first, after=after, since=from_, until=until
        )

    @field(
        rule=PRICE_READERS,
        description="The lowest price in the context in the 7 or 30 days before the offer that is paid "
        "began, without an offer in the last days: what a comparison price may not be above.",
    )
    async def lowest_price(self, info: Info, context: SalesContext, days: int = 30) -> LowestPrice | None:
        return await lowest_of(info.context, await resolve(info.context, context), self.row.sku, days)

    @field(
        rule=PRICE_READERS,
        description="the offer that the context's store words itself today, such as `Buy 2 to save $4.00`",
    )
    async def offer_text(self, info: Info, context: SalesContext) -> OfferText | None:
        return await offer_of(info.context, await resolve(info.context, context), self.row.sku)

    @field(rule=STOCK_SHOPPERS)
    async def availability(self, info: Info, context: SalesContext) -> Availability | None:
        return await availability_of(info.context, await resolve(info.context, context), self.row.sku)


@shape(CATALOG_READERS, description="What a shopper thinks of as one article.")
class Product(FromRow[StoredProduct], Node):
    tag = "Pd"
    row: strawberry.Private[StoredProduct]
    handle: str
    updated_at: datetime

    @field()
    def name(self, info: Info, locale: Locale | None = None) -> str:
        return _in_language(info, self.row.names, locale) or self.row.handle

    @field()
    def brand(self, info: Info, locale: Locale | None = None) -> str | None:
        return _in_language(info, self.row.brands, locale)

    @field()
    def description(self, info: Info, locale: Locale | None = None) -> str | None:
        return _in_language(info, self.row.descriptions, locale)

    @field()
    async def category(self, info: Info) -> Category | None:
        if self.row.category is None:
            return None
        row = await info.context.loaders.category.load(self.row.category)
        return None if row is None else Category.of(row)

    @field()
    def images(self) -> list[Image]:
        return [Image(**image) for image in self.row.images]

    @field()
    def attributes(self) -> list[AttributeValue]:
        return [AttributeValue(**attribute) for attribute in self.row.attributes]

    @field(description="at most 250")
    async def variants(self, info: Info) -> list[ProductVariant]:
        rows = await info.context.loaders.variants_of_product.load(self.row.id)
        return [ProductVariant.of(row) for row in rows]

    @field(rule=PRICE_READERS, description="lowest and highest variant price in the context")
    async def price_range(self, info: Info, context: SalesContext) -> PriceRange | None:
        asked = await resolve(info.context, context)
        rows = await info.context.loaders.variants_of_product.load(self.row.id)
        found = await asyncio.gather(
            *(price_of(info.context, asked, row.sku, Content(None, None)) for row in rows)
        )
        amounts = sorted(
            (price.amount for price in found if price is not None), key=lambda money: money.minor_units
        )
        return PriceRange(min=amounts[0], max=amounts[-1]) if amounts else None


# ------------------------------------------------------------------ by key


@strawberry.input(one_of=True)
class ProductBy:
    id: strawberry.Maybe[strawberry.ID]
    handle: strawberry.Maybe[str]


@strawberry.input(one_of=True)
class VariantBy:
    id: strawberry.Maybe[strawberry.ID]
    sku: strawberry.Maybe[str]
    gtin: strawberry.Maybe[str]


@query(CATALOG_READERS, description="The category under a code; null when there is none.")
async def category(info: Info, code: str) -> Category | None:
    row = await info.context.loaders.category.load(code)
    return None if row is None else Category.of(row)


@query(CATALOG_READERS, description="A product by id or handle; null when there is none.")
async def product(info: Info, by: ProductBy) -> Product | None:
    loaders = info.context.loaders
    if by.handle is not None:
        row = await loaders.product_by_handle.load(by.handle.value)
    else:
        known = parse_global_id(cast("strawberry.Some[strawberry.ID]", by.id).value)
        if known is None or known[0] != Product.tag:
            return None
        row = await loaders.product.load(known[1])
    return None if row is None else Product.of(row)


@query(CATALOG_READERS, description="A variant by id, sku or GTIN; null when there is none.")
async def variant(info: Info, by: VariantBy) -> ProductVariant | None:
    loaders = info.context.loaders
    if by.sku is not None:
        row = await loaders.variant_by_sku.load(by.sku.value)
    elif by.gtin is not None:
        row = await loaders.variant_by_gtin.load(by.gtin.value)
    else:
        known = parse_global_id(cast("strawberry.Some[strawberry.ID]", by.id).value)
        if known is None or known[0] != ProductVariant.tag:
            return None
        row = await loaders.variant.load(known[1])
    return None if row is None else ProductVariant.of(row)


@query(CATALOG_READERS, description="at most 100, in the order asked, null where unknown")
async def variants(info: Info, skus: list[str]) -> list[ProductVariant | None]:
    at_most("skus", skus, MOST_KEYS)
    rows = await info.context.loaders.variant_by_sku.load_many(skus)
    return [None if row is None else ProductVariant.of(row) for row in rows]
