"""Who walks where, as counters and cameras tell it: numbers of people, never who they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

FEWEST_SHOWN = 10
"""Fewer people than this in a place and hour are not shown: they might be recognised."""
OLDEST_TAKEN = timedelta(days=7)
"""A sensor that was cut off may deliver what it counted meanwhile, for so long."""
_CLOCK_SLACK = timedelta(minutes=5)
_LONGEST_BIN_SECONDS = 3_600
_MOST_PEOPLE = 100_000
_MOST_COUNTED = 2**53


class SensorReadingKind(StrEnum):
    """What a reading tells of a span of time.

    LINE_CROSSED: people who came in and went out. ZONE_ENTERED, ZONE_LEFT: people who did. DWELLED: people
    who left, with the seconds all of them together had stayed. COUNTED: people who are there. COUNTER_READ:
    a counter's totals of in and out since it was started; the difference to the reading before counts.
    """

    LINE_CROSSED = "LINE_CROSSED"
    ZONE_ENTERED = "ZONE_ENTERED"
    ZONE_LEFT = "ZONE_LEFT"
    DWELLED = "DWELLED"
    COUNTED = "COUNTED"
    COUNTER_READ = "COUNTER_READ"


class SensorReadingOutcome(StrEnum):
    """What became of a reading.

    DUPLICATE: this number, or this bin, was taken before. TOO_LATE: older than a week. IMPLAUSIBLE: from the
    future, or without what its kind needs, or with more than can be.
    """

    ACCEPTED = "ACCEPTED"
    DUPLICATE = "DUPLICATE"
    TOO_LATE = "TOO_LATE"
    IMPLAUSIBLE = "IMPLAUSIBLE"


@dataclass(frozen=True, slots=True)
class SensorReading:
    """What a sensor tells, `at` the end of `seconds` it looked (0: one moment).

    `sequence` rises with each reading of a device and is never used twice, after a restart neither. Without a
    zone it is about the store's door.
    """

    sequence: int
    kind: SensorReadingKind
    at: datetime
    seconds: int = 0
    zone: str = ""
    entered: int = 0
    departed: int = 0
    people: int = 0
    dwell_seconds: int = 0


_OF_A_ZONE = frozenset(
    {SensorReadingKind.ZONE_ENTERED, SensorReadingKind.ZONE_LEFT, SensorReadingKind.DWELLED}
)


def refused(reading: SensorReading, *, now: datetime) -> SensorReadingOutcome | None:
    """Why a reading is not taken, None when it is; whether it came before is for the store of readings."""
    if now - reading.at > OLDEST_TAKEN:
        return SensorReadingOutcome.TOO_LATE
    most = _MOST_COUNTED if reading.kind is SensorReadingKind.COUNTER_READ else _MOST_PEOPLE
    stays = reading.people * _LONGEST_BIN_SECONDS * 24
    plausible = (
        reading.at - now <= _CLOCK_SLACK
        and reading.sequence >= 0
        and 0 <= reading.seconds <= _LONGEST_BIN_SECONDS
        and all(0 <= number <= most for number in (reading.entered, reading.departed, reading.people))
        and 0 <= reading.dwell_seconds <= stays
        and (bool(reading.zone) or reading.kind not in _OF_A_ZONE)
    )
    return None if plausible else SensorReadingOutcome.IMPLAUSIBLE


def counted_at(reading: SensorReading) -> datetime:
    """The moment whose hour a reading belongs to: a bin that ends at eleven was counted before eleven."""
    return reading.at - timedelta(microseconds=1) if reading.seconds else reading.at


def flow(reading: SensorReading) -> tuple[int, int]:
    """How many came in and went out by a reading; what a counter adds is known by its `differences` only."""
    match reading.kind:
        case SensorReadingKind.LINE_CROSSED:
            return reading.entered, reading.departed
        case SensorReadingKind.ZONE_ENTERED:
            return reading.people, 0
        case SensorReadingKind.ZONE_LEFT:
            return 0, reading.people
        case _:
            return 0, 0


@dataclass(frozen=True, slots=True)
class Totals:
    """What a cumulative counter showed, in order of the device's numbers."""

    sequence: int
    entered: int
    departed: int


def differences(totals: Sequence[Totals]) -> list[tuple[int, int, int]]:
    """(sequence, entered, departed) counted since the reading before, from the second reading on.

    A counter that shows less than before was started anew, in and out together, and counts from nothing.
    """
    counted = []
    for before, after in pairwise(totals):
        is_reset = after.entered < before.entered or after.departed < before.departed
        base = Totals(before.sequence, 0, 0) if is_reset else before
        counted.append((after.sequence, after.entered - base.entered, after.departed - base.departed))
    return counted


def occupancies(hours: Iterable[tuple[object, int, int]]) -> list[int]:
    """How many are in the store at the end of each hour, from (day, came in, went out) in order.

    Each day begins with an empty store, and nobody leaves who was not counted in: sensors miss people, and
    what they miss must not add up.
    """
    inside, today = 0, object()
    found = []
    for day, entered, departed in hours:
        inside = max(0, (inside if day == today else 0) + entered - departed)
        today = day
        found.append(inside)
    return found


def shown(people: int) -> int | None:
    """A number of people if it is large enough to be shown."""
    return people if people >= FEWEST_SHOWN else None


def average_dwell(people: int, seconds: int) -> int | None:
    """Seconds one stayed, to the nearest; None where too few did."""
    return None if shown(people) is None else (2 * seconds + people) // (2 * people)
