"""Lists for those who keep the stock in the graph: what moved and why, and what was sold twice."""

from __future__ import annotations

from datetime import datetime

import strawberry

from domain.access import STAFF
from domain.inventory import StockMovementReason
from persistence.database import Connection
from persistence.inventory import lists as lists_db
from persistence.inventory.tables import StockLevel as StoredLevel
from persistence.inventory.tables import StockMovement as StoredMovement
from persistence.paging import Page, nothing
from resolvers.connections import OnePage
from resolvers.context import Info
from resolvers.fields import field, query
from resolvers.inventory.stock import StockLevel
from resolvers.shapes import FromRow, PageInfo, page_size, shape


@shape(STAFF, description="One change of on hand, never rewritten; all of a level add up to its on hand.")
class StockMovement(FromRow[StoredMovement]):
    row: strawberry.Private[StoredMovement]
    sku: str
    delta: int
    reason: StockMovementReason
    reference: str | None = strawberry.field(description="an order, a delivery note, a till's receipt …")
    moved_by: str
    moved_at: datetime


@shape(STAFF)
class StockMovementEdge:
    cursor: str
    node: StockMovement


@shape(STAFF, description="A page of movements, the newest first.")
class StockMovementConnection:
    listed: strawberry.Private[OnePage[StoredMovement]]

    @field()
    async def edges(self) -> list[StockMovementEdge]:
        page = await self.listed.page()
        return [
            StockMovementEdge(cursor=cursor, node=StockMovement.of(row))
            for cursor, row in zip(page.cursors, page.rows, strict=True)
        ]

    @field()
    async def nodes(self) -> list[StockMovement]:
        return [StockMovement.of(row) for row in (await self.listed.page()).rows]

    @field()
    async def page_info(self) -> PageInfo:
        return await self.listed.info()


@query(
    STAFF,
    description="What changed a level's on hand, the newest first; first is 1 to 100. Staff bound to a store "
    "see its own.",
)
async def stock_movements(
    info: Info, store: str, sku: str, first: int, after: str | None = None
) -> StockMovementConnection:
    page_size(first)
    lists_db.check_movements(after)

    async def read(db: Connection) -> Page[StoredMovement]:
        if not info.context.viewer.works_in(store):
            return nothing()
        return await lists_db.movements(db, store, sku, first, after)

    return StockMovementConnection(listed=OnePage(info.context, read))


@shape(STAFF)
class StockLevelEdge:
    cursor: str
    node: StockLevel


@shape(STAFF, description="A page of stock levels, by sku.")
class StockLevelConnection:
    listed: strawberry.Private[OnePage[StoredLevel]]

    @field()
    async def edges(self) -> list[StockLevelEdge]:
        page = await self.listed.page()
        return [
            StockLevelEdge(cursor=cursor, node=StockLevel.of(row))
            for cursor, row in zip(page.cursors, page.rows, strict=True)
        ]

    @field()
    async def nodes(self) -> list[StockLevel]:
        return [StockLevel.of(row) for row in (await self.listed.page()).rows]

    @field()
    async def page_info(self) -> PageInfo:
        return await self.listed.info()


@query(
    STAFF,
    description="A store's levels with less on hand than was promised to orders, by sku: work for a person "
    "who finds the goods or calls the buyer. first is 1 to 100; staff bound to a store see its own.",
)
async def stock_oversold(
    info: Info, store: str, first: int, after: str | None = None
) -> StockLevelConnection:
    page_size(first)
    lists_db.check_oversold(after)

    async def read(db: Connection) -> Page[StoredLevel]:
        if not info.context.viewer.works_in(store):
            return nothing()
        return await lists_db.oversold(db, store, first, after)

    return StockLevelConnection(listed=OnePage(info.context, read))
