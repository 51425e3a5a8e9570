"""The price per standard unit, so that packs of different sizes compare."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext

from domain.catalog.content import ContentUnit
from domain.money import LARGEST_MINOR, Money, half_up

# How many of its standard unit a unit holds, the standard unit, and how many of those are priced together.
_STANDARD = {
    ContentUnit.GRAM: (1, ContentUnit.GRAM, 100),
    ContentUnit.KILOGRAM: (1000, ContentUnit.GRAM, 100),
    ContentUnit.MILLILITRE: (1, ContentUnit.MILLILITRE, 100),
    ContentUnit.LITRE: (1000, ContentUnit.MILLILITRE, 100),
    ContentUnit.METRE: (1, ContentUnit.METRE, 1),
    ContentUnit.PIECE: (1, ContentUnit.PIECE, 1),
}


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """An amount per so many of a unit: HKD 3.20 per 100 GRAM."""

    amount: Money
    per: Decimal
    unit: ContentUnit


def unit_price(amount: Money, net_content: Decimal, unit: ContentUnit) -> UnitPrice | None:
    """The price per 100 g, 100 mL, 1 m or 1 piece, half up to the minor unit.

    Kilograms and litres are priced per 100 g and 100 mL too. None when the content is not a positive number,
    or so small that the amount leaves 64 bits.
    """
    if not net_content.is_finite() or net_content <= 0:
        return None
    factor, standard, per = _STANDARD[unit]
    with localcontext() as exact:
        # Enough digits that a quotient a hair under a half can't be rounded up to it beforehand.
        exact.prec = 100
        minor = half_up(Decimal(amount.minor_units) * per / (net_content * factor))
    if abs(minor) > LARGEST_MINOR:
        return None
    return UnitPrice(Money(minor, amount.currency_code), Decimal(per), standard)
