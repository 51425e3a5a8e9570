"""Live price and stock: a snapshot, and from its cursor on every change, in order and without a gap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import datetime
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

import strawberry

from domain.access import PRICE_READERS, STOCK_SHOPPERS
from domain.news import Cursor, Happening, Topic
from domain.refusals import RequestError
from persistence.news.hub import Hub
from persistence.news.subscription import Idle, Resync
from resolvers.catalog import ProductVariant
from resolvers.context import Context, Info
from resolvers.fields import field, stream
from resolvers.inventory import Availability, availability_of
from resolvers.loaders import PricesKey, StockKey
from resolvers.places import Resolved, SalesContext, resolve
from resolvers.pricing import Content, Price, price_of
from resolvers.scalars import EventCursor
from resolvers.shapes import shape

MOST_SKUS = 500
_SNAPSHOT, _RECONNECT = "snapshot", "resync"


@strawberry.enum(
    description="Shop streams. Without after: SNAPSHOT events of what was asked for, then one BOOKMARK with "
    "the cursor as of which the snapshot is consistent, then CHANGE events.\n"
    "With after: what was missed as CHANGE events, a BOOKMARK, then live. BOOKMARK also comes every 15 s of "
    "silence. RESYNC: the cursor is too old or unknown here; a snapshot follows.\n"
    "SNAPSHOT events all carry their snapshot's cursor (resume from it only once its BOOKMARK has come); "
    "CHANGE cursors rise strictly.\n"
    "Entity fields are null only on BOOKMARK and RESYNC, and show the state at delivery, which is never "
    "older than the event.\n"
    "priceChanged, stockChanged and deviceChanged promise the last value of every key; a subscriber that is "
    "behind may be spared older values of the same key. Nothing comes out of order; around a reconnect an "
    "event may come twice."
)
class LiveKind(StrEnum):
    SNAPSHOT = "SNAPSHOT"
    CHANGE = "CHANGE"
    BOOKMARK = "BOOKMARK"
    RESYNC = "RESYNC"


class _What(NamedTuple):
    """What one event says; `seen` is the context that a snapshot's entities were read in, all at once."""

    kind: LiveKind
    cursor: Cursor
    occurred_at: datetime
    cause: str
    sku: str | None = None
    seen: Context | None = None


class _Resumable:
    """An event that says where its stream can be taken up again."""

    kind: LiveKind
    cursor: EventCursor

    @property
    def resume_from(self) -> str | None:
        """The cursor, once what it stands for was told as a whole: not inside a snapshot, nor before one."""
        return None if self.kind in (LiveKind.SNAPSHOT, LiveKind.RESYNC) else str(self.cursor)


@shape(PRICE_READERS)
class PriceEvent(_Resumable):
    asked: strawberry.Private[SalesContext]
    seen: strawberry.Private[Context | None]

    kind: LiveKind
    cursor: EventCursor
    occurred_at: datetime
    cause: str
    sku: str | None
    store: str | None
    channel: str | None

    @field(description="null on BOOKMARK and RESYNC, and when the variant is not for sale here")
    async def price(self, info: Info) -> Price | None:
        if self.sku is None:
            return None
        context = self.seen or info.context
        context.not_before(self.occurred_at)
        asked = await resolve(context, self.asked)
        row = await context.loaders.variant_by_sku.load(self.sku)
        if row is None:
            return None
        return await price_of(context, asked, self.sku, Content(row.net_content, row.net_content_unit))

    @field()
    async def variant(self, info: Info) -> ProductVariant | None:
        return await _variant(self.seen or info.context, self.sku)


@shape(STOCK_SHOPPERS)
class StockEvent(_Resumable):
    asked: strawberry.Private[SalesContext]
    seen: strawberry.Private[Context | None]

    kind: LiveKind
    cursor: EventCursor
    occurred_at: datetime
    cause: str
    sku: str | None
    store: str | None

    @field(description="null on BOOKMARK and RESYNC")
    async def availability(self, info: Info) -> Availability | None:
        if self.sku is None:
            return None
        context = self.seen or info.context
        return await availability_of(context, await resolve(context, self.asked), self.sku)

    @field()
    async def variant(self, info: Info) -> ProductVariant | None:
        return await _variant(self.seen or info.context, self.sku)


async def _variant(context: Context, sku: str | None) -> ProductVariant | None:
    if sku is None:
        return None
    row = await context.loaders.variant_by_sku.load(sku)
    return None if row is None else ProductVariant.of(row)


EventT = TypeVar("EventT")


class _Stream(NamedTuple, Generic[EventT]):
    """A shop stream: what to listen for, how to read a snapshot in one go, and how an event looks."""

    topic: Topic
    wants: Callable[[Happening], bool]
    skus: list[str] | None
    after: Cursor | None
    prime: Callable[[Context], object]
    event: Callable[[_What], EventT]


