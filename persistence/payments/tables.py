"""The tables of payments."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel
from typing_extensions import TypedDict

from domain.payments import Outcome, PaymentState, RefundState
from persistence import columns


class StoredAction(TypedDict):
    """What the client does next to pay; `expires_at` in ISO 8601."""

    kind: str
    payload: str
    expires_at: str


class Payment(SQLModel, table=True):
    """One attempt to pay an order, in minor units of `currency_code`; its id is the provider's key for it.

    `token` is kept until the provider was asked with it, and no longer. `ask_at` is when to ask the provider
    how the payment stands, null when there is nothing to ask any more.
    """

    id: UUID = columns.key()
    order_id: UUID = Field(sa_type=sa.Uuid, foreign_key="sales_order.id")
    provider: str = columns.text()
    state: PaymentState = columns.choice(PaymentState)
    amount_minor: int = columns.long()
    captured_minor: int = columns.long(default=0)
    refunded_minor: int = columns.long(default=0)
    currency_code: str = columns.text()
    token: str | None = columns.optional_text()
    reference: str | None = columns.optional_text()
    next_action: StoredAction | None = columns.optional_document()
    started_at: datetime = columns.moment()
    expires_at: datetime = columns.moment()
    ask_at: datetime | None = columns.optional_moment()

    __table_args__ = (
        sa.Index("payment_order", "order_id", "id"),
        sa.Index("payment_ask", "ask_at", postgresql_where=sa.text("ask_at IS NOT NULL")),
        sa.CheckConstraint("captured_minor IN (0, amount_minor)", name="captured"),
        sa.CheckConstraint("refunded_minor BETWEEN 0 AND captured_minor", name="refunded"),
    )


class PaymentNotice(SQLModel, table=True):
    """A provider's word on a payment, by the provider's own number for it: each is heard once."""

    __tablename__ = "payment_notice"

    provider: str = columns.code(primary=True)
    event_id: str = columns.code(primary=True)
    payment_id: UUID = Field(sa_type=sa.Uuid)
    outcome: Outcome = columns.choice(Outcome)
    heard_at: datetime = columns.moment()


class Refund(SQLModel, table=True):
    """Money on its way back to who paid it; its id is the provider's key for it.

    `ask_at` is when to ask the provider for it, again or for the first time; null once it has answered.
    """

    id: UUID = columns.key()
    order_id: UUID = Field(sa_type=sa.Uuid, foreign_key="sales_order.id")
    payment_id: UUID = Field(sa_type=sa.Uuid, foreign_key="payment.id")
    state: RefundState = columns.choice(RefundState)
    amount_minor: int = columns.long()
    currency_code: str = columns.text()
    reason: str = columns.text()
    reference: str | None = columns.optional_text()
    at: datetime = columns.moment()
    ask_at: datetime | None = columns.optional_moment()

    __table_args__ = (
        sa.Index("refund_order", "order_id", "id"),
        sa.Index("refund_payment", "payment_id"),
        sa.Index("refund_ask", "ask_at", postgresql_where=sa.text("ask_at IS NOT NULL")),
        sa.CheckConstraint("amount_minor > 0", name="amount"),
    )
