"""What a promotion takes off the lines it has: pure arithmetic in whole minor units.

Of every benefit holds: its shares sum to its total, no share is above what is left of its line, and one more
line never makes the total smaller. The choice between promotions rests on the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple, Protocol

from domain.money import half_up_ratio, split

WHOLE = 10_000
"""A hundred percent in basis points."""


class BenefitKind(StrEnum):
    """What sort of thing a promotion takes off."""

    PERCENT_OFF = "PERCENT_OFF"
    AMOUNT_OFF = "AMOUNT_OFF"
    BUY_GET = "BUY_GET"
    BUNDLE_PRICE = "BUNDLE_PRICE"
    SPEND_SAVE = "SPEND_SAVE"


class Part(NamedTuple):
    """What a promotion sees of a line: how many, and what is left to pay for all of them."""

    quantity: int
    left_minor: int


class Benefit(Protocol):
    """Something that takes money off parts of a basket."""

    @property
    def kind(self) -> BenefitKind:
        """What sort it is."""

    @property
    def by_line(self) -> bool:
        """Whether each line's share depends on that line alone."""

    def total(self, parts: Sequence[Part]) -> int:
        """What is taken off all of them together."""

    def shares(self, parts: Sequence[Part]) -> list[int]:
        """What is taken off each, in their order; sums to `total`."""


@dataclass(frozen=True, slots=True)
class PercentOff:
    """So many basis points (1/100 %) off each line, rounded half up by line."""

    basis_points: int
    kind = BenefitKind.PERCENT_OFF
    by_line = True

    def total(self, parts: Sequence[Part]) -> int:
        """What is taken off all of them together."""
        return sum(self.shares(parts))

    def shares(self, parts: Sequence[Part]) -> list[int]:
        """What is taken off each."""
        return [half_up_ratio(left * self.basis_points, WHOLE) for _, left in parts]


@dataclass(frozen=True, slots=True)
class AmountOff:
    """An amount off every piece, at most what it costs."""

    amount_minor: int
    kind = BenefitKind.AMOUNT_OFF
    by_line = True

    def total(self, parts: Sequence[Part]) -> int:
        """What is taken off all of them together."""
        return sum(self.shares(parts))

    def shares(self, parts: Sequence[Part]) -> list[int]:
        """What is taken off each."""
        return [min(quantity * self.amount_minor, left) for quantity, left in parts]


@dataclass(frozen=True, slots=True)
class BuyGet:
    """Buy so many, get so many more free or at a percentage off; `most_sets` a basket, None: any number.

    Sets are made from the dearest piece down and the cheapest of each set are those one gets: no other way to
    make sets would take more off. What is taken off is shared by all pieces in sets, as their prices are.
    """

    buy: int
    get: int
    basis_points: int = WHOLE
    most_sets: int | None = None
    kind = BenefitKind.BUY_GET
    by_line = False

    def total(self, parts: Sequence[Part]) -> int:
        """What is taken off all of them together."""
        pieces = self._pieces(parts)
        return self._off(_runs(parts), pieces) if pieces else 0

    def shares(self, parts: Sequence[Part]) -> list[int]:
        """What is taken off each."""
        pieces, runs = self._pieces(parts), _runs(parts)
        return split(self._off(runs, pieces), _amounts(runs, pieces, len(parts)))

    def _pieces(self, parts: Sequence[Part]) -> int:
        """How many pieces are in whole sets."""
        size = self.buy + self.get
        sets = _pieces_in(parts) // size
        return size * (sets if self.most_sets is None else min(sets, self.most_sets))

    def _off(self, runs: Sequence[_Run], pieces: int) -> int:
        size, buy, get = self.buy + self.get, self.buy, self.get
        gotten = place = before = 0
        for each, count, _ in runs:
            place = min(place + count, pieces)
            sets, rest = divmod(place, size)
            # How many of the pieces so far are ones that are gotten.
            so_far = sets * get + max(0, rest - buy)
            gotten += each * (so_far - before)
            before = so_far
            if place == pieces:
                break
        return half_up_ratio(gotten * self.basis_points, WHOLE)


