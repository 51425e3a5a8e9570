"""The word that providers give most often: paid, in time. Many at once are written in one transaction.

Whatever is not quite so goes the long way, through `settling.settle`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from domain.money import Money
from domain.news import News
from domain.orders.settlement import Verdict, verdict
from domain.orders.states import FulfilmentKind, OrderState
from domain.payments import Notice, PaymentState
from persistence.news import outbox
from persistence.orders.tables import SalesOrder
from persistence.payments import captures
from persistence.payments.tables import Payment
from resolvers.house import House

PAID_FOR = datetime.fromisoformat("9999-01-01T00:00:00+00:00")
"""Until when goods are kept that were paid: until they are handed over."""
_IN_TIME = timedelta(seconds=5)
"""So long before its end nobody ends a hold, however far the clocks of two processes are apart."""


class Told(NamedTuple):
    """A notice, and the provider that sent it."""

    provider: str
    notice: Notice


async def capture(house: House, told: Sequence[Told]) -> list[bool | Exception]:
    """For each notice, whether it had the usual effect, committed; of the others nothing was written."""
    async with house.database.transaction() as db:
        now = house.clock()
        payments, orders = await captures.locked(db, [one.notice.payment_id for one in told])
        usual: dict[Told, SalesOrder] = {}
        paid: set[UUID] = set()
        for one in told:
            payment = payments.get(one.notice.payment_id)
            order = None if payment is None else orders.get(payment.order_id)
            if payment is None or order is None or order.id in paid:
                continue
            if payment.provider == one.provider and _is_usual(order, payment, one.notice, now):
                usual[one] = order
                paid.add(order.id)
        if not usual:
            return [False] * len(told)
        done = await captures.capture(
            db,
            [
                captures.Captured(
                    one.notice.payment_id,
                    order.id,
                    one.provider,
                    one.notice.event_id,
                    one.notice.standing.reference,
                )
                for one, order in usual.items()
            ],
            keep_until=PAID_FOR,
            now=now,
        )
        effective = [one for one in usual if one.notice.payment_id in done]
        await outbox.write(
            db,
            [
                News.of_order(order.id, "paymentCaptured", channel=order.channel, store=order.store)
                for order in (usual[one] for one in effective)
            ],
        )
    house.hub.nudge()
    return [one in effective for one in told]


def _is_usual(order: SalesOrder, payment: Payment, notice: Notice, now: datetime) -> bool:
    """Whether a notice pays a delivery in time; what a member buys has points to settle."""
    asked = Money(payment.amount_minor, payment.currency_code)
    return (
        verdict(order.state, payment.state, asked, notice.standing) is Verdict.PAY
        and order.state is OrderState.PENDING_PAYMENT
        and payment.state is PaymentState.PENDING
        and order.held_until is not None
        and order.held_until > now + _IN_TIME
        and order.fulfilment is FulfilmentKind.DELIVERY
        and order.member is None
    )
