"""A member in the graph: to the member everything, to others what the gate lets through."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain.access import EVERYONE, PartnerScope, Rule
from domain.loyalty.coupons import CouponState
from domain.members.codes import NONCE_BYTES, fresh_code, member_key, member_number
from domain.members.consents import ConsentPurpose
from domain.members.sight import Sight, masked_name, masked_phone, masked_subject
from persistence.members import reads as members_db
from persistence.members.tables import Member as StoredMember
from persistence.members.tables import MemberConsent
from persistence.members.tables import MemberIdentity as StoredIdentity
from persistence.members.tables import MemberLook as StoredLook
from resolvers.context import Context, Info
from resolvers.loyalty.coupons import CouponConnection, coupons_of
from resolvers.loyalty.points import PointsBalance, PointsEntryConnection, points_history_of, points_of
from resolvers.members.gate import personal, sight_of
from resolvers.members.tiers import Tier
from resolvers.shapes import FromRow, Node, shape

if TYPE_CHECKING:
    from resolvers.orders.listing import OrderConnection

MEMBER_READERS = Rule("everyone; partners with MEMBER_READ", EVERYONE.kinds, PartnerScope.MEMBER_READ)
PHONE = "phone"

strawberry.enum(ConsentPurpose)


@shape(MEMBER_READERS, description="That a member granted or withdrew a purpose, to which text and where.")
class Consent:
    row: strawberry.Private[MemberConsent]
    sight: strawberry.Private[Sight]

    @personal(Sight.KNOWN)
    def purpose(self) -> ConsentPurpose:
        return self.row.purpose

    @personal(Sight.KNOWN)
    def granted(self) -> bool:
        return self.row.granted

    @personal(Sight.KNOWN)
    def policy_version(self) -> str:
        return self.row.policy_version

    @personal(Sight.KNOWN)
    def channel(self) -> str:
        return self.row.channel

    @personal(Sight.KNOWN)
    def at(self) -> datetime:
        return self.row.at


@shape(MEMBER_READERS, description="By what a member is known somewhere.")
class MemberIdentity:
    row: strawberry.Private[StoredIdentity]
    sight: strawberry.Private[Sight]

    @personal(Sight.SERVED, description="phone, wechat, alipay, jd, tmall, card")
    def provider(self) -> str:
        return self.row.provider

    @personal(Sight.SERVED, description="masked unless the member asks")
    def subject(self, info: Info) -> str:
        house = info.context.house
        subject = house.vault.open(self.row.subject, self.row.blind) or ""
        if self.sight is Sight.OWN:
            return subject
        if self.row.provider == PHONE:
            return masked_phone(house.phones.national(subject))
        return masked_subject(subject)

    @personal(Sight.SERVED)
    def linked_at(self) -> datetime:
        return self.row.linked_at


@shape(MEMBER_READERS, description="That somebody of the house saw the member: only the member is told.")
class MemberLook:
    row: strawberry.Private[StoredLook]
    sight: strawberry.Private[Sight]

    @personal(Sight.OWN, description="a clerk or a partner")
    def by(self) -> str | None:
        return self.row.by

    @personal(Sight.OWN, description="the store's code")
    def store(self) -> str | None:
        return self.row.store

    @personal(Sight.OWN, description="how the member was found: code, number, phone, id, order …")
    def how(self) -> str | None:
        return self.row.how

    @personal(Sight.OWN)
    def at(self) -> datetime | None:
        return self.row.at


@shape(MEMBER_READERS, description="Somebody with an account: what of it is shown depends on who asks.")
class Member(FromRow[StoredMember], Node):
    tag = "Me"
    row: strawberry.Private[StoredMember]
    sight: strawberry.Private[Sight]

    @classmethod
    def seen(cls, row: StoredMember, sight: Sight) -> Member | None:
        """The shape of a member for a caller who sees so much; None when that is nothing."""
        if sight is Sight.NOTHING:
            return None
        member = cls.of(row)
        member.sight = sight
        return member

    @personal(
        Sight.KNOWN,
        description="what a clerk scans: for the member a fresh code, good for two minutes and once; for "
        "others the number that stays, which gives less",
    )
    def member_code(self, info: Info) -> str:
        if self.sight is not Sight.OWN:
            return member_number(self.row.serial)
        context = info.context
        secret = context.house.vault.secret("member codes")
        return fresh_code(self.row.serial, now=context.now, nonce=os.urandom(NONCE_BYTES), secret=secret)

    @personal(Sight.OWN, description="the number on the member's card, which stays")
    def member_number(self) -> str | None:
        return member_number(self.row.serial)

    @personal(
        Sight.OWN,
        otherwise=list,
        description="who of the house looked at the member, the latest first; at most 100",
    )
    async def looks(self, info: Info) -> list[MemberLook]:
        async with info.context.house.database.connection() as db:
            rows = await members_db.looks_at(db, self.row.id)
        return [MemberLook(row=row, sight=self.sight) for row in rows]

    @personal(Sight.KNOWN, description="its first character only for those who never served the member")
    def name(self, info: Info) -> str | None:
        sealed = self.row.name
        name = None if sealed is None else info.context.house.vault.open(sealed, self.row.id.bytes)
        return name if name is None or self.sight >= Sight.SERVED else masked_name(name)

    @personal(Sight.KNOWN, description="masked (138****5678) for anyone but the member")
    async def phone(self, info: Info) -> str | None:
        house = info.context.house
        for identity in await info.context.loaders.identities_of_member.load(self.row.id):
            if identity.provider == PHONE:
                phone = house.vault.open(identity.subject, identity.blind)
                if phone is None or self.sight is Sight.OWN:
                    return phone
                return masked_phone(house.phones.national(phone))
        return None

    @personal(Sight.KNOWN)
    async def tier(self, info: Info) -> Tier:
        row = await info.context.loaders.tier.load(self.row.tier)
        if row is None:
            raise LookupError(f"tier {self.row.tier} is gone")
        return Tier.of(row)

    @personal(
        Sight.SERVED,
        otherwise=PointsBalance.nothing,
        description="nothing for those who never served the member",
    )
    async def points(self, info: Info) -> PointsBalance:
        return await points_of(info.context, str(self.row.id))

    @personal(Sight.KNOWN, description="the newest line first; none for those who never served the member")
    def points_history(self, info: Info, first: int, after: str | None = None) -> PointsEntryConnection:
        member = str(self.row.id) if self.sight >= Sight.SERVED else None
        return points_history_of(info.context, member, first, after)

    @personal(Sight.KNOWN, description="the newest first; none for those who never served the member")
    def coupons(
        self, info: Info, first: int, state: CouponState | None = None, after: str | None = None
    ) -> CouponConnection:
        member = str(self.row.id) if self.sight >= Sight.SERVED else None
        return coupons_of(info.context, member, state, first, after)

    @personal(Sight.SERVED, otherwise=list, description="none for those who never served the member")
    async def identities(self, info: Info) -> list[MemberIdentity]:
        rows = await info.context.loaders.identities_of_member.load(self.row.id)
        return [MemberIdentity(row=row, sight=self.sight) for row in rows]

    @personal(Sight.KNOWN, description="what was last said of each purpose")
    async def consents(self, info: Info) -> list[Consent]:
        rows = await info.context.loaders.consents_of_member.load(self.row.id)
        return [Consent(row=row, sight=self.sight) for row in rows]

    @personal(Sight.KNOWN, description="the newest first; none for those who never served the member")
    async def orders(
        self, info: Info, first: int, after: str | None = None
    ) -> Annotated[OrderConnection, strawberry.lazy("resolvers.orders.listing")]:
        # Orders show their members, and members their orders: one of the two imports comes late.
        from resolvers.orders.listing import orders_of_member

        nobody = self.sight < Sight.SERVED
        return orders_of_member(info.context, self.row.id, first, after, nobody=nobody)

    @personal(Sight.KNOWN)
    def created_at(self) -> datetime:
        return self.row.created_at


async def member_shape(context: Context, member: str | None, *, how: str) -> Member | None:
    """The member that a cart or order names, as far as the caller may see it."""
    member_id = member_key(member)
    if member_id is None:
        return None
    sight = await sight_of(context, member_id, how=how)
    if sight is Sight.NOTHING:
        return None
    row = await context.loaders.member.load(member_id)
    return None if row is None else Member.seen(row, sight)
