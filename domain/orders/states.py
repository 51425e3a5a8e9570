"""The states of an order and the moves between them, as data."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from domain.refusals import RefusalCode, Refused


class OrderState(StrEnum):
    """Where an order stands."""

    PENDING_PAYMENT = "PENDING_PAYMENT"
    PAID = "PAID"
    READY = "READY"
    SHIPPED = "SHIPPED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    PARTIALLY_RETURNED = "PARTIALLY_RETURNED"
    RETURNED = "RETURNED"


class FulfilmentKind(StrEnum):
    """How the goods reach the shopper."""

    PICKUP = "PICKUP"
    DELIVERY = "DELIVERY"
    CARRY_OUT = "CARRY_OUT"


_S = OrderState
_BACK = (_S.PARTIALLY_RETURNED, _S.RETURNED)
_MOVES: dict[OrderState, tuple[OrderState, ...]] = {
    _S.PENDING_PAYMENT: (_S.PAID, _S.CANCELLED, _S.EXPIRED),
    # Whoever paid too late is served if the goods are still there.
    _S.EXPIRED: (_S.PAID,),
    _S.CANCELLED: (),
    _S.READY: (_S.COMPLETED, _S.CANCELLED),
    _S.SHIPPED: (_S.COMPLETED, *_BACK),
    _S.COMPLETED: _BACK,
    _S.PARTIALLY_RETURNED: _BACK,
    _S.RETURNED: (),
}
_AFTER_PAYMENT: dict[FulfilmentKind, tuple[OrderState, ...]] = {
    FulfilmentKind.PICKUP: (_S.READY, _S.CANCELLED),
    FulfilmentKind.DELIVERY: (_S.SHIPPED, _S.CANCELLED),
    FulfilmentKind.CARRY_OUT: (_S.COMPLETED, _S.CANCELLED),
}
MOVES: dict[FulfilmentKind, dict[OrderState, tuple[OrderState, ...]]] = {
    kind: {**_MOVES, _S.PAID: after} for kind, after in _AFTER_PAYMENT.items()
}
"""By fulfilment and state: the states an order may move to."""

WAITING = (OrderState.PENDING_PAYMENT, OrderState.READY)
"""The states that end by the clock: what waits to be paid, and what waits to be collected."""

_WORDS: dict[OrderState, tuple[str, str]] = {
    _S.PENDING_PAYMENT: ("waits for its payment", "待付款"),
    _S.PAID: ("is paid", "已付款"),
    _S.READY: ("is ready to be picked up", "待自提"),
    _S.SHIPPED: ("is on its way", "已发货"),
    _S.COMPLETED: ("is completed", "已完成"),
    _S.CANCELLED: ("was cancelled", "已取消"),
    _S.EXPIRED: ("has expired", "已过期"),
    _S.PARTIALLY_RETURNED: ("was returned in part", "已部分退货"),
    _S.RETURNED: ("was returned", "已退货"),
}


def state_at(stored: OrderState, held_until: datetime | None, now: datetime) -> OrderState:
    """The state an order is in: one that waits to be paid or collected expires by itself, at `held_until`."""
    if stored in WAITING and held_until is not None and now >= held_until:
        return OrderState.EXPIRED
    return stored


def next_states(kind: FulfilmentKind, state: OrderState) -> tuple[OrderState, ...]:
    """The moves the state allows, in the order people think of them."""
    return MOVES[kind][state]


def must_move(kind: FulfilmentKind, state: OrderState, wanted: OrderState, *field: str) -> OrderState:
    """The state wanted; refuses ORDER_STATE_FORBIDS when the order can't get there from where it is."""
    if wanted not in MOVES[kind][state]:
        raise forbids(state, *field)
    return wanted


def forbids(state: OrderState, *field: str) -> Refused:
    """The refusal of whatever an order's state does not allow."""
    en, zh = _WORDS[state]
    return Refused.because(
        RefusalCode.ORDER_STATE_FORBIDS,
        en=f"This order {en}: that is not possible any more, or not yet.",
        zh=f"此订单{zh}，现在不能执行该操作。",
        field=field or ("input", "orderId"),
    )
