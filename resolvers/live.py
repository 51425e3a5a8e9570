"""Live price and stock: a snapshot, and from its cursor on every change, in order and without a gap."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from datetime import datetime

import strawberry

from domain.access import PRICE_READERS, STOCK_SHOPPERS
from domain.news import Cursor, Happening, LiveKind, Topic
from domain.refusals import RequestError
from resolvers.catalog.products import ProductVariant
from resolvers.context import Info
from resolvers.fields import field, live_stream
from resolvers.inventory.stock import Availability, availability_of
from resolvers.live_stream import EventT, LiveStream, What
from resolvers.places import Resolved, SalesContext, resolve
from resolvers.pricing.prices import Content, Price, price_of
from resolvers.scalars import EventCursor
from resolvers.shapes import shape

MOST_SKUS = 500


strawberry.enum(
    LiveKind,
    description="Shop streams. Without after: SNAPSHOT events of what was asked for, then one BOOKMARK with "
    "the cursor as of which the snapshot is consistent, then CHANGE events.\n"
    "With after: what was missed as CHANGE events, a BOOKMARK, then live. BOOKMARK also comes every 15 s of "
    "silence. RESYNC: the cursor is too old or unknown here; a snapshot follows.\n"
    "SNAPSHOT events all carry their snapshot's cursor (resume from it only once its BOOKMARK has come); "
    "CHANGE cursors rise strictly.\n"
    "Entity fields are null only on BOOKMARK and RESYNC, and show the state at delivery, which is never "
    "older than the event.\n"
    "priceChanged, stockChanged and deviceChanged promise the last value of every key; a subscriber that is "
    "behind may be spared older values of the same key. orderChanged and pickupQueueChanged deliver every "
    "event. Nothing comes out of order; around a reconnect an event may come twice.",
)


@strawberry.type
class _SkuEvent:
    """What price and stock events have in common."""

    asked: strawberry.Private[SalesContext]

    kind: LiveKind
    cursor: EventCursor
    occurred_at: datetime
    cause: str
    sku: str | None
    store: str | None


@shape(PRICE_READERS)
class PriceEvent(_SkuEvent):
    channel: str | None

    @field(description="null on BOOKMARK and RESYNC, and when the variant is not for sale here")
    async def price(self, info: Info) -> Price | None:
        if self.sku is None:
            return None
        context = info.context
        context.not_before(self.occurred_at)
        asked = await resolve(context, self.asked)
        row = await context.loaders.variant_by_sku.load(self.sku)
        if row is None:
            return None
        return await price_of(context, asked, self.sku, Content(row.net_content, row.net_content_unit))

    @field()
    async def variant(self, info: Info) -> ProductVariant | None:
        return await _variant(info, self.sku)


@shape(STOCK_SHOPPERS)
class StockEvent(_SkuEvent):
    @field(description="null on BOOKMARK and RESYNC")
    async def availability(self, info: Info) -> Availability | None:
        if self.sku is None:
            return None
        return await availability_of(info.context, await resolve(info.context, self.asked), self.sku)

    @field()
    async def variant(self, info: Info) -> ProductVariant | None:
        return await _variant(info, self.sku)


async def _variant(info: Info, sku: str | None) -> ProductVariant | None:
    if sku is None:
        return None
    row = await info.context.loaders.variant_by_sku.load(sku)
    return None if row is None else ProductVariant.of(row)


@live_stream(
    PRICE_READERS,
    description="The prices of a context as they change. skus: 1 to 500; null: every sku of the context, and "
    "then without an opening snapshot.",
)
async def price_changed(
    info: Info, context: SalesContext, skus: list[str] | None = None, after: EventCursor | None = None
) -> AsyncIterable[PriceEvent]:
    asked = await _present(info, context)

    def wants(news: Happening) -> bool:
        return news.channel in (None, asked.priced_in) and news.store in (None, asked.store)

    def event(what: What) -> PriceEvent:
        bare = what.sku is None
        return PriceEvent(
            asked=context,
            kind=what.kind,
            cursor=EventCursor(str(what.cursor)),
            occurred_at=what.occurred_at,
            cause=what.cause,
            sku=what.sku,
            store=None if bare else asked.store,
            channel=None if bare else asked.channel,
        )

    return _stream(info, Topic.PRICE, wants, skus, after, event)


@live_stream(
    STOCK_SHOPPERS,
    description="What a context can buy as it changes. skus: 1 to 500; null: every sku of the context, and "
    "then without an opening snapshot.",
)
async def stock_changed(
    info: Info, context: SalesContext, skus: list[str] | None = None, after: EventCursor | None = None
) -> AsyncIterable[StockEvent]:
    asked = await _present(info, context)
    directory = info.context.house.directory
    stores = [asked.store] if asked.store is not None else await directory.delivering_stores()
    places = frozenset((None, *stores))

    def wants(news: Happening) -> bool:
        return news.store in places and news.channel in (None, asked.channel)

    def event(what: What) -> StockEvent:
        return StockEvent(
            asked=context,
            kind=what.kind,
            cursor=EventCursor(str(what.cursor)),
            occurred_at=what.occurred_at,
            cause=what.cause,
            sku=what.sku,
            store=None if what.sku is None else asked.store,
        )

    return _stream(info, Topic.STOCK, wants, skus, after, event)


def _stream(
    info: Info,
    topic: Topic,
    wants: Callable[[Happening], bool],
    skus: list[str] | None,
    after: EventCursor | None,
    event: Callable[[What], EventT],
) -> LiveStream[EventT]:
    house = info.context.house
    return LiveStream(house.hub, house.clock, topic, wants, _distinct(skus), cursor_given(after), event)


async def _present(info: Info, context: SalesContext) -> Resolved:
    if context.at is not None:
        raise RequestError.bad_input(
            en="A subscription tells what is so now; leave context.at out.",
            zh="订阅只报告当前状态，请去掉 context.at。",
        )
    return await resolve(info.context, context)


def _distinct(skus: list[str] | None) -> list[str] | None:
    if skus is None:
        return None
    if not 1 <= len(skus) <= MOST_SKUS:
        raise RequestError.bad_input(
            en=f"skus takes 1 to {MOST_SKUS}, not {len(skus)}.",
            zh=f"skus 须为 1 到 {MOST_SKUS} 个，而不是 {len(skus)} 个。",
        )
    return list(dict.fromkeys(skus))


def cursor_given(after: EventCursor | None) -> Cursor | None:
    """Where a stream is to go on; raises BAD_USER_INPUT for what no event ever carried."""
    if after is None:
        return None
    cursor = Cursor.parse(after)
    if cursor is None:
        raise RequestError.bad_input(
            en="after is not a cursor that an event carried.", zh="after 不是事件携带的游标。"
        )
    return cursor
