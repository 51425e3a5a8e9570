"""What becomes of orders when providers tell of payments, or when nobody pays in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import structlog

from domain.baskets import Reduction, is_loyalty_source
from domain.inventory import Demand
from domain.money import Money
from domain.news import News, Topic
from domain.orders.numbers import number_of
from domain.orders.settlement import Verdict, verdict
from domain.orders.states import FulfilmentKind, OrderState
from domain.payments import (
    Notice,
    Outcome,
    PaymentAsked,
    PaymentState,
    ProviderAway,
    RefundAsked,
    RefundNotice,
    RefundState,
    Standing,
    Started,
)
from persistence.inventory import holds
from persistence.news import outbox
from persistence.orders import reads as orders_db
from persistence.orders import writes as order_writes
from persistence.orders.tables import SalesOrder
from persistence.payments import writes as payments_db
from persistence.payments.tables import Payment, StoredAction
from persistence.promotions import budgets
from resolvers.attribution.crediting import credit
from resolvers.context import Work
from resolvers.house import House
from resolvers.loyalty import orders as loyalty
from resolvers.orders.capturing import PAID_FOR, Told, capture
from resolvers.orders.sourcing import keep
from resolvers.pickup.desk import request_pickup

_log = structlog.get_logger("shelfgraph.payments")

ASK_AFTER = timedelta(seconds=15)
"""How long a provider is given to notify by itself."""
_ASK_AGAIN = timedelta(seconds=60)
_BATCH = 100


class Settled(NamedTuple):
    """What a provider's word led to; `payment` is the one it was about."""

    verdict: Verdict
    payment_id: UUID


def asked_of(payment: Payment, order: SalesOrder) -> PaymentAsked:
    """A payment as its provider is asked for it."""
    return PaymentAsked(
        id=payment.id,
        order_number=number_of(order.serial),
        amount=Money(payment.amount_minor, payment.currency_code),
        token=payment.token,
        started_at=payment.started_at,
        expires_at=payment.expires_at,
        reference=payment.reference,
    )


def order_news(order: SalesOrder, cause: str) -> News:
    """News of an order."""
    return News.of_order(order.id, cause, channel=order.channel, store=order.store)


def stock_news(demands: Sequence[Demand], cause: str) -> list[News]:
    """News of the stock that an order took or gave back."""
    return [News(Topic.STOCK, cause, sku=demand.sku, store=demand.store) for demand in demands]


def uses_of(reductions: Sequence[Reduction]) -> list[budgets.Use]:
    """The promotions behind what was taken off, as their budgets count them."""
    return [
        budgets.Use(one.source, one.amount_minor) for one in reductions if not is_loyalty_source(one.source)
    ]


async def let_go(work: Work, order: SalesOrder, cause: str) -> None:
    """Gives back what an order that comes to nothing has kept: coupon, points, goods, and budgets."""
    work.announce(*stock_news(await holds.release(work.db, order.id, now=work.now), cause))
    await budgets.give_back(work.db, _uses(order), order.member)
    await loyalty.give_back(work, order)


def _uses(order: SalesOrder) -> list[budgets.Use]:
    return [
        budgets.Use(one["source"], one["amount"])
        for one in order.discounts
        if not is_loyalty_source(one["source"])
    ]


# ------------------------------------------------------------------ a provider's word


async def settle(
    house: House,
    payment_id: UUID,
    told: Standing,
    *,
    started: Started | None = None,
    notice: Notice | None = None,
    provider: str | None = None,
) -> Settled | None:
    """What a provider's word led to, committed; None when it is about no payment of this provider.

    `started` is kept with it, when the word is the answer to a start; `notice`, when it came as one: each is
    acted upon once. Money that came for nothing is on its way back when this returns.
    """
    refund_ids: list[UUID] = []
    async with house.database.transaction() as db:
        order = await order_writes.lock_of_payment(db, payment_id)
        payment = None if order is None else await payments_db.payment(db, payment_id)
        if order is None or payment is None or provider not in (None, payment.provider):
            return None
        work = Work(db, house.clock())
        found = verdict(order.state, payment.state, Money(payment.amount_minor, payment.currency_code), told)
        if found is Verdict.PAY and order.refunded_minor:
            found = Verdict.GIVE_BACK  # its money went back once: it is over for good
        if started is not None:
            begun = payments_db.Begun(payment.id, told.reference, stored_action(started))
            await payments_db.started_many(db, [begun])
        if notice is None or await payments_db.hear(
            db,
            provider=payment.provider,
            event_id=notice.event_id,
            payment_id=payment.id,
            outcome=told.outcome,
            heard_at=work.now,
        ):
            refund_ids = await _act(work, house, order, payment, told, found)
        news_id = await outbox.write(db, work.news)
    if news_id is not None:
        house.hub.nudge()
    await give_back(house, refund_ids)
    return Settled(found, payment_id)


