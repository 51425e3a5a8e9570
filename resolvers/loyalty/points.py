"""Points in the graph: what a member has, and the ledger it is the sum of."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID, uuid5

import strawberry

from domain.access import EVERYONE
from domain.loyalty.points import Books, PointsEntryKind
from persistence.database import Connection
from persistence.loyalty import ledger
from persistence.loyalty.ledger import HistoryLine
from persistence.paging import Page, nothing
from resolvers.connections import OnePage
from resolvers.context import Context, Info
from resolvers.fields import field
from resolvers.shapes import FromRow, PageInfo, page_size, shape

if TYPE_CHECKING:
    from resolvers.orders.order import Order

_LINES = UUID("6f0bb1b5-6d1c-4a61-9d0f-5c5f7a7f6e11")


@shape(EVERYONE, description="What a member has; the ledger comes to available and pending together.")
class PointsBalance:
    available: int = strawberry.field(description="to use now; below zero: debt, which is earned off first")
    pending: int = strawberry.field(description="on their way: until the goods can't come back any more")
    expiring: int = strawberry.field(description="of those available, what expires within 30 days")
    next_expiry: datetime | None

    @classmethod
    def nothing(cls) -> PointsBalance:
        """No points at all."""
        return cls(available=0, pending=0, expiring=0, next_expiry=None)


@shape(EVERYONE, description="A line of a member's ledger.")
class PointsEntry(FromRow[HistoryLine]):
    row: strawberry.Private[HistoryLine]
    kind: PointsEntryKind
    points: int
    balance_after: int = strawberry.field(description="the sum of this line and all before it")
    reason: str = strawberry.field(
        description="order, returned, givenBack, expired, offer:CODE, or what a person wrote"
    )
    channel: str | None
    occurred_at: datetime
    expires_at: datetime | None = strawberry.field(
        description="until before when its points can be used; null: for ever, or as long as they are pending"
    )

    @field()
    def id(self) -> strawberry.ID:
        return strawberry.ID(uuid5(_LINES, f"{self.row.member}/{self.row.serial}").hex)

    @field()
    async def order(self, info: Info) -> Annotated[Order, strawberry.lazy("resolvers.orders.order")] | None:
        from resolvers.orders.order import Order, sees

        if self.row.order_id is None:
            return None
        row = await info.context.loaders.order.load(self.row.order_id)
        return Order.of(row) if row is not None and sees(info.context.viewer, row) else None


@shape(EVERYONE)
class PointsEntryEdge:
    cursor: str
    node: PointsEntry


@shape(EVERYONE, description="A page of a member's ledger, the newest line first.")
class PointsEntryConnection:
    listed: strawberry.Private[OnePage[HistoryLine]]

    @field()
    async def edges(self) -> list[PointsEntryEdge]:
        page = await self.listed.page()
        return [
            PointsEntryEdge(cursor=cursor, node=PointsEntry.of(row))
            for cursor, row in zip(page.cursors, page.rows, strict=True)
        ]

    @field()
    async def nodes(self) -> list[PointsEntry]:
        return [PointsEntry.of(row) for row in (await self.listed.page()).rows]

    @field()
    async def page_info(self) -> PageInfo:
        return await self.listed.info()


async def points_of(context: Context, member: str) -> PointsBalance:
    """What a member has now, whether or not anybody wrote down what the clock did."""
    account = await context.loaders.points_account.load(member)
    books = Books([], 0, context.now) if account is None else Books(account.lots, account.debt, context.now)
    return PointsBalance(**books.standing()._asdict())


def points_history_of(
    context: Context, member: str | None, first: int, after: str | None
) -> PointsEntryConnection:
    """A page of a member's ledger, an empty one of nobody's; raises BAD_USER_INPUT for a bad page."""
    page_size(first)
    ledger.check(after)

    async def read(db: Connection) -> Page[HistoryLine]:
        if member is None:
            return nothing()
        return await ledger.history(db, member, first, after)

    return PointsEntryConnection(listed=OnePage(context, read))
