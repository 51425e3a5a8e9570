"""What readings are taken, what counters counted, who is inside, and what is too few to be shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.footfall import (
    SensorReading,
    SensorReadingKind,
    SensorReadingOutcome,
    Totals,
    average_dwell,
    counted_at,
    differences,
    occupancies,
    refused,
    shown,
)

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
CROSSED = SensorReading(1, SensorReadingKind.LINE_CROSSED, NOON, seconds=60, entered=3, departed=2)
DWELLED = SensorReading(
    1, SensorReadingKind.DWELLED, NOON, seconds=60, zone="tea", people=1, dwell_seconds=30
)
IMPLAUSIBLE, TOO_LATE = SensorReadingOutcome.IMPLAUSIBLE, SensorReadingOutcome.TOO_LATE


@pytest.mark.parametrize(
    ("reading", "why"),
    [
        (CROSSED, None),
        (replace(CROSSED, at=NOON + timedelta(minutes=5)), None),
        (replace(CROSSED, at=NOON + timedelta(minutes=5, seconds=1)), IMPLAUSIBLE),
        (replace(CROSSED, at=NOON - timedelta(days=7)), None),
        (replace(CROSSED, at=NOON - timedelta(days=7, seconds=1)), TOO_LATE),
        (replace(CROSSED, seconds=3_600), None),
        (replace(CROSSED, seconds=3_601), IMPLAUSIBLE),
        (replace(CROSSED, seconds=-1), IMPLAUSIBLE),
        (replace(CROSSED, sequence=-1), IMPLAUSIBLE),
        (replace(CROSSED, entered=100_000), None),
        (replace(CROSSED, entered=100_001), IMPLAUSIBLE),
        (replace(CROSSED, departed=-1), IMPLAUSIBLE),
        (replace(CROSSED, kind=SensorReadingKind.COUNTER_READ, entered=2**53), None),
        (replace(CROSSED, kind=SensorReadingKind.COUNTER_READ, entered=2**53 + 1), IMPLAUSIBLE),
        (DWELLED, None),
        (replace(DWELLED, zone=""), IMPLAUSIBLE),
        (replace(DWELLED, dwell_seconds=86_400), None),
        (replace(DWELLED, dwell_seconds=86_401), IMPLAUSIBLE),
        (replace(DWELLED, kind=SensorReadingKind.ZONE_ENTERED, zone="", dwell_seconds=0), IMPLAUSIBLE),
        (replace(DWELLED, kind=SensorReadingKind.COUNTED, zone="", dwell_seconds=0), None),
    ],
)
def test_readings_are_taken_up_to_their_bounds(
    reading: SensorReading, why: SensorReadingOutcome | None
) -> None:
    assert refused(reading, now=NOON) is why


@pytest.mark.parametrize(
    ("totals", "counted"),
    [
        ([], []),
        ([(1, 500, 490)], []),
        ([(1, 500, 490), (2, 507, 493)], [(2, 7, 3)]),
        ([(1, 500, 490), (2, 500, 490)], [(2, 0, 0)]),
        ([(1, 500, 490), (2, 4, 1), (5, 9, 2)], [(2, 4, 1), (5, 5, 1)]),
        ([(1, 500, 490), (2, 600, 1)], [(2, 600, 1)]),
    ],
)
def test_a_counter_counts_differences_and_from_nothing_after_a_reset(
    totals: list[tuple[int, int, int]], counted: list[tuple[int, int, int]]
) -> None:
    assert differences([Totals(*one) for one in totals]) == counted


def test_the_store_is_empty_each_morning_and_nobody_leaves_who_never_came() -> None:
    hours = [("mon", 10, 2), ("mon", 0, 9), ("mon", 5, 1), ("tue", 3, 1), ("tue", 0, 0)]
    assert occupancies(hours) == [8, 0, 4, 2, 2]


@pytest.mark.parametrize(("people", "told"), [(0, None), (9, None), (10, 10), (11, 11)])
def test_fewer_than_ten_are_not_shown(people: int, told: int | None) -> None:
    assert shown(people) == told


@pytest.mark.parametrize(
    ("people", "seconds", "average"), [(9, 900, None), (10, 904, 90), (10, 905, 91), (10, 0, 0)]
)
def test_the_average_stay_is_rounded_half_up(people: int, seconds: int, average: int | None) -> None:
    assert average_dwell(people, seconds) == average


@pytest.mark.parametrize(("seconds", "hour"), [(60, 11), (0, 12)])
def test_a_bin_that_ends_on_the_hour_belongs_to_the_hour_before(seconds: int, hour: int) -> None:
    assert counted_at(replace(CROSSED, seconds=seconds)).hour == hour
