"""How far the shelf is from the truth in one store, now."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import strawberry

from domain.access import DEVICE_READERS
from persistence.labels import integrity as integrity_db
from resolvers.context import Info
from resolvers.fields import query
from resolvers.labels.access import sees_devices_of
from resolvers.labels.shelf_prices import shelf_place
from resolvers.shapes import shape
from resolvers.stores.store import Store, store_shape


@shape(DEVICE_READERS, description="How far the shelf is from the truth in one store, now.")
class ShelfIntegrity:
    store: Store
    labels: int = strawberry.field(description="bound labels")
    in_sync: int
    pending: int
    failed: int
    lost: int
    integrity_percent: Decimal = strawberry.field(
        description="inSync / labels x 100, lost ones counted as not in sync; 100 when there is no label"
    )
    oldest_stale_seconds: int
    overcharging: int = strawberry.field(
        description="bound labels where the till would charge more than may be shown; the promise keeps "
        "it at 0"
    )
    undercharging: int = strawberry.field(description="… less than is shown")


@query(
    DEVICE_READERS,
    description="How a store's bound labels stand, each counted once: lost, failed, pending, else in sync; "
    "null for a store that is not the caller's.",
)
async def shelf_integrity(info: Info, store: str) -> ShelfIntegrity | None:
    context = info.context
    where = await shelf_place(context.house, store)
    if where is None or not sees_devices_of(context.viewer, store):
        return None
    async with context.house.database.connection() as db:
        standing = await integrity_db.standing(db, store, context.now)
        wrong = await integrity_db.differing(db, store, where.channel, context.now)
    in_sync = standing.labels - standing.lost - standing.failed - standing.pending
    stale = 0
    if standing.parted_at is not None:
        stale = max(0, int((context.now - standing.parted_at).total_seconds()))
    over = sum(1 for one in wrong if one.shown_minor is not None and one.charged_minor > one.shown_minor)
    return ShelfIntegrity(
        store=await store_shape(info, store),
        labels=standing.labels,
        in_sync=in_sync,
        pending=standing.pending,
        failed=standing.failed,
        lost=standing.lost,
        integrity_percent=_percent(in_sync, standing.labels),
        oldest_stale_seconds=stale,
        overcharging=over,
        undercharging=len(wrong) - over,
    )


def _percent(part: int, whole: int) -> Decimal:
    if whole == 0:
        return Decimal(100)
    return (Decimal(100 * part) / whole).quantize(Decimal("0.01"), ROUND_HALF_UP)
