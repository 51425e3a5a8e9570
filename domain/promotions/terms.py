"""What a promotion says, what a basket holds, and where it is being filled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.money import split
from domain.promotions.benefits import Benefit, Part

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketLine:
    """A line of a basket: `key` is unique in it, `categories` are codes from the root down."""

    key: str
    sku: str
    quantity: int
    unit_minor: int
    categories: Sequence[str] = ()
    brand: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Where a basket is filled. Of the shopper it knows the tier and membership, so nothing else can decide.

    `unlocked` are the promotions that the basket's coupons name, `used_up` those whose budget is spent or
    that this member has had as often as one may.
    """

    at: datetime
    channel: str
    currency_code: str
    store: str | None = None
    tier: str | None = None
    campaign: str | None = None
    is_member: bool = False
    unlocked: frozenset[str] = NOTHING
    used_up: frozenset[str] = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which lines: those with one of these skus, brands or categories (or one below), everything without any.

    The exceptions win.
    """

    skus: frozenset[str] = NOTHING
    categories: frozenset[str] = NOTHING
    brands: frozenset[str] = NOTHING
    except_skus: frozenset[str] = NOTHING
    except_categories: frozenset[str] = NOTHING
    except_brands: frozenset[str] = NOTHING

    @property
    def is_everything(self) -> bool:
        """True when nothing narrows it but exceptions."""
        return not (self.skus or self.categories or self.brands)


class Excludes(StrEnum):
    """Which other promotions a promotion does not go together with."""

    LINE = "LINE"
    """Others of its layer, on the lines it takes something off."""
    LAYER = "LAYER"
    """All others of its layer."""
    BASKET = "BASKET"
    """All others."""


class PromotionState(StrEnum):
    """Where a promotion stands in time."""

    UPCOMING = "UPCOMING"
    RUNNING = "RUNNING"
    ENDED = "ENDED"


def state_at(valid_from: datetime | None, valid_until: datetime | None, now: datetime) -> PromotionState:
    """Where a promotion with such a window stands at a moment."""
    if valid_until is not None and valid_until <= now:
        return PromotionState.ENDED
    if valid_from is not None and valid_from > now:
        return PromotionState.UPCOMING
    return PromotionState.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A rule above single prices; None and the empty set mean "any", `valid_until` is exclusive.

    Layers add up, lower ones first, each on what those before it left; in a layer promotions exclude each
    other as far as `excludes` says. A higher priority is served lines first. `most_minor` is the most it
    takes off a basket, `per_member` how often a member may have it; what has such a cap is for members only.
    """

    code: str
    names: Mapping[str, str]
    benefit: Benefit
    currency_code: str
    target: Target = field(default_factory=Target)
    layer: int = 1
    priority: int = 0
    excludes: Excludes = Excludes.LINE
    coupon_only: bool = False
    min_spend_minor: int = 0
    min_quantity: int = 0
    most_minor: int | None = None
    per_member: int | None = None
    has_budget: bool = False
    channels: frozenset[str] = NOTHING
    stores: frozenset[str] = NOTHING
    tiers: frozenset[str] = NOTHING
    campaign: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    @property
    def is_limited(self) -> bool:
        """Whether its uses are counted: it has a budget, or a cap for each member."""
        return self.has_budget or self.per_member is not None

    @property
    def by_line(self) -> bool:
        """Whether each line's share depends on that line alone."""
        return (
            self.benefit.by_line
            and self.most_minor is None
            and self.min_spend_minor <= 0
            and self.min_quantity <= 1
        )

    def total(self, parts: Sequence[Part]) -> int:
        """What it takes off these parts together once its conditions are met; never less for one more."""
        if not self._is_met(parts):
            return 0
        off = self.benefit.total(parts)
        return off if self.most_minor is None else min(off, self.most_minor)

    def shares(self, parts: Sequence[Part]) -> list[int]:
        """What it takes off each; sums to `total`."""
        if not self._is_met(parts):
            return [0] * len(parts)
        shares = self.benefit.shares(parts)
        if self.most_minor is not None and sum(shares) > self.most_minor:
            return split(self.most_minor, shares)
        return shares

    def _is_met(self, parts: Sequence[Part]) -> bool:
        if self.min_spend_minor > 0 and sum(left for _, left in parts) < self.min_spend_minor:
            return False
        return self.min_quantity <= 1 or sum(quantity for quantity, _ in parts) >= self.min_quantity

    def is_for(self, situation: Situation) -> bool:
        """Whether it counts there and then, whatever is in the basket."""
        return (
            self.currency_code == situation.currency_code
            and (not self.channels or situation.channel in self.channels)
            and (not self.stores or situation.store in self.stores)
            and (not self.tiers or situation.tier in self.tiers)
            and (self.campaign is None or self.campaign == situation.campaign)
            and (self.valid_from is None or self.valid_from <= situation.at)
            and (self.valid_until is None or situation.at < self.valid_until)
            and (not self.coupon_only or self.code in situation.unlocked)
            and (self.per_member is None or situation.is_member)
            and self.code not in situation.used_up
        )
