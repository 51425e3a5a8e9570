"""Points: a member's lots, what is taken from them first, and how the lines of the ledger come about.

Every line that adds points opens a lot; every line that takes some names what it took of which lots. So at
any time: balance = sum of the ledger = sum of what remains of the lots - debt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

SOON = timedelta(days=30)
"""Points that expire within this time are said to be expiring."""
GRACE = timedelta(days=30)
"""How long points can be used that come back after they would have expired."""
_NEVER = datetime.max.replace(tzinfo=UTC)


class PointsEntryKind(StrEnum):
    """What a line of the ledger is for."""

    EARN = "EARN"
    BURN = "BURN"
    EXPIRE = "EXPIRE"
    REVERSE = "REVERSE"
    ADJUST = "ADJUST"


@dataclass(frozen=True, slots=True)
class Lot:
    """Points that came together, by the serial of the line that brought them.

    They can be used from `available_at` (None: once the goods are received) until before `expires_at`.
    """

    serial: int
    points: int
    remaining: int
    available_at: datetime | None
    expires_at: datetime | None
    expired: int = 0
    reversed: int = 0
    order: object = None

    @property
    def spent(self) -> int:
        """How many of them were used for something."""
        return self.points - self.remaining - self.expired - self.reversed

    def is_available(self, now: datetime) -> bool:
        """Whether its time has come, if not its end."""
        return self.available_at is not None and self.available_at <= now

    def is_over(self, now: datetime) -> bool:
        """Whether what remains of it can't be used any more."""
        return self.is_available(now) and self.expires_at is not None and self.expires_at <= now


class Line(NamedTuple):
    """A line to write into the ledger; one that adds points says from when until when they can be used."""

    kind: PointsEntryKind
    points: int
    reason: str
    channel: str | None = None
    order: object = None
    available_at: datetime | None = None
    expires_at: datetime | None = None


class Part(NamedTuple):
    """So many of the points that were burnt would have expired then."""

    expires_at: datetime | None
    points: int


class Standing(NamedTuple):
    """What a member has: points to use now (below zero: debt), on their way, and soon to expire."""

    available: int
    pending: int
    expiring: int
    next_expiry: datetime | None


class Books:
    """A member's lots and debt as of a moment, and what is done to them, until it is all written down.

    What the clock did comes first: lots pay debts from the moment they become available, and what remains of
    those that are over expires. Nothing that is done later depends on when somebody looked.
    """

    def __init__(self, lots: Iterable[Lot], debt: int, now: datetime) -> None:
        self._lots = {lot.serial: lot for lot in lots}
        self._before = dict(self._lots)
        self._debt = self._debt_before = debt
        self._now = now
        self.lines: list[Line] = []
        self._settle()

    # -------------------------------------------------------------- what there is

    @property
    def available(self) -> int:
        """What can be used now; below zero it is debt."""
        return sum(lot.remaining for lot in self._available()) - self._debt

    def standing(self) -> Standing:
        """What the member has."""
        available = self._available()
        ends = [lot for lot in available if lot.expires_at is not None]
        soon = self._now + SOON
        return Standing(
            available=sum(lot.remaining for lot in available) - self._debt,
            pending=sum(lot.remaining for lot in self._lots.values() if not lot.is_available(self._now)),
            expiring=sum(
                lot.remaining for lot in ends if lot.expires_at is not None and lot.expires_at <= soon
            ),
            next_expiry=min((lot.expires_at for lot in ends if lot.expires_at is not None), default=None),
        )

    @property
    def debt_change(self) -> int:
        """How much more is owed than before; below zero: less."""
        return self._debt - self._debt_before

    @property
    def changed(self) -> list[tuple[Lot, Lot]]:
        """The lots that are not as they were: before and after."""
        return [
            (before, self._lots[serial])
            for serial, before in self._before.items()
            if self._lots[serial] != before
        ]

    # -------------------------------------------------------------- what is done

    def add(self, line: Line) -> None:
        """Writes a line that adds points, and opens their lot."""
        if line.points <= 0:
            raise ValueError(f"{line.points} points are none to add")
        self.lines.append(line)

    def burn(self, points: int, line: Line) -> list[Part] | None:
        """What was taken, by when it would have expired, the first to expire first; None: there are too few.

        `line` says what for; its points are filled in.
        """
        if points <= 0:
            raise ValueError(f"{points} points are none to burn")
        if points > self.available:
            return None
        parts = self._take(points)
        self.lines.append(line._replace(points=-points))
        return parts

    def reverse(self, points: int, line: Line, *, order: object) -> None:
        """Takes back so many of an order's points: those that remain, then others, then as debt.

        What has expired unused is not owed: of that nobody had anything.
        """
        owed = points
        for lot in [one for one in self._lots.values() if one.order == order and one.order is not None]:
            held = min(owed, lot.remaining)
            lot = replace(lot, remaining=lot.remaining - held, reversed=lot.reversed + held)
            used = min(owed - held, lot.spent)
            self._lots[lot.serial] = replace(lot, reversed=lot.reversed + used)
            elsewhere = min(used, max(0, sum(one.remaining for one in self._available())))
            self._take(elsewhere)
            self._debt += used - elsewhere
            owed -= held + used
        if points > owed:
            self.lines.append(line._replace(points=owed - points))

    def _available(self) -> list[Lot]:
        return [lot for lot in self._lots.values() if lot.is_available(self._now) and lot.remaining]

    def _take(self, points: int) -> list[Part]:
        parts: list[Part] = []
        for lot in sorted(self._available(), key=_first_to_expire):
            taken = min(points, lot.remaining)
            if not taken:
                break
            self._lots[lot.serial] = replace(lot, remaining=lot.remaining - taken)
            parts.append(Part(lot.expires_at, taken))
            points -= taken
        return parts

    def _settle(self) -> None:
        for lot in sorted(self._available(), key=lambda one: (one.available_at or _NEVER, one.serial)):
            paid = min(self._debt, lot.remaining)
            lot = replace(lot, remaining=lot.remaining - paid)
            self._debt -= paid
            if lot.is_over(self._now) and lot.remaining:
                self.lines.append(Line(PointsEntryKind.EXPIRE, -lot.remaining, "expired"))
                lot = replace(lot, remaining=0, expired=lot.expired + lot.remaining)
            self._lots[lot.serial] = lot


def _first_to_expire(lot: Lot) -> tuple[datetime, datetime, int]:
    return (lot.expires_at or _NEVER, lot.available_at or _NEVER, lot.serial)


def given_back(parts: Sequence[Part], *, before: int, more: int, now: datetime) -> list[Part]:
    """The next `more` of burnt points on their way back, after `before` of them came back already.

    Those that last longest come back first, each with the end it had; what is over by then gets a grace.
    """
    back: list[Part] = []
    for part in reversed(parts):
        skipped = min(before, part.points)
        before -= skipped
        points = min(more, part.points - skipped)
        more -= points
        if points:
            ends = part.expires_at
            over = ends is not None and ends < now + GRACE
            back.append(Part(now + GRACE if over else ends, points))
    return back


def kept(points: int, quantity: int, returned: int) -> int:
    """What a line of so many units keeps of its points after some came back: its share, rounded down."""
    return points * (quantity - returned) // quantity


def gone_back(shares: Sequence[int], quantities: Sequence[int], returned: Sequence[int]) -> int:
    """How many of an order's points went back with what was returned of its lines."""
    return sum(
        points - kept(points, quantity, back)
        for points, quantity, back in zip(shares, quantities, returned, strict=True)
    )