async def _act(
    work: Work, house: House, order: SalesOrder, payment: Payment, told: Standing, found: Verdict
) -> list[UUID]:
    """Does what a verdict says; answers the refunds that are to be asked for once that is committed."""
    if found is Verdict.PAY:
        return await _pay(work, house, order, payment, told)
    if found is Verdict.GIVE_BACK:
        return [await _return_money(work, order, payment, told, "paymentNotNeeded")]
    if found is Verdict.DECLINE:
        await _decline(work, order, payment, told)
    elif found is Verdict.MISMATCH and not order.flagged:
        note = f"{told.amount} instead of {Money(payment.amount_minor, payment.currency_code)}"
        await order_writes.change(
            work.db,
            order,
            event="paymentAmountMismatch",
            by=payment.provider,
            note=note,
            at=work.now,
            flagged=True,
        )
        work.announce(order_news(order, "paymentAmountMismatch"))
    return []


async def _pay(work: Work, house: House, order: SalesOrder, payment: Payment, told: Standing) -> list[UUID]:
    if not await _keep_what_is_paid(work, house, order):
        return [await _return_money(work, order, payment, told, "paymentTooLate")]
    state = OrderState.PAID
    if order.fulfilment is FulfilmentKind.CARRY_OUT:
        await hand_over(work, order, by=payment.provider)
        state = OrderState.COMPLETED
    await payments_db.settle(
        work.db,
        payment.id,
        state=PaymentState.CAPTURED,
        captured_minor=payment.amount_minor,
        reference=told.reference,
    )
    await loyalty.keep(work, order)
    await order_writes.change(
        work.db,
        order,
        event="paid",
        by=payment.provider,
        at=work.now,
        state=state,
        payment_state=PaymentState.CAPTURED,
    )
    work.announce(order_news(order, "paymentCaptured"))
    await credit(work, order.id, order, order.total_minor)
    if order.fulfilment is FulfilmentKind.PICKUP and order.fulfilment_store is not None:
        await request_pickup(work, house, order.id, order.fulfilment_store)
    return []


async def _keep_what_is_paid(work: Work, house: House, order: SalesOrder) -> bool:
    """Whether the goods are kept for good: those that were held, or as many others if these went."""
    if await holds.extend(work.db, order.id, PAID_FOR):
        return True
    try:
        # What a late payer would have again is had whole or not at all.
        async with work.db.transaction():
            await _have_again(work, house, order)
    except _GoneError:
        return False
    return True


class _GoneError(Exception):
    """Something of a late payer's order can't be had any more."""


async def _have_again(work: Work, house: House, order: SalesOrder) -> None:
    lines = (await orders_db.lines_by_order(work.db, [order.id]))[order.id]
    channel = await house.directory.channel(order.channel)
    if channel is None:
        raise _GoneError
    if order.state is OrderState.EXPIRED and await budgets.take(work.db, _uses(order), order.member):
        raise _GoneError
    await holds.release(work.db, order.id, now=work.now)
    demands, shortages = await keep(
        work.db,
        house,
        {line.sku: line.quantity for line in lines},
        store=order.fulfilment_store or order.store,
        channel=order.channel,
        policy=channel.stock_policy,
        holder=order.id,
        until=PAID_FOR,
        now=work.now,
    )
    if shortages or not await loyalty.hold_again(work, order):
        raise _GoneError
    work.announce(*stock_news(demands, "paymentCaptured"))


