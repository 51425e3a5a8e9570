"""A number that rises with every change among a variant's prices, the same on web, till and label."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from domain.pricing.records import PriceRow

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(at: datetime) -> int:
    """Whole microseconds from 1970-01-01 00:00 UTC to the moment, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def version(rows: Iterable[PriceRow], last_recorded_at: datetime | None, at: datetime) -> int:
    """Microseconds of the latest moment not after `at` at which anything about the variant's prices changed.

    Such moments are: a record was recorded, one began or ceased to count, and `last_recorded_at`, the latest
    moment not after `at` at which a record was set or ended. 0 before the first of them. A valid_from or
    valid_until that had passed before its record was recorded changed nothing then, and is no such moment.

    It needs every record of the variant that ever counted, in whatever context: one left out may hide the
    boundary that another reader saw. In one context equal versions mean equal prices as long as whoever ends
    a record sets its valid_until no earlier than the moment at which the end is recorded, and that moment
    lies above every moment recorded before it.
    """
    latest = _EPOCH if last_recorded_at is None or last_recorded_at > at else last_recorded_at
    for row in rows:
        recorded_at = row.recorded_at
        if recorded_at > at:
            continue
        if recorded_at > latest:
            latest = recorded_at
        valid_from, valid_until = row.valid_from, row.valid_until
        begins = recorded_at if valid_from is None or valid_from < recorded_at else valid_from
        if valid_until is None:
            if latest < begins <= at:
                latest = begins
        elif begins < valid_until:
            if latest < valid_until <= at:
                latest = valid_until
            elif latest < begins <= at:
                latest = begins
    return microseconds(latest)
