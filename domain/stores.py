"""Stores: what they offer and when they are open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo


class StoreService(StrEnum):
    """What a store does besides selling over its counter."""

    PICKUP = "PICKUP"
    DELIVERY = "DELIVERY"
    EXPERIENCE = "EXPERIENCE"
    RETURNS = "RETURNS"
    SELF_CHECKOUT = "SELF_CHECKOUT"


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """A span of a weekday (0 = Monday), local HH:MM; one that closes before it opens runs past midnight."""

    weekday: int
    opens: str
    closes: str


def is_open(hours: Iterable[OpeningHours], time_zone: str, at: datetime) -> bool:
    """Whether a store with these hours is open at an instant, on its own clock."""
    local = at.astimezone(ZoneInfo(time_zone))
    today, clock = local.weekday(), f"{local:%H:%M}"
    yesterday = (today - 1) % 7
    for span in hours:
        past_midnight = span.closes <= span.opens
        if span.weekday == today and span.opens <= clock and (past_midnight or clock < span.closes):
            return True
        if past_midnight and span.weekday == yesterday and clock < span.closes:
            return True
    return False


def opens_again_today(hours: Iterable[OpeningHours], time_zone: str, at: datetime) -> bool:
    """Whether a store is open at an instant, or opens later on that day, on its own clock."""
    spans = list(hours)
    local = at.astimezone(ZoneInfo(time_zone))
    later = any(span.weekday == local.weekday() and span.opens > f"{local:%H:%M}" for span in spans)
    return later or is_open(spans, time_zone, at)
