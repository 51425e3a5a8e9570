"""What WeChat Pay's words mean for us."""

from __future__ import annotations

from devices.payments.fields import Fields, Garbled
from domain.money import Money
from domain.payments import Outcome, RefundStanding, RefundState, Standing
from domain.refusals import Text

_OUTCOMES = {
    "SUCCESS": Outcome.CAPTURED,
    "REFUND": Outcome.CAPTURED,  # paid, and some of it given back since: refunds are told apart from it
    "NOTPAY": Outcome.PENDING,
    "USERPAYING": Outcome.PENDING,
    "ACCEPT": Outcome.PENDING,
    "CLOSED": Outcome.CLOSED,
    "REVOKED": Outcome.CLOSED,
    "PAYERROR": Outcome.DECLINED,
}
_REFUNDS = {
    "SUCCESS": RefundState.DONE,
    "PROCESSING": RefundState.PENDING,
    "CLOSED": RefundState.FAILED,
    "ABNORMAL": RefundState.FAILED,
}
DECLINED = Text(en="WeChat Pay declined the payment.", zh="微信支付未能完成此次付款。")
ONLY_CNY = Text(en="WeChat Pay takes CNY only.", zh="微信支付仅支持人民币。")


def standing_of(transaction: Fields) -> Standing:
    """How a payment stands, by its transaction; raises Garbled, for a state we have no word for too."""
    outcome = _OUTCOMES.get(transaction.text("trade_state"))
    if outcome is None:
        raise Garbled("trade_state")
    amount = None
    if outcome is Outcome.CAPTURED:
        taken = transaction.inner("amount")
        amount = Money(taken.whole("total"), taken.maybe("currency") or "CNY")
    reason = DECLINED if outcome is Outcome.DECLINED else None
    return Standing(outcome, amount, transaction.maybe("transaction_id"), reason)


def refund_of(refund: Fields, state: str) -> RefundStanding:
    """How a refund stands; `state` names its field. Raises Garbled."""
    found = _REFUNDS.get(refund.text(state))
    if found is None:
        raise Garbled(state)
    return RefundStanding(found, refund.maybe("refund_id"))
