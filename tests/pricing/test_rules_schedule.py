"""When prices change by the clock alone, and the number that tells every change."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.pricing.records import PriceContext
from domain.pricing.schedule import Upcoming, boundaries, upcoming
from domain.pricing.selection import select
from domain.pricing.version import microseconds, version
from tests.pricing.making import (
    DAY,
    LONG_AGO,
    NOON,
    TICK,
    Record,
    context,
    contexts,
    histories,
    numbered,
    price,
    records,
)

HOUR = timedelta(hours=1)


def test_boundaries_are_where_records_begin_and_cease_to_count() -> None:
    rows = [
        price(),
        price(valid_from=NOON, valid_until=NOON + DAY, sequence=2),
        price(valid_from=NOON - DAY, recorded_at=NOON - HOUR, valid_until=NOON + DAY, sequence=3),
        price(valid_until=NOON - DAY, recorded_at=NOON - HOUR, sequence=4),
        price(valid_from=NOON + 2 * DAY, valid_until=NOON + 2 * DAY, sequence=5),
    ]
    assert boundaries(rows) == [LONG_AGO, NOON - HOUR, NOON, NOON + DAY]


@pytest.mark.parametrize(
    ("after", "until", "found"),
    [
        (NOON - TICK, NOON + DAY, [NOON, NOON + DAY]),
        (NOON, NOON + DAY, [NOON + DAY]),
        (NOON - TICK, NOON + DAY - TICK, [NOON]),
        (NOON + DAY, NOON, []),
    ],
)
def test_boundaries_lie_after_the_first_moment_and_up_to_the_last(
    after: datetime, until: datetime, found: list[datetime]
) -> None:
    assert boundaries([price(valid_from=NOON, valid_until=NOON + DAY)], after, until) == found


LISTED = price(amount=100_00)
SOON = price("SALE", 80_00, valid_from=NOON + DAY, valid_until=NOON + 2 * DAY, sequence=2)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([LISTED], None),
        ([LISTED, SOON], Upcoming(80_00, NOON + DAY)),
        # An offer that runs ends in the regular price.
        ([LISTED, SOON._replace(valid_from=NOON)], Upcoming(100_00, NOON + 2 * DAY)),
        # Another record at the same amount is no other price.
        ([LISTED, SOON._replace(amount_minor=100_00)], None),
        # Somebody else's price is none of ours.
        ([LISTED, SOON._replace(channel="pos")], None),
        # Over: nothing is upcoming, for "not for sale" is no amount.
        ([LISTED._replace(valid_until=NOON + DAY)], None),
        # A gap is passed over, whether the price after it is another or the same.
        (
            [
                LISTED._replace(valid_until=NOON + DAY),
                price(amount=90_00, valid_from=NOON + 3 * DAY, sequence=2),
            ],
            Upcoming(90_00, NOON + 3 * DAY),
        ),
        ([LISTED._replace(valid_until=NOON + DAY), price(valid_from=NOON + 3 * DAY, sequence=2)], None),
        # Not for sale yet.
        ([LISTED._replace(valid_from=NOON + TICK)], Upcoming(100_00, NOON + TICK)),
    ],
)
def test_the_upcoming_price_is_the_next_other_amount(rows: list[Record], expected: Upcoming | None) -> None:
    assert upcoming(rows, context()) == expected


@given(histories, contexts)
def test_until_the_upcoming_price_every_price_is_the_present_one(
    rows: list[Record], where: PriceContext
) -> None:
    now, coming = select(rows, where), upcoming(rows, where)
    amounts = set()
    for moment in boundaries(rows, after=where.at):
        then = select(rows, context_at(where, moment))
        if coming is not None and moment == coming.starts_at:
            assert then is not None
            assert then.winner.amount_minor == coming.amount_minor
            break
        if then is not None:
            amounts.add(then.winner.amount_minor)
    else:
        assert coming is None
    assert amounts <= (set() if now is None else {now.winner.amount_minor})


@pytest.mark.parametrize(
    ("at", "latest"),
    [
        (LONG_AGO - TICK, None),
        (LONG_AGO, LONG_AGO),
        (NOON - TICK, LONG_AGO),
        (NOON, NOON),
        (NOON + DAY - TICK, NOON),
        (NOON + DAY, NOON + DAY),
        (NOON + 2 * DAY - TICK, NOON + DAY),
        (NOON + 2 * DAY, NOON + 2 * DAY),
    ],
)
def test_the_version_is_the_latest_moment_at_which_anything_changed(
    at: datetime, latest: datetime | None
) -> None:
    row = price(valid_from=NOON, valid_until=NOON + DAY)
    assert version([row], NOON + 2 * DAY, at) == (0 if latest is None else microseconds(latest))


def test_a_version_is_whole_microseconds_exactly() -> None:
    assert microseconds(datetime.fromisoformat("2025-06-01T20:00:00.000001+08:00")) == 1_748_779_200_000_001


def context_at(where: PriceContext, at: datetime) -> PriceContext:
    return context(
        at=at,
        channel=where.channel,
        store=where.store,
        tier=where.tier,
        campaign=where.campaign,
        quantity=where.quantity,
        currency=where.currency_code,
    )


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[str, int, Record, int]]:
    """What a variant goes through: (set or end, minutes until then, the record set, which is ended)."""
    return draw(
        st.lists(
            st.tuples(
                st.sampled_from(["set", "set", "end"]),
                st.integers(1, 90),
                records,
                st.integers(0, 20),
            ),
            max_size=12,
        )
    )


@given(lives(), contexts)
def test_equal_versions_mean_equal_prices(
    life: list[tuple[str, int, Record, int]], where: PriceContext
) -> None:
    """Read every half hour and at every change while it happens, and all of it again from the end."""
    rows: list[Record] = []
    recorded: list[datetime] = []
    price_of: dict[int, int | None] = {}
    answers: list[tuple[datetime, int, int | None]] = []

    def read(at: datetime) -> tuple[datetime, int, int | None]:
        last = max((moment for moment in recorded if moment <= at), default=None)
        selection = select(rows, context_at(where, at))
        return at, version(rows, last, at), None if selection is None else selection.winner.amount_minor

    now = NOON - 7 * HOUR
    for deed, minutes, record, index in life:
        until = now + timedelta(minutes=minutes)
        answers.extend(
            read(moment) for moment in (now, now + HOUR / 2, until - TICK) if now <= moment < until
        )
        now = until
        if deed == "set" or not rows:
            rows = numbered([*rows, record._replace(recorded_at=now)])
        else:
            ended = rows[index % len(rows)]
            if ended.valid_until is None or ended.valid_until > now:
                rows[ended.sequence - 1] = ended._replace(valid_until=now)
        recorded.append(now)
        answers.append(read(now))
    answers.extend(read(now + step * HOUR / 2) for step in range(40))

    for at, number, amount in answers:
        assert price_of.setdefault(number, amount) == amount
        assert read(at) == (at, number, amount), "the past was rewritten"
    versions = [number for _, number, _ in answers]
    assert versions == sorted(versions)


@pytest.mark.parametrize(
    ("window", "counted"),
    [
        ((NOON - 2 * TICK, None), False),
        ((None, NOON - 2 * TICK), False),
        ((NOON + TICK, None), True),
        ((None, NOON + TICK), True),
        ((NOON + TICK, NOON + TICK), False),
    ],
)
def test_a_boundary_that_had_passed_before_its_record_is_no_change(
    window: tuple[datetime | None, datetime | None], counted: bool
) -> None:
    row = price(valid_from=window[0], valid_until=window[1], recorded_at=NOON)
    assert version([row], None, NOON - TICK) == 0
    assert version([row], NOON, NOON) == microseconds(NOON)
    assert version([row], NOON, NOON + DAY) == microseconds(NOON + TICK if counted else NOON)
