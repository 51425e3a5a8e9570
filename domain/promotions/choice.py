"""Which promotion of a layer gets which line, where several would have it: the best for the shopper.

On a line one promotion of a layer applies. Promotions that look at single lines are compared line by line;
those that look at several (sets, thresholds, caps) and whatever they compete with are handed out together so
that the most is taken off in all. Up to `LARGEST_SEARCH` ways to hand lines out all of them count, beyond
that the best way found by moving one line at a time from the best start, within `MOST_LOOKS`; either way the
answer depends on nothing but the promotions and the basket.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from math import prod
from typing import NamedTuple

from domain.promotions.benefits import Part
from domain.promotions.terms import Promotion

LARGEST_SEARCH = 256
MOST_LOOKS = 1_000
"""How many lines are looked at again before the best way found so far is good enough."""
_ALONE = -1
"""The owner of a line that a promotion looking at single lines has."""


class Candidate(NamedTuple):
    """A promotion and the lines it could take, in their order."""

    promotion: Promotion
    lines: Sequence[int]


class Taken(NamedTuple):
    """A promotion, lines, and what it takes off each."""

    promotion: Promotion
    lines: Sequence[int]
    shares: Sequence[int]


def settle(candidates: Sequence[Candidate], parts: Sequence[Part]) -> list[Taken]:
    """What the promotions of one layer take off, higher priorities served first.

    `candidates` come with the highest priority first and then by code, the lines in an order that does not
    depend on how the basket was filled.
    """
    taken: list[Taken] = []
    closed: set[int] = set()
    for _, equals in groupby(candidates, key=lambda one: one.promotion.priority):
        rivals = list(equals)
        if closed:
            rivals = [
                Candidate(promotion, [line for line in lines if line not in closed])
                for promotion, lines in rivals
            ]
        for one in _settle_equals(rivals, parts):
            taken.append(one)
            closed.update(line for line, share in zip(one.lines, one.shares, strict=True) if share)
    return taken


def _settle_equals(candidates: Sequence[Candidate], parts: Sequence[Part]) -> list[Taken]:
    alone: dict[int, tuple[int, int]] = {}  # by line: the best share, and whose it is
    together: list[_Rival] = []
    for place, (promotion, lines) in enumerate(candidates):
        held = [parts[line] for line in lines]
        if promotion.by_line:
            for line, share in zip(lines, promotion.benefit.shares(held), strict=True):
                if share > alone.get(line, _NO_SHARE)[0]:
                    alone[line] = share, place
        elif total := promotion.total(held):
            together.append(_Rival(promotion, lines, total))
    taken: list[Taken] = []
    for rivals in _rivals(together):
        if len(rivals) == 1 and alone.keys().isdisjoint(rivals[0].lines):
            ways: Iterable[tuple[Promotion, Sequence[int]]] = [rivals[0][:2]]
        else:
            ways = _Handout(rivals, alone, parts).best()
        for owner, lines in ways:
            shares = owner.shares([parts[line] for line in lines])
            if any(shares):
                taken.append(Taken(owner, lines, shares))
                for line in lines:
                    alone.pop(line, None)
    by_place: dict[int, list[int]] = {}
    for line in sorted(alone):
        by_place.setdefault(alone[line][1], []).append(line)
    for place, lines in sorted(by_place.items()):
        taken.append(Taken(candidates[place].promotion, lines, [alone[line][0] for line in lines]))
    return taken


_NO_SHARE = (0, 0)


class _Rival(NamedTuple):
    """A promotion that looks at several lines, those it could take, and what it takes off all of them."""

    promotion: Promotion
    lines: Sequence[int]
    total: int


def _rivals(candidates: Sequence[_Rival]) -> list[list[_Rival]]:
    """The candidates in groups that share no line with each other."""
    groups: list[tuple[set[int], list[_Rival]]] = []
    for one in candidates:
        lines, members = set(one.lines), [one]
        apart = []
        for group in groups:
            if group[0].isdisjoint(lines):
                apart.append(group)
            else:
                lines |= group[0]
                members = [*group[1], *members]
        groups = [*apart, (lines, members)]
    return [sorted(members, key=lambda one: one.promotion.code) for _, members in groups]


class _Handout:
    """Ways to hand some lines out to promotions that want them, and what each way takes off."""

    def __init__(
        self, rivals: Sequence[_Rival], alone: dict[int, tuple[int, int]], parts: Sequence[Part]
    ) -> None:
        self._rivals = rivals
        self._parts = parts
        self._totals: list[dict[int, int]] = []
        self._looks = 0
        wanted_by: dict[int, list[int]] = {}
        for place, (_, lines, total) in enumerate(rivals):
            whole = 0
            for line in lines:
                wanted_by.setdefault(line, []).append(place)
                whole |= 1 << line
            self._totals.append({0: 0, whole: total})
        self._alone = {line: alone[line][0] for line in wanted_by if line in alone}
        # Giving a line to nobody is never better: one more line makes no total smaller.
        self._choices = {
            line: [*places, _ALONE] if line in self._alone else places for line, places in wanted_by.items()
        }
        self._contested = sorted(
            (line for line, choices in self._choices.items() if len(choices) > 1),
            key=lambda line: (-parts[line].left_minor, line),
        )

    def best(self) -> Iterator[tuple[Promotion, list[int]]]:
        """Promotions with their lines, in the best way found."""
        owners = self._best_start()
        if self._contested:
            self._climb(owners)
            if prod(len(self._choices[line]) for line in self._contested) <= LARGEST_SEARCH:
                owners = self._search(owners)
        for place, (promotion, lines, _) in enumerate(self._rivals):
            owned = [line for line in lines if owners[line] == place]
            if owned:
                yield promotion, owned

    def _total(self, place: int, mask: int) -> int:
        """What a rival takes off a set of lines, a number with a bit for each."""
        known = self._totals[place].get(mask)
        if known is None:
            promotion, lines, _ = self._rivals[place]
            self._looks += len(lines)
            known = promotion.total([self._parts[line] for line in lines if mask >> line & 1])
            self._totals[place][mask] = known
        return known

    def _masks(self, owners: dict[int, int]) -> list[int]:
        masks = [0] * len(self._rivals)
        for line, owner in owners.items():
            if owner != _ALONE:
                masks[owner] |= 1 << line
        return masks

    def _worth(self, owners: dict[int, int]) -> int:
        joint = sum(map(self._total, range(len(self._rivals)), self._masks(owners)))
        return joint + sum(share for line, share in self._alone.items() if owners[line] == _ALONE)

    # -------------------------------------------------------------- by improvement

    def _best_start(self) -> dict[int, int]:
        """Who could gain most is served first, or whoever wants a line last: whichever takes more off."""
        last = {line: choices[-1] for line, choices in self._choices.items()}
        if not self._contested:
            return last
        served: dict[int, int] = {}
        by_gain = sorted((-self._gain(place, served), place) for place in range(len(self._rivals)))
        for _, place in by_gain:
            if self._gain(place, served) > 0:
                for line in self._rivals[place].lines:
                    served.setdefault(line, place)
        first = {line: served.get(line, choices[-1]) for line, choices in self._choices.items()}
        return max(first, last, key=self._worth)

    def _gain(self, place: int, served: dict[int, int]) -> int:
        """What a rival takes off the lines that are not served, above what these lines' own promotions do."""
        mask = lost = 0
        for line in self._rivals[place].lines:
            if line not in served:
                mask |= 1 << line
                lost += self._alone.get(line, 0)
        return self._total(place, mask) - lost

    def _climb(self, owners: dict[int, int]) -> None:
        """Moves single lines to better owners as long as that takes more off, and looks are left."""
        masks, moved = self._masks(owners), True
        while moved:
            moved = False
            for line in self._contested:
                bit, owner = 1 << line, owners[line]
                if owner == _ALONE:
                    worth = self._alone[line]
                else:
                    worth = self._total(owner, masks[owner]) - self._total(owner, masks[owner] & ~bit)
                for other in self._choices[line]:
                    if self._looks > MOST_LOOKS:
                        return
                    if other == owner:
                        continue
                    if other == _ALONE:
                        there = self._alone[line]
                    else:
                        there = self._total(other, masks[other] | bit) - self._total(other, masks[other])
                    if there > worth:
                        if owner != _ALONE:
                            masks[owner] &= ~bit
                        if other != _ALONE:
                            masks[other] |= bit
                        owners[line] = owner = other
                        worth, moved = there, True

    # -------------------------------------------------------------- by looking at every way

    def _search(self, start: dict[int, int]) -> dict[int, int]:
        """The best of all ways; the start among equals."""
        best, most = start, self._worth(start)
        owners = {line: choices[0] for line, choices in self._choices.items() if len(choices) == 1}
        settled = self._masks(owners)
        undecided = [[0] * len(self._rivals)]
        singles = [0]
        for line in reversed(self._contested):
            masks = list(undecided[-1])
            for choice in self._choices[line]:
                if choice != _ALONE:
                    masks[choice] |= 1 << line
            undecided.append(masks)
            singles.append(singles[-1] + self._alone.get(line, 0))

        def decide(waiting: int, masks: list[int], single: int) -> None:
            nonlocal best, most
            # No way to hand the rest out takes more off than if everybody had all of it.
            hoped = single + singles[waiting]
            for place, (held, more) in enumerate(zip(masks, undecided[waiting], strict=True)):
                hoped += self._total(place, held | more)
            if hoped <= most:
                return
            if waiting == 0:
                best, most = dict(owners), hoped
                return
            line = self._contested[-waiting]
            for choice in self._choices[line]:
                owners[line] = choice
                if choice == _ALONE:
                    decide(waiting - 1, masks, single + self._alone[line])
                else:
                    given = list(masks)
                    given[choice] |= 1 << line
                    decide(waiting - 1, given, single)

        decide(len(self._contested), settled, 0)
        return best
