"""What a basket comes to, as carts and orders show it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import strawberry

from domain.access import EVERYONE
from domain.baskets import Basket, Reduction
from domain.locales import translated
from resolvers.context import Context, Info
from resolvers.fields import field
from resolvers.shapes import Money, shape

Earning = Callable[[Context], Awaitable[int]]


@shape(EVERYONE, description="Something taken off.")
class Discount:
    source: str
    name: str
    amount: Money = strawberry.field(description="positive: what is taken off")

    @classmethod
    def of(cls, context: Context, one: Reduction, currency_code: str) -> Discount:
        """A reduction, named in the caller's language."""
        return cls(
            source=one.source,
            name=translated(one.names, context.locale, context.house.default_locale),
            amount=Money.of(one.amount_minor, currency_code),
        )


@shape(EVERYONE, description="items is before discounts; total = items - discounts + shipping")
class Totals:
    items: Money
    discounts: Money
    shipping: Money
    total: Money
    earning: strawberry.Private[Earning | None] = None

    @field(description="what a member earns by it; nothing is looked up unless it is selected")
    async def points_earned(self, info: Info) -> int:
        return 0 if self.earning is None else await self.earning(info.context)

    @classmethod
    def of(cls, basket: Basket, earning: Earning | None) -> Totals:
        """The totals of a basket, and how to find out what it earns, if anything."""
        return cls.in_minor(
            basket.currency_code,
            items=basket.items_minor,
            discounts=basket.discounts_minor,
            shipping=basket.shipping_minor,
            earning=earning,
        )

    @classmethod
    def in_minor(
        cls,
        currency_code: str,
        *,
        items: int,
        discounts: int,
        shipping: int,
        earning: Earning | None = None,
    ) -> Totals:
        """The totals from their parts in minor units."""
        return cls(
            items=Money.of(items, currency_code),
            discounts=Money.of(discounts, currency_code),
            shipping=Money.of(shipping, currency_code),
            total=Money.of(items - discounts + shipping, currency_code),
            earning=earning,
        )
