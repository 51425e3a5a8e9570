"""Checkout: prices checked, stock kept and the order written at once; then the provider is asked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from domain.access import CART_USERS
from domain.baskets import Basket, PricedLine
from domain.inventory import Shortage
from domain.money import Money as Amount
from domain.money import exact_minor
from domain.news import News
from domain.orders.states import FulfilmentKind, OrderState, forbids, state_at
from domain.payments import PaymentState
from domain.refusals import Refusal, RefusalCode, Refused, Text, TotalRefusal
from persistence.carts import Cart as StoredCart
from persistence.carts import StoredFulfilment
from persistence.orders import writes as order_writes
from persistence.orders.tables import StoredDiscount
from persistence.payments import writes as payments_db
from persistence.pricing import reads as pricing_db
from persistence.promotions import budgets
from resolvers.baskets import price_lines, running_for
from resolvers.cart_setting import open_cart
from resolvers.carts import (
    cart_key,
    insufficient,
    lines_of,
    not_for_sale,
    place_of,
    price_risen,
    stock_place,
)
from resolvers.context import Context, Info, Work
from resolvers.fields import mutation
from resolvers.orders import Order, open_order, order_of
from resolvers.payments import (
    PaymentAction,
    PaymentInput,
    ask_provider,
    order_token,
    provider_for,
    token_hash,
)
from resolvers.places import Resolved
from resolvers.settling import ASK_AFTER, order_news, stock_news, uses_of
from resolvers.shapes import Payload, shape, user_error
from resolvers.sourcing import keep

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

    async def act(work: Work) -> dict[str, Any]:
        cart = await open_cart(work.db, context, input.cart_id)
        asked = await place_of(context, cart)
        channel = await context.house.directory.channel(cart.channel)
        at_till = channel is not None and channel.kind.is_till
        provider = provider_for(context, input.payment, store=cart.store, at_till=at_till)
        fulfilment = _fulfilment(cart, at_till=at_till)
        asked = asked._replace(at=work.now)
        priced = await _priced(work, cart, asked)
        running = await running_for(work.db, context.house, priced, asked, cart.member)
        basket = running.basket(asked.currency_code, priced)
        _must_cost_no_more(cart, basket, input.expected_total)
        gone = await budgets.take(work.db, uses_of(basket.reductions), cart.member)
        if gone:
            # Somebody had the last of it just now; what this took goes back with the refusal.
            dearer = running.without(gone).basket(asked.currency_code, priced)
            raise Refused(_dearer(basket, dearer))
        return await _place(
            context, work, cart, asked, basket, fulfilment, input.payment, at_the_till=provider.at_the_till
        )

    scope = f"cart {cart_key(input.cart_id)}"
    done = await context.once("checkout", input.idempotency_key, input, act, within=scope)
    return await _paying(context, done.answer, cart_id=cart_key(input.cart_id))


def _fulfilment(cart: StoredCart, *, at_till: bool) -> StoredFulfilment:
    if cart.fulfilment is not None:
        return cart.fulfilment
    if at_till and cart.store is not None:
        return StoredFulfilment(kind=FulfilmentKind.CARRY_OUT.value, store=cart.store, address=None)
    raise Refused.because(
        RefusalCode.INVALID_INPUT,
        en="Choose how the goods reach the shopper first.",
        zh="请先选择配送或自提方式。",
        field=_CART,
    )


async def _priced(work: Work, cart: StoredCart, asked: Resolved) -> list[PricedLine]:
    """The cart's lines priced within the transaction; refuses an empty one, and what is not for sale."""
    lines = lines_of(cart)
    if not lines:
        raise Refused.because(
            RefusalCode.CART_EMPTY, en="There is nothing in this cart.", zh="购物车是空的。", field=_CART
        )
    prices = await pricing_db.current_prices(work.db, [line.sku for line in lines], asked.place)
    priced = price_lines(lines, prices, asked)
    for_sale = {line.sku for line in priced}
    refusals = [not_for_sale(line.sku, _CART) for line in lines if line.sku not in for_sale]
    if refusals:
        raise Refused(*refusals)
    return priced


