"""What a price that is to be set is refused for, on both sides of each limit."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.pricing.kinds import PriceKind
from domain.pricing.records import slot
from domain.pricing.rules import overlap_problem, overlapping_slots, problems
from domain.refusals import RefusalCode
from tests.pricing.making import DAY, NOON, TICK


class Draft(NamedTuple):
    sku: str = "olive-oil-1l"
    kind: PriceKind = PriceKind.LIST
    amount: Decimal = Decimal("100.00")
    currency_code: str = "HKD"
    channel: str | None = None
    store: str | None = None
    tier: str | None = None
    campaign: str | None = None
    min_quantity: int = 1
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    source: str | None = None


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({}, []),
        ({"amount": Decimal(0)}, []),
        ({"amount": Decimal("-0.01")}, ["amount"]),
        ({"amount": Decimal("0.01")}, []),
        ({"amount": Decimal("0.010")}, []),
        ({"amount": Decimal("0.001")}, ["amount"]),
        ({"amount": Decimal("0.5"), "currency_code": "JPY"}, ["amount"]),
        ({"amount": Decimal("0.001"), "currency_code": "KWD"}, []),
        ({"amount": Decimal("10000000000.00")}, []),
        ({"amount": Decimal("10000000000.01")}, ["amount"]),
        ({"amount": Decimal("1000000000000"), "currency_code": "JPY"}, []),
        ({"amount": Decimal("1000000000001"), "currency_code": "JPY"}, ["amount"]),
        ({"amount": Decimal("9" * 30 + "." + "9" * 30)}, ["amount"]),
        ({"amount": Decimal("NaN")}, ["amount"]),
        ({"amount": Decimal("Infinity")}, ["amount"]),
        ({"kind": PriceKind.STORE}, ["store"]),
        ({"kind": PriceKind.STORE, "store": "central"}, []),
        ({"kind": PriceKind.MEMBER}, ["tier"]),
        ({"kind": PriceKind.MEMBER, "tier": "gold"}, []),
        ({"kind": PriceKind.LIVE}, ["campaign"]),
        ({"kind": PriceKind.GROUP_BUY}, ["campaign"]),
        ({"kind": PriceKind.BARGAIN}, ["campaign"]),
        ({"kind": PriceKind.BARGAIN, "campaign": "b"}, []),
        ({"kind": PriceKind.SALE}, []),
        ({"kind": PriceKind.CLEARANCE}, []),
        ({"campaign": ""}, ["campaign"]),
        ({"campaign": "c" * 64}, []),
        ({"campaign": "c" * 65}, ["campaign"]),
        ({"source": ""}, ["source"]),
        ({"source": "s" * 200}, []),
        ({"source": "s" * 201}, ["source"]),
        ({"min_quantity": 1}, []),
        ({"min_quantity": 0}, ["min_quantity"]),
        ({"valid_until": NOON + TICK}, []),
        ({"valid_until": NOON}, ["valid_until"]),
        ({"valid_from": NOON + DAY, "valid_until": NOON + DAY}, ["valid_until"]),
        ({"valid_from": NOON + DAY, "valid_until": NOON + DAY + TICK}, []),
        ({"valid_from": NOON - DAY}, []),
        ({"amount": Decimal(-1), "min_quantity": 0, "campaign": ""}, ["amount", "campaign", "min_quantity"]),
    ],
)
def test_what_is_refused(changes: dict[str, Any], fields: list[str]) -> None:
    assert [problem.field for problem in problems(Draft(**changes), now=NOON)] == fields


@pytest.mark.parametrize(("currency", "fields"), [("HKD", []), ("CNY", ["currency_code"]), (None, [])])
def test_a_price_is_in_its_channels_currency(currency: str | None, fields: list[str]) -> None:
    found = problems(Draft(channel="app"), now=NOON, channel_currency=currency)
    assert [problem.field for problem in found] == fields


def test_an_import_may_record_what_is_over() -> None:
    assert problems(Draft(valid_until=NOON), now=None) == []
    assert problems(Draft(valid_from=NOON, valid_until=NOON), now=None) != []


def test_a_problem_says_where_it_stands_in_the_request() -> None:
    (problem,) = problems(Draft(min_quantity=0), now=NOON)
    refusal = problem.refusal("input", "prices", "37")
    assert refusal.code is RefusalCode.INVALID_INPUT
    assert refusal.field == ("input", "prices", "37", "minQuantity")
    assert (refusal.text.en, refusal.text.zh) == ("The least quantity is 1.", "起购数量至少为 1。")


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        ({}, {}, True),
        ({"valid_until": NOON}, {"valid_from": NOON}, False),
        ({"valid_until": NOON + TICK}, {"valid_from": NOON}, True),
        ({"valid_from": NOON}, {"valid_until": NOON}, False),
        ({"valid_from": NOON}, {"valid_until": NOON + TICK}, True),
        ({"valid_from": NOON, "valid_until": NOON + 9 * DAY}, {"valid_from": NOON + DAY}, True),
        ({"amount": Decimal(1), "source": "a"}, {"amount": Decimal(2), "source": "b"}, True),
        ({}, {"sku": "other"}, False),
        ({}, {"kind": PriceKind.SALE}, False),
        ({}, {"channel": "app"}, False),
        ({}, {"store": "central"}, False),
        ({}, {"tier": "gold"}, False),
        ({}, {"campaign": "live-8"}, False),
        ({}, {"min_quantity": 2}, False),
        ({}, {"currency_code": "CNY"}, False),
    ],
)
def test_two_drafts_of_one_slot_overlap_or_not(
    first: dict[str, Any], second: dict[str, Any], overlap: bool
) -> None:
    assert overlapping_slots([Draft(**first), Draft(**second)]) == ([(0, 1)] if overlap else [])
    assert overlapping_slots([Draft(**second), Draft(**first)]) == ([(0, 1)] if overlap else [])


def test_an_overlap_is_said_of_the_second_row() -> None:
    refusal = overlap_problem(3).refusal("input", "prices", "8")
    assert refusal.field == ("input", "prices", "8", "validFrom")
    assert "Row 3" in refusal.text.en
    assert "第 3 行" in refusal.text.zh


days = st.none() | st.integers(-4, 4).map(lambda n: NOON + n * DAY)
windows = st.tuples(days, days).filter(lambda w: None in w or w[0] < w[1])


@given(st.lists(st.tuples(windows, st.sampled_from(["app", "pos"])), max_size=8))
def test_every_draft_that_overlaps_is_named_and_no_other(drawn: list[Any]) -> None:
    drafts = [Draft(channel=c, valid_from=begins, valid_until=ends) for (begins, ends), c in drawn]

    def overlap(one: Draft, other: Draft) -> bool:
        ends_after = one.valid_until is None or other.valid_from is None or one.valid_until > other.valid_from
        back = other.valid_until is None or one.valid_from is None or other.valid_until > one.valid_from
        return slot(one) == slot(other) and ends_after and back

    pairs = overlapping_slots(drafts)
    assert all(one < other and overlap(drafts[one], drafts[other]) for one, other in pairs)
    named = {index for pair in pairs for index in pair}
    assert named == {
        i for i, one in enumerate(drafts) for j, other in enumerate(drafts) if i != j and overlap(one, other)
    }
