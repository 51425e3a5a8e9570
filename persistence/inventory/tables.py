"""The tables of stock."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import SQLModel

from domain.inventory import StockMovementReason
from persistence import columns


class StockLevel(SQLModel, table=True):
    """How much of a sku a store has; on hand is the sum of its movements."""

    __tablename__ = "stock_level"

    id: UUID = columns.key()
    store: str = columns.code(refers_to="store.code")
    sku: str = columns.code(refers_to="variant.sku")
    on_hand: int = columns.whole(default=0)
    reserved: int = columns.whole(default=0)
    safety_stock: int = columns.whole(default=0)
    updated_at: datetime = columns.moment()

    __table_args__ = (
        sa.UniqueConstraint("sku", "store", name="stock_level_place"),
        sa.CheckConstraint("on_hand >= 0", name="on_hand"),
        sa.CheckConstraint("reserved >= 0", name="reserved"),
        sa.CheckConstraint("safety_stock >= 0", name="safety"),
        sa.Index("stock_level_store", "store", "sku"),
        # Which skus can be bought at all: the inStock filter.
        sa.Index(
            "stock_level_free",
            "sku",
            "store",
            postgresql_where=sa.text("on_hand - reserved - safety_stock > 0"),
        ),
    )


class StockMovement(SQLModel, table=True):
    """One change of on hand: append-only; the sum of a level's movements is its on hand."""

    __tablename__ = "stock_movement"

    id: UUID = columns.key()
    store: str = columns.code(refers_to="store.code")
    sku: str = columns.code(refers_to="variant.sku")
    delta: int = columns.whole()
    reason: StockMovementReason = columns.choice(StockMovementReason)
    reference: str | None = columns.optional_text()
    moved_by: str = columns.text()
    moved_at: datetime = columns.moment()

    __table_args__ = (sa.Index("stock_movement_level", "store", "sku", "moved_at"),)
