"""What was paid over a span of time: segments tell what a selection at any of their moments would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.pricing.history import segments
from domain.pricing.records import PriceContext
from domain.pricing.selection import select
from tests.pricing.making import DAY, LONG_AGO, NOON, TICK, Record, context, contexts, histories, price

LISTED = price(sequence=1)
SALE = price("SALE", 80_00, valid_from=NOON - DAY, valid_until=NOON, sequence=2)
Told = list[tuple[datetime, datetime, int]]


def paid(rows: list[Record], since: datetime, until: datetime) -> Told:
    return [
        (one.begins, one.ends, one.winner.amount_minor) for one in segments(rows, context(), since, until)
    ]


@pytest.mark.parametrize(
    ("rows", "since", "until", "told"),
    [
        ([], NOON - DAY, NOON, []),
        ([LISTED], NOON, NOON, []),
        ([LISTED], NOON, NOON - DAY, []),
        ([LISTED], NOON - DAY, NOON, [(NOON - DAY, NOON, 100_00)]),
        ([LISTED], LONG_AGO - DAY, LONG_AGO, []),
        ([LISTED], LONG_AGO - DAY, LONG_AGO + TICK, [(LONG_AGO, LONG_AGO + TICK, 100_00)]),
        (
            [LISTED, SALE],
            NOON - 3 * DAY,
            NOON + DAY,
            [(NOON - 3 * DAY, NOON - DAY, 100_00), (NOON - DAY, NOON, 80_00), (NOON, NOON + DAY, 100_00)],
        ),
        ([LISTED, SALE], NOON - TICK, NOON, [(NOON - TICK, NOON, 80_00)]),
        ([LISTED, SALE], NOON - DAY - TICK, NOON - DAY, [(NOON - DAY - TICK, NOON - DAY, 100_00)]),
        # Nothing was for sale between the two.
        (
            [LISTED._replace(valid_until=NOON - DAY), price(amount=90_00, valid_from=NOON, sequence=3)],
            NOON - 2 * DAY,
            NOON + DAY,
            [(NOON - 2 * DAY, NOON - DAY, 100_00), (NOON, NOON + DAY, 90_00)],
        ),
        # A boundary of what is not paid parts nothing.
        (
            [LISTED, price("SALE", 120_00, valid_from=NOON, sequence=3)],
            NOON - DAY,
            NOON + DAY,
            [(NOON - DAY, NOON + DAY, 100_00)],
        ),
        # The record set later covers the one before, which comes up again when it ends.
        (
            [LISTED, price(amount=90_00, valid_from=NOON, valid_until=NOON + DAY, sequence=3)],
            NOON - DAY,
            NOON + 2 * DAY,
            [(NOON - DAY, NOON, 100_00), (NOON, NOON + DAY, 90_00), (NOON + DAY, NOON + 2 * DAY, 100_00)],
        ),
    ],
)
def test_what_was_paid(rows: list[Record], since: datetime, until: datetime, told: Told) -> None:
    assert paid(rows, since, until) == told


@given(
    histories,
    contexts,
    st.integers(-600, 600),
    st.integers(1, 900),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=20),
)
def test_the_history_is_the_selection_at_every_moment(
    rows: list[Record], where: PriceContext, start: int, minutes: int, shares: Sequence[float]
) -> None:
    since = NOON + timedelta(minutes=start)
    until = since + timedelta(minutes=minutes)
    found = segments(rows, where, since, until)
    edges = [moment for one in found for moment in (one.begins, one.ends - TICK)]
    for at in [
        since,
        until - TICK,
        *edges,
        *(since + timedelta(minutes=minutes) * share for share in shares),
    ]:
        selection = select(rows, replace(where, at=at))
        told = [one.winner for one in found if one.begins <= at < one.ends]
        assert told == ([] if selection is None else [selection.winner])


@given(histories, contexts, st.integers(-600, 600), st.integers(0, 900))
def test_segments_stand_in_order_inside_the_span_and_no_two_neighbours_could_be_one(
    rows: list[Record], where: PriceContext, start: int, minutes: int
) -> None:
    since = NOON + timedelta(minutes=start)
    until = since + timedelta(minutes=minutes)
    found = segments(rows, where, since, until)
    assert all(since <= one.begins < one.ends <= until for one in found)
    for one, other in pairwise(found):
        assert one.ends <= other.begins
        assert one.ends < other.begins or one.winner is not other.winner


def test_years_of_nightly_records_are_folded_in_one_pass() -> None:
    """As many comparisons as records, not as their square: each is laid down and taken up once."""
    nights = [price(recorded_at=LONG_AGO + n * DAY, amount=100_00 + n, sequence=n + 1) for n in range(3000)]
    seen = 0

    class Counted(Record):
        @property
        def valid_until(self) -> datetime | None:  # type: ignore[override]
            nonlocal seen
            seen += 1
            return None

    found = segments([Counted(*row) for row in nights], context(), LONG_AGO, LONG_AGO + 3000 * DAY)
    assert [one.winner.amount_minor for one in found] == [row.amount_minor for row in nights]
    assert seen < 10 * len(nights)
