"""What a purchase earns: the best base rate of each line, the best multiplier, and the tier's own rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import floor, lcm
from zoneinfo import ZoneInfo

from domain.money import split
from domain.promotions.terms import BasketLine, Target

NOTHING: frozenset[str] = frozenset()
EVERY_DAY: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """How points work where people pay in a currency.

    Points wait until the goods were received and `waits_days` have passed, in which they may come back; what
    a till earns does not wait when `till_at_once`. They can be used for `lifetime_days` (None: for ever), and
    `redeem_points` of them pay `redeem_minor`, up to `most_percent` of a purchase. Days begin in `time_zone`.
    """

    currency_code: str
    time_zone: str = "Asia/Hong_Kong"
    waits_days: int = 7
    till_at_once: bool = True
    lifetime_days: int | None = 365
    redeem_points: int = 100
    redeem_minor: int = 100
    most_percent: int = 100

    def payment(self, points: int, total_minor: int) -> tuple[int, int]:
        """What so many points pay of a total, and how many of them that takes: never more than needed."""
        most = total_minor * self.most_percent // 100
        paid = min(most, points * self.redeem_minor // self.redeem_points)
        return paid, -(-paid * self.redeem_points // self.redeem_minor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """Where and by whom something is bought."""

    at: datetime
    channel: str
    store: str | None = None
    campaign: str | None = None
    tier: str | None = None
    tier_rate: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EarnRule:
    """A base rate, `points` for every `spend_minor`, or a `multiplier` of it; the empty set means "any".

    `weekdays` are 1 (Monday) to 7 where the programme is at home; `valid_until` is exclusive.
    """

    code: str
    names: Mapping[str, str]
    currency_code: str
    points: int = 0
    spend_minor: int = 1
    multiplier: Fraction | None = None
    target: Target = field(default_factory=Target)
    channels: frozenset[str] = NOTHING
    stores: frozenset[str] = NOTHING
    tiers: frozenset[str] = NOTHING
    campaign: str | None = None
    weekdays: frozenset[int] = EVERY_DAY
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def is_for(self, bought: Purchase, time_zone: str) -> bool:
        """Whether it counts there and then, whatever is bought."""
        return (
            (not self.channels or bought.channel in self.channels)
            and (not self.stores or bought.store in self.stores)
            and (not self.tiers or bought.tier in self.tiers)
            and (self.campaign is None or self.campaign == bought.campaign)
            and (self.valid_from is None or self.valid_from <= bought.at)
            and (self.valid_until is None or bought.at < self.valid_until)
            and (not self.weekdays or bought.at.astimezone(ZoneInfo(time_zone)).isoweekday() in self.weekdays)
        )


def covers(target: Target, line: BasketLine) -> bool:
    """Whether a line is in a target; the exceptions win."""
    if line.sku in target.except_skus or line.brand in target.except_brands:
        return False
    if not target.except_categories.isdisjoint(line.categories):
        return False
    return (
        target.is_everything
        or line.sku in target.skus
        or line.brand in target.brands
        or not target.categories.isdisjoint(line.categories)
    )


def asks_for_goods(target: Target) -> bool:
    """Whether a target looks at more of a line than its sku."""
    return bool(target.categories or target.brands or target.except_categories or target.except_brands)


@dataclass(frozen=True, slots=True)
class EarnBook:
    """The programmes and rules that are not over; immutable, shared by all requests of a process."""

    programmes: Mapping[str, Programme] = field(default_factory=dict)
    rules: tuple[EarnRule, ...] = ()

    def programme(self, currency_code: str) -> Programme | None:
        """The programme of a currency; without one nothing is earned or paid with points."""
        return self.programmes.get(currency_code)

    def rules_for(self, currency_code: str, bought: Purchase) -> list[EarnRule]:
        """The rules that count there and then."""
        programme = self.programme(currency_code)
        if programme is None:
            return []
        return [
            rule
            for rule in self.rules
            if rule.currency_code == currency_code and rule.is_for(bought, programme.time_zone)
        ]


def earned(
    rules: Sequence[EarnRule], lines: Sequence[BasketLine], paid_minor: Sequence[int], tier_rate: Decimal
) -> list[int]:
    """The points of each line, by what was paid for it; their sum is rounded down once, for the whole.

    Rates do not add up: of the base rates that cover a line the highest counts, likewise of the multipliers.
    """
    exact = [
        paid * _rate(rules, line) * Fraction(tier_rate) for line, paid in zip(lines, paid_minor, strict=True)
    ]
    common = lcm(*(part.denominator for part in exact)) if exact else 1
    return split(floor(sum(exact, Fraction(0))), [int(part * common) for part in exact])


def _rate(rules: Sequence[EarnRule], line: BasketLine) -> Fraction:
    covering = [rule for rule in rules if covers(rule.target, line)]
    base = max(
        (Fraction(rule.points, rule.spend_minor) for rule in covering if rule.multiplier is None), default=0
    )
    times = max((rule.multiplier for rule in covering if rule.multiplier is not None), default=1)
    return Fraction(base) * times
