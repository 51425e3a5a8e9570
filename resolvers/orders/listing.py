"""The list of orders in the graph: for staff, by store, channel, state and time, a page at a time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import strawberry

from domain.access import ORDER_LISTERS, ORDER_READERS, PrincipalKind
from domain.orders.states import OrderState
from persistence.database import Connection
from persistence.orders import listing as listing_db
from persistence.orders.listing import OrderQuery
from persistence.orders.tables import SalesOrder
from persistence.paging import Page
from resolvers.connections import OnePage
from resolvers.context import Context, Info
from resolvers.fields import field, query
from resolvers.orders.order import Order
from resolvers.shapes import PageInfo, page_size, parse_global_id, shape


@strawberry.input(description="All of these hold; what is left out or empty leaves nothing out.")
class OrderWhere:
    state: list[OrderState] | None = strawberry.field(default=None, description="any of these, as of now")
    channel: str | None = None
    store: str | None = strawberry.field(
        default=None,
        description="the one that serves it: where it is picked up or sent from, else where it was bought",
    )
    member: strawberry.ID | None = None
    placed_since: datetime | None = None
    placed_before: datetime | None = strawberry.field(default=None, description="exclusive")


@shape(ORDER_READERS)
class OrderEdge:
    cursor: str
    node: Order


@shape(ORDER_READERS, description="A page of orders, the newest first.")
class OrderConnection:
    asked: strawberry.Private[OrderQuery]
    listed: strawberry.Private[OnePage[SalesOrder]]

    @field()
    async def edges(self) -> list[OrderEdge]:
        page = await self.listed.page()
        return [
            OrderEdge(cursor=cursor, node=Order.of(row))
            for cursor, row in zip(page.cursors, page.rows, strict=True)
        ]

    @field()
    async def nodes(self) -> list[Order]:
        return [Order.of(row) for row in (await self.listed.page()).rows]

    @field()
    async def page_info(self) -> PageInfo:
        return await self.listed.info()

    @field(description="counted only when selected")
    async def total_count(self) -> int:
        return await self.listed.alone(lambda db: listing_db.orders_total(db, self.asked))


@query(
    ORDER_LISTERS,
    description="Orders, the newest first; first is 1 to 100. Staff bound to a store list what it serves, "
    "partners what they placed.",
)
async def orders(
    info: Info, first: int, after: str | None = None, where: OrderWhere | None = None
) -> OrderConnection:
    page_size(first)
    listing_db.check(after)
    asked = _asked(info.context, where or OrderWhere())

    async def read(db: Connection) -> Page[SalesOrder]:
        return await listing_db.orders(db, asked, first, after)

    return OrderConnection(asked=asked, listed=OnePage(info.context, read))


def orders_of_member(
    context: Context, member_id: UUID, first: int, after: str | None, *, nobody: bool = False
) -> OrderConnection:
    """A member's orders, the newest first; none of them when they are `nobody`'s to see."""
    page_size(first)
    listing_db.check(after)
    asked = OrderQuery(now=context.now, member=str(member_id), states=() if nobody else None)

    async def read(db: Connection) -> Page[SalesOrder]:
        return await listing_db.orders(db, asked, first, after)

    return OrderConnection(asked=asked, listed=OnePage(context, read))


def _asked(context: Context, where: OrderWhere) -> OrderQuery:
    viewer = context.viewer
    bound = viewer.store if viewer.is_staff else None
    states = tuple(where.state) if where.state else None
    if bound is not None and where.store not in (None, bound):
        states = ()  # another store's: none of them are theirs to list
    member = None if where.member is None else parse_global_id(where.member)
    return OrderQuery(
        now=context.now,
        states=states,
        channel=where.channel,
        store=bound or where.store,
        member=None if where.member is None else str(member[1]) if member is not None else "",
        placed_by=str(viewer) if viewer.kind is PrincipalKind.PARTNER else None,
        placed_since=where.placed_since,
        placed_before=where.placed_before,
    )
