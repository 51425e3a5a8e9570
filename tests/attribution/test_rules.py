"""To whom a sale is credited: by table, and to the cent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.attribution import WHOLE, Party, Rule, Touched, Which, amounts, is_current, must_be_a_rule, shares
from domain.refusals import Refused

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
SELLER = Party("online", None, "app")
CENTRAL, HARBOUR, ADA = (
    Party("central", None, "app"),
    Party("harbour", None, "app"),
    Party("central", "ada", "app"),
)
LAST, EVERY = Rule(Which.LAST, 7, WHOLE), Rule(Which.EVERY, 7, 6000)


def touch(party: Party | None, ago: timedelta = DAY) -> Touched:
    return Touched(NOON - ago, party.store if party else None, party.clerk if party else None)


@pytest.mark.parametrize(
    ("touches", "rule", "parts"),
    [
        ([], LAST, {SELLER: WHOLE}),
        ([touch(CENTRAL)], None, {SELLER: WHOLE}),
        ([touch(CENTRAL), touch(HARBOUR)], LAST, {HARBOUR: WHOLE}),
        ([touch(HARBOUR), touch(ADA), touch(None)], LAST, {ADA: WHOLE}),  # a link of no store is passed over
        ([touch(CENTRAL, 7 * DAY)], LAST, {CENTRAL: WHOLE}),
        ([touch(CENTRAL, 7 * DAY + TICK)], LAST, {SELLER: WHOLE}),
        ([touch(CENTRAL)], EVERY, {CENTRAL: 6000, SELLER: 4000}),
        ([touch(CENTRAL), touch(ADA), touch(CENTRAL)], EVERY, {CENTRAL: 3000, ADA: 3000, SELLER: 4000}),
        ([touch(CENTRAL), touch(SELLER)], EVERY, {CENTRAL: 3000, SELLER: 7000}),
        ([touch(SELLER)], LAST, {SELLER: WHOLE}),
        ([touch(CENTRAL)], Rule(Which.LAST, 7, 0), {SELLER: WHOLE}),
    ],
)
def test_who_is_credited(touches: list[Touched], rule: Rule | None, parts: dict[Party, int]) -> None:
    assert shares(touches, rule, seller=SELLER, placed_at=NOON) == parts


@given(
    st.lists(st.sampled_from([CENTRAL, HARBOUR, ADA, SELLER, None]), max_size=8),
    st.sampled_from(Which),
    st.integers(0, WHOLE),
    st.integers(0, 10**12),
)
def test_everything_is_credited_to_the_cent(
    parties: list[Party | None], which: Which, share: int, net: int
) -> None:
    parts = shares([touch(party) for party in parties], Rule(which, 30, share), seller=SELLER, placed_at=NOON)
    assert sum(parts.values()) == WHOLE
    assert all(parts.values())
    assert sum(amounts(net, parts).values()) == net


@pytest.mark.parametrize(
    ("now", "valid_until", "revoked_at", "counts"),
    [
        (NOON - TICK, None, None, False),
        (NOON, None, None, True),
        (NOON + DAY - TICK, NOON + DAY, None, True),
        (NOON + DAY, NOON + DAY, None, False),
        (NOON + DAY, None, NOON + DAY, False),
    ],
)
def test_when_a_code_counts(
    now: datetime, valid_until: datetime | None, revoked_at: datetime | None, counts: bool
) -> None:
    assert is_current(NOON, valid_until, revoked_at, now) is counts


@pytest.mark.parametrize(("days", "share"), [(0, 1), (366, 1), (1, -1), (1, WHOLE + 1)])
def test_what_is_no_rule_is_refused(days: int, share: int) -> None:
    assert must_be_a_rule(Which.LAST, 1, 0) == Rule(Which.LAST, 1, 0)
    assert must_be_a_rule(Which.EVERY, 365, WHOLE).share == WHOLE
    with pytest.raises(Refused):
        must_be_a_rule(Which.LAST, days, share)
