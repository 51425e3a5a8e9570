"""Money: whole minor units inside, `Decimal` in the rules, a decimal string outside; rounded only here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext

# ISO 4217: the currencies whose minor unit is not a hundredth.
_EXPONENTS = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
LARGEST_MINOR = 2**63 - 1


def exponent(currency: str) -> int:
    """How many digits the currency's minor unit has after the point."""
    return _EXPONENTS.get(currency, 2)


def half_up(value: Decimal) -> int:
    """The nearest whole number, halves away from zero: the one rounding of the house."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def half_up_ratio(numerator: int, denominator: int) -> int:
    """The nearest whole number to a fraction that is not negative, halves up: `half_up` on whole numbers."""
    return (2 * numerator + denominator) // (2 * denominator)


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """The amount in proportion to the weights, in whole units that add up to it.

    By largest remainder: each has its share rounded down, and what is left over goes one by one to those that
    lost most, earlier ones first. No share is above its weight while the amount is not above their sum.
    Nothing is negative; all weights zero share only zero.
    """
    whole = sum(weights)
    if whole == 0:
        if amount:
            raise ValueError(f"nobody is there to share {amount}")
        return [0] * len(weights)
    shares, lost = [], []
    for weight in weights:
        share, remainder = divmod(amount * weight, whole)
        shares.append(share)
        lost.append(-remainder)
    over = amount - sum(shares)
    if over:
        for place in sorted(range(len(weights)), key=lost.__getitem__)[:over]:
            shares[place] += 1
    return shares


def exact_minor(amount: Decimal, currency: str) -> int | None:
    """The amount in minor units, or None when it is finer than the currency or past 64 bits."""
    if not amount.is_finite():
        return None
    scaled = amount.scaleb(exponent(currency))
    if scaled != scaled.to_integral_value() or abs(scaled) > LARGEST_MINOR:
        return None
    return int(scaled)


def minor_within(amount: Decimal, currency: str, *, up: bool) -> int:
    """The whole minor units of an end of a range: rounded `up` for its lowest, down for its highest.

    What is past 64 bits is as good as the largest amount there is.
    """
    with localcontext(prec=100):
        scaled = amount.scaleb(exponent(currency))
        whole = int(scaled.to_integral_value(rounding=ROUND_CEILING if up else ROUND_FLOOR))
    return max(-LARGEST_MINOR, min(whole, LARGEST_MINOR))


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount: whole minor units of an ISO 4217 currency."""

    minor_units: int
    currency_code: str

    @property
    def amount(self) -> Decimal:
        """The amount in the currency's major unit, with all its minor digits ("12.50")."""
        return Decimal(self.minor_units).scaleb(-exponent(self.currency_code))

    def __str__(self) -> str:
        return f"{self.currency_code} {self.amount}"
