"""The promotions that are running, laid out so that a basket finds its few among them at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import or_

from domain.promotions.benefits import Part
from domain.promotions.choice import Candidate, Taken, settle
from domain.promotions.terms import BasketLine, Excludes, Promotion, Situation


@dataclass(frozen=True, slots=True)
class Applied:
    """A promotion that took something off: how much, and how much of it off each line, by the line's key.

    The uses of one that `is_limited` are taken when the basket is paid for.
    """

    code: str
    names: Mapping[str, str]
    amount_minor: int
    shares: Mapping[str, int]
    is_limited: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a basket's promotions take off, in the order they were settled."""

    applied: tuple[Applied, ...] = ()

    @property
    def total_minor(self) -> int:
        """What is taken off in all."""
        return sum(one.amount_minor for one in self.applied)

    @property
    def by_line(self) -> dict[str, int]:
        """What is taken off each line, by its key; lines with nothing off are left out."""
        off: dict[str, int] = defaultdict(int)
        for one in self.applied:
            for key, share in one.shares.items():
                off[key] += share
        return dict(off)


class PromotionBook:
    """Promotions compiled for many baskets; immutable, shared by all requests of a process."""

    def __init__(self, promotions: Iterable[Promotion] = ()) -> None:
        self._promotions = sorted(promotions, key=lambda one: (one.layer, -one.priority, one.code))
        if len({one.code for one in self._promotions}) < len(self._promotions):
            raise ValueError("two promotions have one code")
        # A set of promotions is a number with a bit for each: sets are joined and cut in one step.
        self._by_sku: dict[str, int] = defaultdict(int)
        self._by_category: dict[str, int] = defaultdict(int)
        self._by_brand: dict[str, int] = defaultdict(int)
        self._not_sku: dict[str, int] = defaultdict(int)
        self._not_category: dict[str, int] = defaultdict(int)
        self._not_brand: dict[str, int] = defaultdict(int)
        self._everything = 0
        self._every_line = 0  # those of everything that have no exceptions
        self.limited = tuple(one.code for one in self._promotions if one.is_limited)
        """The codes of those whose uses are counted."""
        for place, promotion in enumerate(self._promotions):
            target, bit = promotion.target, 1 << place
            for codes, found_by in (
                (target.skus, self._by_sku),
                (target.categories, self._by_category),
                (target.brands, self._by_brand),
                (target.except_skus, self._not_sku),
                (target.except_categories, self._not_category),
                (target.except_brands, self._not_brand),
            ):
                for code in codes:
                    found_by[code] |= bit
            if target.is_everything:
                self._everything |= bit
                if not (target.except_skus or target.except_categories or target.except_brands):
                    self._every_line |= bit

    def __len__(self) -> int:
        return len(self._promotions)

    def __iter__(self) -> Iterator[Promotion]:
        return iter(self._promotions)

    def running(self, situation: Situation, line: BasketLine | None = None) -> list[Promotion]:
        """Those that count there and then, for a line or for any, without those that need a coupon.

        By layer, priority and code, as they are settled.
        """
        places = range(len(self._promotions)) if line is None else _bits(self._wanting(line))
        promotions = (self._promotions[place] for place in places)
        return [one for one in promotions if not one.coupon_only and one.is_for(situation)]

    def discounts(self, lines: Sequence[BasketLine], situation: Situation) -> Outcome:
        """What is taken off a basket there and then.

        The amounts of `applied` are the sums of their shares, and no line falls below zero. The order of the
        lines does not matter, nor does any promotion that takes nothing off. Layers are settled one after
        another. In a layer either those that share lines apply, or one that excludes its layer, whichever
        takes more off; in a basket either all layers, or one that excludes everything. Among equals those
        that go together win, then the higher priority, then the lower code.
        """
        basket = sorted(lines, key=lambda line: line.key)
        parts = [Part(line.quantity, line.quantity * line.unit_minor) for line in basket]
        candidates = self._candidates(basket, situation)
        stacking = [one for one in candidates if one.promotion.excludes is not Excludes.BASKET]
        alone = [one for one in candidates if one.promotion.excludes is Excludes.BASKET]
        taken = _best(_settle_layers(stacking, parts), alone, parts)
        return Outcome(tuple(_applied(one, basket) for one in taken))

    def _candidates(self, basket: Sequence[BasketLine], situation: Situation) -> list[Candidate]:
        """Those that count here and may take a line, by layer, priority and code."""
        wanted = [self._wanting(line) for line in basket]
        found: dict[int, list[int]] = {}
        some_lines = 0
        for place in _bits(reduce(or_, wanted, 0)):
            if self._promotions[place].is_for(situation):
                if self._every_line >> place & 1:
                    found[place] = list(range(len(basket)))
                else:
                    found[place] = []
                    some_lines |= 1 << place
        for line, mask in enumerate(wanted):
            for place in _bits(mask & some_lines):
                found[place].append(line)
        return [Candidate(self._promotions[place], held) for place, held in found.items()]

    def _wanting(self, line: BasketLine) -> int:
        """The set of promotions whose target the line is in."""
        mask = self._everything | self._by_sku.get(line.sku, 0)
        cut = self._not_sku.get(line.sku, 0)
        for category in line.categories:
            mask |= self._by_category.get(category, 0)
            cut |= self._not_category.get(category, 0)
        if line.brand is not None:
            mask |= self._by_brand.get(line.brand, 0)
            cut |= self._not_brand.get(line.brand, 0)
        return mask & ~cut


def _bits(mask: int) -> list[int]:
    """The places of a set, lowest first."""
    places = []
    while mask:
        lowest = mask & -mask
        places.append(lowest.bit_length() - 1)
        mask ^= lowest
    return places


def _settle_layers(candidates: Sequence[Candidate], parts: Sequence[Part]) -> list[Taken]:
    """What the layers take off one after another, each of what those before it left."""
    left = list(parts)
    taken: list[Taken] = []
    for _, layer in groupby(candidates, key=lambda one: one.promotion.layer):
        members = list(layer)
        sharing = [one for one in members if one.promotion.excludes is Excludes.LINE]
        alone = [one for one in members if one.promotion.excludes is Excludes.LAYER]
        settled = _best(settle(sharing, left), alone, left)
        for one in settled:
            for line, share in zip(one.lines, one.shares, strict=True):
                left[line] = Part(left[line].quantity, left[line].left_minor - share)
        taken += settled
    return taken


def _best(together: list[Taken], alone: Iterable[Candidate], parts: Sequence[Part]) -> list[Taken]:
    """Those that go together, or the one of the others that takes more off than they do."""
    best, most = together, sum(sum(one.shares) for one in together)
    for promotion, lines in sorted(alone, key=lambda one: (-one.promotion.priority, one.promotion.code)):
        held = [parts[line] for line in lines]
        if promotion.total(held) > most:
            shares = promotion.shares(held)
            best, most = [Taken(promotion, lines, shares)], sum(shares)
    return best


def _applied(taken: Taken, basket: Sequence[BasketLine]) -> Applied:
    shares = {basket[line].key: share for line, share in zip(taken.lines, taken.shares, strict=True) if share}
    promotion = taken.promotion
    return Applied(promotion.code, promotion.names, sum(shares.values()), shares, promotion.is_limited)
