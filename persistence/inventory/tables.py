"""The tables of stock."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from domain.inventory import HoldState, StockMovementReason
from persistence import columns
from persistence.append_only import append_only


def _of_a_level() -> sa.ForeignKeyConstraint:
    """What belongs to a level names its place.

    Whoever writes it has the level's row locked already, so that no check of it ever waits, or makes the
    store's own row a meeting point of every buyer.
    """
    return sa.ForeignKeyConstraint(["sku", "store"], ["stock_level.sku", "stock_level.store"])


class StockLevel(SQLModel, table=True):
    """How much of a sku a store has; on hand is the sum of its movements.

    Three counters spare the readers a sum: `reserved` of the holds that stand, `allotted` of what channels
    have left of their own. `oversold_at` is since when less is on hand than is reserved.
    """

    __tablename__ = "stock_level"

    id: UUID = columns.key()
    store: str = columns.code(refers_to="store.code")
    sku: str = columns.code(refers_to="variant.sku")
    on_hand: int = columns.whole(default=0)
    reserved: int = columns.whole(default=0)
    safety_stock: int = columns.whole(default=0)
    allotted: int = columns.whole(default=0)
    low_stock: int | None = columns.optional_whole()
    oversold_at: datetime | None = columns.optional_moment()
    updated_at: datetime = columns.moment()
    # Columns of their own, because an index on the counters themselves would grow with every sale: so an
    # update touches no index unless the answer changes.
    has_free: bool = columns.computed("on_hand - reserved - safety_stock > 0", sa.Boolean)
    has_pool: bool = columns.computed("on_hand - reserved - safety_stock - allotted > 0", sa.Boolean)

    __table_args__ = (
        sa.UniqueConstraint("sku", "store", name="stock_level_place"),
        sa.CheckConstraint("reserved >= 0", name="reserved"),
        sa.CheckConstraint("on_hand >= reserved OR oversold_at IS NOT NULL", name="not_oversold"),
        sa.CheckConstraint("safety_stock >= 0", name="safety"),
        sa.CheckConstraint("allotted >= 0", name="allotted"),
        sa.Index("stock_level_store", "store", "sku"),
        # Which skus can be bought at all: the inStock filter.
        sa.Index("stock_level_pool", "sku", "store", postgresql_where=sa.text("has_pool")),
        sa.Index("stock_level_oversold", "store", "sku", postgresql_where=sa.text("oversold_at IS NOT NULL")),
        # Room on the page for the next version of a row that changes all day.
        {"postgresql_with": {"fillfactor": "70"}},
    )


class StockMovement(SQLModel, table=True):
    """One change of on hand: append-only; the sum of a level's movements is its on hand."""

    __tablename__ = "stock_movement"

    id: UUID = columns.key()
    store: str = columns.code()
    sku: str = columns.code()
    delta: int = columns.whole()
    reason: StockMovementReason = columns.choice(StockMovementReason)
    reference: str | None = columns.optional_text()
    moved_by: str = columns.text()
    moved_at: datetime = columns.moment()

    __table_args__ = (_of_a_level(), sa.Index("stock_movement_level", "store", "sku", "id"))


append_only("stock_movement")


class StockAllotment(SQLModel, table=True):
    """What a channel has left to sell of its own of a sku in a store."""

    __tablename__ = "stock_allotment"

    channel: str = columns.code(refers_to="channel.code", primary=True)
    store: str = columns.code(primary=True)
    sku: str = columns.code(primary=True)
    remaining: int = columns.whole()

    __table_args__ = (
        _of_a_level(),
        sa.CheckConstraint("remaining >= 0", name="remaining"),
        sa.Index("stock_allotment_place", "sku", "store"),
    )


class StockHold(SQLModel, table=True):
    """Units of a level kept for an order until a moment; `from_allotment` of them were the channel's own.

    One that is past its moment counts no more, whether or not somebody has noted it in its state.
    """

    __tablename__ = "stock_hold"

    id: UUID = columns.key()
    holder: UUID = Field(sa_type=sa.Uuid, index=True)
    channel: str = columns.code()
    store: str = columns.code()
    sku: str = columns.code()
    quantity: int = columns.whole()
    from_allotment: int = columns.whole(default=0)
    state: HoldState = columns.choice(HoldState, default=HoldState.HELD)
    expires_at: datetime = columns.moment()
    closed_at: datetime | None = columns.optional_moment()

    __table_args__ = (
        _of_a_level(),
        sa.CheckConstraint("quantity > 0", name="quantity"),
        sa.CheckConstraint("from_allotment BETWEEN 0 AND quantity", name="from_allotment"),
        # Those of a level that have run out, and of every level the next to run out.
        sa.Index("stock_hold_open", "sku", "store", "expires_at", postgresql_where=sa.text("state = 'HELD'")),
        sa.Index("stock_hold_expiry", "expires_at", postgresql_where=sa.text("state = 'HELD'")),
    )
