"""Setting and ending promotions: a whole request goes through, or nothing of it does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import strawberry

from domain.access import STAFF, Principal
from domain.promotions.benefits import Benefit
from domain.promotions.drafts import (
    LARGEST_PRIORITY,
    LAST_LAYER,
    Draft,
    usual_exclusion,
    usual_layer,
)
from domain.promotions.terms import Excludes, Target
from domain.promotions.terms import Promotion as Terms
from domain.refusals import Refusal, RefusalCode, Refused, Text
from persistence.catalog import by_key as catalog_db
from persistence.members.tiers import unknown_tiers
from persistence.promotions import reads, writes
from persistence.promotions.tables import Promotion as StoredPromotion
from persistence.promotions.writes import Budget
from resolvers.catalog.setting import LocalizedText
from resolvers.context import Context, Done, Info, Work
from resolvers.fields import mutation
from resolvers.promotions.running import Promotion
from resolvers.scalars import CurrencyCode
from resolvers.shapes import Payload, parse_global_id, shape

MOST_PROMOTIONS = 200


# ------------------------------------------------------------------ inputs


@strawberry.input
class BuyGetInput:
    buy: int
    get: int
    percent_off: Decimal = strawberry.field(default=Decimal(100), description="100: free")
    most_sets: int | None = strawberry.field(default=None, description="in one basket; null: any number")


@strawberry.input
class BundlePriceInput:
    quantity: int
    amount: Decimal
    most_sets: int | None = strawberry.field(default=None, description="in one basket; null: any number")


@strawberry.input
class SpendStepInput:
    spend: Decimal
    save: Decimal


@strawberry.input
class SpendSaveInput:
    steps: list[SpendStepInput] = strawberry.field(description="1 to 20, rising; one when every is true")
    every: bool = False


@strawberry.input(one_of=True)
class PromotionBenefitInput:
    percent_off: strawberry.Maybe[Decimal]
    amount_off: strawberry.Maybe[Decimal] = strawberry.field(description="off every piece")
    buy_get: strawberry.Maybe[BuyGetInput]
    bundle_price: strawberry.Maybe[BundlePriceInput]
    spend_save: strawberry.Maybe[SpendSaveInput]


@strawberry.input(description="Nothing but exceptions: everything. The exceptions win; at most 1,000 each.")
class PromotionTargetInput:
    skus: list[str] | None = None
    categories: list[str] | None = strawberry.field(default=None, description="with all below them")
    brands: list[str] | None = None
    except_skus: list[str] | None = None
    except_categories: list[str] | None = None
    except_brands: list[str] | None = None


@strawberry.input
class PromotionInput:
    code: str = strawberry.field(description="1 to 100 characters; the source of its discounts")
    names: list[LocalizedText]
    currency_code: CurrencyCode
    benefit: PromotionBenefitInput
    target: PromotionTargetInput | None = strawberry.field(default=None, description="null: everything")
    layer: int | None = strawberry.field(default=None, description="1 to 9; 1, or 2 for spendSave, if null")
    priority: int = strawberry.field(default=0, description="-1,000 to 1,000; higher is served lines first")
    excludes: Excludes | None = strawberry.field(default=None, description="LINE, or LAYER for spendSave")
    coupon_only: bool = strawberry.field(default=False, description="true: only when a coupon names it")
    min_spend: Decimal | None = None
    min_quantity: int = 0
    most_off: Decimal | None = strawberry.field(default=None, description="the most off one basket")
    per_member: int | None = strawberry.field(default=None, description="how often; makes it for members")
    budget: Decimal | None = strawberry.field(default=None, description="the most it takes off in all")
    most_uses: int | None = strawberry.field(default=None, description="how often it is used in all")
    channels: list[str] | None = strawberry.field(default=None, description="null or empty: every one")
    stores: list[str] | None = strawberry.field(default=None, description="null or empty: every one")
    tiers: list[str] | None = strawberry.field(default=None, description="null or empty: everyone")
    campaign: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = strawberry.field(default=None, description="exclusive")


@strawberry.input
class PromotionsSetInput:
    idempotency_key: str
    promotions: list[PromotionInput] = strawberry.field(description="1 to 200; all or none")


@strawberry.input
class PromotionEndInput:
    idempotency_key: str
    ids: list[strawberry.ID] = strawberry.field(description="1 to 200; all or none")
    at: datetime | None = strawberry.field(default=None, description="now when left out")


@shape(STAFF)
class PromotionsPayload(Payload):
    promotions: list[Promotion] = strawberry.field(default_factory=list)


@shape(STAFF)
class PromotionsSetPayload(PromotionsPayload):
    pass


@shape(STAFF)
class PromotionEndPayload(PromotionsPayload):
    pass


# ------------------------------------------------------------------ promotionsSet


@mutation(
    PromotionsSetPayload,
    STAFF,
    description="Create promotions, or replace them by code; what was used of their budgets still counts. "
    "Staff of a store set promotions of that store only.",
)
async def promotions_set(info: Info, input: PromotionsSetInput) -> PromotionsSetPayload:
    context, asked = info.context, input.promotions
    _must_count(len(asked), "promotions")

    async def act(work: Work) -> dict[str, Any]:
        await writes.take_turn(work.db)
        work.now = context.house.clock()  # the wait may have been long
        kept = await _read_all(context, work, asked)
        ids = await writes.set_promotions(work.db, kept, recorded_by=str(context.viewer))
        return {"ids": [str(one) for one in ids]}

    done = await context.once("promotionsSet", input.idempotency_key, input, act)
    return PromotionsSetPayload(promotions=await _promotions(context, done))


class _Known(NamedTuple):
    """What there is of what a request names."""

    skus: Collection[str]
    categories: Collection[str]
    channels: dict[str, str]  # with their currencies
    stores: Collection[str]
    tiers: Collection[str]


async def _read_all(
    context: Context, work: Work, asked: Sequence[PromotionInput]
) -> list[tuple[Terms, Budget]]:
    """The promotions to keep; raises everything that is wrong with the rows at once, each with its index."""
    known = await _known(context, work, asked)
    codes = [one.code for one in asked]
    before = await reads.promotions_by_code(work.db, codes)
    budgets = await reads.budgets_by_code(work.db, codes)
    refusals: list[Refusal] = []
    kept: list[tuple[Terms, Budget]] = []
    for index, one in enumerate(asked):
        draft = Draft(one.currency_code, "input", "promotions", str(index))
        terms, budget = _read(draft, one, known, now=work.now)
        refusals += draft.refusals
        path = ("input", "promotions", str(index))
        held = before.get(one.code)
        if not _is_theirs(context.viewer, one.stores) or (
            held and not _is_theirs(context.viewer, held.stores)
        ):
            refusals.append(_not_theirs((*path, "stores")))
        if one.code in codes[:index]:
            refusals.append(_conflict((*path, "code"), "This code is used twice.", "该代码出现了两次。"))
        if held is not None and held.currency_code != one.currency_code:
            refusals.append(
                _conflict((*path, "currencyCode"), "A promotion keeps its currency.", "促销的币种不能更改。")
            )
        spent = budgets.get(one.code)
        if spent is not None and budget.most_uses is not None and budget.most_uses < spent.uses:
            refusals.append(_spent((*path, "mostUses")))
        if spent is not None and budget.most_minor is not None and budget.most_minor < spent.spent_minor:
            refusals.append(_spent((*path, "budget")))
        kept.append((terms, budget))
    if refusals:
        raise Refused(*refusals)
    return kept


async def _known(context: Context, work: Work, asked: Sequence[PromotionInput]) -> _Known:
    targets = [one.target for one in asked if one.target is not None]
    skus = {sku for target in targets for sku in (*(target.skus or ()), *(target.except_skus or ()))}
    categories = {
        code for target in targets for code in (*(target.categories or ()), *(target.except_categories or ()))
    }
    directory = context.house.directory
    channels = {code for one in asked for code in one.channels or ()}
    stores = {code for one in asked for code in one.stores or ()}
    tiers = {code for one in asked for code in one.tiers or ()}
    found = [await directory.channel(code) for code in channels]
    return _Known(
        skus=await catalog_db.variants_by_sku(work.db, sorted(skus)) if skus else (),
        categories=await catalog_db.categories_by_code(work.db, sorted(categories)) if categories else (),
        channels={channel.code: channel.currency_code for channel in found if channel is not None},
        stores={code for code in stores if await directory.store(code) is not None},
        tiers=tiers - await unknown_tiers(work.db, sorted(tiers)),
    )


def _read(draft: Draft, one: PromotionInput, known: _Known, *, now: datetime) -> tuple[Terms, Budget]:
    """The promotion of an input; what is wrong with it is noted in the draft."""
    benefit = _benefit(draft, one.benefit)
    draft.window(one.valid_from, one.valid_until, now=now)
    for index, code in enumerate(one.channels or ()):
        currency = known.channels.get(code, one.currency_code)
        if currency != one.currency_code:
            draft.refuse(
                ("channels", str(index)),
                en=f"Prices there are in {currency}, not in {one.currency_code}.",
                zh=f"此处以 {currency} 计价，不用 {one.currency_code}。",
            )
    terms = Terms(
        code=draft.code(("code",), one.code),
        names=draft.names(("names",), [(name.locale, name.text) for name in one.names]),
        benefit=benefit,
        currency_code=one.currency_code,
        target=_target(draft, one.target or PromotionTargetInput(), known),
        layer=usual_layer(benefit)
        if one.layer is None
        else draft.count(("layer",), one.layer, most=LAST_LAYER),
        priority=draft.count(("priority",), one.priority, least=-LARGEST_PRIORITY, most=LARGEST_PRIORITY),
        excludes=one.excludes or usual_exclusion(benefit),
        coupon_only=one.coupon_only,
        min_spend_minor=draft.optional_amount(("minSpend",), one.min_spend) or 0,
        min_quantity=draft.count(("minQuantity",), one.min_quantity, least=0),
        most_minor=draft.optional_amount(("mostOff",), one.most_off),
        per_member=draft.optional_count(("perMember",), one.per_member),
        channels=draft.named(("channels",), one.channels, known.channels),
        stores=draft.named(("stores",), one.stores, known.stores),
        tiers=draft.named(("tiers",), one.tiers, known.tiers),
        campaign=draft.campaign(("campaign",), one.campaign),
        valid_from=one.valid_from,
        valid_until=one.valid_until,
    )
    return terms, Budget(
        most_uses=draft.optional_count(("mostUses",), one.most_uses),
        most_minor=draft.optional_amount(("budget",), one.budget),
    )


def _benefit(draft: Draft, given: PromotionBenefitInput) -> Benefit:
    if given.percent_off is not None:
        return draft.percent_off(given.percent_off.value)
    if given.amount_off is not None:
        return draft.amount_off(given.amount_off.value)
    if given.buy_get is not None:
        sets = given.buy_get.value
        return draft.buy_get(sets.buy, sets.get, sets.percent_off, sets.most_sets)
    if given.bundle_price is not None:
        bundle = given.bundle_price.value
        return draft.bundle_price(bundle.quantity, bundle.amount, bundle.most_sets)
    if given.spend_save is not None:
        save = given.spend_save.value
        return draft.spend_save([(step.spend, step.save) for step in save.steps], every=save.every)
    raise AssertionError("one of them is given: the schema says so")


def _target(draft: Draft, given: PromotionTargetInput, known: _Known) -> Target:
    return Target(
        skus=draft.named(("target", "skus"), given.skus, known.skus),
        categories=draft.named(("target", "categories"), given.categories, known.categories),
        brands=draft.named(("target", "brands"), given.brands),
        except_skus=draft.named(("target", "exceptSkus"), given.except_skus, known.skus),
        except_categories=draft.named(
            ("target", "exceptCategories"), given.except_categories, known.categories
        ),
        except_brands=draft.named(("target", "exceptBrands"), given.except_brands),
    )


def _is_theirs(viewer: Principal, stores: Sequence[str] | None) -> bool:
    """Whether the viewer may set a promotion of that reach; staff bound to a store only that store's."""
    return viewer.is_admin or viewer.store is None or list(stores or ()) == [viewer.store]


