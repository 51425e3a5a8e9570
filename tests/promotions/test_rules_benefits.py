"""What each benefit takes off, in tables and against every way to do it by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.promotions.benefits import (
    AmountOff,
    Benefit,
    BundlePrice,
    BuyGet,
    Part,
    PercentOff,
    SpendSave,
    Step,
)
from tests.promotions.making import benefits, bundles, buy_gets

parts = st.lists(st.builds(Part, st.integers(1, 4), st.integers(0, 3000)), max_size=4)


@pytest.mark.parametrize(
    ("benefit", "of", "shares"),
    [
        (PercentOff(1000), [(1, 1994), (1, 1995)], [199, 200]),  # 199.4 and 199.5: halves go up
        (PercentOff(10_000), [(3, 999)], [999]),
        (AmountOff(500), [(2, 3000), (1, 300)], [1000, 300]),  # never more than it costs
        (BuyGet(1, 1), [(1, 1000)], [0]),
        (BuyGet(1, 1), [(2, 2000)], [1000]),
        (BuyGet(2, 1), [(3, 3000), (1, 100)], [1000, 0]),  # the cheap piece spoils nothing
        (BuyGet(2, 1), [(1, 1000), (1, 800), (1, 500)], [217, 174, 109]),  # 500 off, shared by all three
        (BuyGet(1, 1, 5000), [(2, 1001 * 2)], [501]),  # the second at half price
        (BuyGet(1, 1, most_sets=1), [(4, 4000)], [1000]),
        (BundlePrice(2, 5500), [(1, 3000)], [0]),
        (BundlePrice(2, 5500), [(2, 6000)], [500]),
        (BundlePrice(2, 5500), [(2, 5500)], [0]),
        (BundlePrice(2, 5500), [(2, 5000)], [0]),  # a set never costs more
        (BundlePrice(2, 5500), [(3, 9000), (1, 2600)], [466, 134]),
        (BundlePrice(3, 100, most_sets=1), [(6, 600)], [200]),
        (SpendSave((Step(10_000, 1000),)), [(1, 9_999)], [0]),
        (SpendSave((Step(10_000, 1000),)), [(1, 7_500), (1, 2_500)], [750, 250]),
        (SpendSave((Step(10_000, 1000), Step(20_000, 3000))), [(1, 20_000)], [3000]),
        (SpendSave((Step(10_000, 1000),), every=True), [(1, 29_999)], [2000]),
        (SpendSave((Step(100, 500),)), [(1, 300)], [300]),
    ],
)
def test_what_is_taken_off(benefit: Benefit, of: list[tuple[int, int]], shares: list[int]) -> None:
    assert benefit.shares([Part(*one) for one in of]) == shares
    assert benefit.total([Part(*one) for one in of]) == sum(shares)


@given(benefits, parts)
def test_shares_sum_to_the_total_and_leave_nothing_below_zero(benefit: Benefit, held: list[Part]) -> None:
    shares = benefit.shares(held)
    assert len(shares) == len(held)
    assert sum(shares) == benefit.total(held)
    assert all(0 <= share <= part.left_minor for share, part in zip(shares, held, strict=True))


@given(benefits, parts, st.integers(0, 3))
def test_one_more_line_never_takes_less_off(benefit: Benefit, held: list[Part], which: int) -> None:
    fewer = held[:which] + held[which + 1 :]
    assert benefit.total(fewer) <= benefit.total(held)


def _in_sets(pieces: list[int], size: int) -> Iterator[list[tuple[int, ...]]]:
    """Every way to make sets of a size out of pieces; what is over is left out."""
    if len(pieces) < size:
        yield []
        return
    first, rest = pieces[0], pieces[1:]
    yield from _in_sets(rest, size)

    def chosen(start: int, wanted: int) -> Iterator[tuple[int, ...]]:
        if wanted == 0:
            yield ()
            return
        for place in range(start, len(rest)):
            for more in chosen(place + 1, wanted - 1):
                yield (place, *more)

    for places in chosen(0, size - 1):
        left = [piece for place, piece in enumerate(rest) if place not in places]
        for others in _in_sets(left, size):
            yield [(first, *(rest[place] for place in places)), *others]


_few_pieces = st.lists(st.integers(1, 2000), max_size=6)


@given(buy_gets, _few_pieces)
def test_no_other_way_to_make_sets_gets_more(benefit: BuyGet, pieces: list[int]) -> None:
    most = 0
    for sets in _in_sets(pieces, benefit.buy + benefit.get):
        gotten = sorted((sum(sorted(one)[: benefit.get]) for one in sets), reverse=True)
        most = max(most, sum(gotten[: benefit.most_sets]))
    assert (
        benefit.total([Part(1, piece) for piece in pieces]) == (most * benefit.basis_points + 5000) // 10_000
    )


@given(bundles, _few_pieces)
def test_no_other_way_to_bundle_saves_more(benefit: BundlePrice, pieces: list[int]) -> None:
    most = 0
    for sets in _in_sets(pieces, benefit.quantity):
        saved = sorted((max(0, sum(one) - benefit.price_minor) for one in sets), reverse=True)
        most = max(most, sum(saved[: benefit.most_sets]))
    assert benefit.total([Part(1, piece) for piece in pieces]) == most


@given(buy_gets | bundles, st.lists(st.integers(1, 500), min_size=1, max_size=2), st.integers(1, 6))
def test_pieces_on_one_line_or_on_many_are_the_same(benefit: Benefit, each: list[int], quantity: int) -> None:
    together = [Part(quantity, quantity * one) for one in each]
    apart = [Part(1, one) for one in each for _ in range(quantity)]
    assert benefit.total(together) == benefit.total(apart)
