"""The list of stores in the graph: by code or nearest first."""

from __future__ import annotations

import strawberry

from domain.access import EVERYONE, STOCK_SHOPPERS
from domain.channels import StockPolicy
from domain.refusals import RequestError
from domain.stores import StoreService
from persistence import store_list as stores_db
from persistence.database import Connection
from persistence.paging import Page
from persistence.store_list import Near, StoreQuery, distance_of
from persistence.stores import Store as StoredStore
from resolvers.access import must_allow
from resolvers.connections import OnePage
from resolvers.context import Info
from resolvers.fields import field, query
from resolvers.shapes import PageInfo, page_size, shape
from resolvers.stores.store import Store

_WITHIN_METERS = 50_000


@strawberry.input(description="Degrees, WGS 84.")
class GeoPointInput:
    latitude: float
    longitude: float


@strawberry.input
class StoreNear:
    point: GeoPointInput
    within_meters: int | None = _WITHIN_METERS


@strawberry.input
class SkuQuantity:
    sku: str
    quantity: int


@strawberry.input(description="All of these hold; what is left out or empty leaves nothing out.")
class StoreWhere:
    city: str | None = None
    service: StoreService | None = None
    open_now: bool | None = None
    has_stock: list[SkuQuantity] | None = strawberry.field(
        default=None, description="every line must be available for pickup there now"
    )
    stock_channel: str | None = strawberry.field(
        default=None,
        description="the channel whose stock hasStock means; left out: the common pool of SHARED channels",
    )


@shape(EVERYONE)
class StoreEdge:
    cursor: str
    node: Store


@shape(EVERYONE, description="A page of stores; nothing is read of it but what is selected.")
class StoreConnection:
    asked: strawberry.Private[StoreQuery]
    listed: strawberry.Private[OnePage[StoredStore]]

    @field()
    async def edges(self) -> list[StoreEdge]:
        page = await self.listed.page()
        return [
            StoreEdge(cursor=cursor, node=_store(row))
            for cursor, row in zip(page.cursors, page.rows, strict=True)
        ]

    @field()
    async def nodes(self) -> list[Store]:
        return [_store(row) for row in (await self.listed.page()).rows]

    @field()
    async def page_info(self) -> PageInfo:
        return await self.listed.info()

    @field(description="counted only when selected")
    async def total_count(self) -> int:
        return await self.listed.alone(lambda db: stores_db.stores_total(db, self.asked))


@query(
    EVERYONE,
    description="The stores that are in business, by code, or nearest first when near is given; first is 1 "
    "to 100.",
)
async def stores(
    info: Info,
    first: int,
    after: str | None = None,
    near: StoreNear | None = None,
    where: StoreWhere | None = None,
) -> StoreConnection:
    page_size(first)
    where = where or StoreWhere()
    if where.has_stock:
        must_allow(STOCK_SHOPPERS, info.context.viewer)
    channel, policy = await _stock_channel(info, where.stock_channel)
    now = info.context.now
    asked = StoreQuery(
        near=None if near is None else _near(near),
        city=where.city,
        service=where.service,
        open_at=now if where.open_now is True else None,
        closed_at=now if where.open_now is False else None,
        has_stock=tuple((line.sku, line.quantity) for line in where.has_stock or ()),
        stock_channel=channel,
        stock_policy=policy,
    )
    stores_db.check(asked, after)

    async def read(db: Connection) -> Page[StoredStore]:
        return await stores_db.stores(db, asked, first, after)

    return StoreConnection(asked=asked, listed=OnePage(info.context, read))


async def _stock_channel(info: Info, code: str | None) -> tuple[str | None, StockPolicy]:
    if code is None:
        return None, StockPolicy.SHARED
    channel = await info.context.channel(code)
    if channel is None:
        raise RequestError.bad_input(en=f'There is no channel "{code}".', zh=f"没有渠道“{code}”。")
    return channel.code, channel.stock_policy


def _near(near: StoreNear) -> Near:
    within = _WITHIN_METERS if near.within_meters is None else near.within_meters
    return Near(near.point.latitude, near.point.longitude, within)


def _store(row: StoredStore) -> Store:
    store = Store.of(row)
    store.distance_meters = distance_of(row)
    return store