def _not_theirs(path: tuple[str, ...]) -> Refusal:
    return Refusal(
        RefusalCode.NOT_FOUND,
        Text("You set promotions of your own store only.", "您只能设定所属门店的促销。"),
        path,
    )


def _conflict(path: tuple[str, ...], en: str, zh: str) -> Refusal:
    return Refusal(RefusalCode.CONFLICT, Text(en, zh), path)


def _spent(path: tuple[str, ...]) -> Refusal:
    return _conflict(path, "More than that is used already.", "已使用的超过此数。")


def _must_count(count: int, what: str) -> None:
    if not 1 <= count <= MOST_PROMOTIONS:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"One request takes 1 to {MOST_PROMOTIONS} {what}, not {count}.",
            zh=f"一次请求须有 1 到 {MOST_PROMOTIONS} 条，而不是 {count} 条。",
            field=("input", what),
        )


async def _promotions(context: Context, done: Done) -> list[Promotion]:
    ids = [UUID(text) for text in done.answer["ids"]]
    rows = await context.loaders.promotion.load_many(ids)
    return [Promotion.of(row) for row in rows if row is not None]


# ------------------------------------------------------------------ promotionEnd


@mutation(
    PromotionEndPayload,
    STAFF,
    description="End promotions at a moment, now when left out. Orders that had them keep their discounts.",
)
async def promotion_end(info: Info, input: PromotionEndInput) -> PromotionEndPayload:
    context = info.context
    _must_count(len(input.ids), "ids")

    async def act(work: Work) -> dict[str, Any]:
        await writes.take_turn(work.db)
        work.now = context.house.clock()  # the wait may have been long
        at = input.at or work.now
        if at < work.now:
            raise Refused.because(
                RefusalCode.INVALID_INPUT,
                en="A promotion can't be ended in the past.",
                zh="促销不能在过去的时间结束。",
                field=("input", "at"),
            )
        parsed = [parse_global_id(text) for text in input.ids]
        wanted = [None if one is None or one[0] != Promotion.tag else one[1] for one in parsed]
        found = await reads.promotions_by_id(work.db, [one for one in wanted if one is not None])
        refusals = [
            refusal
            for index, one in enumerate(wanted)
            if (refusal := _unendable(context.viewer, None if one is None else found.get(one), index, at))
        ]
        if refusals:
            raise Refused(*refusals)
        ids = list(dict.fromkeys(one for one in wanted if one is not None))
        await writes.end_promotions(work.db, ids, ends_at=at)
        return {"ids": [str(one) for one in ids]}

    done = await context.once("promotionEnd", input.idempotency_key, input, act)
    return PromotionEndPayload(promotions=await _promotions(context, done))


def _unendable(viewer: Principal, row: StoredPromotion | None, index: int, at: datetime) -> Refusal | None:
    path = ("input", "ids", str(index))
    if row is None or not _is_theirs(viewer, row.stores):
        return Refusal(RefusalCode.NOT_FOUND, Text("There is no such promotion.", "没有这个促销。"), path)
    if row.valid_until is not None and row.valid_until <= at:
        return _conflict(path, "This promotion will have ended by then.", "届时该促销已结束。")
    return None
