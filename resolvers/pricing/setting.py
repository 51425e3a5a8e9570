"""Setting and ending prices: a whole request goes through, or nothing of it does."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import strawberry

from domain.access import PRICE_WRITERS
from domain.money import exact_minor
from domain.news import News, Topic
from domain.pricing import rules
from domain.pricing.kinds import PriceKind
from domain.refusals import Refusal, RefusalCode, Refused, Text
from persistence.members.tiers import unknown_tiers
from persistence.pricing import projection, writes
from persistence.pricing import reads as pricing_db
from persistence.pricing.tables import PriceRecord as StoredRecord
from resolvers.context import Context, Done, Info, Work
from resolvers.fields import field, mutation
from resolvers.news import cursor_of
from resolvers.pricing.prices import PriceRecord
from resolvers.scalars import CurrencyCode, EventCursor
from resolvers.shapes import Payload, parse_global_id, shape

LARGEST_REQUEST = 1000


@strawberry.input
class PriceInput:
    sku: str
    kind: PriceKind
    amount: Decimal
    currency_code: CurrencyCode
    channel: str | None = strawberry.field(default=None, description="null: every channel")
    store: str | None = strawberry.field(default=None, description="null: every store")
    tier: str | None = strawberry.field(default=None, description="tier code; null: everyone")
    campaign: str | None = strawberry.field(
        default=None, description="1 to 64 characters; exists by being named"
    )
    min_quantity: int = 1
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    source: str | None = strawberry.field(
        default=None,
        description="caller's own reference, unique for the caller; made by us when left out",
    )


@strawberry.input
class PricesSetInput:
    idempotency_key: str
    prices: list[PriceInput] = strawberry.field(description="1 to 1,000; all or none")


@strawberry.input
class PriceEndInput:
    idempotency_key: str
    ids: list[strawberry.ID]
    at: datetime | None = None


@shape(PRICE_WRITERS)
class PricesPayload(Payload):
    prices: list[PriceRecord] = strawberry.field(default_factory=list)
    news_id: strawberry.Private[int | None] = None

    @field(
        description="position of the last event this caused; answered only when selected, waits up to 1 s "
        "for it, then null"
    )
    async def cursor(self, info: Info) -> EventCursor | None:
        return await cursor_of(info, self.news_id)


@shape(PRICE_WRITERS)
class PricesSetPayload(PricesPayload):
    pass


@shape(PRICE_WRITERS)
class PriceEndPayload(PricesPayload):
    pass


async def _locked(context: Context, work: Work, skus: Sequence[str]) -> dict[str, writes.LockedVariant]:
    """By sku: the variants that exist, locked; `work.now` is the moment from which a change counts.

    The work has to be over when the clock next changes a price of theirs: a boundary between that moment and
    the commit would be told under one version with the old prices and then with the new.
    """
    variants = await writes.lock_variants(work.db, skus)
    work.now = context.house.clock()  # the wait may have been long, and a boundary may have passed in it
    work.finish_before(await writes.next_boundary(work.db, variants, work.now))
    return variants


# ------------------------------------------------------------------ pricesSet


@mutation(
    PricesSetPayload,
    PRICE_WRITERS,
    description="Record prices: each is in force in its slot from when it is recorded, over those set "
    "before. Staff of a store set that store's prices; head office, admins and partners any in their reach.",
)
async def prices_set(info: Info, input: PricesSetInput) -> PricesSetPayload:
    context, prices = info.context, input.prices
    _must_count(len(prices), "prices")

    async def act(work: Work) -> dict[str, Any]:
        variants = await _locked(context, work, [price.sku for price in prices])
        await _must_be_sound(context, work, prices, variants)
        drafts = [_new_price(price) for price in prices]
        try:
            ids = await writes.record_prices(
                work.db, drafts, variants, recorded_by=str(context.viewer), now=work.now
            )
        except asyncpg.UniqueViolationError:
            # Another request of the same caller has used one of the sources since we looked.
            raise Refused.because(
                RefusalCode.CONFLICT,
                en="One of the sources is being used by another request of yours.",
                zh="其中一个来源编号正被您的另一请求使用。",
                field=("input", "prices"),
            ) from None
        await projection.refresh(work.db, list(variants), work.now)
        work.announce(*_news(drafts, "pricesSet"))
        return {"ids": [str(record_id) for record_id in ids]}

    done = await context.once("pricesSet", input.idempotency_key, input, act)
    return PricesSetPayload(prices=await _records(context, done), news_id=done.news_id)


def _must_count(count: int, what: str) -> None:
    if not 1 <= count <= LARGEST_REQUEST:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"One request takes 1 to {LARGEST_REQUEST} {what}, not {count}.",
            zh=f"一次请求须有 1 到 {LARGEST_REQUEST} 条，而不是 {count} 条。",
            field=("input", what),
        )


async def _must_be_sound(
    context: Context,
    work: Work,
    prices: Sequence[PriceInput],
    variants: dict[str, writes.LockedVariant],
) -> None:
    """Raises everything that is wrong with the rows at once, each with its index."""
    refusals: list[Refusal] = []
    directory = context.house.directory
    sources = [price.source for price in prices if price.source is not None]
    used = await writes.used_sources(work.db, str(context.viewer), sources) if sources else set()
    unknown = await unknown_tiers(work.db, [price.tier for price in prices if price.tier is not None])
    seen: set[str] = set()
    for index, price in enumerate(prices):
        path = ("input", "prices", str(index))
        channel = None if price.channel is None else await context.channel(price.channel)
        store = None if price.store is None else await directory.store(price.store)
        currency = channel.currency_code if channel is not None else context.house.currency
        refusals += [
            problem.refusal(*path)
            for problem in rules.problems(price, now=work.now, channel_currency=currency)
        ]
        if price.sku not in variants:
            refusals.append(_unknown(path, "sku", price.sku))
        if price.channel is not None and channel is None:
            refusals.append(_unknown(path, "channel", price.channel))
        if price.store is not None and store is None:
            refusals.append(_unknown(path, "store", price.store))
        elif not _may_price(context, price.store, price.channel):
            refusals.append(_not_theirs(context, path))
        if price.tier in unknown:
            refusals.append(_unknown(path, "tier", price.tier))
        if price.source is not None:
            if price.source in used or price.source in seen:
                refusals.append(_source_taken(path, price.source))
            seen.add(price.source)
    refusals += [
        rules.overlap_problem(earlier).refusal("input", "prices", str(later))
        for earlier, later in rules.overlapping_slots(prices)
    ]
    if refusals:
        raise Refused(*refusals)


def _may_price(context: Context, store: str | None, channel: str | None) -> bool:
    """Whether the viewer may set a price of that reach: staff bound to a store only that store's, partners
    only those of the channels they trade in."""
    viewer = context.viewer
    if viewer.channels is not None and channel not in viewer.channels:
        return False
    if viewer.is_admin or not viewer.is_staff or viewer.store is None:
        return True
    return store == viewer.store


def _unknown(path: tuple[str, ...], field_name: str, value: str) -> Refusal:
    names = {"sku": "商品", "channel": "渠道", "store": "门店", "tier": "会员等级"}
    return Refusal(
        RefusalCode.INVALID_INPUT,
        Text(f'There is no {field_name} "{value}".', f"没有{names[field_name]}“{value}”。"),
        (*path, field_name),
    )


def _not_theirs(context: Context, path: tuple[str, ...]) -> Refusal:
    if context.viewer.channels is not None:
        return Refusal(
            RefusalCode.NOT_FOUND,
            Text("You set prices for your own channels only.", "您只能设定自己渠道的价格。"),
            (*path, "channel"),
        )
    return Refusal(
        RefusalCode.NOT_FOUND,
        Text("You set prices for your own store only.", "您只能设定所属门店的价格。"),
        (*path, "store"),
    )


def _source_taken(path: tuple[str, ...], source: str) -> Refusal:
    return Refusal(
        RefusalCode.CONFLICT,
        Text(f'You have used the source "{source}" before.', f"来源编号“{source}”已使用过。"),
        (*path, "source"),
    )


def _new_price(price: PriceInput) -> writes.NewPrice:
    minor = exact_minor(price.amount, price.currency_code)
    if minor is None:
        raise AssertionError("an amount that is too fine is refused before it comes here")
    return writes.NewPrice(
        sku=price.sku,
        kind=price.kind,
        amount_minor=minor,
        currency_code=price.currency_code,
        channel=price.channel,
        store=price.store,
        tier=price.tier,
        campaign=price.campaign,
        min_quantity=price.min_quantity,
        valid_from=price.valid_from,
        valid_until=price.valid_until,
        source=price.source or f"price-{secrets.token_hex(8)}",
    )


def _news(prices: Iterable[writes.NewPrice | StoredRecord], cause: str) -> list[News]:
    """One piece of news for every sku and reach, in the order of the rows."""
    reaches = dict.fromkeys((price.sku, price.channel, price.store) for price in prices)
    return [
        News(Topic.PRICE, cause, sku=sku, channel=channel, store=store) for sku, channel, store in reaches
    ]


async def _records(context: Context, done: Done) -> list[PriceRecord]:
    ids = [UUID(text) for text in done.answer["ids"]]
    rows = await context.loaders.price_records.load_many(ids)
    return [PriceRecord.of(row) for row in rows if row is not None]


# ------------------------------------------------------------------ priceEnd


@mutation(
    PriceEndPayload,
    PRICE_WRITERS,
    description="End prices at a moment, now when left out; what stood below them counts again.",
)
async def price_end(info: Info, input: PriceEndInput) -> PriceEndPayload:
    context = info.context
    _must_count(len(input.ids), "ids")

    async def act(work: Work) -> dict[str, Any]:
        ids = list(dict.fromkeys(_record_ids(input.ids)))
        found = await pricing_db.records_by_id(work.db, ids)
        variants = await _locked(context, work, [row.sku for row in found.values()])
        if input.at is not None and input.at < work.now:
            raise Refused.because(
                RefusalCode.INVALID_INPUT,
                en="A price can't be ended in the past.",
                zh="价格不能在过去的时间结束。",
                field=("input", "at"),
            )
        # Once more, now that nobody else can end them.
        found = await pricing_db.records_by_id(work.db, ids)
        _must_be_endable(context, ids, found, input.at or work.now)
        await writes.end_prices(
            work.db, ids, variants, ends_at=input.at, ended_by=str(context.viewer), now=work.now
        )
        await projection.refresh(work.db, list(variants), work.now)
        work.announce(*_news(found.values(), "priceEnd"))
        return {"ids": [str(record_id) for record_id in ids]}

    done = await context.once("priceEnd", input.idempotency_key, input, act)
    return PriceEndPayload(prices=await _records(context, done), news_id=done.news_id)


def _record_ids(ids: Sequence[str]) -> list[UUID]:
    parsed = [parse_global_id(text) for text in ids]
    refusals = [
        _absent(index) for index, found in enumerate(parsed) if found is None or found[0] != PriceRecord.tag
    ]
    if refusals:
        raise Refused(*refusals)
    return [found[1] for found in parsed if found is not None]


def _must_be_endable(
    context: Context, ids: Sequence[UUID], found: dict[UUID, StoredRecord], at: datetime
) -> None:
    refusals: list[Refusal] = []
    for index, record_id in enumerate(ids):
        record = found.get(record_id)
        if record is None or not _may_price(context, record.store, record.channel):
            refusals.append(_absent(index))
        elif record.valid_until is not None and record.valid_until <= at:
            refusals.append(
                Refusal(
                    RefusalCode.CONFLICT,
                    Text("This price will have ended by then.", "届时该价格已结束。"),
                    ("input", "ids", str(index)),
                )
            )
    if refusals:
        raise Refused(*refusals)


def _absent(index: int) -> Refusal:
    return Refusal(
        RefusalCode.NOT_FOUND, Text("There is no such price.", "没有这个价格。"), ("input", "ids", str(index))
    )
