"""What people set about stock: allotments, safety stock, what is low, and transfers between stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import strawberry

from domain.access import STOCK_WRITERS
from domain.inventory import StockMovementReason
from domain.news import News, Topic
from domain.refusals import Refusal, RefusalCode, Refused, Text
from persistence.inventory import settings, writes
from resolvers.context import Context, Info, Work
from resolvers.fields import field, mutation
from resolvers.inventory.stock import (
    LARGEST_DELTA,
    StockLevel,
    levels_of,
    must_count_lines,
    must_work_in,
    out_of_bounds,
    unknown_sku,
)
from resolvers.news import cursor_of
from resolvers.scalars import EventCursor
from resolvers.shapes import Payload, shape
from resolvers.stores.listing import SkuQuantity


@shape(STOCK_WRITERS)
class _StockPayload(Payload):
    news_id: strawberry.Private[int | None] = None

    @field(description="position of the last event this caused; answered only when selected")
    async def cursor(self, info: Info) -> EventCursor | None:
        return await cursor_of(info, self.news_id)


def _quantities(lines: Sequence[SkuQuantity], least: int) -> dict[str, int]:
    """By sku: its units; refuses lines out of bounds, and a sku that is named twice."""
    must_count_lines(len(lines))
    refusals = [
        Refusal(
            RefusalCode.INVALID_INPUT,
            Text(f"A quantity is {least} to {LARGEST_DELTA:,}.", f"数量须为 {least} 到 {LARGEST_DELTA:,}。"),
            ("input", "lines", str(index), "quantity"),
        )
        for index, line in enumerate(lines)
        if not least <= line.quantity <= LARGEST_DELTA
    ]
    times = Counter(line.sku for line in lines)
    refusals += [
        Refusal(
            RefusalCode.INVALID_INPUT,
            Text(f"{line.sku} stands in more than one line.", f"{line.sku} 出现在多行中。"),
            ("input", "lines", str(index), "sku"),
        )
        for index, line in enumerate(lines)
        if times[line.sku] > 1
    ]
    if refusals:
        raise Refused(*refusals)
    return {line.sku: line.quantity for line in lines}


async def _must_be_known(work: Work, lines: Sequence[SkuQuantity]) -> None:
    known = await writes.known_skus(work.db, [line.sku for line in lines])
    refusals = [
        unknown_sku(("input", "lines", str(index), "sku"), line.sku)
        for index, line in enumerate(lines)
        if line.sku not in known
    ]
    if refusals:
        raise Refused(*refusals)


def _news(cause: str, store: str, skus: Iterable[str]) -> list[News]:
    return [News(Topic.STOCK, cause, sku=sku, store=store) for sku in skus]


# ------------------------------------------------------------------ stockAllot


@strawberry.input(description="sets what a channel may sell of its own in a store")
class StockAllotInput:
    idempotency_key: str
    channel: str
    store: str
    lines: list[SkuQuantity] = strawberry.field(description="1 to 500")


@shape(STOCK_WRITERS)
class SkuAllotment:
    sku: str
    remaining: int


@shape(STOCK_WRITERS)
class StockAllotPayload(_StockPayload):
    allotted: list[SkuAllotment] = strawberry.field(default_factory=list)


@mutation(
    StockAllotPayload,
    STOCK_WRITERS,
    description="Set what a channel has left to sell of its own, sku by sku; 0 takes its allotment away. It "
    "may be more than is free: the rest waits for what arrives. What is held for orders comes on top when it "
    "is given back.",
)
async def stock_allot(info: Info, input: StockAllotInput) -> StockAllotPayload:
    context = info.context
    units = _quantities(input.lines, least=0)

    async def act(work: Work) -> dict[str, Any]:
        await must_work_in(context, input.store)
        if await context.channel(input.channel) is None:
            raise Refused.because(
                RefusalCode.NOT_FOUND,
                en=f'There is no channel "{input.channel}".',
                zh=f"没有渠道“{input.channel}”。",
                field=("input", "channel"),
            )
        await _must_be_known(work, input.lines)
        await writes.lock_levels(work.db, input.store, sorted(units), work.now)
        await settings.allot(work.db, input.channel, input.store, units, work.now)
        work.announce(*_news("stockAllot", input.store, units))
        return {"remaining": units}

    done = await context.once("stockAllot", input.idempotency_key, input, act)
    remaining = [SkuAllotment(sku=sku, remaining=left) for sku, left in done.answer["remaining"].items()]
    return StockAllotPayload(allotted=remaining, news_id=done.news_id)


# ------------------------------------------------------------------ safetyStockSet


@strawberry.input
class SafetyStockSetInput:
    idempotency_key: str
    store: str
    lines: list[SkuQuantity] = strawberry.field(description="1 to 500")


@shape(STOCK_WRITERS)
class SafetyStockSetPayload(_StockPayload):
    levels: list[StockLevel] = strawberry.field(default_factory=list)


@mutation(
    SafetyStockSetPayload, STOCK_WRITERS, description="Set how many units are kept back from every channel."
)
async def safety_stock_set(info: Info, input: SafetyStockSetInput) -> SafetyStockSetPayload:
    context = info.context
    units = _quantities(input.lines, least=0)

    async def act(work: Work) -> dict[str, Any]:
        await must_work_in(context, input.store)
        await _must_be_known(work, input.lines)
        levels = await writes.lock_levels(work.db, input.store, sorted(units), work.now)
        await settings.keep_back(work.db, input.store, units, work.now)
        work.announce(*_news("safetyStockSet", input.store, units))
        return {"ids": [str(levels[sku].id) for sku in units]}

    done = await context.once("safetyStockSet", input.idempotency_key, input, act)
    return SafetyStockSetPayload(levels=await levels_of(context, done.answer["ids"]), news_id=done.news_id)


# ------------------------------------------------------------------ lowStockSet


@strawberry.input
class LowStockLine:
    sku: str
    quantity: int | None = strawberry.field(default=None, description="left out: as everywhere, 5")


@strawberry.input
class LowStockSetInput:
    idempotency_key: str
    store: str
    lines: list[LowStockLine] = strawberry.field(description="1 to 500")


@shape(STOCK_WRITERS)
class LowStockSetPayload(_StockPayload):
    levels: list[StockLevel] = strawberry.field(default_factory=list)


@mutation(
    LowStockSetPayload,
    STOCK_WRITERS,
    description="Set from how many available units down a store says LOW_STOCK; 0 never says it.",
)
async def low_stock_set(info: Info, input: LowStockSetInput) -> LowStockSetPayload:
    context = info.context
    lines = [SkuQuantity(sku=line.sku, quantity=line.quantity or 0) for line in input.lines]
    _quantities(lines, least=0)
    units = {line.sku: line.quantity for line in input.lines}

    async def act(work: Work) -> dict[str, Any]:
        await must_work_in(context, input.store)
        await _must_be_known(work, lines)
        levels = await writes.lock_levels(work.db, input.store, sorted(units), work.now)
        await settings.call_low(work.db, input.store, units, work.now)
        work.announce(*_news("lowStockSet", input.store, units))
        return {"ids": [str(levels[sku].id) for sku in units]}

    done = await context.once("lowStockSet", input.idempotency_key, input, act)
    return LowStockSetPayload(levels=await levels_of(context, done.answer["ids"]), news_id=done.news_id)


# ------------------------------------------------------------------ stockTransfer


@strawberry.input
class StockTransferInput:
    idempotency_key: str
    from_: str = strawberry.field(name="from")
    to: str
    lines: list[SkuQuantity] = strawberry.field(description="1 to 500")


@shape(STOCK_WRITERS)
class StockTransferPayload(_StockPayload):
    levels: list[StockLevel] = strawberry.field(
        default_factory=list, description="of the store they leave, then of the one they come to"
    )


@mutation(
    StockTransferPayload,
    STOCK_WRITERS,
    description="Move units from one store to another, out of the one and into the other at the same moment. "
    "Refused whole when the first would fall below what is reserved there.",
)
async def stock_transfer(info: Info, input: StockTransferInput) -> StockTransferPayload:
    context = info.context
    units = _quantities(input.lines, least=1)

    async def act(work: Work) -> dict[str, Any]:
        await _must_lie_apart(context, input)
        await _must_be_known(work, input.lines)
        locked = {}
        for store in sorted((input.from_, input.to)):
            locked[store] = await writes.lock_levels(work.db, store, sorted(units), work.now)
        refusals = [
            refusal
            for index, line in enumerate(input.lines)
            for store, delta in ((input.from_, -line.quantity), (input.to, line.quantity))
            if (refusal := out_of_bounds(index, locked[store][line.sku], delta, "quantity")) is not None
        ]
        if refusals:
            raise Refused(*refusals)
        for store, sign, reason in (
            (input.from_, -1, StockMovementReason.TRANSFER_OUT),
            (input.to, 1, StockMovementReason.TRANSFER_IN),
        ):
            await writes.move(
                work.db,
                store,
                [writes.Move(sku, sign * quantity) for sku, quantity in units.items()],
                reason=reason,
                reference=input.idempotency_key,
                moved_by=str(context.viewer),
                now=work.now,
            )
            work.announce(*_news("stockTransfer", store, units))
        return {"ids": [str(locked[store][sku].id) for store in (input.from_, input.to) for sku in units]}

    done = await context.once("stockTransfer", input.idempotency_key, input, act)
    return StockTransferPayload(levels=await levels_of(context, done.answer["ids"]), news_id=done.news_id)


async def _must_lie_apart(context: Context, input: StockTransferInput) -> None:
    await must_work_in(context, input.from_, "from")
    if input.from_ == input.to:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en="A transfer goes from one store to another.",
            zh="调拨须在两家不同门店之间进行。",
            field=("input", "to"),
        )
    # Whoever may send from a store may send to any.
    if await context.house.directory.store(input.to) is None:
        raise Refused.because(
            RefusalCode.NOT_FOUND,
            en=f'There is no store "{input.to}".',
            zh=f"没有门店“{input.to}”。",
            field=("input", "to"),
        )
