"""WeChat Pay as a payment provider."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime

from devices.payments.fields import Fields, Garbled
from devices.payments.line import Line
from devices.payments.moments import BEIJING
from devices.payments.wechat_pay.actions import Way, payload_of, way_of
from devices.payments.wechat_pay.merchant import Merchant
from devices.payments.wechat_pay.wire import Wire
from devices.payments.wechat_pay.words import DECLINED, ONLY_CNY, refund_of, standing_of
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

_PAYMENTS = "/v3/pay/transactions"
_REFUNDS = "/v3/refund/domestic/refunds"
_ABSENT = 404
_LONGEST_REASON = 80  # bytes


class WeChatPay:
    """Payments in a mini-program or WeChat's browser (JSAPI), by QR code (native), and in an app.

    A payment's number there is its id in 32 hex digits, a refund's likewise.
    """

    code = "wechat_pay"
    at_the_till = False

    def __init__(self, merchant: Merchant, line: Line, clock: Callable[[], datetime]) -> None:
        self._merchant = merchant
        self._line = line
        self._clock = clock
        self._wire = Wire(merchant, line, clock)

    async def start(self, payment: PaymentAsked) -> Started:
        """Pending, with what the SDK takes; declined for another currency than CNY.

        Raises TokenRefused, ProviderAway.
        """
        way = way_of(payment.token, self._merchant)
        if payment.amount.currency_code != "CNY":
            return Started(Standing(Outcome.DECLINED, reason=ONLY_CNY))
        answered = await self._wire.call("POST", f"{_PAYMENTS}/{way.kind}", self._order(payment, way))
        if answered.refused is not None:
            return Started(await self._refused(payment))
        moment = str(int(self._clock().timestamp()))
        try:
            payload = payload_of(
                way, answered.fields, merchant=self._merchant, wire=self._wire, moment=moment
            )
        except Garbled as error:
            raise ProviderAway("no order was made") from error
        action = NextAction(f"wechat_pay_{way.kind}", json.dumps(payload), payment.expires_at)
        return Started(Standing(Outcome.PENDING), action)

    def _order(self, payment: PaymentAsked, way: Way) -> dict[str, object]:
        order: dict[str, object] = {
            "appid": way.app_id,
            "mchid": self._merchant.merchant_id,
            "description": f"订单 {payment.order_number}",
            "out_trade_no": payment.id.hex,
            "time_expire": payment.expires_at.astimezone(BEIJING).isoformat(timespec="seconds"),
            "notify_url": self._merchant.notify_url,
            "amount": {"total": payment.amount.minor_units, "currency": "CNY"},
        }
        if way.openid is not None:
            order["payer"] = {"openid": way.openid}
        return order

    async def _refused(self, payment: PaymentAsked) -> Standing:
        """How a payment stands whose start was refused: paid by an earlier start, or not to be paid."""
        standing = await self._standing(payment)
        if standing is not None and standing.outcome is not Outcome.PENDING:
            return standing
        return Standing(Outcome.DECLINED, reason=DECLINED)

    async def query(self, payment: PaymentAsked) -> Standing:
        """As WeChat Pay has it; pending when it knows nothing of the payment."""
        return await self._standing(payment) or Standing(Outcome.PENDING)

    async def _standing(self, payment: PaymentAsked) -> Standing | None:
        """How a payment stands, None when there is none."""
        merchant_id = self._merchant.merchant_id
        path = f"{_PAYMENTS}/out-trade-no/{payment.id.hex}?mchid={merchant_id}"
        answered = await self._wire.call("GET", path)
        if answered.status == _ABSENT:
            return None
        try:
            if answered.refused is not None or answered.fields.uuid("out_trade_no") != payment.id:
                raise Garbled("out_trade_no")
            return standing_of(answered.fields)
        except Garbled as error:
            raise ProviderAway("an answer to something else") from error

    async def close(self, payment: PaymentAsked) -> Standing:
        """Closed, for what never came to be too; else as WeChat Pay has it."""
        path = f"{_PAYMENTS}/out-trade-no/{payment.id.hex}/close"
        answered = await self._wire.call("POST", path, {"mchid": self._merchant.merchant_id})
        if answered.refused is None or answered.status == _ABSENT:
            return Standing(Outcome.CLOSED)
        return await self._standing(payment) or Standing(Outcome.CLOSED)

    async def refund(self, refund: RefundAsked) -> RefundStanding:
        """As WeChat Pay has it, by our refund number; pending while the merchant's balance is too low."""
        asked: dict[str, object] = {
            "out_trade_no": refund.payment.id.hex,
            "out_refund_no": refund.id.hex,
            "reason": refund.reason.encode()[:_LONGEST_REASON].decode(errors="ignore"),
            "notify_url": self._merchant.notify_url,
            "amount": {
                "refund": refund.amount.minor_units,
                "total": refund.payment.amount.minor_units,
                "currency": refund.amount.currency_code,
            },
        }
        answered = await self._wire.call("POST", _REFUNDS, asked)
        if answered.refused is not None:
            # What was refused may have been granted when it was asked before.
            before = await self._wire.call("GET", f"{_REFUNDS}/{refund.id.hex}")
            if before.refused is not None:
                is_broke = answered.refused == "NOT_ENOUGH"
                return RefundStanding(RefundState.PENDING if is_broke else RefundState.FAILED)
            answered = before
        try:
            if answered.fields.uuid("out_refund_no") != refund.id:
                raise Garbled("out_refund_no")
            return refund_of(answered.fields, "status")
        except Garbled as error:
            raise ProviderAway("an answer to something else") from error

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice | RefundNotice:
        """The payment or the refund of ours that a notice tells of; raises NotGenuine, Unreadable."""
        self._wire.check(headers, body)
        try:
            notice = Fields.of_json(body)
            told = self._wire.open(notice.inner("resource"))
            if told.text("mchid") != self._merchant.merchant_id:
                raise Unreadable("about another merchant")
            event_id, kind = notice.text("id"), notice.text("event_type").partition(".")[0]
            if kind == "REFUND":
                return RefundNotice(event_id, told.uuid("out_refund_no"), refund_of(told, "refund_status"))
            return Notice(event_id, told.uuid("out_trade_no"), standing_of(told))
        except Garbled as error:
            raise Unreadable(str(error)) from error

    def reply(self, refused: Text | None) -> Reply:
        """JSON; a notice that was not taken comes again for a day."""
        if refused is None:
            return Reply(200, b'{"code":"SUCCESS","message":"OK"}')
        return Reply(500, json.dumps({"code": "FAIL", "message": refused.zh}, ensure_ascii=False).encode())

    async def stop(self) -> None:
        """Lets the connections go."""
        await self._line.stop()
