"""A payment provider for trying things out: what it does is said by the token of the payment."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from uuid import UUID

from domain.money import Money, exact_minor
from domain.payments import (
    NextAction,
    NotGenuine,
    Notice,
    Outcome,
    PaymentAsked,
    RefundAsked,
    RefundStanding,
    RefundState,
    Reply,
    Standing,
    Started,
    TokenRefused,
    Unreadable,
)
from domain.refusals import Text

SIGNATURE = "x-signature"
_OUTCOMES = {"captured": Outcome.CAPTURED, "declined": Outcome.DECLINED}
_LONGEST_DELAY_SECONDS = 86_400
_DECLINED = Text(en="The sandbox declined the payment.", zh="沙盒拒绝了此次付款。")

Deliver = Callable[[Mapping[str, str], bytes], Awaitable[object]]


class Sandbox:
    """ok: captured right after. decline. delay:SECONDS. double: notified twice. manual: waits for a notice.

    It keeps nothing of its own: what was asked for stands in the payment's reference. `deliver` takes its
    notices, as the webhook does.
    """

    code = "sandbox"
    at_the_till = False

    def __init__(
        self, secret: bytes, notify_url: str, clock: Callable[[], datetime], deliver: Deliver
    ) -> None:
        self._secret = secret
        self._notify_url = notify_url
        self._clock = clock
        self._deliver = deliver
        self._notifying: set[asyncio.Task[None]] = set()

    async def start(self, payment: PaymentAsked) -> Started:
        """What the token says, with the notify URL to play the provider by hand."""
        plan = payment.token or "ok"
        delay = _delay(plan)
        if plan not in ("ok", "decline", "double", "manual") and delay is None:
            raise TokenRefused
        if plan == "double":
            self._notify(payment, 0)
            self._notify(payment, 0)
        elif delay is not None:
            self._notify(payment, delay)
        action = NextAction(
            kind="sandbox",
            payload=json.dumps({"paymentId": str(payment.id), "notifyUrl": self._notify_url}),
            expires_at=payment.expires_at,
        )
        return Started(self._standing(payment, plan), action)

    async def query(self, payment: PaymentAsked) -> Standing:
        """What the token said, as of now."""
        return self._standing(payment, payment.reference or "manual")

    async def close(self, payment: PaymentAsked) -> Standing:
        """Closed, unless it was captured by now."""
        standing = await self.query(payment)
        return standing if standing.outcome is Outcome.CAPTURED else Standing(Outcome.CLOSED)

    async def refund(self, refund: RefundAsked) -> RefundStanding:
        """Done."""
        return RefundStanding(RefundState.DONE, f"sandbox-{refund.id}")

    def _standing(self, payment: PaymentAsked, plan: str) -> Standing:
        delay = _delay(plan)
        if plan == "decline":
            return Standing(Outcome.DECLINED, reference=plan, reason=_DECLINED)
        over = delay is not None and self._clock() >= payment.started_at + timedelta(seconds=delay)
        if plan in ("ok", "double") or over:
            return Standing(Outcome.CAPTURED, payment.amount, plan)
        return Standing(Outcome.PENDING, reference=plan)

    # -------------------------------------------------------------- notices

    def _notify(self, payment: PaymentAsked, after_seconds: int) -> None:
        async def notify() -> None:
            await asyncio.sleep(after_seconds)
            body = json.dumps(
                {
                    "eventId": f"{payment.id}-{id(task)}",
                    "paymentId": str(payment.id),
                    "outcome": "captured",
                    "amount": str(payment.amount.amount),
                    "currencyCode": payment.amount.currency_code,
                }
            ).encode()
            await self._deliver({SIGNATURE: self.signature(body)}, body)

        task = asyncio.create_task(notify(), name="sandbox notice")
        self._notifying.add(task)
        task.add_done_callback(self._notifying.discard)

    async def stop(self) -> None:
        """Sends no more notices; whoever waits for one asks."""
        for task in self._notifying:
            task.cancel()
        await asyncio.gather(*self._notifying, return_exceptions=True)

    def signature(self, body: bytes) -> str:
        """The signature of a notice: HMAC-SHA256 in hex."""
        return hmac.new(self._secret, body, hashlib.sha256).hexdigest()

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """The payment that was captured or declined; raises NotGenuine, Unreadable."""
        told = headers.get(SIGNATURE, "")
        if not hmac.compare_digest(told.encode("utf-8", "replace"), self.signature(body).encode()):
            raise NotGenuine
        try:
            notice = json.loads(body)
            outcome = _OUTCOMES[notice["outcome"]]
            amount = _amount(notice) if outcome is Outcome.CAPTURED else None
            event_id, payment_id = notice["eventId"], UUID(notice["paymentId"])
        except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation, RecursionError) as error:
            raise Unreadable from error
        if not isinstance(event_id, str) or not 1 <= len(event_id) <= 200 or "\0" in event_id:
            raise Unreadable
        reason = _DECLINED if outcome is Outcome.DECLINED else None
        return Notice(event_id, payment_id, Standing(outcome, amount, reason=reason))

    def reply(self, refused: Text | None) -> Reply:
        """JSON that says whether the notice was taken."""
        if refused is None:
            return Reply(200, b'{"status":"taken"}')
        return Reply(409, json.dumps({"status": "refused", "reason": refused.en}).encode())


def _delay(plan: str) -> int | None:
    word, _, seconds = plan.partition(":")
    if word != "delay" or not (seconds.isascii() and seconds.isdigit() and len(seconds) < 6):
        return None
    return min(int(seconds), _LONGEST_DELAY_SECONDS)


def _amount(notice: Mapping[str, str]) -> Money:
    currency = notice["currencyCode"]
    minor = exact_minor(Decimal(notice["amount"]), currency)
    if minor is None:
        raise ValueError(notice["amount"])
    return Money(minor, currency)
