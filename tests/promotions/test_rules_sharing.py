"""How an amount is shared out to the cent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import half_up, half_up_ratio, split


@pytest.mark.parametrize(
    ("amount", "weights", "shares"),
    [
        (100, [1, 1, 1], [34, 33, 33]),  # among equals the earlier
        (100, [1, 1, 2], [25, 25, 50]),
        (1, [1, 2, 3], [0, 0, 1]),  # to whom most was lost
        (0, [5, 5], [0, 0]),
        (0, [0, 0], [0, 0]),
        (0, [], []),
        (7, [0, 3], [0, 7]),
    ],
)
def test_by_largest_remainder(amount: int, weights: list[int], shares: list[int]) -> None:
    assert split(amount, weights) == shares


def test_an_amount_without_takers_is_a_fault() -> None:
    with pytest.raises(ValueError, match="nobody"):
        split(1, [0, 0])


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=9), st.data())
def test_shares_add_up_and_none_is_above_its_weight(weights: list[int], data: st.DataObject) -> None:
    amount = data.draw(st.integers(0, sum(weights)))
    shares = split(amount, weights)
    assert sum(shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        assert 0 <= share <= weight
        assert weight == 0 or abs(Decimal(share) - Decimal(amount) * weight / sum(weights)) < 1


@given(st.integers(0, 10**12), st.integers(1, 10**6))
def test_a_ratio_is_rounded_as_a_decimal_is(numerator: int, denominator: int) -> None:
    assert half_up_ratio(numerator, denominator) == half_up(Decimal(numerator) / Decimal(denominator))
