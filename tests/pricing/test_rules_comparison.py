"""Prices shown beside the one that is paid: compared with, lowest of the last days, for members."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.pricing.comparison import compare_at, lowest_in_force, member_amount, offer_began
from domain.pricing.records import PriceContext
from domain.pricing.selection import select
from tests.pricing.making import DAY, LONG_AGO, NOON, TICK, Record, context, contexts, histories, price
from tests.pricing.test_rules_schedule import context_at

LISTED = price(amount=100_00)
SALE = price("SALE", 80_00, valid_from=NOON - DAY, sequence=10)
WEEK_BEFORE = NOON - 8 * DAY
"""Seven days before SALE begins."""


def compared(*rows: Record, **where: Any) -> int | None:
    selection = select(rows, context(**where))
    assert selection is not None
    return compare_at(rows, context(**where), selection)


def test_the_regular_price_stands_beside_an_offer_that_won() -> None:
    assert compared(LISTED, SALE) == 100_00


@pytest.mark.parametrize(
    "rows",
    [
        [LISTED],
        [LISTED, SALE._replace(amount_minor=100_01)],
        [LISTED, SALE._replace(amount_minor=100_00)],
        [price("LIVE", 80_00, campaign="live-8")],
    ],
    ids=["no offer", "offer is dearer", "offer wins at the same amount", "nothing regular"],
)
def test_without_a_regular_price_above_the_offer_nothing_is_compared(rows: list[Record]) -> None:
    assert compared(*rows, campaign="live-8") is None


@pytest.mark.parametrize(
    ("earlier", "shown"),
    [
        # An earlier offer in those seven days was lower: the regular price is not what was asked before.
        ({"valid_from": WEEK_BEFORE - DAY, "valid_until": WEEK_BEFORE}, True),
        ({"valid_from": WEEK_BEFORE - DAY, "valid_until": WEEK_BEFORE + TICK}, False),
        ({"valid_from": NOON - DAY - TICK, "valid_until": NOON - DAY}, False),
        ({"valid_from": NOON - DAY, "valid_until": NOON}, True),
        ({"valid_from": NOON - 3 * DAY, "valid_until": NOON - 2 * DAY, "channel": "pos"}, True),
        ({"valid_from": NOON - 3 * DAY, "valid_until": NOON - 2 * DAY, "amount": 100_00}, True),
        ({"valid_from": NOON - 3 * DAY, "valid_until": NOON - 2 * DAY, "amount": 99_99}, False),
    ],
)
def test_the_seven_days_before_the_offer_decide(earlier: dict[str, Any], shown: bool) -> None:
    before = price("CLEARANCE", sequence=2, **({"amount": 90_00} | earlier))
    assert compared(LISTED, before, SALE) == (100_00 if shown else None)


@pytest.mark.parametrize(("raised", "shown"), [(WEEK_BEFORE, True), (WEEK_BEFORE + TICK, False)])
def test_a_regular_price_raised_before_the_offer_is_no_comparison(raised: datetime, shown: bool) -> None:
    dearer = price(amount=120_00, recorded_at=raised, sequence=2)
    assert compared(LISTED, dearer, SALE) == (120_00 if shown else None)


@pytest.mark.parametrize(("recorded", "shown"), [(NOON - DAY - TICK, True), (NOON - DAY, False)])
def test_what_was_not_for_sale_before_the_offer_has_no_comparison(recorded: datetime, shown: bool) -> None:
    assert compared(LISTED._replace(recorded_at=recorded), SALE) == (100_00 if shown else None)


def test_an_offer_recorded_late_began_when_it_was_recorded() -> None:
    late = SALE._replace(recorded_at=NOON - TICK)
    assert offer_began([LISTED, late], late) == NOON - TICK


@pytest.mark.parametrize(
    ("first", "began"),
    [
        ({"valid_until": NOON - DAY}, NOON - 9 * DAY),
        ({"valid_until": None}, NOON - 9 * DAY),
        ({"valid_until": NOON - DAY - TICK}, NOON - DAY),
        ({"valid_until": NOON - DAY, "amount_minor": 85_00}, NOON - DAY),
        ({"valid_until": NOON - DAY, "channel": "app"}, NOON - DAY),
    ],
    ids=["touching", "replaced", "gap", "another amount", "another slot"],
)
def test_a_record_that_continues_an_offer_begins_none(first: dict[str, Any], began: datetime) -> None:
    earlier = SALE._replace(sequence=5, valid_from=NOON - 9 * DAY, **first)
    assert offer_began([LISTED, earlier, SALE], SALE) == began
    assert compared(LISTED, earlier, SALE) == (100_00 if began == NOON - 9 * DAY else None)


def test_an_offer_sent_anew_every_night_stays_one_offer() -> None:
    nightly = [
        SALE._replace(sequence=20 + n, valid_from=None, recorded_at=NOON - timedelta(days=30 - n))
        for n in range(30)
    ]
    assert offer_began([LISTED, *nightly], nightly[-1]) == NOON - timedelta(days=30)
    assert compared(LISTED, *nightly) == 100_00


@pytest.mark.parametrize(
    ("since", "until", "lowest"),
    [
        (LONG_AGO - DAY, LONG_AGO, None),
        (LONG_AGO - DAY, LONG_AGO + TICK, 100_00),
        (NOON - 2 * DAY, NOON - DAY, 100_00),
        (NOON - 2 * DAY, NOON - DAY + TICK, 80_00),
        (NOON - TICK, NOON, 80_00),
        (NOON, NOON + DAY, 100_00),
        (NOON, NOON, None),
        (NOON, NOON - DAY, None),
    ],
)
def test_the_lowest_price_in_force_from_one_moment_to_before_another(
    since: datetime, until: datetime, lowest: int | None
) -> None:
    rows = [LISTED, SALE._replace(valid_until=NOON)]
    assert lowest_in_force(rows, context(), since, until) == lowest


@given(histories, contexts, st.integers(-400, 400), st.integers(1, 400))
def test_no_moment_was_lower_than_the_lowest(
    rows: list[Record], where: PriceContext, start: int, minutes: int
) -> None:
    since = NOON + timedelta(minutes=start)
    until = since + timedelta(minutes=minutes)
    amounts = []
    for step in range(0, minutes, 20):
        selection = select(rows, context_at(where, since + timedelta(minutes=step)))
        amounts += [] if selection is None else [selection.winner.amount_minor]
    lowest = lowest_in_force(rows, where, since, until)
    assert not amounts or (lowest is not None and lowest <= min(amounts))


GOLD, SILVER = (
    price("MEMBER", 85_00, tier="gold", sequence=3),
    price("MEMBER", 90_00, tier="silver", sequence=4),
)


@pytest.mark.parametrize(
    ("rows", "tier", "amount"),
    [
        ([LISTED, GOLD, SILVER], None, 85_00),
        ([LISTED, GOLD, SILVER], "bronze", 85_00),
        ([LISTED, GOLD, SILVER], "silver", None),
        ([LISTED], None, None),
        ([LISTED, GOLD._replace(amount_minor=100_00)], None, None),
        ([LISTED, GOLD._replace(valid_until=NOON)], None, None),
        ([LISTED, GOLD._replace(channel="pos")], None, None),
        # The shopper pays an offer already: a member price is shown only below it.
        ([LISTED, SALE, GOLD], None, None),
        ([LISTED, SALE, GOLD._replace(amount_minor=79_99)], None, 79_99),
        # What a tier would really pay counts: the record set last, and nothing where nothing is sold.
        ([LISTED, GOLD, GOLD._replace(amount_minor=95_00, sequence=9)], None, 95_00),
        ([GOLD], None, None),
    ],
)
def test_the_best_member_price_is_shown_to_those_who_have_none(
    rows: list[Record], tier: str | None, amount: int | None
) -> None:
    assert member_amount(rows, context(tier=tier)) == amount
