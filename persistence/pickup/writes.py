"""Writing pickups: each while its order is locked."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col

from domain.pickup import PickupState
from persistence.database import Connection, param, statement
from persistence.pickup.tables import OPEN_STATES, Pickup

_MOMENT = sa.DateTime(timezone=True)

_CREATE = statement(
    insert(Pickup)
    .values(
        {
            name: param(name)
            for name in ("id", "order_id", "store", "state", "code_hash", "rotation", "requested_at")
        }
    )
    .on_conflict_do_nothing(index_elements=["code_hash"], index_where=sa.text(f"state {OPEN_STATES}"))
    .returning(col(Pickup.id))
)


async def create(
    db: Connection,
    pickup_id: UUID,
    order_id: UUID,
    *,
    store: str,
    code_hash: bytes,
    rotation: int,
    requested_at: datetime,
) -> bool:
    """Whether the pickup of an order was made; False when another one waits under the same code."""
    made = await _CREATE.value(
        db,
        id=pickup_id,
        order_id=order_id,
        store=store,
        state=PickupState.REQUESTED.value,
        code_hash=code_hash,
        rotation=rotation,
        requested_at=requested_at,
    )
    return made is not None


_CHANGE = statement(
    sa.update(Pickup)
    .where(col(Pickup.id) == param("pickup_id"))
    .values(
        state=param("new_state", sa.Text),
        shelf=sa.func.coalesce(param("new_shelf", sa.Text), col(Pickup.shelf)),
        ready_at=sa.func.coalesce(param("new_ready_at", _MOMENT), col(Pickup.ready_at)),
        held_until=sa.func.coalesce(param("new_held_until", _MOMENT), col(Pickup.held_until)),
        collected_at=sa.func.coalesce(param("new_collected_at", _MOMENT), col(Pickup.collected_at)),
        collected_by=sa.func.coalesce(param("new_collected_by", sa.Text), col(Pickup.collected_by)),
    )
)


async def change(
    db: Connection,
    pickup_id: UUID,
    state: PickupState,
    *,
    shelf: str | None = None,
    ready_at: datetime | None = None,
    held_until: datetime | None = None,
    collected_at: datetime | None = None,
    collected_by: str | None = None,
) -> None:
    """Changes a pickup whose order is locked; None leaves as it is."""
    await _CHANGE.run(
        db,
        pickup_id=pickup_id,
        new_state=state.value,
        new_shelf=shelf,
        new_ready_at=ready_at,
        new_held_until=held_until,
        new_collected_at=collected_at,
        new_collected_by=collected_by,
    )


_other = SQLModel.metadata.tables["pickup"].alias("other")
_ROTATE = statement(
    sa.update(Pickup)
    .where(
        col(Pickup.id) == param("pickup_id"),
        ~sa.exists().where(
            _other.c.code_hash == param("new_hash", sa.LargeBinary),
            sa.text(f"other.state {OPEN_STATES}"),
        ),
    )
    .values(code_hash=param("new_hash", sa.LargeBinary), rotation=param("new_rotation", sa.Integer))
)


async def rotate(db: Connection, pickup_id: UUID, *, code_hash: bytes, rotation: int) -> bool:
    """Whether a pickup goes by another code from now on; False when another one waits under that."""
    return await _ROTATE.run(db, pickup_id=pickup_id, new_hash=code_hash, new_rotation=rotation) == 1


_OVERDUE_IDS = statement(
    sa.select(col(Pickup.order_id))
    .where(col(Pickup.state) == sa.literal_column("'READY'"), col(Pickup.held_until) <= param("now", _MOMENT))
    .order_by(col(Pickup.held_until), col(Pickup.id))
    .limit(param("limit", sa.Integer))
)


async def overdue_orders(db: Connection, now: datetime, limit: int) -> list[UUID]:
    """The orders that nobody collected in time, the longest overdue first."""
    return [row[0] for row in await _OVERDUE_IDS.all(db, now=now, limit=limit)]
