"""Stores in the graph: where they are, what they offer, and when they are open."""

from __future__ import annotations

import strawberry

from domain.access import EVERYONE
from domain.locales import translated
from domain.stores import OpeningHours as Hours
from domain.stores import StoreService, is_open
from persistence.stores import Store as StoredStore
from resolvers.channels import Channel
from resolvers.context import Info
from resolvers.fields import field, query
from resolvers.shapes import FromRow, Node, shape


@shape(EVERYONE)
class GeoPoint:
    latitude: float
    longitude: float


@shape(EVERYONE)
class OpeningHours:
    weekday: int = strawberry.field(description="0 = Monday")
    opens: str = strawberry.field(description="local HH:MM")
    closes: str


@shape(EVERYONE, description="A place with shelves, tills and stock.")
class Store(FromRow[StoredStore], Node):
    tag = "Sr"
    row: strawberry.Private[StoredStore]
    code: str
    city: str
    time_zone: str
    distance_meters: int | None = strawberry.field(
        default=None, description="metres from the point asked about, null when none was"
    )

    @field(description="In the caller's language.")
    def name(self, info: Info) -> str:
        return translated(self.row.names, info.context.locale, info.context.house.default_locale)

    @field(description="In the caller's language.")
    def address(self, info: Info) -> str:
        return translated(self.row.addresses, info.context.locale, info.context.house.default_locale)

    @field()
    def location(self) -> GeoPoint:
        return GeoPoint(latitude=self.row.latitude, longitude=self.row.longitude)

    @field()
    def opening_hours(self) -> list[OpeningHours]:
        return [OpeningHours(**span) for span in self.row.opening_hours]

    @field()
    def services(self) -> list[StoreService]:
        return [StoreService(service) for service in self.row.services]

    @field(description="the channel its tills and shelf labels use")
    async def till_channel(self, info: Info) -> Channel:
        row = await info.context.loaders.channel.load(self.row.till_channel)
        if row is None:
            raise LookupError(f"store {self.row.code} has a till channel that is gone")
        return Channel.of(row)

    @field(description="by the store's own clock")
    def open_now(self, info: Info) -> bool:
        hours = [Hours(**span) for span in self.row.opening_hours]
        return is_open(hours, self.row.time_zone, info.context.now)


async def store_shape(info: Info, code: str) -> Store:
    """The store under a code that some row refers to, so that it must be there."""
    row = await info.context.loaders.store.load(code)
    if row is None:
        raise LookupError(f"store {code} is gone")
    return Store.of(row)


@query(EVERYONE, description="The store under a code; null when there is none.")
async def store(info: Info, code: str) -> Store | None:
    row = await info.context.loaders.store.load(code)
    return None if row is None or not row.active else Store.of(row)
