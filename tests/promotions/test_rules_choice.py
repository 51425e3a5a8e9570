"""Who gets which line: best for the shopper, proven against every way there is."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.promotions.benefits import BundlePrice, BuyGet, Part, PercentOff
from domain.promotions.choice import LARGEST_SEARCH, Candidate, Taken, settle
from domain.promotions.terms import Promotion
from tests.promotions.making import benefits, promotion, promotions

parts = st.lists(st.builds(Part, st.integers(1, 3), st.integers(0, 2000)), min_size=1, max_size=4)


def off(taken: list[Taken]) -> int:
    return sum(sum(one.shares) for one in taken)


def most_of_all_ways(candidates: list[Candidate], held: list[Part]) -> int:
    choices = [
        [None, *(place for place, one in enumerate(candidates) if line in one.lines)]
        for line in range(len(held))
    ]
    return max(
        sum(
            one.promotion.total([held[line] for line in one.lines if owners[line] == place])
            for place, one in enumerate(candidates)
        )
        for owners in product(*choices)
    )


@given(promotions(layer=1, priority=0), parts, st.data())
def test_the_best_of_all_ways_is_chosen(many: list[Promotion], held: list[Part], data: st.DataObject) -> None:
    every = list(range(len(held)))
    candidates = [
        Candidate(one, data.draw(st.lists(st.sampled_from(every), unique=True).map(sorted)))
        for one in many[:3]
    ]
    assert off(settle(candidates, held)) == most_of_all_ways(candidates, held)


@given(promotions(layer=1), parts)
def test_a_line_is_taken_once(many: list[Promotion], held: list[Part]) -> None:
    many.sort(key=lambda one: (-one.priority, one.code))
    taken = settle([Candidate(one, range(len(held))) for one in many], held)
    lines = [line for one in taken for line, share in zip(one.lines, one.shares, strict=True) if share]
    assert len(lines) == len(set(lines))


@given(st.lists(benefits, min_size=2, max_size=6), st.integers(8, 30))
def test_past_the_largest_search_it_is_no_worse_than_any_promotion_alone(many: list, lines: int) -> None:
    held = [Part(1 + line % 3, 90 * line + 10) for line in range(lines)]
    candidates = [Candidate(promotion(one, f"P{n}"), range(lines)) for n, one in enumerate(many)]
    assert 2**lines >= LARGEST_SEARCH
    assert off(settle(candidates, held)) >= max(one.promotion.total(held) for one in candidates)


@pytest.mark.parametrize(
    ("priorities", "winners"),
    [
        ((0, 0), ["second"]),  # the best for the shopper
        ((1, 0), ["first"]),  # unless the shop serves the other first
        ((0, 1), ["second"]),
    ],
)
def test_priority_comes_before_the_best(priorities: tuple[int, int], winners: list[str]) -> None:
    many = [
        promotion(PercentOff(1000), "first", priority=priorities[0]),
        promotion(PercentOff(2000), "second", priority=priorities[1]),
    ]
    many.sort(key=lambda one: -one.priority)
    taken = settle([Candidate(one, [0]) for one in many], [Part(1, 1000)])
    assert [one.promotion.code for one in taken] == winners


def test_a_line_that_no_set_needs_is_left_to_others() -> None:
    pairs = Candidate(promotion(BundlePrice(2, 1000), "pairs"), [0, 1, 2])
    tenth = Candidate(promotion(PercentOff(1000), "tenth"), [0, 1, 2])
    taken = settle([pairs, tenth], [Part(1, 1000), Part(1, 1000), Part(1, 900)])
    assert {one.promotion.code: (list(one.lines), list(one.shares)) for one in taken} == {
        "pairs": ([0, 1], [500, 500]),
        "tenth": ([2], [90]),
    }


def test_among_equals_the_lower_code_wins() -> None:
    many = [Candidate(promotion(PercentOff(1000), code), [0]) for code in ("A", "B")]
    assert [one.promotion.code for one in settle(many, [Part(1, 1000)])] == ["A"]
    sets = [Candidate(promotion(BuyGet(1, 1), code), [0]) for code in ("A", "B")]
    assert [one.promotion.code for one in settle(sets, [Part(2, 1000)])] == ["A"]