@dataclass(frozen=True, slots=True)
class BundlePrice:
    """Any so many for a price, where that is less; `most_sets` a basket, None: any number.

    Sets are made from the dearest piece down, which takes most off.
    """

    quantity: int
    price_minor: int
    most_sets: int | None = None
    kind = BenefitKind.BUNDLE_PRICE
    by_line = False

    def total(self, parts: Sequence[Part]) -> int:
        """What is taken off all of them together."""
        pieces = _pieces_in(parts)
        return self._off(_runs(parts), pieces)[0] if pieces >= self.quantity else 0

    def shares(self, parts: Sequence[Part]) -> list[int]:
        """What is taken off each."""
        runs = _runs(parts)
        off, in_sets = self._off(runs, _pieces_in(parts))
        return split(off, _amounts(runs, in_sets, len(parts)))

    def _off(self, runs: Sequence[_Run], pieces: int) -> tuple[int, int]:
        """What is taken off, and how many of the dearest pieces are in sets; no set becomes dearer."""
        size, price = self.quantity, self.price_minor
        most = pieces // size if self.most_sets is None else self.most_sets
        off = sets = begun = begun_minor = 0
        for each, count, _ in runs:
            if begun:
                added = min(count, size - begun)
                begun, begun_minor, count = begun + added, begun_minor + added * each, count - added
                if begun < size:
                    continue
                if begun_minor <= price or sets >= most:
                    break
                off, sets = off + begun_minor - price, sets + 1
            alike = min(count // size, most - sets) if size * each > price else 0
            off, sets, count = off + alike * (size * each - price), sets + alike, count - alike * size
            if count >= size:
                break
            begun, begun_minor = count, count * each
        return off, sets * size


class Step(NamedTuple):
    """From so much on, so much off."""

    spend_minor: int
    off_minor: int


@dataclass(frozen=True, slots=True)
class SpendSave:
    """Spend so much, save so much: of the steps that are reached the best; `every`: each time it is reached.

    What is saved is shared by all lines in proportion to what is left of them.
    """

    steps: tuple[Step, ...]
    every: bool = False
    kind = BenefitKind.SPEND_SAVE
    by_line = False

    def total(self, parts: Sequence[Part]) -> int:
        """What is taken off all of them together."""
        spent = sum(left for _, left in parts)
        offs = (
            step.off_minor * (spent // step.spend_minor if self.every else 1)
            for step in self.steps
            if step.spend_minor <= spent
        )
        return min(max(offs, default=0), spent)

    def shares(self, parts: Sequence[Part]) -> list[int]:
        """What is taken off each."""
        return split(self.total(parts), [left for _, left in parts])


# ------------------------------------------------------------------ pieces, dearest first


_Run = tuple[int, int, int]
"""Pieces of one line with the same price left: that price, how many, and the place of the line."""
_EACH = itemgetter(0)


def _runs(parts: Sequence[Part]) -> list[_Run]:
    """All pieces, the dearest first; of a line that does not divide evenly some pieces cost one unit more."""
    runs = []
    for line, (quantity, left) in enumerate(parts):
        each, more = divmod(left, quantity)
        if more:
            runs.append((each + 1, more, line))
        runs.append((each, quantity - more, line))
    # Sorting is stable: pieces of one price stay in the order of their lines.
    runs.sort(key=_EACH, reverse=True)
    return runs


def _pieces_in(parts: Sequence[Part]) -> int:
    return sum(quantity for quantity, _ in parts)


def _amounts(runs: Sequence[_Run], pieces: int, lines: int) -> list[int]:
    """By line, what the dearest so many pieces cost."""
    amounts = [0] * lines
    for each, count, line in runs:
        if pieces <= 0:
            break
        amounts[line] += each * min(count, pieces)
        pieces -= count
    return amounts
