"""How the catalogue is listed: the orders it can be read in, and the price bands a shopper narrows it by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ProductSort(StrEnum):
    """The order of a product list."""

    RELEVANCE = "RELEVANCE"
    NEWEST = "NEWEST"
    UPDATED_ASC = "UPDATED_ASC"
    NAME = "NAME"
    PRICE_ASC = "PRICE_ASC"
    PRICE_DESC = "PRICE_DESC"
    BEST_SELLING = "BEST_SELLING"

    @property
    def by_price(self) -> bool:
        """True when only products with a price have a place in the order."""
        return self in (ProductSort.PRICE_ASC, ProductSort.PRICE_DESC)


def order_of(sort: ProductSort | None, *, searching: bool) -> ProductSort:
    """The order a list is read in: the best match first when searching, else the newest, unless one is named.

    Without a search nothing is relevant to anything, so RELEVANCE is NEWEST then.
    """
    if sort is None or sort is ProductSort.RELEVANCE:
        return ProductSort.RELEVANCE if searching else ProductSort.NEWEST
    return sort


@dataclass(frozen=True, slots=True)
class PriceBand:
    """Prices from `lowest` to `highest`, both included, in minor units; the last band has no highest."""

    lowest: int
    highest: int | None


_DECADES = 7
_STEPS = (1, 2, 5)


def price_bounds(exponent: int) -> tuple[int, ...]:
    """Where the bands part, in minor units: 1, 2, 5, 10, 20, 50 … 5,000,000 of a currency's major unit."""
    unit = 10**exponent
    return tuple(step * 10**decade * unit for decade in range(_DECADES) for step in _STEPS)


def price_band(bounds: tuple[int, ...], number: int) -> PriceBand:
    """The band of a number: 0 ends below the first bound, the last begins at the last one."""
    lowest = bounds[number - 1] if number else 0
    return PriceBand(lowest, bounds[number] - 1 if number < len(bounds) else None)
