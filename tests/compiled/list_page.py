"""A list page as a shop's schema has it, with everything in memory: what execution alone costs."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Any

import strawberry
from aiodataloader import DataLoader
from graphql import GraphQLSchema

PRODUCTS, VARIANTS = 24, 3

LIST = """
query List($context: Where!) { products(first: 24) { nodes {
  id handle name brand images { url alt }
  variants { ...Sold }
} pageInfo { endCursor } } }
fragment Sold on Variant {
  id sku name content price(context: $context) { amount { amount currencyCode } kind validUntil }
  availability(context: $context) { status available pickupToday }
}
"""
PRODUCT = """
query One($context: Where!) { product(handle: "product-7") {
  id handle name brand description category { code name path } images { url alt } attributes { name value }
  variants { ...Sold }
} }
fragment Sold on Variant {
  id sku name content price(context: $context) { amount { amount currencyCode } kind validUntil }
  availability(context: $context) { status available pickupToday }
}
"""
VARIABLES: dict[str, Any] = {"context": {"channel": "app"}}


class Loaders:
    """Answers from memory, a batch at a time."""

    def __init__(self) -> None:
        self.prices: DataLoader[str, int] = DataLoader(self._prices)
        self.stock: DataLoader[str, int] = DataLoader(self._stock)
        self.variants: DataLoader[int, list[Variant]] = DataLoader(self._variants)

    async def _prices(self, skus: list[str]) -> list[int]:
        return [len(sku) * 100 for sku in skus]

    async def _stock(self, skus: list[str]) -> list[int]:
        return [len(sku) for sku in skus]

    async def _variants(self, products: list[int]) -> list[list[Variant]]:
        return [[_variant(product * 10 + number) for number in range(VARIANTS)] for product in products]


Info = strawberry.Info[Loaders, None]


@strawberry.enum
class Kind(Enum):
    LIST = "list"
    MEMBER = "member"


@strawberry.input
class Where:
    channel: str
    store: str | None = None
    campaign: str | None = None


@strawberry.interface
class Node:
    id: strawberry.ID


@strawberry.type
class Money:
    amount: Decimal
    currency_code: str


@strawberry.type
class Price:
    amount: Money
    kind: Kind
    valid_until: str | None


@strawberry.type
class Availability:
    status: Kind
    available: int
    pickup_today: bool


@strawberry.type
class Pair:
    name: str
    value: str


@strawberry.type
class Image:
    url: str
    alt: str | None


@strawberry.type
class Category:
    code: str
    name: str
    path: list[str]


@strawberry.type
class Variant(Node):
    sku: str
    content: Decimal | None
    title: strawberry.Private[str]

    @strawberry.field
    async def name(self, info: Info, locale: str | None = None) -> str:
        return self.title

    @strawberry.field
    async def price(self, info: Info, context: Where, quantity: int = 1) -> Price | None:
        minor = await info.context.prices.load(self.sku)
        amount = Money(amount=Decimal(minor * quantity), currency_code="HKD")
        return Price(amount=amount, kind=Kind.LIST, valid_until=None)

    @strawberry.field
    async def availability(self, info: Info, context: Where) -> Availability | None:
        available = await info.context.stock.load(self.sku)
        return Availability(status=Kind.LIST, available=available, pickup_today=False)


def _variant(number: int) -> Variant:
    return Variant(
        id=strawberry.ID(f"v{number}"), sku=f"sku-{number}", content=Decimal(5), title=f"Variant {number}"
    )


@strawberry.type
class Product(Node):
    number: strawberry.Private[int]
    handle: str
    description: str | None = None

    @strawberry.field
    def name(self, info: Info, locale: str | None = None) -> str:
        return f"Product {self.number}"

    @strawberry.field
    def brand(self, info: Info, locale: str | None = None) -> str | None:
        return "Brand"

    @strawberry.field
    def images(self) -> list[Image]:
        return [Image(url="/1.png", alt=None)]

    @strawberry.field
    def attributes(self) -> list[Pair]:
        return [Pair(name="colour", value="red"), Pair(name="size", value="L")]

    @strawberry.field
    async def category(self, info: Info) -> Category | None:
        return Category(code="c", name="Category", path=["a", "b", "c"])

    @strawberry.field
    async def variants(self, info: Info) -> list[Variant]:
        return await info.context.variants.load(self.number)


def _product(number: int) -> Product:
    return Product(id=strawberry.ID(f"p{number}"), number=number, handle=f"product-{number}")


@strawberry.type
class PageInfo:
    end_cursor: str | None


@strawberry.type
class Products:
    @strawberry.field
    async def nodes(self) -> list[Product]:
        return [_product(number) for number in range(PRODUCTS)]

    @strawberry.field
    async def page_info(self) -> PageInfo:
        return PageInfo(end_cursor="end")


@strawberry.type
class Query:
    @strawberry.field
    async def products(self, info: Info, first: int) -> Products:
        return Products()

    @strawberry.field
    async def product(self, info: Info, handle: str) -> Product | None:
        return _product(7)


SCHEMA: GraphQLSchema = strawberry.Schema(query=Query)._schema
