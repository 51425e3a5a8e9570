"""A store's pickup queue as it moves on: every event of it, live."""

from __future__ import annotations

from collections.abc import AsyncIterable, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from domain.access import STORE_WORKERS
from domain.news import Happening, LiveKind, Topic
from domain.refusals import RequestError
from persistence.pickup import reads as pickup_db
from resolvers.context import Info
from resolvers.fields import field, live_stream
from resolvers.live import cursor_given
from resolvers.live_stream import LiveStream, What
from resolvers.pickup.pickup import Pickup
from resolvers.scalars import EventCursor
from resolvers.shapes import shape

MOST_SHOWN = 1_000


@shape(STORE_WORKERS)
class PickupEvent:
    pickup_key: strawberry.Private[UUID | None]
    kind: LiveKind
    cursor: EventCursor
    occurred_at: datetime
    cause: str = strawberry.field(
        description="pickupRequested, pickupPrepare, pickupReady, pickupCollect, pickupExpired, orderCancel …"
    )

    @field(description="null on BOOKMARK and RESYNC")
    async def pickup(self, info: Info) -> Pickup | None:
        if self.pickup_key is None:
            return None
        info.context.not_before(self.occurred_at)
        row = await info.context.loaders.pickup.load(self.pickup_key)
        return None if row is None else Pickup.of(row)


@live_stream(
    STORE_WORKERS,
    description="Every event of a store's pickups, for those who work there. The opening snapshot holds what "
    f"is still to be done or collected, the earliest first, at most {MOST_SHOWN:,}.",
)
async def pickup_queue_changed(
    info: Info, store: str, after: EventCursor | None = None
) -> AsyncIterable[PickupEvent]:
    house = info.context.house
    if not info.context.viewer.works_in(store) or await house.directory.store(store) is None:
        raise RequestError.bad_input(
            en=f'You do not work in a store "{store}".', zh=f"您不在门店“{store}”工作。"
        )

    def wants(news: Happening) -> bool:
        return news.store == store

    def event(what: What) -> PickupEvent:
        return PickupEvent(
            pickup_key=None if what.sku is None else UUID(what.sku),
            kind=what.kind,
            cursor=EventCursor(str(what.cursor)),
            occurred_at=what.occurred_at,
            cause=what.cause,
        )

    async def waiting() -> Sequence[str]:
        async with house.database.connection() as db:
            return [str(each) for each in await pickup_db.open_ids(db, store, MOST_SHOWN)]

    return LiveStream(
        house.hub,
        house.clock,
        Topic.PICKUP,
        wants,
        None,
        cursor_given(after),
        event,
        tells_all=True,
        opening=waiting,
    )
