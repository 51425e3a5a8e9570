"""Alipay as a payment provider."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import urlencode

from devices.payments.alipay.merchant import Merchant
from devices.payments.alipay.ways import PRODUCTS, Asked, Way, asked_by
from devices.payments.alipay.wire import Wire
from devices.payments.alipay.words import DECLINED, OTHER_CURRENCY, standing_of
from devices.payments.fields import Fields, Garbled
from devices.payments.line import Line
from devices.payments.moments import stamp
from domain.payments import (
    NextAction,
    Notice,
    Outcome,
    PaymentAsked,
    ProviderAway,
    RefundAsked,
    RefundNotice,
    RefundStanding,
    RefundState,
    Reply,
    Standing,
    Started,
    Unreadable,
)
from domain.refusals import Text

_ABSENT = "ACQ.TRADE_NOT_EXIST"
_BROKE = "ACQ.SELLER_BALANCE_NOT_ENOUGH"
_LONGEST_REASON = 256


class Alipay:
    """Payments by QR code, on a page, in a phone's browser, in an app and in a mini-program.

    A payment's number there is its id in 32 hex digits, a refund's likewise. Only QR codes and mini-programs
    are asked for; the others are signed here, and Alipay hears of them from the shopper.
    """

    code = "alipay"
    at_the_till = False

    def __init__(self, merchant: Merchant, line: Line, clock: Callable[[], datetime]) -> None:
        self._merchant = merchant
        self._line = line
        self._clock = clock
        self._wire = Wire(merchant, line, clock)

    async def start(self, payment: PaymentAsked) -> Started:
        """Pending, with what the client opens; declined for another currency than the contract's.

        Raises TokenRefused, ProviderAway.
        """
        asked = asked_by(payment.token)
        if payment.amount.currency_code != self._merchant.currency:
            return Started(Standing(Outcome.DECLINED, reason=OTHER_CURRENCY))
        order = self._order(payment, asked)
        if asked.way in (Way.QR, Way.MINI_PROGRAM):
            answered = await self._wire.call(asked.way, order, notify=True)
            if answered.refused is not None:
                return Started(await self._refused(payment))
            payload = _payload(asked.way, answered.fields)
        else:
            query = urlencode(self._wire.signed(asked.way, order, notify=True))
            whole = asked.way is Way.APP
            payload = {"orderString": query} if whole else {"url": f"{self._merchant.gateway}?{query}"}
        action = NextAction(f"alipay_{asked.way.name.lower()}", json.dumps(payload), payment.expires_at)
        return Started(Standing(Outcome.PENDING), action)

    def _order(self, payment: PaymentAsked, asked: Asked) -> dict[str, object]:
        order: dict[str, object] = {
            "out_trade_no": payment.id.hex,
            "total_amount": str(payment.amount.amount),
            "subject": f"订单 {payment.order_number}",
            "product_code": PRODUCTS[asked.way],
            "time_expire": stamp(payment.expires_at),
        }
        if self._merchant.currency != "CNY":
            order |= {"trans_currency": self._merchant.currency, "settle_currency": self._merchant.currency}
        if asked.payer is not None:
            order |= {asked.payer[0]: asked.payer[1], "op_app_id": self._merchant.app_id}
        return order

    async def _refused(self, payment: PaymentAsked) -> Standing:
        """How a payment stands whose start was refused: paid by an earlier start, or not to be paid."""
        standing = await self._standing(payment)
        if standing is not None and standing.outcome is not Outcome.PENDING:
            return standing
        return Standing(Outcome.DECLINED, reason=DECLINED)

    async def query(self, payment: PaymentAsked) -> Standing:
        """As Alipay has it; pending until the shopper opens it, for Alipay knows nothing of it before."""
        return await self._standing(payment) or Standing(Outcome.PENDING)

    async def _standing(self, payment: PaymentAsked) -> Standing | None:
        """How a payment stands, None when there is none."""
        answered = await self._wire.call("alipay.trade.query", {"out_trade_no": payment.id.hex})
        if answered.refused == _ABSENT:
            return None
        try:
            if answered.refused is not None or answered.fields.uuid("out_trade_no") != payment.id:
                raise Garbled("out_trade_no")
            return standing_of(answered.fields, self._merchant.currency)
        except Garbled as error:
            raise ProviderAway("an answer to something else") from error

    async def close(self, payment: PaymentAsked) -> Standing:
        """Closed, or as Alipay has it.

        What the shopper has not opened can't be closed: it is pending until its time is over, then closed.
        """
        answered = await self._wire.call("alipay.trade.close", {"out_trade_no": payment.id.hex})
        if answered.refused is None:
            return Standing(Outcome.CLOSED)
        standing = await self._standing(payment)
        if standing is None:
            is_over = self._clock() >= payment.expires_at
            return Standing(Outcome.CLOSED if is_over else Outcome.PENDING)
        return standing

    async def refund(self, refund: RefundAsked) -> RefundStanding:
        """Done, by our refund number; pending while the merchant's balance is too low."""
        numbers = {"out_trade_no": refund.payment.id.hex, "out_request_no": refund.id.hex}
        answered = await self._wire.call(
            "alipay.trade.refund",
            {
                **numbers,
                "refund_amount": str(refund.amount.amount),
                "refund_reason": refund.reason[:_LONGEST_REASON],
            },
        )
        if answered.refused is None and answered.fields.maybe("fund_change") == "Y":
            return RefundStanding(RefundState.DONE, answered.fields.maybe("trade_no"))
        # Nothing moved by this call: an earlier one may have moved it.
        before = await self._wire.call("alipay.trade.fastpay.refund.query", numbers)
        if before.refused is None and before.fields.maybe("refund_status") == "REFUND_SUCCESS":
            return RefundStanding(RefundState.DONE, before.fields.maybe("trade_no"))
        waits = answered.refused in (None, _BROKE)
        return RefundStanding(RefundState.PENDING if waits else RefundState.FAILED)

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice | RefundNotice:
        """The payment or the refund of ours that a notice tells of; raises NotGenuine, Unreadable."""
        form = self._wire.read_form(body)
        try:
            event_id = form.text("notify_id")
            if form.maybe("gmt_refund") is not None and form.maybe("out_biz_no") is not None:
                done = RefundStanding(RefundState.DONE, form.maybe("trade_no"))
                return RefundNotice(event_id, form.uuid("out_biz_no"), done)
            standing = standing_of(form, self._merchant.currency)
            return Notice(event_id, form.uuid("out_trade_no"), standing)
        except Garbled as error:
            raise Unreadable(str(error)) from error

    def reply(self, refused: Text | None) -> Reply:
        """The word "success"; after any other a notice comes again for a day."""
        return Reply(200, b"success" if refused is None else b"failure", "text/plain")

    async def stop(self) -> None:
        """Lets the connections go."""
        await self._line.stop()


def _payload(way: Way, granted: Fields) -> dict[str, str]:
    try:
        if way is Way.QR:
            return {"codeUrl": granted.text("qr_code")}
        return {"tradeNO": granted.text("trade_no")}
    except Garbled as error:
        raise ProviderAway("no order was made") from error
