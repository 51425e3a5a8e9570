"""An order as it moves on: every event of it, live."""

from __future__ import annotations

from collections.abc import AsyncIterable
from datetime import datetime
from uuid import UUID

import strawberry

from domain.access import ORDER_READERS, PrincipalKind
from domain.news import Happening, LiveKind, Topic
from domain.refusals import RequestError
from persistence.orders import reads as orders_db
from resolvers.context import Info
from resolvers.fields import field, live_stream
from resolvers.live import cursor_given
from resolvers.live_stream import LiveStream, What
from resolvers.orders.order import Order, opens, order_key, sees
from resolvers.scalars import EventCursor
from resolvers.shapes import shape


@shape(ORDER_READERS)
class OrderLiveEvent:
    order_key: strawberry.Private[UUID | None]
    is_opened: strawberry.Private[bool]
    kind: LiveKind
    cursor: EventCursor
    occurred_at: datetime
    cause: str = strawberry.field(
        description="checkout, orderPay, paymentCaptured, paymentDeclined, orderExpired, orderCancel, "
        "orderShip, orderDeliver, orderReturn, refunded …"
    )

    @field(description="null on BOOKMARK and RESYNC")
    async def order(self, info: Info) -> Order | None:
        if self.order_key is None:
            return None
        info.context.not_before(self.occurred_at)
        row = await info.context.loaders.order.load(self.order_key)
        return None if row is None else Order.opened(row, is_opened=self.is_opened)


@live_stream(
    ORDER_READERS,
    description="Every event of an order, for those whose it is to see and whoever has its orderToken.",
)
async def order_changed(
    info: Info, order_id: strawberry.ID, order_token: str | None = None, after: EventCursor | None = None
) -> AsyncIterable[OrderLiveEvent]:
    house = info.context.house
    key, is_opened = await _visible(info, order_id, order_token)

    def event(what: What) -> OrderLiveEvent:
        return OrderLiveEvent(
            order_key=None if what.sku is None else key,
            is_opened=is_opened,
            kind=what.kind,
            cursor=EventCursor(str(what.cursor)),
            occurred_at=what.occurred_at,
            cause=what.cause,
        )

    return LiveStream(
        house.hub,
        house.clock,
        Topic.ORDER,
        _everything,
        [str(key)],
        cursor_given(after),
        event,
        tells_all=True,
    )


def _everything(news: Happening) -> bool:
    return True


async def _visible(info: Info, order_id: str, token: str | None) -> tuple[UUID, bool]:
    """The key of an order that the caller may watch, and whether it is the caller's own.

    Absent or not theirs is the same BAD_USER_INPUT. All who hear the same have asked with the same token, or
    are one member: no other one may watch this order.
    """
    viewer = info.context.viewer
    key = order_key(order_id)
    if key is not None:
        async with info.context.house.database.connection() as db:
            row = (await orders_db.orders_by_id(db, [key])).get(key)
        if row is not None and (opens(token, row) or sees(viewer, row)):
            return key, opens(token, row) or viewer.kind is PrincipalKind.MEMBER
    raise RequestError.bad_input(en="There is no such order to watch.", zh="没有可订阅的此订单。")
