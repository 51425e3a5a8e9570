"""Stock in the graph: what may be promised and why, and moving it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from domain.access import STOCK_READERS, STOCK_SHOPPERS, STOCK_WRITERS
from domain.channels import StockPolicy
from domain.inventory import (
    SHOPPERS_SEE_AT_MOST,
    Stock,
    StockMovementReason,
    StockStatus,
    allotted_explained,
    low_stock_of,
    promised,
    status_of,
)
from domain.news import News, Topic
from domain.refusals import Refusal, RefusalCode, Refused, Text
from persistence.inventory import levels as levels_db
from persistence.inventory import writes
from persistence.inventory.tables import StockLevel as StoredLevel
from resolvers.context import Context, Info, Work
from resolvers.fields import field, mutation, query
from resolvers.loaders import StockKey
from resolvers.news import cursor_of
from resolvers.places import Resolved
from resolvers.scalars import EventCursor
from resolvers.shapes import FromRow, Node, Payload, at_most, shape
from resolvers.stores.store import Store, store_shape

MOST_LINES = 500
LARGEST_DELTA = 1_000_000
LARGEST_LEVEL = 100_000_000
_MOST_KEYS = 100


@shape(STOCK_READERS)
class StockExplanation:
    on_hand: int
    reserved: int
    safety_stock: int
    allotted: int
    policy: StockPolicy


@shape(STOCK_SHOPPERS)
class Availability:
    store: strawberry.Private[str | None]
    stocks: strawberry.Private[list[Stock]]
    policy: strawberry.Private[StockPolicy]

    status: StockStatus
    available: int = strawberry.field(
        description="units this context could buy now; exact for staff, devices and partners, capped at 99 "
        "for shoppers"
    )
    pickup_today: bool

    @field(
        description="how the number came about: on hand, reserved, allotted, safety stock; for those who see "
        "exact stock"
    )
    def explanation(self, info: Info) -> StockExplanation | None:
        viewer = info.context.viewer
        if not STOCK_READERS.allows(viewer):
            return None
        # A sum over many stores is for those who see every store's levels.
        if not (viewer.store is None if self.store is None else viewer.sees_levels_of(self.store)):
            return None
        return StockExplanation(
            on_hand=sum(stock.on_hand for stock in self.stocks),
            reserved=sum(stock.reserved for stock in self.stocks),
            safety_stock=sum(stock.safety_stock for stock in self.stocks),
            allotted=sum(allotted_explained(stock, self.policy) for stock in self.stocks),
            policy=self.policy,
        )


@shape(STOCK_READERS, description="How much of a sku a store has.")
class StockLevel(FromRow[StoredLevel], Node):
    tag = "St"
    row: strawberry.Private[StoredLevel]
    sku: str
    on_hand: int
    reserved: int
    safety_stock: int
    oversold_at: datetime | None = strawberry.field(
        description="since when less is on hand than was promised to orders; null once it is made good"
    )
    updated_at: datetime

    @field(description="from how many available units down the store calls it low; 5 unless it set its own")
    def low_stock(self) -> int:
        return low_stock_of([levels_db.stock_of(self.row)])

    @field(description="max(0, reserved - onHand): units promised to orders that are not there")
    def oversold(self) -> int:
        return levels_db.stock_of(self.row).oversold

    @field(description="max(0, onHand - reserved - safetyStock)")
    def available(self) -> int:
        return levels_db.stock_of(self.row).free

    @field()
    async def store(self, info: Info) -> Store:
        return await store_shape(info, self.row.store)


async def _stocks(context: Context, asked: Resolved, sku: str) -> list[Stock]:
    directory = context.house.directory
    stores = (asked.store,) if asked.store is not None else await directory.delivering_stores()
    return await context.loaders.stock.load(StockKey(asked.channel, context.now, stores, sku))


async def units_for_sale(context: Context, asked: Resolved, sku: str) -> int:
    """How many of a sku a resolved context could buy now, whoever asks."""
    return sum(promised(stock, asked.stock_policy) for stock in await _stocks(context, asked, sku))


async def availability_of(context: Context, asked: Resolved, sku: str) -> Availability:
    """What a variant's stock allows in a resolved context."""
    directory = context.house.directory
    stocks = await _stocks(context, asked, sku)
    units = sum(promised(stock, asked.stock_policy) for stock in stocks)
    pickup = False
    if asked.store is not None and units > 0:
        store = await directory.store(asked.store)
        pickup = store is not None and store.hands_over_today(context.now)
    exact = context.viewer.sees_exact_stock
    return Availability(
        store=asked.store,
        stocks=stocks,
        policy=asked.stock_policy,
        status=status_of(units, low_stock_of(stocks)),
        available=units if exact else min(units, SHOPPERS_SEE_AT_MOST),
        pickup_today=pickup,
    )


