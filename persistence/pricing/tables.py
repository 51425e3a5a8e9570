"""The tables of prices."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from domain.pricing.kinds import PriceKind
from persistence import columns

_ENGINE_READS = [
    "id",
    "kind",
    "amount_minor",
    "currency_code",
    "channel",
    "store",
    "tier",
    "campaign",
    "min_quantity",
    "valid_from",
    "valid_until",
    "source",
    "sequence",
    "recorded_at",
]


class PriceRecord(SQLModel, table=True):
    """One price somebody set, for whom, where and when; null channel, store, tier and campaign mean "any".

    `sequence` rises with every record of the variant. A record is never changed but by an end, which moves
    `valid_until` forward in `PriceEnd`'s company.
    """

    __tablename__ = "price_record"

    id: UUID = columns.key()
    sku: str = columns.code(refers_to="variant.sku")
    kind: PriceKind = columns.choice(PriceKind)
    amount_minor: int = columns.long()
    currency_code: str = columns.text()
    channel: str | None = columns.optional_code(refers_to="channel.code")
    store: str | None = columns.optional_code(refers_to="store.code")
    tier: str | None = columns.optional_text()
    campaign: str | None = columns.optional_text()
    min_quantity: int = columns.whole(default=1)
    valid_from: datetime | None = columns.optional_moment()
    valid_until: datetime | None = columns.optional_moment()
    source: str = columns.text()
    sequence: int = columns.long()
    recorded_at: datetime = columns.moment()
    recorded_by: str = columns.text()

    __table_args__ = (
        sa.UniqueConstraint("recorded_by", "source", name="price_record_source"),
        sa.CheckConstraint("amount_minor >= 0", name="amount"),
        sa.CheckConstraint("min_quantity >= 1", name="quantity"),
        # Equal when a record was ended before it began.
        sa.CheckConstraint("valid_until >= valid_from", name="window"),
        # An "infinity" is no moment: what has no end has none.
        sa.CheckConstraint("isfinite(valid_from) AND isfinite(valid_until)", name="finite"),
        # What is or will be valid for a sku; also the latest end that has passed. It carries all the engine
        # reads: the records of an article lie on as many pages of the table as there are records.
        sa.Index(
            "price_record_until",
            "sku",
            sa.text("coalesce(valid_until, 'infinity'::timestamptz)"),
            postgresql_include=_ENGINE_READS,
        ),
        sa.Index(
            "price_record_from",
            "sku",
            "valid_from",
            postgresql_where=sa.text("valid_from IS NOT NULL"),
            postgresql_include=["recorded_at"],
        ),
        sa.Index("price_record_recorded", "sku", "recorded_at"),
        # What the boundary worker wakes for, whatever the sku.
        sa.Index("price_record_starts", "valid_from", postgresql_where=sa.text("valid_from IS NOT NULL")),
        sa.Index("price_record_ends", "valid_until", postgresql_where=sa.text("valid_until IS NOT NULL")),
    )


class PriceEnd(SQLModel, table=True):
    """That a record was ended early: when that was recorded, from when on, and what it had said before."""

    __tablename__ = "price_end"

    id: UUID = columns.key()
    record_id: UUID = Field(foreign_key="price_record.id", index=True)
    sku: str = columns.code(refers_to="variant.sku")
    ends_at: datetime = columns.moment()
    valid_until_before: datetime | None = columns.optional_moment()
    recorded_at: datetime = columns.moment()
    recorded_by: str = columns.text()

    __table_args__ = (sa.Index("price_end_recorded", "sku", "recorded_at"),)


class PublicPrice(SQLModel, table=True):
    """What everybody pays for one, without tier or campaign: the projection price sorts and filters read.

    Kept sparse, as `domain.pricing.public_prices` lays down; "" for channel or store means "any", and a null
    amount "not for sale here, although the wider scope says so".
    """

    __tablename__ = "public_price"

    channel: str = columns.code(primary=True)
    store: str = columns.code(primary=True)
    sku: str = columns.code(primary=True)
    amount_minor: int | None = columns.long(nullable=True)

    __table_args__ = (
        sa.Index("public_price_sku", "sku"),
        sa.Index("public_price_amount", "channel", "store", "amount_minor", "sku"),
    )


class OfferText(SQLModel, table=True):
    """An offer as a shop words it ("Buy 2 to save $4.00"): shown to people, never computed with."""

    __tablename__ = "offer_text"

    id: UUID = columns.key()
    sku: str = columns.code(refers_to="variant.sku")
    store: str = columns.code(refers_to="store.code")
    texts: dict[str, str] = columns.document()
    since: date
    until: date | None = None

    __table_args__ = (sa.Index("offer_text_place", "store", "sku", "since", unique=True),)
