"""Moments as Chinese providers write them, and how far a notice's may be from ours."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))
SKEW = timedelta(minutes=5)
_STAMP = "%Y-%m-%d %H:%M:%S"


def is_timely(told: datetime, now: datetime) -> bool:
    """Whether something that was sent at `told` may be heard now: five minutes either way."""
    return abs(now - told) <= SKEW


def stamp(moment: datetime) -> str:
    """A moment in Beijing as "2026-11-23 18:00:00"."""
    return moment.astimezone(BEIJING).strftime(_STAMP)


def of_stamp(text: str) -> datetime:
    """The moment of a stamp; raises ValueError."""
    return datetime.strptime(text, _STAMP).replace(tzinfo=BEIJING)