@query(STOCK_READERS, description="at most 100; skus the store never had are left out")
async def stock_levels(info: Info, store: str, skus: list[str]) -> list[StockLevel]:
    at_most("skus", skus, _MOST_KEYS)
    if not info.context.viewer.sees_levels_of(store):
        return []
    async with info.context.house.database.connection() as db:
        found = await levels_db.levels_in_store(db, store, skus)
    return [StockLevel.of(found[sku]) for sku in dict.fromkeys(skus) if sku in found]


# ------------------------------------------------------------------ stockAdjust


@strawberry.input
class StockAdjustLine:
    sku: str
    delta: int


@strawberry.input
class StockAdjustInput:
    idempotency_key: str
    store: str
    reason: StockMovementReason
    lines: list[StockAdjustLine] = strawberry.field(description="1 to 500")
    reference: str | None = None


@shape(STOCK_WRITERS)
class StockAdjustPayload(Payload):
    levels: list[StockLevel] = strawberry.field(default_factory=list)
    news_id: strawberry.Private[int | None] = None

    @field(description="position of the last event this caused; answered only when selected")
    async def cursor(self, info: Info) -> EventCursor | None:
        return await cursor_of(info, self.news_id)


@mutation(
    StockAdjustPayload,
    STOCK_WRITERS,
    description="Change on hand by so many units; lines of one sku are added up. Refused whole when a level "
    "would fall below what is reserved.",
)
async def stock_adjust(info: Info, input: StockAdjustInput) -> StockAdjustPayload:
    context = info.context
    must_count_lines(len(input.lines))

    async def act(work: Work) -> dict[str, Any]:
        await must_work_in(context, input.store)
        deltas: Counter[str] = Counter()
        for line in input.lines:
            deltas[line.sku] += line.delta
        await _must_exist(work, input.lines)
        levels = await writes.lock_levels(work.db, input.store, sorted(deltas), work.now)
        refusals = [
            refusal
            for index, line in enumerate(input.lines)
            if (refusal := out_of_bounds(index, levels[line.sku], deltas[line.sku])) is not None
        ]
        if refusals:
            raise Refused(*refusals)
        moves = [writes.Move(sku, delta) for sku, delta in sorted(deltas.items()) if delta]
        await writes.move(
            work.db,
            input.store,
            moves,
            reason=input.reason,
            reference=input.reference,
            moved_by=str(context.viewer),
            now=work.now,
        )
        work.announce(*(News(Topic.STOCK, "stockAdjust", sku=move.sku, store=input.store) for move in moves))
        return {"ids": [str(levels[sku].id) for sku in deltas]}

    done = await context.once("stockAdjust", input.idempotency_key, input, act)
    return StockAdjustPayload(levels=await levels_of(context, done.answer["ids"]), news_id=done.news_id)


def must_count_lines(count: int) -> None:
    """Refuses a request of no lines, or of too many."""
    if not 1 <= count <= MOST_LINES:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"One request takes 1 to {MOST_LINES} lines, not {count}.",
            zh=f"一次请求须有 1 到 {MOST_LINES} 行，而不是 {count} 行。",
            field=("input", "lines"),
        )


async def must_work_in(context: Context, store: str, argument: str = "store") -> None:
    """Refuses a store that is not there, or where a clerk does not work."""
    known = await context.house.directory.store(store)
    if known is None or (context.viewer.is_staff and not context.viewer.works_in(store)):
        raise Refused.because(
            RefusalCode.NOT_FOUND,
            en=f'There is no store "{store}" that you work in.',
            zh=f"没有您任职的门店“{store}”。",
            field=("input", argument),
        )


async def _must_exist(work: Work, lines: Sequence[StockAdjustLine]) -> None:
    known = await writes.known_skus(work.db, [line.sku for line in lines])
    refusals = [
        unknown_sku(("input", "lines", str(i), "sku"), line.sku)
        for i, line in enumerate(lines)
        if line.sku not in known
    ]
    refusals += [
        Refusal(
            RefusalCode.INVALID_INPUT,
            Text(f"A delta is at most {LARGEST_DELTA:,} either way.", f"每次增减不超过 {LARGEST_DELTA:,}。"),
            ("input", "lines", str(index), "delta"),
        )
        for index, line in enumerate(lines)
        if abs(line.delta) > LARGEST_DELTA
    ]
    if refusals:
        raise Refused(*refusals)


