"""Webhooks in the graph: where partners are told news, and what was delivered."""

from __future__ import annotations

from datetime import datetime

import strawberry

from domain.access import PARTNER_READERS
from domain.news import Cursor
from domain.webhooks import WebhookTopic
from persistence.database import Connection
from persistence.paging import Page
from persistence.partners import tables
from persistence.partners import webhooks as webhooks_db
from resolvers.connections import OnePage
from resolvers.context import Info
from resolvers.fields import field
from resolvers.scalars import EventCursor
from resolvers.shapes import FromRow, Node, PageInfo, page_size, shape

strawberry.enum(
    WebhookTopic,
    description="ORDER and PICKUP tell of orders the partner placed, PRICE and STOCK of what concerns its "
    "channels; each needs the scope to read it.",
)


@shape(PARTNER_READERS, description="A delivery to a webhook, made or still to be made.")
class WebhookDelivery(FromRow[tables.WebhookDelivery]):
    tag = "Wd"
    row: strawberry.Private[tables.WebhookDelivery]
    id: strawberry.ID
    type: str = strawberry.field(description="order.changed, pickup.changed, price.changed, stock.changed")
    body: str = strawberry.field(description="what is sent, to the letter")
    attempts: int
    status: int | None = strawberry.field(description="of the last answer")
    problem: str | None
    created_at: datetime
    delivered_at: datetime | None
    given_up_at: datetime | None

    @field(description="null once it was delivered or given up")
    def next_try_at(self) -> datetime | None:
        is_over = self.row.delivered_at is not None or self.row.given_up_at is not None
        return None if is_over else self.row.next_try_at

    @field(description="the place of its news; webhookReplay takes it as `after`")
    def cursor(self) -> EventCursor:
        return EventCursor(self.row.cursor)


@shape(PARTNER_READERS)
class WebhookDeliveryEdge:
    cursor: str
    node: WebhookDelivery


@shape(PARTNER_READERS, description="A page of deliveries, the newest first.")
class WebhookDeliveryConnection:
    listed: strawberry.Private[OnePage[tables.WebhookDelivery]]

    @field()
    async def edges(self) -> list[WebhookDeliveryEdge]:
        page = await self.listed.page()
        return [
            WebhookDeliveryEdge(cursor=cursor, node=WebhookDelivery.of(row))
            for cursor, row in zip(page.cursors, page.rows, strict=True)
        ]

    @field()
    async def nodes(self) -> list[WebhookDelivery]:
        return [WebhookDelivery.of(row) for row in (await self.listed.page()).rows]

    @field()
    async def page_info(self) -> PageInfo:
        return await self.listed.info()


@shape(PARTNER_READERS, description="An address that a partner is told news at (docs/partners.md).")
class Webhook(FromRow[tables.Webhook], Node):
    tag = "Wh"
    row: strawberry.Private[tables.Webhook]
    url: str
    active: bool
    failures: int = strawberry.field(description="in a row; after 5 the address is left alone for a while")
    resting_until: datetime | None
    created_at: datetime

    @field()
    def topics(self) -> list[WebhookTopic]:
        return [WebhookTopic(topic) for topic in self.row.topics]

    @field(description="everything up to here was queued for it")
    def cursor(self) -> EventCursor:
        return EventCursor(str(Cursor(self.row.epoch, self.row.position)))

    @field(description="The newest first; first is 1 to 100.")
    async def deliveries(self, info: Info, first: int, after: str | None = None) -> WebhookDeliveryConnection:
        page_size(first)

        async def read(db: Connection) -> Page[tables.WebhookDelivery]:
            return await webhooks_db.deliveries_page(db, self.row.id, first, after)

        return WebhookDeliveryConnection(listed=OnePage(info.context, read))
