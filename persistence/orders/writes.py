"""Writing orders: placed whole in one statement, changed with a line in their timeline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import col, select

from domain.baskets import PricedLine
from domain.orders.states import WAITING, FulfilmentKind, OrderState
from domain.payments import PaymentState
from persistence.carts import Cart, StoredAddress, StoredTouch
from persistence.catalog.tables import Product, Variant
from persistence.database import Connection, given, param, statement
from persistence.orders.tables import OrderEvent, OrderLine, SalesOrder, StoredDiscount
from persistence.payments.tables import Payment

_MOMENT = sa.DateTime(timezone=True)


class NewOrder(NamedTuple):
    """An order to place, as `SalesOrder` has it, with its payment and the cart it was made of."""

    channel: str
    store: str | None
    campaign: str | None
    external_number: str | None
    member: str | None
    token_hash: bytes | None
    state: OrderState
    payment_state: PaymentState
    fulfilment: FulfilmentKind
    fulfilment_store: str | None
    address: StoredAddress | None
    currency_code: str
    items_minor: int
    discounts_minor: int
    shipping_minor: int
    discounts: list[StoredDiscount]
    touches: list[StoredTouch]
    held_until: datetime | None
    placed_at: datetime
    flagged: bool
    cart_id: UUID | None
    provider: str
    payment_token: str | None
    payment_reference: str | None
    captured_minor: int
    started_at: datetime
    ask_at: datetime | None
    event: str
    placed_by: str


class Placed(NamedTuple):
    """An order that was placed, and its payment."""

    id: UUID
    serial: int
    payment_id: UUID


_placed = (
    insert(SalesOrder)
    .values(
        {
            name: param(name)
            for name in (
                *("channel", "store", "campaign", "external_number", "member", "token_hash", "state"),
                *("payment_state", "fulfilment", "fulfilment_store", "address", "currency_code", "placed_by"),
                *("items_minor", "discounts_minor", "shipping_minor", "total_minor", "discounts", "touches"),
                *("held_until", "placed_at", "flagged"),
            )
        }
    )
    .returning(col(SalesOrder.id), col(SalesOrder.serial))
    .cte("placed")
)
_line = given(
    "line",
    place=sa.Integer,
    sku=sa.Text,
    quantity=sa.Integer,
    unit_minor=sa.BigInteger,
    discount_minor=sa.BigInteger,
    line_minor=sa.BigInteger,
    source=sa.Text,
    version=sa.BigInteger,
)
_lines = (
    insert(OrderLine)
    .from_select(
        [
            *("order_id", "position", "sku", "names", "quantity", "unit_price_minor", "discount_minor"),
            *("total_minor", "price_source", "price_version"),
        ],
        sa.select(
            _placed.c.id,
            _line.c.place,
            _line.c.sku,
            sa.func.coalesce(sa.func.nullif(col(Variant.names), sa.cast("{}", JSONB)), Product.names),
            _line.c.quantity,
            _line.c.unit_minor,
            _line.c.discount_minor,
            _line.c.line_minor,
            _line.c.source,
            _line.c.version,
        )
        .select_from(_line)
        .join(Variant, col(Variant.sku) == _line.c.sku)
        .join(Product, col(Product.id) == col(Variant.product_id))
        .join(_placed, sa.true()),
    )
    .cte("lines")
)
_payment = (
    insert(Payment)
    .from_select(
        [
            *("order_id", "provider", "state", "amount_minor", "captured_minor", "currency_code", "token"),
            *("reference", "started_at", "expires_at", "ask_at"),
        ],
        sa.select(
            _placed.c.id,
            param("provider", sa.Text),
            param("payment_state", sa.Text),
            param("total_minor", sa.BigInteger),
            param("captured_minor", sa.BigInteger),
            param("currency_code", sa.Text),
            param("payment_token", sa.Text),
            param("payment_reference", sa.Text),
            param("started_at", _MOMENT),
            sa.func.coalesce(param("held_until", _MOMENT), param("started_at", _MOMENT)),
            param("ask_at", _MOMENT),
        ),
    )
    .returning(col(Payment.id))
    .cte("paying")
)
_event = (
    insert(OrderEvent)
    .from_select(
        ["order_id", "kind", "by", "at"],
        sa.select(
            _placed.c.id, param("event", sa.Text), param("placed_by", sa.Text), param("started_at", _MOMENT)
        ),
    )
    .cte("told")
)
_bought = (
    sa.update(Cart)
    .where(col(Cart.id) == param("cart_id", sa.Uuid))
    .values(order_id=sa.select(_placed.c.id).scalar_subquery())
    .cte("bought")
)
_PLACE = statement(
    sa.select(_placed.c.id, _placed.c.serial, _payment.c.id.label("payment_id"))
    .select_from(_placed)
    .join(_payment, sa.true())
    .add_cte(_lines, _event, _bought),
    Placed,
)


async def place(db: Connection, order: NewOrder, lines: Sequence[PricedLine]) -> Placed:
    """The order as placed: lines with their names as of now, a payment, the first entry of the timeline.

    Its cart, if it has one, is marked as bought; lock it first.
    """
    return await _PLACE.one(
        db,
        **order._asdict(),
        total_minor=order.items_minor - order.discounts_minor + order.shipping_minor,
        place=list(range(len(lines))),
        sku=[line.sku for line in lines],
        quantity=[line.quantity for line in lines],
        unit_minor=[line.unit_minor for line in lines],
        discount_minor=[line.discount_minor for line in lines],
        line_minor=[line.total_minor for line in lines],
        source=[line.source for line in lines],
        version=[line.version for line in lines],
    )


_LOCK = statement(select(SalesOrder).where(SalesOrder.id == param("id")).with_for_update(key_share=True))
_LOCK_PAID_BY = statement(
    select(SalesOrder)
    .join(Payment, col(Payment.order_id) == col(SalesOrder.id))
    .where(Payment.id == param("payment_id"))
    .with_for_update(of=SalesOrder, key_share=True)
)


async def lock(db: Connection, order_id: UUID) -> SalesOrder | None:
    """An order, locked until the transaction ends; payments and stock are locked after it, never before."""
    return await _LOCK.one_or_none(db, id=order_id)


async def lock_of_payment(db: Connection, payment_id: UUID) -> SalesOrder | None:
    """The order that a payment is for, locked likewise."""
    return await _LOCK_PAID_BY.one_or_none(db, payment_id=payment_id)


_changed = (
    sa.update(SalesOrder)
    .where(col(SalesOrder.id) == param("order_id", sa.Uuid))
    .values(
        state=param("new_state", sa.Text),
        payment_state=param("new_payment_state", sa.Text),
        refunded_minor=col(SalesOrder.refunded_minor) + param("more_refunded", sa.BigInteger),
        held_until=param("new_held_until", _MOMENT),
        carrier=sa.func.coalesce(param("new_carrier", sa.Text), SalesOrder.carrier),
        tracking_number=sa.func.coalesce(param("new_tracking", sa.Text), SalesOrder.tracking_number),
        shipped_at=sa.func.coalesce(param("new_shipped_at", _MOMENT), SalesOrder.shipped_at),
        delivered_at=sa.func.coalesce(param("new_delivered_at", _MOMENT), SalesOrder.delivered_at),
        flagged=sa.or_(col(SalesOrder.flagged), param("flag", sa.Boolean)),
    )
    .returning(col(SalesOrder.id))
    .cte("changed")
)
_CHANGE = statement(
    insert(OrderEvent).from_select(
        ["order_id", "kind", "by", "note", "at"],
        sa.select(
            _changed.c.id,
            param("event", sa.Text),
            param("by", sa.Text),
            param("note", sa.Text),
            param("at", _MOMENT),
        ),
    )
)


async def change(
    db: Connection,
    order: SalesOrder,
    *,
    event: str,
    by: str | None,
    at: datetime,
    note: str | None = None,
    state: OrderState | None = None,
    payment_state: PaymentState | None = None,
    refunded_minor: int = 0,
    carrier: str | None = None,
    tracking_number: str | None = None,
    shipped_at: datetime | None = None,
    delivered_at: datetime | None = None,
    flagged: bool = False,
    held_until: datetime | None = None,
) -> None:
    """Changes an order that is locked, and writes what happened into its timeline; None leaves as it is.

    `refunded_minor` comes on top. `held_until` is for what moves on: it is held no longer unless it says so.
    """
    now = state or order.state
    await _CHANGE.run(
        db,
        order_id=order.id,
        new_state=now.value,
        new_payment_state=(payment_state or order.payment_state).value,
        more_refunded=refunded_minor,
        new_held_until=order.held_until if now is order.state and now in WAITING else held_until,
        new_carrier=carrier,
        new_tracking=tracking_number,
        new_shipped_at=shipped_at,
        new_delivered_at=delivered_at,
        flag=flagged,
        event=event,
        by=by,
        note=note,
        at=at,
    )


class Returned(NamedTuple):
    """So many units of a line came back, and what they gave back."""

    line_id: UUID
    quantity: int
    refund_minor: int


_back = given("back", line_id=sa.Uuid, quantity=sa.Integer, refund_minor=sa.BigInteger)
_TAKE_BACK = statement(
    sa.update(OrderLine)
    .where(col(OrderLine.id) == _back.c.line_id)
    .values(
        returned=col(OrderLine.returned) + _back.c.quantity,
        refunded_minor=col(OrderLine.refunded_minor) + _back.c.refund_minor,
    )
)


async def take_back(db: Connection, returned: Sequence[Returned]) -> None:
    """Notes on the lines of a locked order what came back."""
    await _TAKE_BACK.run(
        db,
        line_id=[one.line_id for one in returned],
        quantity=[one.quantity for one in returned],
        refund_minor=[one.refund_minor for one in returned],
    )


_OVERDUE = statement(
    select(SalesOrder)
    .where(
        # Written out, so that the planner sees the partial index.
        col(SalesOrder.state) == sa.literal_column("'PENDING_PAYMENT'"),
        col(SalesOrder.held_until) <= param("now", _MOMENT),
    )
    .order_by(col(SalesOrder.held_until), col(SalesOrder.id))
    .limit(param("limit", sa.Integer))
    .with_for_update(skip_locked=True, key_share=True)
)


async def overdue(db: Connection, now: datetime, limit: int) -> list[SalesOrder]:
    """Orders whose payment did not come in time, the longest overdue first, locked; busy ones left out."""
    return await _OVERDUE.all(db, now=now, limit=limit)