def unknown_sku(path: tuple[str, ...], sku: str) -> Refusal:
    """That a line names a sku that is not there."""
    return Refusal(RefusalCode.NOT_FOUND, Text(f'There is no sku "{sku}".', f"没有商品“{sku}”。"), path)


def out_of_bounds(index: int, level: StoredLevel, delta: int, argument: str = "delta") -> Refusal | None:
    """Why a line can't change a level by so many units, None when it can."""
    if delta > 0 and level.on_hand + delta > LARGEST_LEVEL:
        return Refusal(
            RefusalCode.INVALID_INPUT,
            Text(
                f"A store holds at most {LARGEST_LEVEL:,} of {level.sku}; it has {level.on_hand:,}.",
                f"每店 {level.sku} 至多 {LARGEST_LEVEL:,} 件，现有 {level.on_hand:,} 件。",
            ),
            ("input", "lines", str(index), argument),
        )
    if delta >= 0 or level.on_hand + delta >= level.reserved:
        return None
    left = max(0, level.on_hand - level.reserved)
    return Refusal(
        RefusalCode.INSUFFICIENT_STOCK,
        Text(
            f"Only {left} of {level.sku} can be taken: {level.on_hand} on hand, {level.reserved} reserved.",
            f"{level.sku} 最多可减 {left} 件：现有 {level.on_hand} 件，已预留 {level.reserved} 件。",
        ),
        ("input", "lines", str(index), argument),
    )


async def levels_of(context: Context, ids: Sequence[str]) -> list[StockLevel]:
    """The levels with these keys, in their order."""
    async with context.house.database.connection() as db:
        found = await levels_db.levels_by_id(db, [UUID(text) for text in ids])
    return [StockLevel.of(found[UUID(text)]) for text in ids if UUID(text) in found]


# ------------------------------------------------------------------ stockCount


@strawberry.input(
    description="absolute count with compare-and-set: refused with CONFLICT when onHand is no longer expected"
)
class StockCountInput:
    idempotency_key: str
    store: str
    sku: str
    counted: int
    expected: int


@shape(STOCK_WRITERS)
class StockCountPayload(Payload):
    level: StockLevel | None = None
    news_id: strawberry.Private[int | None] = None

    @field(description="position of the last event this caused; answered only when selected")
    async def cursor(self, info: Info) -> EventCursor | None:
        return await cursor_of(info, self.news_id)


@mutation(
    StockCountPayload,
    STOCK_WRITERS,
    description="Set on hand to what was counted, when it is still what the counter was told to expect. What "
    "was counted is believed: when it is less than what is reserved, the level is flagged as oversold.",
)
async def stock_count(info: Info, input: StockCountInput) -> StockCountPayload:
    context = info.context
    if not 0 <= input.counted <= LARGEST_DELTA:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"A count is 0 to {LARGEST_DELTA:,}.",
            zh=f"盘点数须为 0 到 {LARGEST_DELTA:,}。",
            field=("input", "counted"),
        )

    async def act(work: Work) -> dict[str, Any]:
        await must_work_in(context, input.store)
        if not await writes.known_skus(work.db, [input.sku]):
            raise Refused(unknown_sku(("input", "sku"), input.sku))
        level = (await writes.lock_levels(work.db, input.store, [input.sku], work.now))[input.sku]
        if level.on_hand != input.expected:
            raise Refused.because(
                RefusalCode.CONFLICT,
                en=f"On hand is {level.on_hand} by now, not {input.expected}; please count again.",
                zh=f"现有库存已是 {level.on_hand}，而不是 {input.expected}，请重新盘点。",
                field=("input", "expected"),
            )
        delta = input.counted - level.on_hand
        if delta:
            await writes.move(
                work.db,
                input.store,
                [writes.Move(input.sku, delta)],
                reason=StockMovementReason.COUNT,
                reference=None,
                moved_by=str(context.viewer),
                now=work.now,
            )
            work.announce(News(Topic.STOCK, "stockCount", sku=input.sku, store=input.store))
        return {"id": str(level.id)}

    done = await context.once("stockCount", input.idempotency_key, input, act)
    levels = await levels_of(context, [done.answer["id"]])
    return StockCountPayload(level=levels[0] if levels else None, news_id=done.news_id)
