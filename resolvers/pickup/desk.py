"""How an order comes to wait in a store, and how it does so no more; what every mover of orders calls."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from domain.news import News
from domain.pickup import OPEN, PickupState
from domain.pickup_codes import code_hash, code_of
from persistence.pickup import reads as pickup_db
from persistence.pickup import writes as pickup_writes
from persistence.pickup.reads import StoredPickup
from resolvers.context import Work
from resolvers.house import House, PickupDesk

_TRIES = 10  # that two codes are alike by chance happens once in many million years of a large store


def code_shown(desk: PickupDesk, pickup: StoredPickup) -> str:
    """The code a pickup goes by now."""
    return code_of(desk.secret, pickup.id, pickup.rotation)


def hash_of(desk: PickupDesk, code: str) -> bytes:
    """What is stored of a code."""
    return code_hash(desk.secret, code)


def pickup_news(pickup_id: UUID, store: str, cause: str, occurred_at: datetime | None = None) -> News:
    """News of a pickup."""
    return News.of_pickup(pickup_id, cause, store=store, occurred_at=occurred_at)


async def request_pickup(work: Work, house: House, order_id: UUID, store: str) -> None:
    """Asks a store to prepare an order that was paid; the store is told."""
    pickup_id = uuid4()
    for rotation in range(_TRIES):
        made = await pickup_writes.create(
            work.db,
            pickup_id,
            order_id,
            store=store,
            code_hash=hash_of(house.pickup_desk, code_of(house.pickup_desk.secret, pickup_id, rotation)),
            rotation=rotation,
            requested_at=work.now,
        )
        if made:
            work.announce(pickup_news(pickup_id, store, "pickupRequested"))
            return
    raise LookupError(f"every code of order {order_id} is another one's")


async def cancel_pickup(work: Work, order_id: UUID, cause: str) -> None:
    """Tells the store to put the goods back, if it was to hand them over; the order is locked."""
    pickup = (await pickup_db.pickups_by_order(work.db, [order_id])).get(order_id)
    if pickup is not None and pickup.state in OPEN:
        await pickup_writes.change(work.db, pickup.id, PickupState.CANCELLED)
        work.announce(pickup_news(pickup.id, pickup.store, cause))
