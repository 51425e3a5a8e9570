"""The list of products in the graph: searched, filtered, in any order, with its facets."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import strawberry

from domain.access import CATALOG_READERS, PRICE_READERS, STOCK_SHOPPERS
from domain.catalog.listing import PriceBand, ProductSort
from domain.locales import translated
from domain.money import Money as Amount
from domain.money import exponent, minor_within
from persistence.catalog import listing as listing_db
from persistence.catalog.facets import BandChoice, Choice, product_facets
from persistence.catalog.tables import Product as StoredProduct
from persistence.catalog.wanted import ProductQuery
from persistence.database import Connection
from persistence.paging import Page
from resolvers.access import must_allow
from resolvers.catalog.products import Product
from resolvers.connections import OnePage
from resolvers.context import Context, Info
from resolvers.fields import field, query
from resolvers.places import Resolved, SalesContext, resolve
from resolvers.shapes import PageInfo, page_size, shape

strawberry.enum(
    ProductSort,
    description="The order of a product list; left out: RELEVANCE when searching, else NEWEST. Both price "
    "orders go by the cheapest variant and leave out what the context does not sell.",
)


@strawberry.input
class AttributeFilter:
    name: str
    one_of: list[str]


@strawberry.input(description="Both ends are included.")
class MoneyRange:
    min: Decimal | None = None
    max: Decimal | None = None


@strawberry.input(description="All of these hold; what is left out or empty leaves nothing out.")
class ProductWhere:
    category: str | None = strawberry.field(default=None, description="code; includes its descendants")
    brand: list[str] | None = strawberry.field(default=None, description="any of these")
    attributes: list[AttributeFilter] | None = strawberry.field(
        default=None, description="each of these names with any of its values"
    )
    price: MoneyRange | None = strawberry.field(
        default=None,
        description="in the context's price, which is what everybody pays now for one of the cheapest "
        "variant: no tier, no campaign",
    )
    in_stock: bool | None = strawberry.field(
        default=None,
        description="whether the context's channel may sell any variant from its store, or from any store "
        "that delivers",
    )
    updated_since: datetime | None = None


@shape(CATALOG_READERS)
class FacetValue:
    value: str = strawberry.field(
        description="what to ask for to get just these: a category code, a brand, or min..max of a price"
    )
    label: str = strawberry.field(description="In the caller's language.")
    count: int


@shape(CATALOG_READERS)
class Facet:
    name: str = strawberry.field(description="category, brand or price")
    values: list[FacetValue]


@shape(CATALOG_READERS)
class ProductEdge:
    cursor: str
    node: Product


@shape(CATALOG_READERS, description="A page of products; nothing is read of it but what is selected.")
class ProductConnection:
    asked: strawberry.Private[ProductQuery]
    resolved: strawberry.Private[Resolved]
    listed: strawberry.Private[OnePage[StoredProduct]]

    @field()
    async def edges(self) -> list[ProductEdge]:
        page = await self.listed.page()
        return [
            ProductEdge(cursor=cursor, node=Product.of(row))
            for cursor, row in zip(page.cursors, page.rows, strict=True)
        ]

    @field()
    async def nodes(self) -> list[Product]:
        return [Product.of(row) for row in (await self.listed.page()).rows]

    @field()
    async def page_info(self) -> PageInfo:
        return await self.listed.info()

    @field(description="counted only when selected")
    async def total_count(self) -> int:
        return await self.listed.alone(lambda db: listing_db.products_total(db, self.asked))

    @field(
        description="How many of the first 10,000 matches each choice would leave. Brands and prices are "
        "counted as if their own filter were not set; categories are those one level below the chosen one, "
        "or the roots."
    )
    async def facets(self, info: Info) -> list[Facet]:
        currency = self.resolved.currency_code
        found = await self.listed.alone(lambda db: product_facets(db, self.asked, exponent(currency)))
        facets = [
            Facet(name="category", values=[_choice(info.context, choice) for choice in found.categories]),
            Facet(name="brand", values=[_choice(info.context, choice) for choice in found.brands]),
        ]
        if PRICE_READERS.allows(info.context.viewer):
            facets.append(Facet(name="price", values=[_band(choice, currency) for choice in found.prices]))
        return facets


@query(
    CATALOG_READERS,
    description="The products that a search and its filters mean, a page at a time; first is 1 to 100. "
    "Those the context does not sell are among them, with a null price, unless the list is ordered or "
    "filtered by price.",
)
async def products(
    info: Info,
    first: int,
    context: SalesContext,
    after: str | None = None,
    search: str | None = None,
    where: ProductWhere | None = None,
    sort: ProductSort | None = None,
) -> ProductConnection:
    page_size(first)
    resolved = await resolve(info.context, context)
    asked = await _asked(info.context, resolved, search, where or ProductWhere(), sort)
    if sort is not None and sort.by_price:
        must_allow(PRICE_READERS, info.context.viewer)
    listing_db.check(asked, after)

    async def read(db: Connection) -> Page[StoredProduct]:
        return await listing_db.products(db, asked, first, after)

    return ProductConnection(asked=asked, resolved=resolved, listed=OnePage(info.context, read))


async def _asked(
    context: Context, resolved: Resolved, search: str | None, where: ProductWhere, sort: ProductSort | None
) -> ProductQuery:
    lowest = highest = None
    if where.price is not None:
        must_allow(PRICE_READERS, context.viewer)
        currency = resolved.currency_code
        lowest = None if where.price.min is None else minor_within(where.price.min, currency, up=True)
        highest = None if where.price.max is None else minor_within(where.price.max, currency, up=False)
    stores: list[str] = []
    if where.in_stock is not None:
        must_allow(STOCK_SHOPPERS, context.viewer)
        directory = context.house.directory
        stores = [resolved.store] if resolved.store else [*await directory.delivering_stores()]
    return ProductQuery(
        channel=resolved.priced_in,
        store=resolved.store,
        stock_stores=tuple(stores),
        stock_channel=resolved.channel,
        stock_policy=resolved.stock_policy,
        search=search,
        category=where.category,
        brands=tuple(where.brand or ()),
        attributes=tuple((one.name, tuple(one.one_of)) for one in where.attributes or ()),
        lowest_price=lowest,
        highest_price=highest,
        in_stock=where.in_stock,
        updated_since=where.updated_since,
        sort=sort,
        locale=context.locale,
    )


def _choice(context: Context, choice: Choice) -> FacetValue:
    label = translated(choice.names or {}, context.locale, context.house.default_locale)
    return FacetValue(value=choice.value, label=label or choice.value, count=choice.count)


def _band(choice: BandChoice, currency: str) -> FacetValue:
    lowest, highest = _amounts(choice.band, currency)
    return FacetValue(
        value=f"{lowest}..{highest}",
        label=f"{currency} {lowest} – {highest}" if highest else f"{currency} {lowest} +",
        count=choice.count,
    )


def _amounts(band: PriceBand, currency: str) -> tuple[str, str]:
    highest = "" if band.highest is None else str(Amount(band.highest, currency).amount)
    return str(Amount(band.lowest, currency).amount), highest