@stream(
    PRICE_READERS,
    description="The prices of a context as they change. skus: 1 to 500; null: every sku of the context, and "
    "then without an opening snapshot.",
)
async def price_changed(
    info: Info, context: SalesContext, skus: list[str] | None = None, after: EventCursor | None = None
) -> AsyncGenerator[PriceEvent, None]:
    asked = await _present(info, context)
    place = asked.place

    def wants(news: Happening) -> bool:
        return news.channel in (None, asked.priced_in) and news.store in (None, asked.store)

    async def prime(seen: Context) -> None:
        # As the events will ask: at the moment of the context that they are read in.
        here = place._replace(at=seen.now)
        await asyncio.gather(
            seen.loaders.prices.load_many([PricesKey(here, sku) for sku in wanted or ()]),
            seen.loaders.variant_by_sku.load_many(wanted or []),
        )

    def event(what: _What) -> PriceEvent:
        bare = what.sku is None
        return PriceEvent(
            asked=context,
            seen=what.seen,
            kind=what.kind,
            cursor=EventCursor(str(what.cursor)),
            occurred_at=what.occurred_at,
            cause=what.cause,
            sku=what.sku,
            store=None if bare else asked.store,
            channel=None if bare else asked.channel,
        )

    wanted = _distinct(skus)
    told = _Stream(Topic.PRICE, wants, wanted, _cursor(after), prime, event)
    async for each in _events(info.context, told):
        yield each


@stream(
    STOCK_SHOPPERS,
    description="What a context can buy as it changes. skus: 1 to 500; null: every sku of the context, and "
    "then without an opening snapshot.",
)
async def stock_changed(
    info: Info, context: SalesContext, skus: list[str] | None = None, after: EventCursor | None = None
) -> AsyncGenerator[StockEvent, None]:
    asked = await _present(info, context)
    directory = info.context.house.directory
    stores = [asked.store] if asked.store is not None else await directory.delivering_stores()
    places = frozenset((None, *stores))

    def wants(news: Happening) -> bool:
        return news.store in places and news.channel in (None, asked.channel)

    async def prime(seen: Context) -> None:
        among = tuple(sorted(stores))
        await asyncio.gather(
            seen.loaders.stock.load_many([StockKey(among, sku) for sku in wanted or ()]),
            seen.loaders.variant_by_sku.load_many(wanted or []),
        )

    def event(what: _What) -> StockEvent:
        return StockEvent(
            asked=context,
            seen=what.seen,
            kind=what.kind,
            cursor=EventCursor(str(what.cursor)),
            occurred_at=what.occurred_at,
            cause=what.cause,
            sku=what.sku,
            store=None if what.sku is None else asked.store,
        )

    wanted = _distinct(skus)
    told = _Stream(Topic.STOCK, wants, wanted, _cursor(after), prime, event)
    async for each in _events(info.context, told):
        yield each


async def _events(context: Context, told: _Stream[EventT]) -> AsyncIterator[EventT]:
    hub: Hub = context.house.hub
    subscription = hub.subscribe(
        told.wants,
        topics=frozenset({told.topic}),
        skus=None if told.skus is None else frozenset(told.skus),
        key=lambda news: news.sku,
        after=told.after,
        # Without a snapshot nothing would follow a RESYNC: such a reader rather fetches what did not fit.
        patient=told.skus is None,
    )
    async with subscription as news:
        if told.after is None:
            async for what in _snapshot(context, told, news.cursor, _SNAPSHOT):
                yield told.event(what)
        async for item in news:
            now = context.house.clock()
            if isinstance(item, Idle):
                yield told.event(_What(LiveKind.BOOKMARK, item.cursor, now, "idle"))
            elif isinstance(item, Resync) or item.sku is None:
                # News of no sku in particular is news of every one.
                yield told.event(_What(LiveKind.RESYNC, item.cursor, now, _RECONNECT))
                async for what in _snapshot(context, told, item.cursor, _RECONNECT):
                    yield told.event(what)
            else:
                yield told.event(_What(LiveKind.CHANGE, item.cursor, item.occurred_at, item.cause, item.sku))


async def _snapshot(
    context: Context, told: _Stream[EventT], cursor: Cursor, cause: str
) -> AsyncIterator[_What]:
    """SNAPSHOT events, read after the cursor was, and the BOOKMARK from which on it is good to resume."""
    now = context.house.clock()
    if told.skus:
        seen = context.for_event()
        primed = told.prime(seen)
        if asyncio.iscoroutine(primed):
            await primed
        for sku in told.skus:
            yield _What(LiveKind.SNAPSHOT, cursor, now, cause, sku, seen)
    yield _What(LiveKind.BOOKMARK, cursor, now, cause)


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


def _cursor(after: EventCursor | None) -> Cursor | None:
    if after is None:
        return None
    cursor = Cursor.parse(after)
    if cursor is None:
        raise RequestError.bad_input(
            en="after is not a cursor that an event carried.", zh="after 不是事件携带的游标。"
        )
    return cursor
