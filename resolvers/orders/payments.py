"""Asking a provider for a payment: outside of every transaction, between two of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import strawberry

from domain.access import CART_USERS, PrincipalKind
from domain.money import Money
from domain.orders.states import OrderState
from domain.payments import (
    Outcome,
    PaymentAsked,
    PaymentProvider,
    PaymentState,
    ProviderAway,
    Standing,
    Started,
    TokenRefused,
)
from domain.refusals import Refusal, RefusalCode, Refused, RequestCode, RequestError, Text
from persistence.orders import reads as orders_db
from persistence.orders.tables import SalesOrder
from persistence.payments import writes as payments_db
from persistence.payments.tables import Payment, StoredAction
from resolvers.context import Context
from resolvers.house import House
from resolvers.orders.settling import asked_of, keep_started, settle, stored_action
from resolvers.shapes import shape

_LONGEST_TOKEN = 4000
_PAYMENT = ("input", "payment")


@strawberry.input
class PaymentInput:
    provider: str = strawberry.field(description="wechat_pay, alipay, cash, card_terminal, sandbox")
    token: str | None = strawberry.field(
        default=None,
        description="provider data such as an openid or an auth code; for sandbox: ok, decline, "
        "delay:SECONDS, double, manual",
    )


@shape(CART_USERS, description="What the client does next to pay.")
class PaymentAction:
    provider: str
    kind: str
    payload: str = strawberry.field(description="JSON, such as the parameters for the provider's SDK")
    expires_at: datetime


class Unpaid(NamedTuple):
    """An order as it was placed just now, and the payment that nobody was asked for yet."""

    order: SalesOrder
    provider: PaymentProvider
    payment: PaymentAsked


class Asked(NamedTuple):
    """What the client does next once a provider was asked; `order` is as it stands then, None: to be read."""

    next_action: PaymentAction | None = None
    refusals: Sequence[Refusal] = ()
    order: SalesOrder | None = None


def provider_for(
    context: Context, given: PaymentInput, *, store: str | None, at_till: bool
) -> PaymentProvider:
    """The provider that is meant; refuses INVALID_INPUT for one that can't be used there or by the caller.

    Money over the counter is taken by those who work there, at its tills.
    """
    provider = context.house.tills.providers.get(given.provider)
    if provider is None or (provider.at_the_till and not (at_till and _works_at(context, store))):
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f'Nobody can pay with "{given.provider}" here.',
            zh=f"此处不能使用“{given.provider}”付款。",
            field=(*_PAYMENT, "provider"),
        )
    if given.token is not None and len(given.token) > _LONGEST_TOKEN:
        raise Refused(_unusable_token(RefusalCode.INVALID_INPUT))
    return provider


def _works_at(context: Context, store: str | None) -> bool:
    viewer = context.viewer
    if viewer.kind not in (PrincipalKind.STAFF, PrincipalKind.DEVICE):
        return False
    return store is not None and viewer.works_in(store)


def _unusable_token(code: RefusalCode) -> Refusal:
    return Refusal(
        code,
        Text("The payment can't be made with this token.", "无法使用此凭据付款。"),
        (*_PAYMENT, "token"),
    )


async def ask_first(context: Context, unpaid: Unpaid) -> Asked:
    """The payment of an order placed just now, once its provider was asked for it.

    Raises UNAVAILABLE when nobody knows what the provider did: repeated with its key, the request goes on.
    """
    house, payment = context.house, unpaid.payment
    if payment.amount.minor_units == 0:
        await settle(house, payment.id, Standing(Outcome.CAPTURED, payment.amount))
        return Asked()
    started = await _start(house, unpaid.provider, payment)
    if started is None:
        return Asked(refusals=[_unusable_token(RefusalCode.PAYMENT_DECLINED)])
    action = _action(unpaid.provider.code, stored_action(started))
    if started.standing.outcome is Outcome.PENDING:
        await house.together(keep_started, (payment.id, started))
        return Asked(action, order=unpaid.order)
    await settle(house, payment.id, started.standing, started=started)
    return Asked(action, [_declined()] if started.standing.outcome is Outcome.DECLINED else [])


async def ask_provider(context: Context, payment_id: UUID) -> Asked:
    """The same for a payment that was begun before: whoever repeats a request resumes it where it stopped."""
    house = context.house
    payment, order = await _read(house, payment_id)
    provider = house.tills.providers.get(payment.provider)
    if payment.amount_minor == 0:
        await settle(house, payment_id, Standing(Outcome.CAPTURED, Money(0, payment.currency_code)))
    elif payment.state is PaymentState.PENDING and not _was_asked(payment) and provider is not None:
        await _close_others(house, payment)
        started = await _start(house, provider, asked_of(payment, order))
        if started is None:
            return Asked(refusals=[_unusable_token(RefusalCode.PAYMENT_DECLINED)])
        await settle(house, payment_id, started.standing, started=started)
        payment, _ = await _read(house, payment_id)
    declined = payment.state is PaymentState.DECLINED
    return Asked(_action(payment.provider, payment.next_action), [_declined()] if declined else [])


async def _start(house: House, provider: PaymentProvider, payment: PaymentAsked) -> Started | None:
    """The provider's answer; None when it can't use the token, and the payment is settled as declined."""
    try:
        return await provider.start(payment)
    except TokenRefused:
        reason = _unusable_token(RefusalCode.PAYMENT_DECLINED).text
        await settle(house, payment.id, Standing(Outcome.DECLINED, reason=reason))
        return None
    except ProviderAway as away:
        raise _nobody_knows() from away


def _action(provider: str, action: StoredAction | None) -> PaymentAction | None:
    if action is None:
        return None
    return PaymentAction(
        provider=provider,
        kind=action["kind"],
        payload=action["payload"],
        expires_at=datetime.fromisoformat(action["expires_at"]),
    )


async def _read(house: House, payment_id: UUID) -> tuple[Payment, SalesOrder]:
    async with house.database.connection() as db:
        payment = await payments_db.payment(db, payment_id)
        if payment is None:
            raise LookupError(f"payment {payment_id} is gone")
        order = (await orders_db.orders_by_id(db, [payment.order_id]))[payment.order_id]
    return payment, order


def _was_asked(payment: Payment) -> bool:
    return payment.next_action is not None or payment.reference is not None


async def _close_others(house: House, payment: Payment) -> None:
    """Makes sure that nobody pays an earlier attempt any more; one that was paid meanwhile pays the order."""
    async with house.database.connection() as db:
        attempts = await payments_db.of_order(db, payment.order_id)
        order = (await orders_db.orders_by_id(db, [payment.order_id]))[payment.order_id]
    if order.state is not OrderState.PENDING_PAYMENT:
        return
    for attempt in attempts:
        provider = house.tills.providers.get(attempt.provider)
        if attempt.id == payment.id or attempt.state is not PaymentState.PENDING or provider is None:
            continue
        try:
            standing = await provider.close(asked_of(attempt, order))
        except ProviderAway:
            continue  # should it be paid all the same, its money goes back
        await settle(house, attempt.id, standing)


def _declined() -> Refusal:
    return Refusal(
        RefusalCode.PAYMENT_DECLINED,
        Text(
            "The payment was declined; the order is kept for another try.",
            "付款被拒绝；订单仍为您保留，可再次付款。",
        ),
        _PAYMENT,
    )


def _nobody_knows() -> RequestError:
    return RequestError(
        RequestCode.UNAVAILABLE,
        Text(
            en="The payment provider did not answer; repeat the request with the same key.",
            zh="支付机构未应答，请用同一幂等键重试。",
        ),
        retry_after_seconds=2,
    )


# ------------------------------------------------------------------ a visitor's token


def order_token(secret: bytes, cart_id: UUID) -> str:
    """The token by which a visitor reads the order made of a cart; always the same, and kept nowhere."""
    made = hmac.new(secret, b"order of cart " + cart_id.bytes, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def token_hash(token: str) -> bytes:
    """What an order keeps of its token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
