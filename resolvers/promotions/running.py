"""Promotions in the graph: what they take off, where and when, and which run in a context."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import strawberry

from domain.access import PRICE_READERS, STAFF, PrincipalKind
from domain.locales import translated
from domain.promotions import benefits
from domain.promotions.benefits import BenefitKind
from domain.promotions.terms import NOTHING, BasketLine, Excludes, PromotionState, Situation, state_at
from domain.refusals import RequestError
from persistence.database import Connection
from persistence.paging import Page
from persistence.promotions import listing
from persistence.promotions.documents import benefit_of
from persistence.promotions.tables import Promotion as StoredPromotion
from persistence.promotions.tables import PromotionBudget
from resolvers.connections import OnePage
from resolvers.context import Context, Info
from resolvers.fields import field, query
from resolvers.places import Resolved, SalesContext, resolve
from resolvers.scalars import CurrencyCode, Locale
from resolvers.shapes import FromRow, Money, Node, PageInfo, page_size, shape

MOST_RUNNING = 200

strawberry.enum(BenefitKind)
strawberry.enum(
    Excludes,
    description="Which others a promotion does not go together with. LINE: those of its layer, on the lines "
    "it takes something off. LAYER: all of its layer. BASKET: all.",
)
strawberry.enum(PromotionState)


# ------------------------------------------------------------------ benefits


@shape(PRICE_READERS, description="A percentage off each line, rounded half up by line.")
class PercentOff:
    percent: Decimal


@shape(PRICE_READERS, description="An amount off every piece, at most what it costs.")
class AmountOff:
    amount: Money


@shape(
    PRICE_READERS,
    description="Buy so many, get so many at a percentage off. Sets are made from the dearest piece down; "
    "the cheapest of each set are those one gets.",
)
class BuyGet:
    buy: int
    get: int
    percent_off: Decimal = strawberry.field(description="100: free")
    most_sets: int | None = strawberry.field(description="in one basket; null: any number")


@shape(PRICE_READERS, description="Any so many for a price, where that is less.")
class BundlePrice:
    quantity: int
    amount: Money
    most_sets: int | None = strawberry.field(description="in one basket; null: any number")


@shape(PRICE_READERS)
class SpendStep:
    spend: Money
    save: Money


@shape(PRICE_READERS, description="Spend so much, save so much: the best step that is reached.")
class SpendSave:
    steps: list[SpendStep]
    every: bool = strawberry.field(description="true: saved each time the step is reached")


PromotionBenefit = Annotated[
    PercentOff | AmountOff | BuyGet | BundlePrice | SpendSave, strawberry.union("PromotionBenefit")
]
_PERCENT = Decimal(100)


def _benefit(
    found: benefits.Benefit, currency: str
) -> PercentOff | AmountOff | BuyGet | BundlePrice | SpendSave:
    match found:
        case benefits.PercentOff(points):
            return PercentOff(percent=points / _PERCENT)
        case benefits.AmountOff(minor):
            return AmountOff(amount=Money.of(minor, currency))
        case benefits.BuyGet(buy, get, points, most):
            return BuyGet(buy=buy, get=get, percent_off=points / _PERCENT, most_sets=most)
        case benefits.BundlePrice(quantity, minor, most):
            return BundlePrice(quantity=quantity, amount=Money.of(minor, currency), most_sets=most)
        case benefits.SpendSave(steps, every):
            shown = [
                SpendStep(spend=Money.of(step.spend_minor, currency), save=Money.of(step.off_minor, currency))
                for step in steps
            ]
            return SpendSave(steps=shown, every=every)
    raise TypeError(f"{found} is no benefit")


# ------------------------------------------------------------------ promotions


@shape(
    PRICE_READERS,
    description="Which lines: those with one of these skus, brands or categories (or one below); everything "
    "when all three are empty. The exceptions win.",
)
class PromotionTarget:
    skus: list[str]
    categories: list[str]
    brands: list[str]
    except_skus: list[str]
    except_categories: list[str]
    except_brands: list[str]


@shape(STAFF, description="How far a promotion may go in all, and how far it has come.")
class PromotionBudgetState:
    amount: Money | None
    spent: Money
    uses: int = strawberry.field(description="counted while there is a budget")
    most_uses: int | None


@shape(PRICE_READERS, description="A rule above single prices; empty lists and nulls mean every one.")
class Promotion(FromRow[StoredPromotion], Node):
    tag = "Pm"
    row: strawberry.Private[StoredPromotion]
    code: str = strawberry.field(description="the source of its discounts")
    kind: BenefitKind
    currency_code: CurrencyCode
    layer: int = strawberry.field(description="layers add up, lower ones first, each on what is left")
    priority: int = strawberry.field(description="higher ones are served lines first")
    excludes: Excludes
    coupon_only: bool
    min_quantity: int
    stores: list[str]
    tiers: list[str]
    campaign: str | None
    valid_from: datetime | None
    valid_until: datetime | None = strawberry.field(description="exclusive")

    @field()
    def channels(self, info: Info) -> list[str]:
        return [code for code in self.row.channels if info.context.viewer.trades_in(code)]

    @field(description="In the language asked for, else the nearest.")
    def name(self, info: Info, locale: Locale | None = None) -> str:
        context = info.context
        return translated(self.row.names, locale or context.locale, context.house.default_locale)

    @field()
    def benefit(self) -> PromotionBenefit:
        return _benefit(benefit_of(self.row.kind, self.row.benefit), self.row.currency_code)

    @field()
    def target(self) -> PromotionTarget:
        held = self.row.target
        return PromotionTarget(
            skus=held.get("skus", []),
            categories=held.get("categories", []),
            brands=held.get("brands", []),
            except_skus=held.get("except_skus", []),
            except_categories=held.get("except_categories", []),
            except_brands=held.get("except_brands", []),
        )

    @field(description="what its lines must come to, after the layers before it")
    def min_spend(self) -> Money | None:
        return self._money(self.row.min_spend_minor or None)

    @field(description="the most it takes off one basket")
    def most_off(self) -> Money | None:
        return self._money(self.row.most_minor)

    @field(description="how often a member may have it; what has such a cap is for members only")
    def per_member(self) -> int | None:
        return self.row.per_member

    @field()
    def state(self, info: Info) -> PromotionState:
        return state_at(self.row.valid_from, self.row.valid_until, info.context.house.clock())

    @field(rule=STAFF)
    async def budget(self, info: Info) -> PromotionBudgetState | None:
        found = await info.context.loaders.promotion_budget.load(self.row.code)
        return None if found is None else self._budget(found)

    def _budget(self, found: PromotionBudget) -> PromotionBudgetState:
        return PromotionBudgetState(
            amount=self._money(found.most_minor),
            spent=Money.of(found.spent_minor, self.row.currency_code),
            uses=found.uses,
            most_uses=found.most_uses,
        )

    def _money(self, minor: int | None) -> Money | None:
        return None if minor is None else Money.of(minor, self.row.currency_code)


# ------------------------------------------------------------------ the list for staff


@shape(STAFF)
class PromotionEdge:
    cursor: str
    node: Promotion


@shape(STAFF, description="A page of promotions, newest first.")
class PromotionConnection:
    listed: strawberry.Private[OnePage[StoredPromotion]]

    @field()
    async def edges(self) -> list[PromotionEdge]:
        page = await self.listed.page()
        return [
            PromotionEdge(cursor=cursor, node=Promotion.of(row))
            for cursor, row in zip(page.cursors, page.rows, strict=True)
        ]

    @field()
    async def nodes(self) -> list[Promotion]:
        return [Promotion.of(row) for row in (await self.listed.page()).rows]

    @field()
    async def page_info(self) -> PageInfo:
        return await self.listed.info()


@query(STAFF, description="Promotions, newest first, those of one state when it is given; first is 1 to 100.")
async def promotions(
    info: Info, first: int, after: str | None = None, state: PromotionState | None = None
) -> PromotionConnection:
    page_size(first)
    now = info.context.now

    async def read(db: Connection) -> Page[StoredPromotion]:
        return await listing.promotions_page(db, first, after, state=state, at=now)

    return PromotionConnection(listed=OnePage(info.context, read))


# ------------------------------------------------------------------ what runs here


def situation_of(
    context: Context,
    asked: Resolved,
    *,
    unlocked: frozenset[str] = NOTHING,
    used_up: frozenset[str] = NOTHING,
) -> Situation:
    """Where promotions are asked for; of the shopper it tells the tier and whether there is a membership."""
    return Situation(
        at=asked.at,
        channel=asked.channel,
        currency_code=asked.currency_code,
        store=asked.store,
        tier=asked.tier,
        campaign=asked.campaign,
        is_member=context.viewer.kind is PrincipalKind.MEMBER,
        unlocked=unlocked,
        used_up=used_up,
    )


@query(
    PRICE_READERS,
    description="The promotions that run in a context, for a sku or for any, 200 at most, as they are "
    "settled; those that need a coupon, or that the viewer can't have, are left out.",
)
async def promotions_running(info: Info, context: SalesContext, sku: str | None = None) -> list[Promotion]:
    asked = await resolve(info.context, context)
    if asked.at < info.context.now:
        raise RequestError.bad_input(
            en="Promotions are answered for now and for later.", zh="促销仅可查询现在及将来。"
        )
    line = None
    if sku is not None:
        line = await _line(info.context, sku)
        if line is None:
            return []
    async with info.context.house.database.connection() as db:
        book = await info.context.house.promotions.book(db, info.context.now)
    codes = [one.code for one in book.running(situation_of(info.context, asked), line)]
    rows = await info.context.loaders.promotion_by_code.load_many(codes[:MOST_RUNNING])
    return [Promotion.of(row) for row in rows if row is not None]


async def _line(context: Context, sku: str) -> BasketLine | None:
    """One of a sku as a basket holds it; None when there is no such sku."""
    loaders = context.loaders
    variant = await loaders.variant_by_sku.load(sku)
    product = None if variant is None else await loaders.product.load(variant.product_id)
    if product is None:
        return None
    category = None if product.category is None else await loaders.category.load(product.category)
    return BasketLine(
        key=sku,
        sku=sku,
        quantity=1,
        unit_minor=0,
        categories=() if category is None else category.path,
        brand=product.brand,
    )
