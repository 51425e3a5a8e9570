"""Checkout: prices checked, stock kept and the order written at once; then the provider is asked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from domain.access import CART_USERS
from domain.orders.states import OrderState, forbids, state_at
from domain.payments import PaymentState
from domain.refusals import RefusalCode, Refused
from persistence.orders import writes as order_writes
from persistence.payments import writes as payments_db
from resolvers.carts.cart import (
    cart_key,
)
from resolvers.context import Context, Info, Work
from resolvers.fields import mutation
from resolvers.orders.buying import Bought, Purchase, buy
from resolvers.orders.order import Order, open_order, order_of
from resolvers.orders.payments import (
    PaymentAction,
    PaymentInput,
    ask_first,
    ask_provider,
    order_token,
    provider_for,
)
from resolvers.orders.settling import ASK_AFTER, order_news
from resolvers.shapes import Payload, shape, user_error

_CART = ("input", "cartId")


@strawberry.input
class CheckoutInput:
    idempotency_key: str
    cart_id: strawberry.ID
    expected_total: Decimal = strawberry.field(
        description="what the shopper was shown; refused with PRICE_CHANGED when higher now"
    )
    payment: PaymentInput


@strawberry.input(description="Pay again after a decline, while heldUntil lasts.")
class OrderPayInput:
    idempotency_key: str
    order_id: strawberry.ID
    order_token: str | None = None
    payment: PaymentInput


@shape(CART_USERS)
class CheckoutPayload(Payload):
    order: Order | None = strawberry.field(
        default=None,
        description="there also when its payment was declined: it is kept until heldUntil for another try",
    )
    order_token: str | None = strawberry.field(
        default=None, description="lets a visitor read this order later"
    )
    next_action: PaymentAction | None = strawberry.field(
        default=None,
        description="what the client does next to pay, e.g. the parameters for the provider's SDK",
    )


# ------------------------------------------------------------------ checkout


@mutation(
    CheckoutPayload,
    CART_USERS,
    description="Buy a cart: its stock is kept while the payment is awaited. Refused whole when the total is "
    "higher than the one expected, when stock is short, or when a line is not for sale any more.",
)
async def checkout(info: Info, input: CheckoutInput) -> CheckoutPayload:
    context = info.context

    scope = f"cart {cart_key(input.cart_id)}"
    key, digest = context.named("checkout", input.idempotency_key, input, within=scope)
    purchase = Purchase(context, key, digest, input.cart_id, input.expected_total, input.payment)
    bought = await context.house.together(buy, purchase)
    return await _paying(context, bought, cart_id=cart_key(input.cart_id))


async def _paying(context: Context, bought: Bought, *, cart_id: UUID | None) -> CheckoutPayload:
    """The order with its payment asked for, by whoever asks first; the same for everybody who repeats it."""
    if bought.unpaid is not None:
        asked = await ask_first(context, bought.unpaid)
    else:
        asked = await ask_provider(context, bought.payment_id)
    return CheckoutPayload(
        order=await order_of(context, bought.order_id) if asked.order is None else Order.of(asked.order),
        order_token=None if cart_id is None else order_token(context.house.tills.secret, cart_id),
        next_action=asked.next_action,
        user_errors=[user_error(refusal, context.locale) for refusal in asked.refusals],
    )


# ------------------------------------------------------------------ orderPay


@mutation(
    CheckoutPayload,
    CART_USERS,
    description="Pay an order again after a decline, while heldUntil lasts; an attempt that still waits is "
    "closed first.",
)
async def order_pay(info: Info, input: OrderPayInput) -> CheckoutPayload:
    context = info.context

    async def act(work: Work) -> dict[str, Any]:
        order = await open_order(work.db, context, input.order_id, input.order_token)
        channel = await context.house.directory.channel(order.channel)
        at_till = channel is not None and channel.kind.is_till
        provider = provider_for(context, input.payment, store=order.store, at_till=at_till)
        state = state_at(order.state, order.held_until, work.now)
        if state is OrderState.EXPIRED:
            raise Refused.because(
                RefusalCode.HOLD_EXPIRED,
                en="The time to pay this order is over; please order anew.",
                zh="订单付款时间已过，请重新下单。",
                field=("input", "orderId"),
            )
        if state is not OrderState.PENDING_PAYMENT or order.held_until is None:
            raise forbids(state)
        payment_id = await payments_db.begin(
            work.db,
            order.id,
            provider=input.payment.provider,
            amount_minor=order.total_minor,
            currency_code=order.currency_code,
            token=input.payment.token,
            started_at=work.now,
            expires_at=order.held_until,
            ask_at=None if provider.at_the_till else work.now + ASK_AFTER,
        )
        await order_writes.change(
            work.db,
            order,
            event="payAgain",
            by=str(context.viewer),
            at=work.now,
            payment_state=PaymentState.PENDING,
        )
        work.announce(order_news(order, "orderPay"))
        return {"order": str(order.id), "payment": str(payment_id)}

    done = await context.once("orderPay", input.idempotency_key, input, act, within=f"order {input.order_id}")
    bought = Bought(UUID(done.answer["order"]), UUID(done.answer["payment"]))
    return await _paying(context, bought, cart_id=None)
