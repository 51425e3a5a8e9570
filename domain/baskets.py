"""Baskets: what the lines of a cart come to, with what is taken off and shared out over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class PricedLine:
    """So many of a sku at a price; in minor units. `source` and `version` are the price's."""

    sku: str
    quantity: int
    unit_minor: int
    source: str
    version: int
    discount_minor: int = 0

    @property
    def items_minor(self) -> int:
        """Before discounts."""
        return self.unit_minor * self.quantity

    @property
    def total_minor(self) -> int:
        """What is paid for the line: its share of the discounts is off."""
        return self.items_minor - self.discount_minor


COUPON_SOURCE = "coupon:"
POINTS_SOURCE = "loyalty:points"
_LOYALTY_SOURCES = (COUPON_SOURCE, POINTS_SOURCE)


def is_loyalty_source(source: str) -> bool:
    """Whether a discount of this source came from a coupon or from points, and not from a promotion."""
    return source.startswith(_LOYALTY_SOURCES)


@dataclass(frozen=True, slots=True)
class Reduction:
    """What is taken off a whole basket, in minor units; its names are by language.

    `source` is a promotion's code, or tells of a coupon or points.
    """

    source: str
    names: Mapping[str, str]
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Basket:
    """Lines that can be bought, what is taken off, and what it all comes to."""

    currency_code: str
    lines: tuple[PricedLine, ...]
    reductions: tuple[Reduction, ...] = ()
    shipping_minor: int = 0

    @property
    def items_minor(self) -> int:
        """Before discounts."""
        return sum(line.items_minor for line in self.lines)

    @property
    def discounts_minor(self) -> int:
        """Everything that is taken off; the lines' shares add up to it."""
        return sum(line.discount_minor for line in self.lines)

    @property
    def total_minor(self) -> int:
        """What is to be paid."""
        return self.items_minor - self.discounts_minor + self.shipping_minor

    def shipped_for(self, shipping_minor: int) -> Basket:
        """The same with a charge for shipping."""
        return replace(self, shipping_minor=shipping_minor)


class OverdrawnError(Exception):
    """A line would cost less than nothing: whoever shared out the discounts has a bug."""


def basket_of(
    currency_code: str, lines: Sequence[PricedLine], reductions: Sequence[Reduction] = ()
) -> Basket:
    """The basket; raises OverdrawnError when the discounts don't fit its lines to the cent."""
    basket = Basket(currency_code, tuple(lines), tuple(reductions))
    taken = sum(reduction.amount_minor for reduction in reductions)
    if taken != basket.discounts_minor or any(line.total_minor < 0 for line in lines):
        raise OverdrawnError(f"{taken} taken off, {basket.discounts_minor} shared out")
    return basket
