"""Setting coupon campaigns, and what points can be exchanged for; by head office only."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg
import strawberry

from domain.access import ADMINS
from domain.locales import translated
from domain.loyalty.coupons import Stacking
from domain.promotions.drafts import LARGEST_COUNT, Draft
from domain.refusals import Refusal, RefusalCode, Refused, Text
from persistence.loyalty import coupons as coupons_db
from persistence.loyalty import offers as offers_db
from persistence.loyalty.tables import CouponCampaign as StoredCampaign
from persistence.promotions import reads as promotions_db
from persistence.promotions.documents import written_target
from resolvers.catalog.setting import LocalizedText
from resolvers.context import Context, Info, Work
from resolvers.fields import field, mutation, query
from resolvers.loyalty.coupons import CouponDiscount, PointsOffer
from resolvers.loyalty.scope import Known, known_of, scoped, target_of_input
from resolvers.promotions.setting import PromotionTargetInput
from resolvers.scalars import BigInt, CurrencyCode
from resolvers.shapes import FromRow, Money, Payload, shape

_LONGEST_DAYS = 3650
_MOST_COUPONS = 1_000_000_000

# ------------------------------------------------------------------ campaigns


@shape(ADMINS, description="What coupons of a kind give, and how many there are of them.")
class CouponCampaign(FromRow[StoredCampaign]):
    row: strawberry.Private[StoredCampaign]
    code: str
    stacking: Stacking
    channels: list[str] = strawberry.field(description="empty: every one")
    valid_from: datetime | None
    valid_until: datetime
    valid_days: int | None
    claimable: bool
    per_member: int | None
    promotion: str | None = strawberry.field(description="code of the promotion that it unlocks")

    @field()
    def name(self, info: Info) -> str:
        return translated(self.row.names, info.context.locale, info.context.house.default_locale)

    @field()
    def discount(self) -> CouponDiscount:
        return CouponDiscount.of(self.row)

    @field()
    def min_spend(self) -> Money:
        return Money.of(self.row.min_spend_minor, self.row.currency_code)

    @field()
    def most_coupons(self) -> BigInt | None:
        return None if self.row.most is None else BigInt(self.row.most)

    @field(description="so many were issued so far")
    def issued(self) -> BigInt:
        return BigInt(self.row.issued)


@query(ADMINS, description="A coupon campaign by its code.")
async def coupon_campaign(info: Info, code: str) -> CouponCampaign | None:
    row = await info.context.loaders.coupon_campaign.load(code)
    return None if row is None else CouponCampaign.of(row)


@strawberry.input(one_of=True)
class CouponDiscountInput:
    amount: strawberry.Maybe[Decimal]
    percent: strawberry.Maybe[Decimal]
    promotion: strawberry.Maybe[str] = strawberry.field(
        description="code of a couponOnly promotion to unlock"
    )


@strawberry.input
class CouponCampaignSetInput:
    idempotency_key: str
    code: str
    names: list[LocalizedText]
    currency_code: CurrencyCode
    discount: CouponDiscountInput
    most_off: Decimal | None = strawberry.field(default=None, description="the most a percentage takes off")
    min_spend: Decimal | None = strawberry.field(default=None, description="what its goods must come to")
    stacking: Stacking = strawberry.field(default=Stacking.WITH_PROMOTIONS)
    target: PromotionTargetInput | None = strawberry.field(default=None, description="null: everything")
    channels: list[str] | None = strawberry.field(default=None, description="null or empty: every one")
    valid_from: datetime | None = None
    valid_until: datetime = strawberry.field(description="exclusive; no coupon is valid longer")
    valid_days: int | None = strawberry.field(default=None, description="from when a coupon is issued")
    claimable: bool = strawberry.field(default=False, description="members may take one by couponClaim")
    most_coupons: BigInt | None = strawberry.field(default=None, description="ever issued; null: any number")
    per_member: int | None = strawberry.field(default=None, description="makes it for members")


@shape(ADMINS)
class CouponCampaignSetPayload(Payload):
    campaign: CouponCampaign | None = None


@mutation(
    CouponCampaignSetPayload,
    ADMINS,
    description="Make a coupon campaign, or replace it by its code; coupons that are out take off what it "
    "says by then, and keep their validity.",
)
async def coupon_campaign_set(info: Info, input: CouponCampaignSetInput) -> CouponCampaignSetPayload:
    context = info.context

    async def act(work: Work) -> dict[str, Any]:
        known = await known_of(context, work, [input])
        draft = Draft(input.currency_code, "input")
        values = await _read(draft, work, input, known)
        before = (await coupons_db.campaigns(work.db, [input.code])).get(input.code)
        if before is not None and before.currency_code != input.currency_code:
            draft.refusals.append(
                _conflict("currencyCode", "A campaign keeps its currency.", "活动的币种不能更改。")
            )
        if draft.refusals:
            raise Refused(*draft.refusals)
        try:
            async with work.db.transaction():
                await coupons_db.set_campaign(work.db, **values, recorded_by=str(context.viewer))
        except asyncpg.CheckViolationError:
            raise Refused(
                _conflict("mostCoupons", "More than that were issued already.", "已发放的数量超过此数。")
            ) from None
        return {"code": input.code}

    done = await context.once("couponCampaignSet", input.idempotency_key, input, act)
    return CouponCampaignSetPayload(campaign=await _campaign(context, done.answer["code"]))


async def _campaign(context: Context, code: str) -> CouponCampaign | None:
    row = await context.loaders.coupon_campaign.load(code)
    return None if row is None else CouponCampaign.of(row)


async def _read(draft: Draft, work: Work, one: CouponCampaignSetInput, known: Known) -> dict[str, object]:
    """The columns of a campaign; what is wrong with it is noted in the draft."""
    amount, percent, promotion = one.discount.amount, one.discount.percent, one.discount.promotion
    if promotion is not None and promotion.value not in await promotions_db.promotions_by_code(
        work.db, [promotion.value]
    ):
        draft.refuse(
            ("discount", "promotion"),
            en=f'There is no promotion "{promotion.value}".',
            zh=f"没有促销“{promotion.value}”。",
        )
    draft.window(one.valid_from, one.valid_until, now=work.now)
    channels, _ = scoped(draft, one.channels, None, known)
    days = one.valid_days
    return {
        "code": draft.code(("code",), one.code),
        "names": dict(draft.names(("names",), [(name.locale, name.text) for name in one.names])),
        "currency_code": one.currency_code,
        "amount_minor": None if amount is None else draft.amount(("discount", "amount"), amount.value),
        "basis_points": None
        if percent is None
        else draft.basis_points(("discount", "percent"), percent.value),
        "promotion": None if promotion is None else promotion.value,
        "most_off_minor": draft.optional_amount(("mostOff",), one.most_off),
        "min_spend_minor": draft.optional_amount(("minSpend",), one.min_spend) or 0,
        "stacking": one.stacking.value,
        "target": written_target(target_of_input(draft, one.target, known)),
        "channels": sorted(channels),
        "valid_from": one.valid_from,
        "valid_until": one.valid_until,
        "valid_days": None if days is None else draft.count(("validDays",), days, most=_LONGEST_DAYS),
        "claimable": one.claimable,
        "most": None
        if one.most_coupons is None
        else draft.count(("mostCoupons",), int(one.most_coupons), most=_MOST_COUPONS),
        "per_member": draft.optional_count(("perMember",), one.per_member),
    }


def _conflict(name: str, en: str, zh: str) -> Refusal:
    return Refusal(RefusalCode.CONFLICT, Text(en, zh), ("input", name))


# ------------------------------------------------------------------ offers


@strawberry.input
class PointsOfferSetInput:
    idempotency_key: str
    code: str
    names: list[LocalizedText]
    points: int
    campaign: str = strawberry.field(description="code of the campaign whose coupon one gets")
    channels: list[str] | None = strawberry.field(default=None, description="null or empty: every one")
    valid_from: datetime | None = None
    valid_until: datetime | None = strawberry.field(default=None, description="exclusive; past: it is over")


@shape(ADMINS)
class PointsOfferSetPayload(Payload):
    offer: PointsOffer | None = strawberry.field(default=None, description="null when it does not run now")


@mutation(
    PointsOfferSetPayload,
    ADMINS,
    description="Offer a campaign's coupon for points, or replace the offer by its code.",
)
async def points_offer_set(info: Info, input: PointsOfferSetInput) -> PointsOfferSetPayload:
    context = info.context

    async def act(work: Work) -> dict[str, Any]:
        campaign = (await coupons_db.campaigns(work.db, [input.campaign])).get(input.campaign)
        if campaign is None:
            raise Refused.because(
                RefusalCode.NOT_FOUND,
                en=f'There is no coupon campaign "{input.campaign}".',
                zh=f"没有优惠券活动“{input.campaign}”。",
                field=("input", "campaign"),
            )
        draft = Draft(campaign.currency_code, "input")
        directory = context.house.directory
        found = [await directory.channel(code) for code in input.channels or ()]
        channels = {one.code: one.currency_code for one in found if one is not None}
        named, _ = scoped(draft, input.channels, None, Known((), (), channels, ()))
        values: dict[str, object] = {
            "code": draft.code(("code",), input.code),
            "names": dict(draft.names(("names",), [(name.locale, name.text) for name in input.names])),
            "points": draft.count(("points",), input.points, most=LARGEST_COUNT),
            "campaign": input.campaign,
            "channels": sorted(named),
            "valid_from": input.valid_from,
            "valid_until": input.valid_until,
        }
        if draft.refusals:
            raise Refused(*draft.refusals)
        await offers_db.set_offer(work.db, **values, recorded_by=str(context.viewer))
        return {"code": input.code}

    done = await context.once("pointsOfferSet", input.idempotency_key, input, act)
    async with context.house.database.connection() as db:
        row = await offers_db.offer(db, done.answer["code"], context.house.clock())
        campaigns = await coupons_db.campaigns(db, [row.campaign]) if row is not None else {}
    return PointsOfferSetPayload(
        offer=None if row is None else PointsOffer.over(row, campaigns[row.campaign])
    )
