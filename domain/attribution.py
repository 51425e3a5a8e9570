"""To whom a sale is credited: the stores and clerks whose codes led to it, and who sold it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from domain.money import split
from domain.refusals import RefusalCode, Refused

WHOLE = 10_000
"""Shares are told in hundredths of a percent."""
LONGEST_DAYS = 365


class TouchKind(StrEnum):
    """Where a touch code stands."""

    SHELF = "SHELF"
    POSTER = "POSTER"
    RECEIPT = "RECEIPT"
    BADGE = "BADGE"
    LINK = "LINK"


class Which(StrEnum):
    """Which of a sale's touches are credited: the last one of a store, or every store and clerk alike."""

    LAST = "LAST"
    EVERY = "EVERY"


@dataclass(frozen=True, slots=True)
class Rule:
    """How sales are credited that are placed from its moment on.

    The touches of the `days` before the sale share `share` of it (of WHOLE); who sold it has the rest.
    """

    which: Which
    days: int
    share: int


@dataclass(frozen=True, slots=True)
class Touched:
    """A scan or link that led to a sale, and whose code it was."""

    at: datetime
    store: str | None
    clerk: str | None


class Party(NamedTuple):
    """Who is credited: a store, one of its clerks, or (no store) a channel alone."""

    store: str | None
    clerk: str | None
    channel: str


def shares(
    touches: Sequence[Touched], rule: Rule | None, *, seller: Party, placed_at: datetime
) -> dict[Party, int]:
    """By party: its share of a sale, of WHOLE, to which they add up; `touches` come in their order."""
    credited = _credited(touches, rule, seller, placed_at)
    if rule is None or not credited:
        return {seller: WHOLE}
    parts = dict(zip(credited, split(rule.share, [1] * len(credited)), strict=True))
    rest = WHOLE - rule.share + parts.pop(seller, 0)
    if rest:
        parts[seller] = rest
    return parts


def _credited(
    touches: Sequence[Touched], rule: Rule | None, seller: Party, placed_at: datetime
) -> list[Party]:
    if rule is None or not rule.share:
        return []
    earliest = placed_at - timedelta(days=rule.days)
    parties = [
        Party(touch.store, touch.clerk, seller.channel)
        for touch in touches
        if touch.store is not None and earliest <= touch.at <= placed_at
    ]
    return parties[-1:] if rule.which is Which.LAST else list(dict.fromkeys(parties))


def amounts(net_minor: int, parts: dict[Party, int]) -> dict[Party, int]:
    """By party: its part of what a sale brought in, in minor units; they add up to the cent."""
    return dict(zip(parts, split(net_minor, list(parts.values())), strict=True))


def must_be_a_rule(which: Which, days: int, share: int) -> Rule:
    """The rule in these words; refuses INVALID_INPUT for days or a share that no rule has."""
    if not 1 <= days <= LONGEST_DAYS:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"days is 1 to {LONGEST_DAYS}.",
            zh=f"天数须为 1 到 {LONGEST_DAYS}。",
            field=("input", "days"),
        )
    if not 0 <= share <= WHOLE:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en="A share is 0 to 1, in steps of 0.0001.",
            zh="份额须为 0 到 1，精确到 0.0001。",
            field=("input", "share"),
        )
    return Rule(which, days, share)


def is_current(
    valid_from: datetime, valid_until: datetime | None, revoked_at: datetime | None, now: datetime
) -> bool:
    """Whether a touch code counts at an instant; `valid_until` is exclusive."""
    ends = [moment for moment in (valid_until, revoked_at) if moment is not None]
    return valid_from <= now and all(now < moment for moment in ends)
