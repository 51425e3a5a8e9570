"""What holds for every set of price records and every context."""

from __future__ import annotations

import random
from datetime import datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.pricing.reasons import Reason
from domain.pricing.records import PriceContext
from domain.pricing.schedule import boundaries
from domain.pricing.selection import (
    better_to_pay,
    fitting,
    in_force,
    misfit,
    mistimed,
    more_regular,
    select,
    selected_at,
)
from domain.pricing.trace import trace
from tests.pricing.making import DAY, NOON, Record, contexts, histories, moments, records


@given(histories, contexts, st.randoms(use_true_random=False))
def test_the_order_of_the_records_changes_nothing(
    rows: list[Record], where: PriceContext, chance: random.Random
) -> None:
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert select(shuffled, where) == select(rows, where)
    assert trace(shuffled, where) == trace(rows, where)


@given(histories, contexts, records, st.integers(0, 14))
def test_a_record_that_does_not_match_changes_nothing(
    rows: list[Record], where: PriceContext, stranger: Record, sequence: int
) -> None:
    # Its sequence lies anywhere among the others, but between two whole ones: none repeats.
    stranger = stranger._replace(sequence=sequence + 0.5)
    if misfit(stranger, where) is None and mistimed(stranger, where.at) is None:
        stranger = stranger._replace(channel="elsewhere")
    assert select([*rows, stranger], where) == select(rows, where)


@given(histories, contexts)
def test_the_traces_winner_is_the_selected_price(rows: list[Record], where: PriceContext) -> None:
    selection, candidates = select(rows, where), trace(rows, where)
    assert sorted(candidate.row.sequence for candidate in candidates) == [row.sequence for row in rows]
    winners = [candidate.row for candidate in candidates if candidate.won]
    assert winners == ([] if selection is None else [selection.winner])
    assert [c.row for c in candidates[: len(winners)]] == winners
    for candidate in candidates:
        assert candidate.won is (candidate.reason is Reason.WON)
        assert candidate.explanation.en.endswith(".")
        assert candidate.explanation.zh.endswith("。")


@given(histories, contexts)
def test_no_two_records_tie(rows: list[Record], where: PriceContext) -> None:
    standing = in_force(fitting(rows, where), where.at)
    for row in standing:
        for other in standing:
            if row is not other:
                assert better_to_pay(row, other) is not better_to_pay(other, row)
                assert more_regular(row, other) is not more_regular(other, row)


@given(histories, contexts, moments, st.floats(0, 1, exclude_max=True))
def test_between_two_boundaries_the_price_stands_still(
    rows: list[Record], where: PriceContext, after: datetime, share: float
) -> None:
    here = fitting(rows, where)
    for begins, ends in pairwise([after, *boundaries(rows, after=after), NOON + 30 * DAY]):
        between = begins + (ends - begins) * share
        assert selected_at(here, min(between, ends)) == selected_at(here, begins if between < ends else ends)


@given(histories, contexts)
def test_the_selection_is_the_contracts_to_the_letter(rows: list[Record], where: PriceContext) -> None:
    assert select(rows, where) == _to_the_letter(rows, where)


SCOPES = ("channel", "store", "tier", "campaign")
NEEDS = {
    "STORE": "store",
    "MEMBER": "tier",
    "LIVE": "campaign",
    "GROUP_BUY": "campaign",
    "BARGAIN": "campaign",
}


def _to_the_letter(rows: list[Record], where: PriceContext) -> tuple[Record, Record | None] | None:
    """The contract read sentence by sentence with no thought of speed."""
    candidates = [row for row in rows if _is_candidate(row, where)]
    standing = [
        row
        for row in candidates
        if not any(_slot(other) == _slot(row) and other.sequence > row.sequence for other in candidates)
    ]
    regular = sorted(
        (row for row in standing if row.kind in ("LIST", "STORE")),
        key=lambda row: (_distance(row), -row.min_quantity, -row.sequence),
    )
    offers = [row for row in standing if row.kind not in ("LIST", "STORE")]
    if not regular:
        offers = [row for row in offers if row.kind in ("LIVE", "GROUP_BUY")]
    payable = sorted(regular[:1] + offers, key=lambda row: (row.amount_minor, _distance(row), -row.sequence))
    return (payable[0], regular[0] if regular else None) if payable else None


def _is_candidate(row: Record, where: PriceContext) -> bool:
    begins = max(row.valid_from or row.recorded_at, row.recorded_at)
    return (
        row.currency_code == where.currency_code
        and begins <= where.at
        and (row.valid_until is None or where.at < row.valid_until)
        and all(getattr(row, scope) in (None, getattr(where, scope)) for scope in SCOPES)
        and row.min_quantity <= where.quantity
        and (row.kind not in NEEDS or getattr(row, NEEDS[row.kind]) is not None)
    )


def _slot(row: Record) -> tuple[object, ...]:
    return (row.sku, row.kind, row.channel, row.store, row.tier, row.campaign, row.min_quantity)


def _distance(row: Record) -> int:
    named = (row.store is not None, row.channel is not None)
    return [(True, True), (True, False), (False, True), (False, False)].index(named)
