"""The tables of orders.

Codes of channels and stores have no foreign key here: every order would share-lock the row of its channel,
thousands of them the same one.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel, col
from typing_extensions import TypedDict

from domain.orders.states import FulfilmentKind, OrderState
from domain.payments import PaymentState
from persistence import columns
from persistence.carts import StoredAddress, StoredTouch


class StoredDiscount(TypedDict):
    """What was taken off the whole order, in minor units, and why; names are by language."""

    source: str
    names: dict[str, str]
    amount: int


class SalesOrder(SQLModel, table=True):
    """What somebody bought; every amount is in minor units of `currency_code`.

    `serial` is what its number is made of. `token_hash` is of the token a visitor reads it with. `state` is
    as stored: one that waits for its payment is over at `held_until`, whether or not anybody wrote that down.
    `flagged`: a person should look at it, the timeline says why.
    """

    __tablename__ = "sales_order"

    id: UUID = columns.key()
    serial: int = Field(
        default=None, sa_type=sa.BigInteger, sa_column_args=(sa.Identity(always=True),), unique=True
    )
    token_hash: bytes | None = Field(default=None, sa_type=sa.LargeBinary, unique=True, nullable=True)
    channel: str = columns.text()
    store: str | None = columns.optional_text()
    campaign: str | None = columns.optional_text()
    external_number: str | None = columns.optional_text()
    member: str | None = columns.optional_text()
    placed_by: str = columns.text()
    state: OrderState = columns.choice(OrderState)
    payment_state: PaymentState = columns.choice(PaymentState)
    fulfilment: FulfilmentKind = columns.choice(FulfilmentKind)
    fulfilment_store: str | None = columns.optional_text()
    address: StoredAddress | None = columns.optional_document()
    currency_code: str = columns.text()
    items_minor: int = columns.long()
    discounts_minor: int = columns.long()
    shipping_minor: int = columns.long()
    total_minor: int = columns.long()
    refunded_minor: int = columns.long(default=0)
    discounts: list[StoredDiscount] = columns.document(default="[]")
    touches: list[StoredTouch] = columns.document(default="[]")
    held_until: datetime | None = columns.optional_moment()
    placed_at: datetime = columns.moment()
    carrier: str | None = columns.optional_text()
    tracking_number: str | None = columns.optional_text()
    shipped_at: datetime | None = columns.optional_moment()
    delivered_at: datetime | None = columns.optional_moment()
    flagged: bool = columns.flag(default=False)

    __table_args__ = (
        sa.CheckConstraint("total_minor = items_minor - discounts_minor + shipping_minor", name="total"),
        sa.CheckConstraint("refunded_minor BETWEEN 0 AND total_minor", name="refunded"),
        sa.Index(
            "sales_order_external",
            "channel",
            "external_number",
            unique=True,
            postgresql_where=sa.text("external_number IS NOT NULL"),
        ),
        sa.Index("sales_order_placed", "placed_at", "id"),
        sa.Index("sales_order_channel", "channel", "placed_at", "id"),
        sa.Index("sales_order_store", sa.text("coalesce(fulfilment_store, store)"), "placed_at", "id"),
        sa.Index("sales_order_state", "state", "placed_at", "id"),
        sa.Index(
            "sales_order_member", "member", "placed_at", "id", postgresql_where=sa.text("member IS NOT NULL")
        ),
        sa.Index(
            "sales_order_unpaid", "held_until", "id", postgresql_where=sa.text("state = 'PENDING_PAYMENT'")
        ),
    )


SERVED_IN = sa.func.coalesce(col(SalesOrder.fulfilment_store), col(SalesOrder.store))
"""The store that serves an order: where it is picked up or sent from, else where it was bought."""


class OrderLine(SQLModel, table=True):
    """So many of a sku, at the price of one that was promised; amounts in the order's minor units."""

    __tablename__ = "order_line"

    id: UUID = columns.key()
    order_id: UUID = Field(sa_type=sa.Uuid, foreign_key="sales_order.id")
    position: int = columns.whole()
    sku: str = columns.text()
    names: dict[str, str] = columns.document()
    quantity: int = columns.whole()
    unit_price_minor: int = columns.long()
    discount_minor: int = columns.long()
    total_minor: int = columns.long()
    returned: int = columns.whole(default=0)
    refunded_minor: int = columns.long(default=0)
    price_source: str = columns.text()
    price_version: int = columns.long()

    __table_args__ = (
        sa.Index("order_line_order", "order_id", "position", unique=True),
        sa.CheckConstraint("total_minor = unit_price_minor * quantity - discount_minor", name="total"),
        sa.CheckConstraint("returned BETWEEN 0 AND quantity", name="returned"),
        sa.CheckConstraint("refunded_minor BETWEEN 0 AND total_minor", name="refunded"),
    )


class OrderEvent(SQLModel, table=True):
    """Something that happened to an order: append-only, who did it and what there is to say about it."""

    __tablename__ = "order_event"

    id: UUID = columns.key()
    order_id: UUID = Field(sa_type=sa.Uuid, foreign_key="sales_order.id")
    kind: str = columns.text()
    by: str | None = columns.optional_text()
    note: str | None = columns.optional_text()
    at: datetime = columns.moment()

    __table_args__ = (sa.Index("order_event_order", "order_id", "id"),)
