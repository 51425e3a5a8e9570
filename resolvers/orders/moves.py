"""What happens to an order after it was placed: cancelled, shipped, delivered, brought back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import strawberry

from domain.access import CART_USERS, ORDER_HANDLERS
from domain.orders.numbers import number_of
from domain.orders.returns import refund_of
from domain.orders.states import OrderState, forbids, must_move, state_at
from domain.payments import PaymentState
from domain.refusals import Refusal, RefusalCode, Refused, Text
from persistence.inventory import counter
from persistence.orders import reads as orders_db
from persistence.orders import writes as order_writes
from persistence.orders.tables import OrderLine as StoredLine
from persistence.orders.tables import SalesOrder
from persistence.orders.writes import Returned
from resolvers.attribution.crediting import credit_again
from resolvers.context import Context, Info, Work
from resolvers.fields import mutation
from resolvers.loyalty import orders as loyalty
from resolvers.orders.order import OrderPayload, line_key, open_order, order_of
from resolvers.orders.settling import give_back, hand_over, let_go, order_news, refund, stock_news
from resolvers.pickup.desk import cancel_pickup

MOST_LINES = 500
LONGEST_TEXT = 500
Act = Callable[[Work], Awaitable[dict[str, Any]]]
_CAPTURED = (PaymentState.CAPTURED, PaymentState.PARTIALLY_REFUNDED)


@strawberry.input(description="orderToken stands in for a token when a visitor placed the order")
class OrderCancelInput:
    idempotency_key: str
    order_id: strawberry.ID
    order_token: str | None = None
    reason: str


@strawberry.input
class OrderShipInput:
    idempotency_key: str
    order_id: strawberry.ID
    carrier: str
    tracking_number: str | None = None


@strawberry.input
class OrderDeliverInput:
    idempotency_key: str
    order_id: strawberry.ID


@strawberry.input
class OrderReturnLine:
    line_id: strawberry.ID
    quantity: int
    restock: bool


@strawberry.input
class OrderReturnInput:
    idempotency_key: str
    order_id: strawberry.ID
    order_token: str | None = None
    store: str = strawberry.field(description="store that takes the goods back; any store may")
    lines: list[OrderReturnLine] = strawberry.field(description="1 to 500; lines of one id are added up")
    reason: str


# ------------------------------------------------------------------ cancel


@mutation(
    OrderPayload,
    CART_USERS,
    description="Cancel an order before its goods leave: they are free again, and all that was paid is given "
    "back. By who placed it, or by staff.",
)
async def order_cancel(info: Info, input: OrderCancelInput) -> OrderPayload:
    context = info.context
    _must_be_short("reason", input.reason)

    async def act(work: Work) -> dict[str, Any]:
        order = await open_order(work.db, context, input.order_id, input.order_token)
        state = state_at(order.state, order.held_until, work.now)
        must_move(order.fulfilment, state, OrderState.CANCELLED)
        paid = order.payment_state in _CAPTURED
        refund_ids = await refund(work, context.house, order, order.total_minor, input.reason) if paid else []
        await order_writes.change(
            work.db,
            order,
            event="cancelled",
            by=str(context.viewer),
            note=input.reason,
            at=work.now,
            state=OrderState.CANCELLED,
            payment_state=PaymentState.REFUNDED if paid else PaymentState.CANCELLED,
            refunded_minor=order.total_minor if paid else 0,
        )
        work.announce(order_news(order, "orderCancel"))
        await cancel_pickup(work, order.id, "orderCancel")
        await credit_again(work, order.id, order, 0)
        await let_go(work, order, "orderCancel")
        return _answer(order, refund_ids)

    return await _done(context, "orderCancel", input.idempotency_key, input, act, input.order_id)


# ------------------------------------------------------------------ ship and deliver


@mutation(
    OrderPayload,
    ORDER_HANDLERS,
    description="Hand a paid delivery to its carrier: its goods leave the store's stock.",
)
async def order_ship(info: Info, input: OrderShipInput) -> OrderPayload:
    context = info.context
    _must_be_short("carrier", input.carrier)
    if input.tracking_number is not None:
        _must_be_short("trackingNumber", input.tracking_number)

    async def act(work: Work) -> dict[str, Any]:
        order = await open_order(work.db, context, input.order_id)
        state = state_at(order.state, order.held_until, work.now)
        must_move(order.fulfilment, state, OrderState.SHIPPED)
        await hand_over(work, order, by=str(context.viewer))
        await order_writes.change(
            work.db,
            order,
            event="shipped",
            by=str(context.viewer),
            note=input.tracking_number,
            at=work.now,
            state=OrderState.SHIPPED,
            carrier=input.carrier,
            tracking_number=input.tracking_number,
            shipped_at=work.now,
        )
        work.announce(order_news(order, "orderShip"))
        return _answer(order)

    return await _done(context, "orderShip", input.idempotency_key, input, act, input.order_id)


@mutation(OrderPayload, ORDER_HANDLERS, description="Note that a delivery has reached the shopper.")
async def order_deliver(info: Info, input: OrderDeliverInput) -> OrderPayload:
    context = info.context

    async def act(work: Work) -> dict[str, Any]:
        order = await open_order(work.db, context, input.order_id)
        if order.state is not OrderState.SHIPPED:
            raise forbids(state_at(order.state, order.held_until, work.now))
        await order_writes.change(
            work.db,
            order,
            event="delivered",
            by=str(context.viewer),
            at=work.now,
            state=OrderState.COMPLETED,
            delivered_at=work.now,
        )
        await loyalty.receive(work, order)
        work.announce(order_news(order, "orderDeliver"))
        return _answer(order)

    return await _done(context, "orderDeliver", input.idempotency_key, input, act, input.order_id)


# ------------------------------------------------------------------ return


@mutation(
    OrderPayload,
    CART_USERS,
    description="Take goods back, all or some of them, in any store: each unit gives back its part of what "
    "was paid for its line, the last one the rest. Those to restock are on hand there again.",
)
async def order_return(info: Info, input: OrderReturnInput) -> OrderPayload:
    context = info.context
    _must_be_short("reason", input.reason)
    if not 1 <= len(input.lines) <= MOST_LINES:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"One request takes 1 to {MOST_LINES} lines, not {len(input.lines)}.",
            zh=f"一次请求须有 1 到 {MOST_LINES} 行，而不是 {len(input.lines)} 行。",
            field=("input", "lines"),
        )

    async def act(work: Work) -> dict[str, Any]:
        await _must_be_open(context, input.store)
        order = await open_order(work.db, context, input.order_id, input.order_token, at=input.store)
        state = state_at(order.state, order.held_until, work.now)
        must_move(order.fulfilment, state, OrderState.PARTIALLY_RETURNED)
        lines = (await orders_db.lines_by_order(work.db, [order.id]))[order.id]
        returned = _returned(lines, input.lines)
        await order_writes.take_back(work.db, returned)
        refund_minor = sum(one.refund_minor for one in returned)
        reason = input.reason
        refund_ids = await refund(work, context.house, order, refund_minor, reason) if refund_minor else []
        await order_writes.change(
            work.db,
            order,
            event="returned",
            by=str(context.viewer),
            note=reason,
            at=work.now,
            state=_state_after(lines, returned),
            payment_state=_paid_after(order, refund_minor),
            refunded_minor=refund_minor,
        )
        work.announce(order_news(order, "orderReturn"))
        await credit_again(work, order.id, order, order.total_minor - order.refunded_minor - refund_minor)
        back = await counter.take_back(
            work.db,
            _brought(lines, input.lines, input.store),
            reference=number_of(order.serial),
            moved_by=str(context.viewer),
            now=work.now,
        )
        work.announce(*stock_news(back, "orderReturn"))
        await loyalty.take_back(work, order, lines, {one.line_id: one.quantity for one in returned})
        return _answer(order, refund_ids)

    return await _done(context, "orderReturn", input.idempotency_key, input, act, input.order_id)


async def _must_be_open(context: Context, store: str) -> None:
    if await context.house.directory.store(store) is None:
        raise Refused.because(
            RefusalCode.NOT_FOUND,
            en=f'There is no store "{store}".',
            zh=f"没有门店“{store}”。",
            field=("input", "store"),
        )


def _returned(lines: Sequence[StoredLine], given: Sequence[OrderReturnLine]) -> list[Returned]:
    """What comes back of which line and what that gives back; refuses what was not bought, with its index."""
    by_id = {line.id: line for line in lines}
    wanted: Counter[UUID] = Counter()
    refusals: list[Refusal] = []
    for index, asked in enumerate(given):
        key = line_key(asked.line_id)
        line = None if key is None else by_id.get(key)
        if line is None:
            refusals.append(
                Refusal(
                    RefusalCode.NOT_FOUND,
                    Text("This order has no such line.", "此订单没有这一行。"),
                    ("input", "lines", str(index), "lineId"),
                )
            )
            continue
        wanted[line.id] += max(0, asked.quantity)
        if asked.quantity < 1 or wanted[line.id] > line.quantity - line.returned:
            left = line.quantity - line.returned
            refusals.append(
                Refusal(
                    RefusalCode.INVALID_INPUT,
                    Text(f"1 to {left} of this line can come back.", f"该行可退 1 到 {left} 件。"),
                    ("input", "lines", str(index), "quantity"),
                )
            )
    if refusals:
        raise Refused(*refusals)
    return [
        Returned(
            line_id,
            more,
            refund_of(
                by_id[line_id].total_minor,
                by_id[line_id].quantity,
                returned=by_id[line_id].returned,
                refunded=by_id[line_id].refunded_minor,
                more=more,
            ),
        )
        for line_id, more in wanted.items()
    ]


def _state_after(lines: Sequence[StoredLine], returned: Sequence[Returned]) -> OrderState:
    back = sum(line.returned for line in lines) + sum(one.quantity for one in returned)
    whole = back == sum(line.quantity for line in lines)
    return OrderState.RETURNED if whole else OrderState.PARTIALLY_RETURNED


def _paid_after(order: SalesOrder, refund_minor: int) -> PaymentState | None:
    if not refund_minor:
        return None
    whole = order.refunded_minor + refund_minor == order.total_minor
    return PaymentState.REFUNDED if whole else PaymentState.PARTIALLY_REFUNDED


def _brought(
    lines: Sequence[StoredLine], given: Sequence[OrderReturnLine], store: str
) -> list[counter.Returned]:
    sku_of = {line.id: line.sku for line in lines}
    return [
        counter.Returned(store, sku_of[key], asked.quantity, asked.restock)
        for asked in given
        if (key := line_key(asked.line_id)) is not None
    ]


# ------------------------------------------------------------------ what they share


def _answer(order: SalesOrder, refund_ids: Sequence[UUID] = ()) -> dict[str, Any]:
    return {"order": str(order.id), "refunds": [str(refund_id) for refund_id in refund_ids]}


async def _done(context: Context, name: str, key: str, body: object, act: Act, order_id: str) -> OrderPayload:
    """The order once it is done and its refunds were asked for; whoever repeats it asks for them again."""
    done = await context.once(name, key, body, act, within=f"order {order_id}")
    await give_back(context.house, [UUID(text) for text in done.answer["refunds"]])
    return OrderPayload(order=await order_of(context, UUID(done.answer["order"])))


def _must_be_short(name: str, text: str) -> None:
    if not 1 <= len(text.strip()) <= LONGEST_TEXT or "\0" in text:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"This has 1 to {LONGEST_TEXT} characters.",
            zh=f"须为 1 到 {LONGEST_TEXT} 个字符。",
            field=("input", name),
        )
