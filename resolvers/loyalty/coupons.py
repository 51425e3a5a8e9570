"""Coupons in the graph: a member's own, what points can be exchanged for, and how one comes by them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from domain.access import EVERYONE, MEMBERS, PRICE_READERS, Principal, PrincipalKind
from domain.locales import translated
from domain.loyalty.coupons import CODES_PURPOSE, CouponState, coupon_code, state_at, valid_until
from domain.loyalty.points import Line, PointsEntryKind
from domain.refusals import Refusal, RefusalCode, Refused, RequestError, Text
from persistence.database import Connection
from persistence.loyalty import coupons as coupons_db
from persistence.loyalty import ledger
from persistence.loyalty import offers as offers_db
from persistence.loyalty.tables import Coupon as StoredCoupon
from persistence.loyalty.tables import CouponCampaign
from persistence.loyalty.tables import PointsOffer as StoredOffer
from persistence.paging import Page, nothing
from resolvers.connections import OnePage
from resolvers.context import Context, Info, Work
from resolvers.fields import field, mutation, query
from resolvers.loyalty.baskets import limit_reached, points_insufficient
from resolvers.loyalty.points import PointsBalance, points_of
from resolvers.shapes import FromRow, Money, Node, PageInfo, Payload, page_size, shape

# ------------------------------------------------------------------ shapes


@shape(EVERYONE, description="One of the two; neither: the coupon unlocks a promotion, which says the rest.")
class CouponDiscount:
    amount: Money | None
    percent: Decimal | None

    @classmethod
    def of(cls, campaign: CouponCampaign) -> CouponDiscount:
        """What a campaign's coupons take off."""
        minor, points = campaign.amount_minor, campaign.basis_points
        return cls(
            amount=None if minor is None else Money.of(minor, campaign.currency_code),
            percent=None if points is None else Decimal(points) / 100,
        )


@shape(EVERYONE, description="Something off a purchase, once.")
class Coupon(FromRow[StoredCoupon], Node):
    tag = "Cp"
    row: strawberry.Private[StoredCoupon]
    valid_until: datetime = strawberry.field(description="exclusive")

    async def campaign(self, context: Context) -> CouponCampaign:
        """What it is a coupon of."""
        row = await context.loaders.coupon_campaign.load(self.row.campaign)
        if row is None:
            raise LookupError(f"coupon campaign {self.row.campaign} is gone")
        return row

    @field(description="what to type in; only for whoever may use it")
    def code(self, info: Info) -> str:
        return coupon_code(info.context.house.vault.secret(CODES_PURPOSE), self.row.id)

    @field()
    async def name(self, info: Info) -> str:
        names = (await self.campaign(info.context)).names
        return translated(names, info.context.locale, info.context.house.default_locale)

    @field()
    def state(self, info: Info) -> CouponState:
        return state_at(self.row.state, self.row.valid_until, info.context.now)

    @field()
    async def discount(self, info: Info) -> CouponDiscount:
        return CouponDiscount.of(await self.campaign(info.context))

    @field(description="what its goods must come to")
    async def min_spend(self, info: Info) -> Money | None:
        return _min_spend(await self.campaign(info.context))

    @field(description="where it can be used; null: everywhere")
    async def channels(self, info: Info) -> list[str] | None:
        return (await self.campaign(info.context)).channels or None


def _min_spend(campaign: CouponCampaign) -> Money | None:
    minor = campaign.min_spend_minor
    return Money.of(minor, campaign.currency_code) if minor else None


def owns(viewer: Principal, row: StoredCoupon) -> bool:
    """Whether a coupon is the caller's own."""
    return viewer.kind is PrincipalKind.MEMBER and row.member == viewer.subject


@shape(EVERYONE)
class CouponEdge:
    cursor: str
    node: Coupon


@shape(EVERYONE, description="A page of a member's coupons, the newest first.")
class CouponConnection:
    listed: strawberry.Private[OnePage[StoredCoupon]]

    @field()
    async def edges(self) -> list[CouponEdge]:
        page = await self.listed.page()
        return [
            CouponEdge(cursor=cursor, node=Coupon.of(row))
            for cursor, row in zip(page.cursors, page.rows, strict=True)
        ]

    @field()
    async def nodes(self) -> list[Coupon]:
        return [Coupon.of(row) for row in (await self.listed.page()).rows]

    @field()
    async def page_info(self) -> PageInfo:
        return await self.listed.info()


def coupons_of(
    context: Context, member: str | None, state: CouponState | None, first: int, after: str | None
) -> CouponConnection:
    """A page of a member's coupons, an empty one of nobody's; raises BAD_USER_INPUT for a bad page."""
    page_size(first)
    coupons_db.check(after)

    async def read(db: Connection) -> Page[StoredCoupon]:
        if member is None:
            return nothing()
        return await coupons_db.of_member(db, member, first, after, state=state, now=context.now)

    return CouponConnection(listed=OnePage(context, read))


# ------------------------------------------------------------------ offers


