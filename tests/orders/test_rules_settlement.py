"""What a provider's word means, whenever it comes."""

from __future__ import annotations

import pytest

from domain.money import Money
from domain.orders.settlement import Verdict, verdict
from domain.orders.states import OrderState
from domain.payments import Outcome, PaymentState, Standing

S, P, V = OrderState, PaymentState, Verdict
ASKED = Money(1000, "HKD")
CAPTURED = Standing(Outcome.CAPTURED, ASKED)
DECLINED, CLOSED, PENDING = (Standing(one) for one in (Outcome.DECLINED, Outcome.CLOSED, Outcome.PENDING))


@pytest.mark.parametrize(
    ("order", "payment", "told", "found"),
    [
        (S.PENDING_PAYMENT, P.PENDING, CAPTURED, V.PAY),
        (S.EXPIRED, P.PENDING, CAPTURED, V.PAY),
        (S.EXPIRED, P.CANCELLED, CAPTURED, V.PAY),
        (S.PENDING_PAYMENT, P.DECLINED, CAPTURED, V.PAY),
        (S.PAID, P.PENDING, CAPTURED, V.GIVE_BACK),
        (S.CANCELLED, P.PENDING, CAPTURED, V.GIVE_BACK),
        (S.SHIPPED, P.DECLINED, CAPTURED, V.GIVE_BACK),
        (S.PENDING_PAYMENT, P.PENDING, DECLINED, V.DECLINE),
        (S.PENDING_PAYMENT, P.PENDING, CLOSED, V.DECLINE),
        (S.CANCELLED, P.PENDING, DECLINED, V.DECLINE),
        (S.PENDING_PAYMENT, P.DECLINED, DECLINED, V.NOTHING),
        (S.PENDING_PAYMENT, P.PENDING, PENDING, V.NOTHING),
    ],
)
def test_what_a_word_leads_to(order: S, payment: P, told: Standing, found: V) -> None:
    assert verdict(order, payment, ASKED, told) is found


@pytest.mark.parametrize("payment", [P.CAPTURED, P.PARTIALLY_REFUNDED, P.REFUNDED])
@pytest.mark.parametrize("told", [CAPTURED, DECLINED, CLOSED, PENDING])
def test_what_was_taken_is_taken(payment: P, told: Standing) -> None:
    for order in OrderState:
        assert verdict(order, payment, ASKED, told) is V.NOTHING


@pytest.mark.parametrize("amount", [None, Money(999, "HKD"), Money(1001, "HKD"), Money(1000, "CNY")])
def test_another_amount_pays_nothing(amount: Money | None) -> None:
    told = Standing(Outcome.CAPTURED, amount)
    for order in (S.PENDING_PAYMENT, S.EXPIRED, S.PAID, S.CANCELLED):
        assert verdict(order, P.PENDING, ASKED, told) is V.MISMATCH
