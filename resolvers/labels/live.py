"""The devices of a store as they change, live."""

from __future__ import annotations

from collections.abc import AsyncIterable, Sequence
from datetime import datetime

import strawberry

from domain.access import DEVICE_READERS
from domain.devices import DeviceKind
from domain.news import Happening, LiveKind, Topic
from domain.refusals import RequestError
from persistence.labels import registry as registry_db
from resolvers.context import Info
from resolvers.fields import field, live_stream
from resolvers.labels.access import sees_devices_of
from resolvers.labels.devices import Device
from resolvers.labels.labels import shape_of
from resolvers.live import cursor_given
from resolvers.live_stream import LiveStream, What
from resolvers.scalars import EventCursor
from resolvers.shapes import shape


@shape(DEVICE_READERS)
class DeviceEvent:
    code: strawberry.Private[str | None]
    kinds: strawberry.Private[frozenset[DeviceKind]]

    kind: LiveKind
    cursor: EventCursor
    occurred_at: datetime
    cause: str = strawberry.field(
        description="deviceRegister, deviceRetire, labelBind, labelUnbind, gatewayClaim, labelsReport …"
    )

    @field(description="null on BOOKMARK and RESYNC, and for a device of a kind that was not asked for")
    async def device(self, info: Info) -> Device | None:
        if self.code is None:
            return None
        info.context.not_before(self.occurred_at)
        row = await info.context.loaders.device.load(self.code)
        return None if row is None or row.kind not in self.kinds else shape_of(row)


@live_stream(
    DEVICE_READERS,
    description="The devices of a store as they come, go and change; kinds: null for all. What a device says "
    "of itself is told with its next change.",
)
async def device_changed(
    info: Info, store: str, kinds: list[DeviceKind] | None = None, after: EventCursor | None = None
) -> AsyncIterable[DeviceEvent]:
    house = info.context.house
    known = await house.directory.store(store)
    if known is None or not sees_devices_of(info.context.viewer, store):
        raise RequestError.bad_input(en=f'There is no store "{store}".', zh=f"没有门店“{store}”。")
    asked = frozenset(kinds if kinds is not None else DeviceKind)

    async def opening() -> Sequence[str]:
        async with house.database.connection() as db:
            return await registry_db.codes_in_store(db, store, sorted(asked))

    def wants(news: Happening) -> bool:
        return news.store == store

    def event(what: What) -> DeviceEvent:
        return DeviceEvent(
            code=what.sku,
            kinds=asked,
            kind=what.kind,
            cursor=EventCursor(str(what.cursor)),
            occurred_at=what.occurred_at,
            cause=what.cause,
        )

    return LiveStream(
        house.hub,
        house.clock,
        Topic.DEVICE,
        wants,
        None,
        cursor_given(after),
        event,
        opening=opening,
    )