async def hand_over(work: Work, order: SalesOrder, *, by: str) -> None:
    """Takes an order's goods out of the store: what was reserved for it is sold."""
    sold = await holds.sell(work.db, order.id, reference=number_of(order.serial), moved_by=by, now=work.now)
    work.announce(*stock_news(sold, "sale"))


async def _return_money(work: Work, order: SalesOrder, payment: Payment, told: Standing, event: str) -> UUID:
    """The refund of a payment that an order can't use; an order that nobody paid otherwise is over."""
    await payments_db.settle(
        work.db,
        payment.id,
        state=PaymentState.CAPTURED,
        captured_minor=payment.amount_minor,
        reference=told.reference,
    )
    refund_id = await payments_db.refund(
        work.db, payment, payment.amount_minor, reason=event, by_hand=False, at=work.now
    )
    unpaid = order.state in (OrderState.PENDING_PAYMENT, OrderState.EXPIRED, OrderState.CANCELLED)
    is_first = unpaid and order.refunded_minor == 0
    if order.state is OrderState.PENDING_PAYMENT:
        await let_go(work, order, event)
    await order_writes.change(
        work.db,
        order,
        event=event,
        by=payment.provider,
        at=work.now,
        state=OrderState.EXPIRED if order.state is OrderState.PENDING_PAYMENT else order.state,
        payment_state=PaymentState.REFUNDED if is_first else None,
        refunded_minor=payment.amount_minor if is_first else 0,
    )
    work.announce(order_news(order, event))
    return refund_id


async def _decline(work: Work, order: SalesOrder, payment: Payment, told: Standing) -> None:
    closed = told.outcome is Outcome.CLOSED
    state = PaymentState.CANCELLED if closed else PaymentState.DECLINED
    await payments_db.settle(work.db, payment.id, state=state, captured_minor=0, reference=told.reference)
    if closed or order.state is not OrderState.PENDING_PAYMENT:
        return
    others = [one for one in await payments_db.of_order(work.db, order.id) if one.id != payment.id]
    waits = any(one.state is PaymentState.PENDING for one in others)
    await order_writes.change(
        work.db,
        order,
        event="paymentDeclined",
        by=payment.provider,
        note=None if told.reason is None else told.reason.en,
        at=work.now,
        payment_state=None if waits else PaymentState.DECLINED,
    )
    work.announce(order_news(order, "paymentDeclined"))


async def keep_started(house: House, started: Sequence[tuple[UUID, Started]]) -> Sequence[None]:
    """Keeps what providers answered to the starts of payments, which wait still."""
    async with house.database.connection() as db:
        await payments_db.started_many(
            db,
            [
                payments_db.Begun(payment_id, one.standing.reference, stored_action(one))
                for payment_id, one in started
            ],
        )
    return [None] * len(started)


def stored_action(started: Started) -> StoredAction | None:
    """What the client does next, as it is kept."""
    action = started.next_action
    if action is None:
        return None
    return StoredAction(kind=action.kind, payload=action.payload, expires_at=action.expires_at.isoformat())


# ------------------------------------------------------------------ money on its way back


async def refund(work: Work, house: House, order: SalesOrder, amount_minor: int, reason: str) -> list[UUID]:
    """The ids of the refunds that give back so much of what was paid for an order."""
    ids: list[UUID] = []
    for payment in await payments_db.of_order(work.db, order.id):
        part = min(amount_minor, payment.captured_minor - payment.refunded_minor)
        if part <= 0:
            continue
        # What a marketplace took it gives back itself.
        by_hand = payment.provider not in house.tills.providers
        ids.append(
            await payments_db.refund(work.db, payment, part, reason=reason, by_hand=by_hand, at=work.now)
        )
        amount_minor -= part
    if amount_minor:
        raise LookupError(f"order {order.id} gives back {amount_minor} more than was paid for it")
    return ids


