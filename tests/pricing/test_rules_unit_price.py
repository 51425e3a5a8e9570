"""Unit prices: the standard unit of each measure, and the rounding at the half."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.catalog.content import ContentUnit
from domain.money import Money
from domain.pricing.unit_price import UnitPrice, unit_price


@pytest.mark.parametrize(
    ("minor", "content", "unit", "expected", "per", "standard"),
    [
        (34_90, "340", "GRAM", 10_26, 100, "GRAM"),
        (34_90, "0.34", "KILOGRAM", 10_26, 100, "GRAM"),
        (64_90, "2640", "MILLILITRE", 2_46, 100, "MILLILITRE"),
        (89_90, "1", "LITRE", 8_99, 100, "MILLILITRE"),
        (30_00, "30.48", "METRE", 98, 1, "METRE"),
        (33_00, "10", "PIECE", 3_30, 1, "PIECE"),
        (1, "200", "GRAM", 1, 100, "GRAM"),
        (1, "201", "GRAM", 0, 100, "GRAM"),
        (3, "200", "GRAM", 2, 100, "GRAM"),
        (0, "200", "GRAM", 0, 100, "GRAM"),
        (9_223_372_036_854_775_807, "100", "GRAM", 9_223_372_036_854_775_807, 100, "GRAM"),
        # A hair under a half stays under it, however many digits that takes.
        (1, "200.0000000000000000000000000000000001", "GRAM", 0, 100, "GRAM"),
    ],
)
def test_a_price_per_standard_unit(
    minor: int, content: str, unit: str, expected: int, per: int, standard: str
) -> None:
    assert unit_price(Money(minor, "HKD"), Decimal(content), ContentUnit(unit)) == UnitPrice(
        Money(expected, "HKD"), Decimal(per), ContentUnit(standard)
    )


@pytest.mark.parametrize("content", ["0", "-1", "NaN", "Infinity"])
def test_without_a_positive_content_there_is_no_unit_price(content: str) -> None:
    assert unit_price(Money(100, "HKD"), Decimal(content), ContentUnit.GRAM) is None


def test_a_unit_price_past_64_bits_is_none() -> None:
    assert unit_price(Money(2**63 - 1, "HKD"), Decimal("99"), ContentUnit.GRAM) is None
