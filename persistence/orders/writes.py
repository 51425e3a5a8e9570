"""Writing orders: placed whole in one statement, changed with a line in their timeline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
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
    """An order to place, as `SalesOrder` has it, with its lines, its payment and the cart it was made of."""

    id: UUID
    payment_id: UUID
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
    lines: Sequence[PricedLine]

    @property
    def total_minor(self) -> int:
        """What is to be paid."""
        return self.items_minor - self.discounts_minor + self.shipping_minor


_order = given(
    "new",
    id=sa.Uuid,
    payment_id=sa.Uuid,
    channel=sa.Text,
    store=sa.Text,
    campaign=sa.Text,
    external_number=sa.Text,
    member=sa.Text,
    token_hash=sa.LargeBinary,
    state=sa.Text,
    payment_state=sa.Text,
    fulfilment=sa.Text,
    fulfilment_store=sa.Text,
    address=JSONB,
    currency_code=sa.Text,
    items_minor=sa.BigInteger,
    discounts_minor=sa.BigInteger,
    shipping_minor=sa.BigInteger,
    total_minor=sa.BigInteger,
    discounts=sa.Text,
    touches=sa.Text,
    held_until=_MOMENT,
    placed_at=_MOMENT,
    flagged=sa.Boolean,
    cart_id=sa.Uuid,
    provider=sa.Text,
    payment_token=sa.Text,
    payment_reference=sa.Text,
    captured_minor=sa.BigInteger,
    started_at=_MOMENT,
    ask_at=_MOMENT,
    event=sa.Text,
    placed_by=sa.Text,
)
_line = given(
    "line",
    order_id=sa.Uuid,
    place=sa.Integer,
    sku=sa.Text,
    quantity=sa.Integer,
    unit_minor=sa.BigInteger,
    discount_minor=sa.BigInteger,
    line_minor=sa.BigInteger,
    source=sa.Text,
    version=sa.BigInteger,
)
_new = sa.select(_order).cte("given").prefix_with("MATERIALIZED", dialect="postgresql")
_lines = (
    insert(OrderLine)
    .from_select(
        [
            *("order_id", "position", "sku", "names", "quantity", "unit_price_minor", "discount_minor"),
            *("total_minor", "price_source", "price_version"),
        ],
        sa.select(
            _line.c.order_id,
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
        .join(Product, col(Product.id) == col(Variant.product_id)),
    )
    .cte("lines")
)
_payment = (
    insert(Payment)
    .from_select(
        [
            *("id", "order_id", "provider", "state", "amount_minor", "captured_minor", "currency_code"),
            *("token", "reference", "started_at", "expires_at", "ask_at"),
        ],
        sa.select(
            _new.c.payment_id,
            _new.c.id,
            _new.c.provider,
            _new.c.payment_state,
            _new.c.total_minor,
            _new.c.captured_minor,
            _new.c.currency_code,
            _new.c.payment_token,
            _new.c.payment_reference,
            _new.c.started_at,
            sa.func.coalesce(_new.c.held_until, _new.c.started_at),
            _new.c.ask_at,
        ),
    )
    .cte("paying")
)
_event = (
    insert(OrderEvent)
    .from_select(
        ["order_id", "kind", "by", "at"],
        sa.select(_new.c.id, _new.c.event, _new.c.placed_by, _new.c.started_at),
    )
    .cte("told")
)
_bought = sa.update(Cart).where(col(Cart.id) == _new.c.cart_id).values(order_id=_new.c.id).cte("bought")
_OWN_COLUMNS = (
    *("id", "channel", "store", "campaign", "external_number", "member", "token_hash", "state"),
    *("payment_state", "fulfilment", "fulfilment_store", "address", "currency_code", "placed_by"),
    *("items_minor", "discounts_minor", "shipping_minor", "total_minor", "discounts", "touches"),
    *("held_until", "placed_at", "flagged"),
)
_LISTS = ("discounts", "touches")
"""Given as JSON texts: a list of lists would be taken for a table."""
_PLACE = statement(
    insert(SalesOrder)
    .from_select(
        _OWN_COLUMNS,
        sa.select(
            *(sa.cast(_new.c[name], JSONB) if name in _LISTS else _new.c[name] for name in _OWN_COLUMNS)
        ),
    )
    .returning(SalesOrder)
    .add_cte(_lines, _payment, _event, _bought),
    SalesOrder,
)


async def place_many(db: Connection, orders: Sequence[NewOrder]) -> dict[UUID, SalesOrder]:
    """By id: the orders as placed, in one statement.

    Each with its lines, named as of now, a payment, and the first entry of its timeline. Their carts are
    marked as bought; lock them first.
    """
    if not orders:
        return {}
    lines = [(order.id, place, line) for order in orders for place, line in enumerate(order.lines)]
    rows = await _PLACE.all(
        db,
        **{name: [_given(order, name) for order in orders] for name in _order.c.keys()},  # noqa: SIM118
        order_id=[order_id for order_id, _, _ in lines],
        place=[place for _, place, _ in lines],
        sku=[line.sku for _, _, line in lines],
        quantity=[line.quantity for _, _, line in lines],
        unit_minor=[line.unit_minor for _, _, line in lines],
        discount_minor=[line.discount_minor for _, _, line in lines],
        line_minor=[line.total_minor for _, _, line in lines],
        source=[line.source for _, _, line in lines],
        version=[line.version for _, _, line in lines],
    )
    return {row.id: row for row in rows}


def _given(order: NewOrder, name: str) -> object:
    value = getattr(order, name)
    return orjson.dumps(value).decode() if name in _LISTS else value


async def place(db: Connection, order: NewOrder) -> SalesOrder:
    """The order as placed, alone."""
    return (await place_many(db, [order]))[order.id]


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
