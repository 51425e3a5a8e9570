"""The tables of attribution."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from domain.attribution import TouchKind, Which
from persistence import columns


class TouchCode(SQLModel, table=True):
    """A code on a shelf, poster, receipt or badge, and what a scan of it tells; kept when it is revoked."""

    __tablename__ = "touch_code"

    id: UUID = columns.key()
    code: str = columns.code(unique=True)
    kind: TouchKind = columns.choice(TouchKind)
    store: str = columns.text()
    clerk: str | None = columns.optional_text()
    sku: str | None = columns.optional_text()
    campaign: str | None = columns.optional_text()
    valid_from: datetime = columns.moment()
    valid_until: datetime | None = columns.optional_moment()
    revoked_at: datetime | None = columns.optional_moment()
    issued_by: str = columns.text()

    __table_args__ = (sa.Index("touch_code_store", "store", "id"),)


class AttributionRule(SQLModel, table=True):
    """How sales placed from a moment on are credited, until the next version; `share` is of 10,000."""

    __tablename__ = "attribution_rule"

    version: int = Field(default=None, sa_type=sa.Integer, primary_key=True, sa_column_args=(sa.Identity(),))
    which: Which = columns.choice(Which)
    days: int = columns.whole()
    share: int = columns.whole()
    valid_from: datetime = columns.moment()
    set_by: str = columns.text()

    __table_args__ = (sa.Index("attribution_rule_from", "valid_from"),)


class AttributionEntry(SQLModel, table=True):
    """So much of an order's revenue credited to somebody, or (negative) taken back; append-only.

    All of an order under one rule add up to what the order brought in. `rule` is 0 where no rule was needed;
    those `in_force` are of the rule that was in force when the order was placed, others were recomputed.
    """

    __tablename__ = "attribution_entry"

    id: UUID = columns.key()
    order_id: UUID = Field(sa_type=sa.Uuid, foreign_key="sales_order.id")
    rule: int = columns.whole()
    in_force: bool = columns.flag(default=True)
    store: str | None = columns.optional_text()
    clerk: str | None = columns.optional_text()
    channel: str = columns.text()
    share: int = columns.whole()
    amount_minor: int = columns.long()
    currency_code: str = columns.text()
    at: datetime = columns.moment()

    __table_args__ = (
        sa.Index("attribution_entry_order", "order_id", "in_force", "rule"),
        sa.Index("attribution_entry_at", "at", postgresql_where=sa.text("in_force")),
        sa.Index("attribution_entry_store", "store", "at", postgresql_where=sa.text("in_force")),
        sa.Index("attribution_entry_rule", "rule", "at", postgresql_where=sa.text("NOT in_force")),
    )