async def give_back(house: House, refund_ids: Sequence[UUID]) -> None:
    """Asks the providers for refunds; what one does not answer for stays pending, and is asked again."""
    if not refund_ids:
        return
    async with house.database.connection() as db:
        rows = await payments_db.refunds(db, refund_ids)
    for row in rows:
        async with house.database.connection() as db:
            payment = await payments_db.payment(db, row.payment_id)
            order = (await orders_db.orders_by_id(db, [row.order_id])).get(row.order_id)
        if payment is None or order is None or row.state is not RefundState.PENDING:
            continue
        provider = house.tills.providers.get(payment.provider)
        if provider is None:
            _log.error("nobody to ask for a refund", provider=payment.provider, refund=str(row.id))
            continue
        asked = RefundAsked(
            id=row.id,
            payment=asked_of(payment, order),
            amount=Money(row.amount_minor, row.currency_code),
            reason=row.reason,
        )
        try:
            standing = await provider.refund(asked)
        except ProviderAway:
            _log.warning("a refund waits for its provider", provider=payment.provider, refund=str(row.id))
            continue
        await settle_refund(house, row.id, standing.state, standing.reference)


async def settle_refund(house: House, refund_id: UUID, state: RefundState, reference: str | None) -> bool:
    """Keeps what a provider says of a refund; False when there is none that was waiting for it."""
    if state is RefundState.PENDING:
        return True
    async with house.database.transaction() as db:
        order_id = await payments_db.refunded(db, refund_id, state, reference=reference, ask_at=None)
        order = None if order_id is None else await order_writes.lock(db, order_id)
        if order is None:
            return False
        done = state is RefundState.DONE
        cause = "refunded" if done else "refundFailed"
        await order_writes.change(
            db, order, event=cause, by=None, at=house.clock(), note=reference, flagged=not done
        )
        await outbox.write(db, [order_news(order, cause)])
    house.hub.nudge()
    return True


async def heard(house: House, provider: str, notice: Notice | RefundNotice) -> Verdict | None:
    """What a notice led to; None when it is about nothing we know."""
    if isinstance(notice, RefundNotice):
        known = await settle_refund(house, notice.refund_id, notice.standing.state, notice.standing.reference)
        return Verdict.NOTHING if known else None
    if await house.together(capture, Told(provider, notice)):
        return Verdict.PAY
    settled = await settle(house, notice.payment_id, notice.standing, notice=notice, provider=provider)
    return None if settled is None else settled.verdict


# ------------------------------------------------------------------ by the clock


async def expire(house: House) -> int:
    """How many orders were written down as over, because nobody paid them in time; their goods are free."""
    async with house.database.transaction() as db:
        work = Work(db, house.clock())
        overdue = await order_writes.overdue(db, work.now, _BATCH)
        for order in overdue:
            await order_writes.change(
                db,
                order,
                event="expired",
                by=None,
                at=work.now,
                state=OrderState.EXPIRED,
                payment_state=PaymentState.CANCELLED,
            )
            work.announce(order_news(order, "orderExpired"))
            await let_go(work, order, "orderExpired")
        await outbox.write(db, work.news)
    if overdue:
        house.hub.nudge()
    return len(overdue)


async def ask(house: House) -> int:
    """How many payments and refunds their providers were asked about, because no notice came."""
    now = house.clock()
    async with house.database.connection() as db:
        due = await payments_db.due(db, now, ask_again_at=now + _ASK_AGAIN, limit=_BATCH)
        refund_ids = await payments_db.due_refunds(db, now, ask_again_at=now + _ASK_AGAIN, limit=_BATCH)
    for payment_id in due:
        await _ask_about(house, payment_id)
    await give_back(house, refund_ids)
    return len(due) + len(refund_ids)


async def _ask_about(house: House, payment_id: UUID) -> None:
    async with house.database.connection() as db:
        payment = await payments_db.payment(db, payment_id)
        order = None
        if payment is not None:
            order = (await orders_db.orders_by_id(db, [payment.order_id])).get(payment.order_id)
    if payment is None or order is None:
        return
    provider = house.tills.providers.get(payment.provider)
    if provider is None:
        return
    asked, waits = asked_of(payment, order), order.state is OrderState.PENDING_PAYMENT
    try:
        standing = await (provider.query(asked) if waits else provider.close(asked))
    except ProviderAway:
        return
    await settle(house, payment_id, standing)
