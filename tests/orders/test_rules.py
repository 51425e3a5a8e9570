"""The rules of orders: moves, numbers, refunds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import damm

from domain.orders.numbers import number_of, serial_of
from domain.orders.returns import refund_of
from domain.orders.states import MOVES, FulfilmentKind, OrderState, must_move, next_states, state_at
from domain.refusals import RefusalCode, Refused

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
S, K = OrderState, FulfilmentKind


@pytest.mark.parametrize(
    ("kind", "state", "following"),
    [
        (K.DELIVERY, S.PENDING_PAYMENT, (S.PAID, S.CANCELLED, S.EXPIRED)),
        (K.DELIVERY, S.PAID, (S.SHIPPED, S.CANCELLED)),
        (K.PICKUP, S.PAID, (S.READY, S.CANCELLED)),
        (K.CARRY_OUT, S.PAID, (S.COMPLETED, S.CANCELLED)),
        (K.PICKUP, S.READY, (S.COMPLETED, S.CANCELLED)),
        (K.DELIVERY, S.SHIPPED, (S.COMPLETED, S.PARTIALLY_RETURNED, S.RETURNED)),
        (K.DELIVERY, S.COMPLETED, (S.PARTIALLY_RETURNED, S.RETURNED)),
        (K.DELIVERY, S.PARTIALLY_RETURNED, (S.PARTIALLY_RETURNED, S.RETURNED)),
        (K.DELIVERY, S.EXPIRED, (S.PAID,)),
        (K.DELIVERY, S.CANCELLED, ()),
        (K.DELIVERY, S.RETURNED, ()),
    ],
)
def test_where_an_order_may_go(kind: K, state: S, following: tuple[S, ...]) -> None:
    assert next_states(kind, state) == following


def test_every_state_has_its_moves_and_every_move_leads_to_a_state() -> None:
    for moves in MOVES.values():
        assert moves.keys() == set(OrderState)
        reached = {OrderState.PENDING_PAYMENT}.union(*moves.values())
        assert reached >= {S.PAID, S.COMPLETED, S.CANCELLED, S.EXPIRED, S.RETURNED}


def test_a_move_that_is_not_allowed_is_refused() -> None:
    assert must_move(K.DELIVERY, S.PAID, S.SHIPPED) is S.SHIPPED
    for kind, state, wanted in ((K.PICKUP, S.PAID, S.SHIPPED), (K.DELIVERY, S.CANCELLED, S.PAID)):
        with pytest.raises(Refused) as refused:
            must_move(kind, state, wanted)
        assert refused.value.refusals[0].code is RefusalCode.ORDER_STATE_FORBIDS


@pytest.mark.parametrize(
    ("stored", "held_until", "state"),
    [
        (S.PENDING_PAYMENT, NOON, S.EXPIRED),
        (S.PENDING_PAYMENT, NOON + timedelta(microseconds=1), S.PENDING_PAYMENT),
        (S.PENDING_PAYMENT, None, S.PENDING_PAYMENT),
        (S.PAID, NOON - timedelta(days=1), S.PAID),
    ],
)
def test_an_unpaid_order_expires_by_itself(stored: S, held_until: datetime | None, state: S) -> None:
    assert state_at(stored, held_until, NOON) is state


@given(st.integers(0, 2**63 - 1))
def test_a_number_names_one_order_and_checks_itself(serial: int) -> None:
    number = number_of(serial)
    assert len(number) >= 10
    assert damm.is_valid(number)
    assert serial_of(number) == serial
    assert serial_of(f" {number[:3]} {number[3:6]}-{number[6:]} ") == serial


@given(st.integers(1, 10**12), st.data())
def test_a_slip_of_the_tongue_names_no_order(serial: int, data: st.DataObject) -> None:
    number = number_of(serial)
    place = data.draw(st.integers(0, len(number) - 1))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[place]]))
    assert serial_of(number[:place] + other + number[place + 1 :]) is None
    swapped = number[:place] + number[place + 1 : place + 2] + number[place] + number[place + 2 :]
    assert swapped == number or serial_of(swapped) is None


@pytest.mark.parametrize("typed", ["", "1", "12345678", "abcdefghij", "٠١٢٣٤٥٦٧٨٩", "9" * 21, "-" * 30])
def test_what_is_no_number(typed: str) -> None:
    assert serial_of(typed) is None


def test_neighbours_look_nothing_alike() -> None:
    assert [number_of(serial) for serial in (1, 2, 3)] == ["6180339895", "2360679786", "8541019678"]


@pytest.mark.parametrize(
    ("total", "quantity", "returns", "refunds"),
    [
        (1000, 3, (1, 1, 1), (333, 333, 334)),
        (1000, 3, (2, 1), (667, 333)),
        (1000, 3, (3,), (1000,)),
        (5, 10, (1,) * 10, (1, 1, 1, 1, 1, 0, 0, 0, 0, 0)),
        (0, 2, (1, 1), (0, 0)),
        (199, 2, (1, 1), (100, 99)),
    ],
)
def test_a_line_gives_back_what_was_paid(
    total: int, quantity: int, returns: tuple[int, ...], refunds: tuple[int, ...]
) -> None:
    assert given_back(total, quantity, returns) == list(refunds)


@given(st.integers(0, 10**9), st.lists(st.integers(1, 20), min_size=1, max_size=12))
def test_all_units_together_give_back_every_cent(total: int, returns: list[int]) -> None:
    refunds = given_back(total, sum(returns), tuple(returns))
    assert sum(refunds) == total
    assert min(refunds) >= 0


def given_back(total: int, quantity: int, returns: tuple[int, ...]) -> list[int]:
    refunds: list[int] = []
    returned = 0
    for more in returns:
        refunds.append(refund_of(total, quantity, returned=returned, refunded=sum(refunds), more=more))
        returned += more
    return refunds


@pytest.mark.parametrize(("returned", "more"), [(0, 0), (0, 3), (2, 1), (1, -1)])
def test_more_than_was_bought_never_comes_back(returned: int, more: int) -> None:
    with pytest.raises(ValueError, match="can't come back"):
        refund_of(100, 2, returned=returned, refunded=0, more=more)
