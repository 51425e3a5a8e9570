"""The tables of pickups."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from domain.pickup import OPEN, PickupState
from persistence import columns

OPEN_STATES = f"IN ({', '.join(repr(state.value) for state in OPEN)})"
"""With which a store still has something to do; written out, so that the partial indexes are seen to fit."""
_OPEN_ONES = sa.text(f"state {OPEN_STATES}")


class Pickup(SQLModel, table=True):
    """An order that a store hands over to whoever shows its code.

    The code itself is nowhere: `code_hash` is keyed, and `rotation` says which one of the pickup's codes it
    is of. `state` is as stored: one that is READY is over at `held_until`, whether or not anybody noted it.
    """

    id: UUID = columns.key()
    order_id: UUID = Field(sa_type=sa.Uuid, foreign_key="sales_order.id", unique=True)
    store: str = columns.text()
    state: PickupState = columns.choice(PickupState)
    code_hash: bytes = columns.digest()
    rotation: int = columns.whole()
    requested_at: datetime = columns.moment()
    ready_at: datetime | None = columns.optional_moment()
    held_until: datetime | None = columns.optional_moment()
    shelf: str | None = columns.optional_text()
    collected_at: datetime | None = columns.optional_moment()
    collected_by: str | None = columns.optional_text()

    __table_args__ = (
        # Of those that wait, one goes by a code; what was collected is still known by it.
        sa.Index("pickup_code", "code_hash", unique=True, postgresql_where=_OPEN_ONES),
        sa.Index("pickup_code_ever", "code_hash", "requested_at"),
        sa.Index("pickup_queue", "store", "requested_at", "id", postgresql_where=_OPEN_ONES),
        sa.Index("pickup_store", "store", "requested_at", "id"),
        sa.Index("pickup_held", "held_until", "id", postgresql_where=sa.text("state = 'READY'")),
    )


class PickupTries(SQLModel, table=True):
    """The wrong codes of a caller in a store that still count, and until when it is locked out there.

    Each is the moment it was tried, in ISO 8601.
    """

    __tablename__ = "pickup_tries"

    principal: str = columns.code(primary=True)
    store: str = columns.code(primary=True)
    wrong_at: list[str] = columns.document(default="[]")
    locked_until: datetime | None = columns.optional_moment()
