"""What Alipay's words mean for us."""

from __future__ import annotations

from devices.payments.fields import Fields, Garbled
from domain.money import Money, exact_minor
from domain.payments import Outcome, Standing
from domain.refusals import Text

_OUTCOMES = {
    "WAIT_BUYER_PAY": Outcome.PENDING,
    "TRADE_SUCCESS": Outcome.CAPTURED,
    "TRADE_FINISHED": Outcome.CAPTURED,
    "TRADE_CLOSED": Outcome.CLOSED,
}
_PAID_AT = ("send_pay_date", "gmt_payment")
DECLINED = Text(en="Alipay declined the payment.", zh="支付宝未能完成此次付款。")
OTHER_CURRENCY = Text(en="Alipay can't take this currency here.", zh="此处支付宝不支持该币种。")


def standing_of(trade: Fields, currency: str) -> Standing:
    """How a payment stands, by its trade in the contract's currency; raises Garbled.

    A trade is closed when nobody paid in time, and also when all that was paid was given back: that one has
    been paid at some moment.
    """
    outcome = _OUTCOMES.get(trade.text("trade_status"))
    if outcome is None:
        raise Garbled("trade_status")
    if outcome is Outcome.CLOSED and any(trade.maybe(name) for name in _PAID_AT):
        outcome = Outcome.CAPTURED
    amount = None
    if outcome is Outcome.CAPTURED:
        told = trade.maybe("trans_currency") or currency
        minor = exact_minor(trade.decimal("total_amount"), told)
        if minor is None:
            raise Garbled("total_amount")
        amount = Money(minor, told)
    return Standing(outcome, amount, trade.maybe("trade_no"))