@shape(PRICE_READERS, description="A coupon that points can be exchanged for.")
class PointsOffer(FromRow[StoredOffer]):
    row: strawberry.Private[StoredOffer]
    campaign: strawberry.Private[CouponCampaign]
    code: str
    points: int

    @classmethod
    def over(cls, row: StoredOffer, campaign: CouponCampaign) -> PointsOffer:
        """An offer of a campaign's coupons."""
        offer = cls.of(row)
        offer.campaign = campaign
        return offer

    @field()
    def name(self, info: Info) -> str:
        return translated(self.row.names, info.context.locale, info.context.house.default_locale)

    @field()
    def discount(self) -> CouponDiscount:
        return CouponDiscount.of(self.campaign)

    @field()
    def min_spend(self) -> Money | None:
        return _min_spend(self.campaign)


@query(
    PRICE_READERS,
    description="What points can be exchanged for in a channel, the cheapest first; at most 500.",
)
async def points_offers(info: Info, channel: str) -> list[PointsOffer]:
    context = info.context
    if await context.house.directory.channel(channel) is None:
        raise RequestError.bad_input(en=f'There is no channel "{channel}".', zh=f"没有渠道“{channel}”。")
    async with context.house.database.connection() as db:
        rows = await offers_db.running(db, channel, context.now)
        campaigns = await coupons_db.campaigns(db, [row.campaign for row in rows]) if rows else {}
    return [PointsOffer.over(row, campaigns[row.campaign]) for row in rows]


# ------------------------------------------------------------------ couponRedeem, couponClaim


@strawberry.input
class CouponRedeemInput:
    idempotency_key: str
    offer: str = strawberry.field(description="what to buy with points")


@strawberry.input
class CouponClaimInput:
    idempotency_key: str
    campaign: str = strawberry.field(description="code of a campaign whose coupons members may take")


@shape(EVERYONE)
class CouponRedeemPayload(Payload):
    coupon: Coupon | None = None
    points: PointsBalance | None = None


@shape(EVERYONE)
class CouponClaimPayload(Payload):
    coupon: Coupon | None = None


@mutation(CouponRedeemPayload, MEMBERS, description="Exchange points for a coupon, those that expire first.")
async def coupon_redeem(info: Info, input: CouponRedeemInput) -> CouponRedeemPayload:
    context, member = info.context, info.context.viewer.subject
    at = ("input", "offer")

    async def act(work: Work) -> dict[str, Any]:
        offer = await offers_db.offer(work.db, input.offer, work.now)
        if offer is None:
            raise Refused(Refusal(RefusalCode.NOT_FOUND, Text("There is no such offer.", "没有此兑换。"), at))
        books = await ledger.books(work.db, member, work.now)
        if books.burn(offer.points, Line(PointsEntryKind.BURN, 0, f"offer:{offer.code}")) is None:
            raise Refused(points_insufficient(offer.points, at))
        await ledger.close(work.db, member, books, work.now)
        return {"coupon": str(await _issue(context, work, offer.campaign, at))}

    done = await context.once("couponRedeem", input.idempotency_key, input, act)
    return CouponRedeemPayload(
        coupon=await _issued(context, done.answer), points=await points_of(context, member)
    )


@mutation(CouponClaimPayload, MEMBERS, description="Take a coupon of a campaign that gives them away.")
async def coupon_claim(info: Info, input: CouponClaimInput) -> CouponClaimPayload:
    context, at = info.context, ("input", "campaign")

    async def act(work: Work) -> dict[str, Any]:
        found = (await coupons_db.campaigns(work.db, [input.campaign])).get(input.campaign)
        if found is None or not found.claimable:
            raise Refused(
                Refusal(RefusalCode.NOT_FOUND, Text("There are no such coupons.", "没有此优惠券。"), at)
            )
        return {"coupon": str(await _issue(context, work, input.campaign, at))}

    done = await context.once("couponClaim", input.idempotency_key, input, act)
    return CouponClaimPayload(coupon=await _issued(context, done.answer))


async def _issue(context: Context, work: Work, campaign: str, at: tuple[str, ...]) -> UUID:
    """The id of the member's new coupon.

    Refuses COUPON_EXPIRED, LIMIT_PER_MEMBER_REACHED and COUPON_EXHAUSTED, in that order.
    """
    member = context.viewer.subject
    row = (await coupons_db.campaigns(work.db, [campaign]))[campaign]
    if row.valid_until <= work.now:
        raise Refused(
            Refusal(RefusalCode.COUPON_EXPIRED, Text("These coupons are over.", "此优惠券活动已结束。"), at)
        )
    if row.per_member is not None and not await coupons_db.count_of_member(
        work.db, campaign, member, row.per_member
    ):
        raise Refused(limit_reached(row.per_member, at))
    if not await coupons_db.count(work.db, campaign):
        raise Refused(
            Refusal(RefusalCode.COUPON_EXHAUSTED, Text("No coupons are left.", "优惠券已领完。"), at)
        )
    secret = context.house.vault.secret(CODES_PURPOSE)
    return await coupons_db.issue(
        work.db,
        campaign,
        member,
        code=lambda coupon_id: coupon_code(secret, coupon_id),
        valid_until=valid_until(row.valid_until, row.valid_days, work.now),
        now=work.now,
    )


async def _issued(context: Context, answer: dict[str, Any]) -> Coupon:
    row = await context.loaders.coupon.load(UUID(answer["coupon"]))
    if row is None:
        raise LookupError(f"coupon {answer['coupon']} is gone")
    return Coupon.of(row)