def _must_cost_no_more(cart: StoredCart, basket: Basket, expected: Decimal) -> None:
    """Refuses PRICE_CHANGED when the total is higher than expected: line by line where a price rose."""
    currency = basket.currency_code
    expected_minor = exact_minor(expected, currency)
    if expected_minor is None:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"This is no amount in {currency}.",
            zh=f"这不是有效的 {currency} 金额。",
            field=("input", "expectedTotal"),
        )
    if basket.total_minor <= expected_minor:
        return
    shown = {line["sku"]: line["shown"] for line in cart.lines}
    risen: list[Refusal] = [
        price_risen(line, before, currency, _CART)
        for line in basket.lines
        if (before := shown[line.sku]) is not None and line.unit_minor > before
    ]
    total = _risen(Amount(expected_minor, currency), Amount(basket.total_minor, currency))
    raise Refused(*(risen or [total]))


def _risen(was: Amount, now: Amount) -> Refusal:
    return TotalRefusal(
        RefusalCode.PRICE_CHANGED,
        Text(f"The total is {now} by now, not {was}.", f"总价已由 {was} 变为 {now}。"),
        ("input", "expectedTotal"),
        was=was,
        now=now,
    )


def _dearer(basket: Basket, without: Basket) -> Refusal:
    currency = basket.currency_code
    return _risen(Amount(basket.total_minor, currency), Amount(without.total_minor, currency))


async def _place(
    context: Context,
    work: Work,
    cart: StoredCart,
    asked: Resolved,
    basket: Basket,
    fulfilment: StoredFulfilment,
    payment: PaymentInput,
    *,
    at_the_till: bool,
) -> dict[str, Any]:
    tills = context.house.tills
    held_until = work.now + tills.hold
    order = order_writes.NewOrder(
        channel=cart.channel,
        store=cart.store,
        campaign=cart.campaign,
        external_number=None,
        member=cart.member,
        token_hash=token_hash(order_token(tills.secret, cart.id)),
        state=OrderState.PENDING_PAYMENT,
        payment_state=PaymentState.PENDING,
        fulfilment=FulfilmentKind(fulfilment["kind"]),
        fulfilment_store=fulfilment["store"],
        address=fulfilment["address"],
        currency_code=basket.currency_code,
        items_minor=basket.items_minor,
        discounts_minor=basket.discounts_minor,
        shipping_minor=basket.shipping_minor,
        discounts=[
            StoredDiscount(source=one.source, names=dict(one.names), amount=one.amount_minor)
            for one in basket.reductions
        ],
        touches=cart.touches,
        held_until=held_until,
        placed_at=work.now,
        flagged=False,
        cart_id=cart.id,
        provider=payment.provider,
        payment_token=payment.token,
        payment_reference=None,
        captured_minor=0,
        started_at=work.now,
        ask_at=None if at_the_till else work.now + ASK_AFTER,
        event="placed",
        placed_by=str(context.viewer),
    )
    placed = await order_writes.place(work.db, order, basket.lines)
    stock_in = stock_place(cart, asked)
    demands, shortages = await keep(
        work.db,
        context.house,
        {line.sku: line.quantity for line in basket.lines},
        store=stock_in.store,
        channel=cart.channel,
        policy=asked.stock_policy,
        holder=placed.id,
        until=held_until,
        now=work.now,
    )
    if shortages:
        raise Refused(*(_short(shortage, stock_in) for shortage in shortages))
    work.announce(
        News.of_order(placed.id, "checkout", channel=cart.channel, store=cart.store),
        *stock_news(demands, "checkout"),
    )
    return {"order": str(placed.id), "payment": str(placed.payment_id)}


def _short(shortage: Shortage, stock_in: Resolved) -> Refusal:
    return insufficient(shortage.sku, shortage.wanted, shortage.available, stock_in, _CART)


async def _paying(context: Context, answer: dict[str, Any], *, cart_id: UUID | None) -> CheckoutPayload:
    """The order with its payment asked for, by whoever asks first; the same for everybody who repeats it."""
    asked = await ask_provider(context, UUID(answer["payment"]))
    return CheckoutPayload(
        order=await order_of(context, UUID(answer["order"])),
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
    return await _paying(context, done.answer, cart_id=None)
