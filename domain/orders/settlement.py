"""What a provider's word means for an order, whenever it comes and however often."""

from __future__ import annotations

from enum import StrEnum

from domain.money import Money
from domain.orders.states import OrderState
from domain.payments import Outcome, PaymentState, Standing


class Verdict(StrEnum):
    """What is to be done."""

    NOTHING = "NOTHING"
    """Known already, or overtaken by what is known."""
    PAY = "PAY"
    """The order is paid, if its goods are still there."""
    GIVE_BACK = "GIVE_BACK"
    """The money came for an order that can't use it any more."""
    DECLINE = "DECLINE"
    """The attempt has failed; the order may be paid otherwise."""
    MISMATCH = "MISMATCH"
    """Another amount was taken than was asked for: a person has to look."""


_OPEN = (PaymentState.PENDING, PaymentState.AUTHORISED)
_FAILED = (PaymentState.DECLINED, PaymentState.CANCELLED)
_UNPAID = (OrderState.PENDING_PAYMENT, OrderState.EXPIRED)


def verdict(order: OrderState, payment: PaymentState, asked: Money, told: Standing) -> Verdict:
    """What to do when a provider tells how a payment stands.

    Words come late, twice and out of order: money that was taken is taken whatever was said of it before, and
    nothing that is said later undoes it.
    """
    if payment not in _OPEN and payment not in _FAILED:
        return Verdict.NOTHING
    if told.outcome is Outcome.CAPTURED:
        if told.amount != asked:
            return Verdict.MISMATCH
        return Verdict.PAY if order in _UNPAID else Verdict.GIVE_BACK
    if told.outcome is Outcome.PENDING or payment not in _OPEN:
        return Verdict.NOTHING
    return Verdict.DECLINE
