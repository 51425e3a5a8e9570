"""What is earned, and what is taken first: both sides of every boundary, and whatever may happen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.loyalty.coupons import CouponState as State
from domain.loyalty.coupons import code_hash, coupon_code, state_at, valid_until
from domain.loyalty.earning import EarnRule, Programme, Purchase, covers, earned
from domain.loyalty.points import GRACE, Books, Line, Lot, Part, PointsEntryKind, given_back, gone_back, kept
from domain.promotions.terms import BasketLine, Target

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
BURN = Line(PointsEntryKind.BURN, 0, "order")
BACK = Line(PointsEntryKind.REVERSE, 0, "returned")


def basket_line(sku: str = "TEA", **more: Any) -> BasketLine:
    return BasketLine(**{"key": sku, "sku": sku, "quantity": 1, "unit_minor": 1000} | more)


def rate(code: str = "BASE", points: int = 1, spend: int = 100, **more: Any) -> EarnRule:
    return EarnRule(
        **{"code": code, "names": {}, "currency_code": "HKD", "points": points, "spend_minor": spend} | more
    )


def times(multiplier: str, **more: Any) -> EarnRule:
    return rate("TIMES", 0, 1, multiplier=Fraction(multiplier), **more)


# ------------------------------------------------------------------ earning


@pytest.mark.parametrize(
    ("rules", "paid", "tier_rate", "points"),
    [
        ([], [1000], "1", [0]),
        ([rate()], [99], "1", [0]),
        ([rate()], [100], "1", [1]),
        # Rounded down once for the whole, not by line: 0.5 + 0.5.
        ([rate()], [50, 50], "1", [1, 0]),
        ([rate()], [250, 150], "1", [3, 1]),
        ([rate()], [1000], "1.2", [12]),
        ([rate()], [1000], "0", [0]),
        # The best of each kind, and never two of one.
        ([rate(), rate("MORE", 3)], [1000], "1", [30]),
        ([rate(), times("2"), times("3")], [1000], "1", [30]),
        ([rate(), times("0.5")], [1000], "1", [5]),
        ([times("2")], [1000], "1", [0]),
        ([rate(), times("2", target=Target(skus=frozenset({"B"})))], [1000, 1000], "1", [10, 20]),
    ],
)
def test_what_a_purchase_earns(
    rules: list[EarnRule], paid: list[int], tier_rate: str, points: list[int]
) -> None:
    lines = [basket_line(sku) for sku in "ABC"[: len(paid)]]
    assert earned(rules, lines, paid, Decimal(tier_rate)) == points


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        ({}, True),
        ({"channels": frozenset({"app"})}, True),
        ({"channels": frozenset({"pos"})}, False),
        ({"stores": frozenset({"central"})}, True),
        ({"stores": frozenset({"harbour"})}, False),
        ({"tiers": frozenset({"gold"})}, True),
        ({"tiers": frozenset({"silver"})}, False),
        ({"campaign": "live-8"}, True),
        ({"campaign": "live-9"}, False),
        ({"valid_from": NOON}, True),
        ({"valid_from": NOON + DAY}, False),
        ({"valid_until": NOON}, False),
        ({"valid_until": NOON + timedelta(seconds=1)}, True),
        # 17:30 UTC on a Monday is Tuesday in Hong Kong.
        ({"weekdays": frozenset({2})}, True),
        ({"weekdays": frozenset({1})}, False),
    ],
)
def test_when_a_rule_counts(more: dict[str, Any], counts: bool) -> None:
    late = "weekdays" in more
    bought = Purchase(
        at=NOON.replace(hour=17, minute=30) if late else NOON,
        channel="app",
        store="central",
        campaign="live-8",
        tier="gold",
    )
    assert rate(**more).is_for(bought, "Asia/Hong_Kong") is counts


@pytest.mark.parametrize(
    ("target", "covered"),
    [
        (Target(), True),
        (Target(skus=frozenset({"TEA"})), True),
        (Target(skus=frozenset({"RICE"})), False),
        (Target(categories=frozenset({"food"})), True),
        (Target(brands=frozenset({"Lotus"})), True),
        (Target(except_categories=frozenset({"drinks"})), False),
        (Target(skus=frozenset({"TEA"}), except_brands=frozenset({"Lotus"})), False),
        (Target(except_skus=frozenset({"RICE"})), True),
    ],
)
def test_which_goods_a_target_covers(target: Target, covered: bool) -> None:
    assert covers(target, basket_line(categories=("food", "drinks"), brand="Lotus")) is covered


@pytest.mark.parametrize(
    ("points", "total", "most_percent", "paid"),
    [
        (100, 1000, 100, (100, 100)),
        (1, 1000, 100, (1, 1)),
        (5000, 1000, 100, (1000, 1000)),
        (5000, 1000, 50, (500, 500)),
        (5000, 999, 50, (499, 499)),
    ],
)
def test_how_much_points_pay(points: int, total: int, most_percent: int, paid: tuple[int, int]) -> None:
    assert Programme(currency_code="HKD", most_percent=most_percent).payment(points, total) == paid


def test_no_point_is_taken_that_pays_nothing() -> None:
    # 30 points pay one cent: 59 pay no more than 30 do.
    assert Programme(currency_code="HKD", redeem_points=30, redeem_minor=1).payment(59, 1000) == (1, 30)


# ------------------------------------------------------------------ the books


def lot(serial: int, points: int, starts: int | None = -1, ends: int | None = 30, **more: Any) -> Lot:
    """Points from so many days before or after noon until so many after it."""
    return Lot(
        serial,
        points,
        more.pop("remaining", points),
        None if starts is None else NOON + starts * DAY,
        None if ends is None else NOON + ends * DAY,
        **more,
    )


def test_what_expires_first_is_burnt_first() -> None:
    books = Books(
        [lot(1, 10, ends=None), lot(2, 10, ends=20), lot(3, 10, ends=10), lot(4, 10, starts=1)], 0, NOON
    )
    assert books.available == 30
    parts = books.burn(25, BURN)
    assert parts == [Part(NOON + 10 * DAY, 10), Part(NOON + 20 * DAY, 10), Part(None, 5)]
    assert books.burn(6, BURN) is None
    assert [line.points for line in books.lines] == [-25]
    assert books.standing() == (5, 10, 0, None)


@pytest.mark.parametrize(
    ("starts", "ends", "available", "pending", "expiring"),
    [
        (0, None, 10, 0, 0),
        (1, None, 0, 10, 0),
        (None, None, 0, 10, 0),
        (-1, 30, 10, 0, 10),
        (-1, 31, 10, 0, 0),
        (-9, 0, 0, 0, 0),
        (-9, 1, 10, 0, 10),
    ],
)
def test_the_clock_makes_points_available_and_ends_them(
    starts: int | None, ends: int | None, available: int, pending: int, expiring: int
) -> None:
    standing = Books([lot(1, 10, starts, ends)], 0, NOON).standing()
    assert standing[:3] == (available, pending, expiring)


@pytest.mark.parametrize(
    ("lots", "debt", "wanted", "available", "owed"),
    [
        # All of them are there, also those that can't be used yet.
        ([lot(1, 10, order="o")], 0, 4, 6, 0),
        ([lot(1, 10, starts=None, order="o")], 0, 4, 0, 0),
        # Spent: others pay for it, the rest is debt.
        ([lot(1, 10, order="o", remaining=3), lot(2, 5)], 0, 10, -2, 2),
        ([lot(1, 10, order="o", remaining=0), lot(2, 20)], 0, 10, 10, 0),
        # What has expired unused is not owed.
        ([lot(1, 10, order="o", remaining=0, expired=10)], 0, 10, 0, 0),
        ([lot(1, 10, order="o", remaining=0, expired=7)], 0, 10, -3, 3),
        # What was taken back once is not taken back again.
        ([lot(1, 10, order="o", remaining=0, reversed=8)], 0, 10, -2, 2),
        ([lot(1, 10)], 4, 0, 6, 0),
    ],
)
def test_a_return_takes_back_what_somebody_had(
    lots: list[Lot], debt: int, wanted: int, available: int, owed: int
) -> None:
    books = Books(lots, debt, NOON)
    if wanted:
        books.reverse(wanted, BACK, order="o")
    assert (books.available, books.debt_change) == (available, owed - debt)


def test_a_debt_is_paid_from_when_points_become_available_and_before_they_expire() -> None:
    # Whether anybody looked between the two days makes no difference.
    books = Books([lot(1, 10, starts=-9, ends=-1)], 4, NOON)
    assert [(line.kind, line.points) for line in books.lines] == [(PointsEntryKind.EXPIRE, -6)]
    assert books.debt_change == -4


@pytest.mark.parametrize(
    ("before", "more", "back"),
    [
        (0, 5, [(40, 5)]),
        (0, 12, [(40, 10), (35, 2)]),
        (8, 4, [(40, 2), (35, 2)]),
        # What would have expired by now, or soon, can be used for a while.
        (20, 10, [(30, 10)]),
        (0, 0, []),
    ],
)
def test_what_lasts_longest_comes_back_first(before: int, more: int, back: list[tuple[int, int]]) -> None:
    parts = [Part(NOON - DAY, 10), Part(NOON + 35 * DAY, 10), Part(NOON + 40 * DAY, 10)]
    found = given_back(parts, before=before, more=more, now=NOON)
    assert found == [Part(NOON + days * DAY, points) for days, points in back]
    assert timedelta(days=30) == GRACE


def test_units_that_come_back_take_their_share_and_the_last_one_the_rest() -> None:
    assert [kept(10, 3, back) for back in range(4)] == [10, 6, 3, 0]
    assert gone_back([10, 5], [3, 1], [1, 1]) == 4 + 5


# ------------------------------------------------------------------ any history

_step = st.one_of(
    st.tuples(st.just("earn"), st.integers(1, 50), st.integers(0, 3), st.integers(1, 9)),
    st.tuples(st.just("burn"), st.integers(1, 60), st.just(0), st.just(0)),
    st.tuples(st.just("return"), st.integers(0, 9), st.integers(1, 50), st.just(0)),
    st.tuples(st.just("wait"), st.integers(1, 6), st.just(0), st.just(0)),
)


@given(st.lists(_step, max_size=40), st.booleans())
def test_the_ledger_is_the_balance_whatever_happens(steps: list[Any], look: bool) -> None:
    lots: dict[int, Lot] = {}
    debt, ledger, now, burnt = 0, 0, NOON, 0

    def keep(books: Books) -> None:
        nonlocal debt, ledger
        for _, after in books.changed:
            lots[after.serial] = after
        debt += books.debt_change
        for line in books.lines:
            ledger += line.points

    for what, first, second, third in steps:
        if what == "wait":
            now += first * DAY
            if look:
                keep(Books(lots.values(), debt, now))
            continue
        books = Books(lots.values(), debt, now)
        before = books.available
        if what == "earn":
            serial = len(lots) + 1
            line = Line(PointsEntryKind.EARN, first, "order")
            books.add(line)
            keep(books)
            lots[serial] = Lot(
                serial, first, first, now + second * DAY, now + (second + third) * DAY, order=serial
            )
            continue
        if what == "burn":
            parts = books.burn(first, BURN)
            assert (parts is None) == (first > before)
            burnt += 0 if parts is None else first
            assert parts is None or sum(part.points for part in parts) == first
        else:
            books.reverse(second, BACK, order=first)
        keep(books)
        remaining = sum(one.remaining for one in lots.values())
        assert ledger == remaining - debt
        standing = Books(lots.values(), debt, now).standing()
        assert standing.available + standing.pending == ledger
        assert debt == 0 or not any(one.remaining and one.is_available(now) for one in lots.values())
        assert all(one.spent >= 0 for one in lots.values())


# ------------------------------------------------------------------ coupons


def test_a_code_is_read_as_people_type_it_and_tells_nothing_of_the_next() -> None:
    first, second = (coupon_code(b"secret", UUID(int=number)) for number in (1, 2))
    assert first == coupon_code(b"secret", UUID(int=1))
    assert len(set(first) & set("ILOU")) == 0
    assert [len(group) for group in first.split("-")] == [4, 4, 4, 4]
    typed = first.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert code_hash(typed) == code_hash(first) != code_hash(second)
    assert coupon_code(b"other", UUID(int=1)) != first
    assert len({coupon_code(b"secret", uuid4()) for _ in range(500)}) == 500


@pytest.mark.parametrize(
    ("state", "ends", "expected"),
    [
        (State.ACTIVE, NOON, State.EXPIRED),
        (State.ACTIVE, NOON + DAY, State.ACTIVE),
        (State.RESERVED, NOON, State.RESERVED),
        (State.USED, NOON, State.USED),
        (State.REVOKED, NOON, State.REVOKED),
    ],
)
def test_only_a_coupon_that_waits_expires(state: State, ends: datetime, expected: State) -> None:
    assert state_at(state, ends, NOON) is expected


@pytest.mark.parametrize(("days", "ends"), [(None, 20), (5, 5), (20, 20), (21, 20)])
def test_no_coupon_is_valid_longer_than_its_campaign(days: int | None, ends: int) -> None:
    assert valid_until(NOON + 20 * DAY, days, NOON) == NOON + ends * DAY
