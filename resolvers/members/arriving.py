"""Members arrive: known or new, with consents and a visitor's cart, and are given their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

import strawberry

from domain import carts as cart_rules
from domain.access import EVERYONE, Principal, PrincipalKind
from domain.members import signing_in as rules
from domain.members.consents import ConsentPurpose
from domain.members.sight import Sight
from domain.refusals import RefusalCode, Refused
from persistence import carts as carts_db
from persistence.carts import StoredLine
from persistence.database import Connection
from persistence.members import reads as members_db
from persistence.members import tiers as tiers_db
from persistence.members import writes as member_writes
from persistence.members.tables import Member as StoredMember
from persistence.members.writes import Said
from resolvers.carts.cart import cart_key
from resolvers.context import Context
from resolvers.members import desk
from resolvers.members.member import Member
from resolvers.shapes import Payload, shape


@shape(EVERYONE)
class SignInPayload(Payload):
    member: Member | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    expires_at: datetime | None = strawberry.field(default=None, description="when the access token runs out")
    new_member: bool = False


class Arrival(Protocol):
    """What every way to sign in may be told besides who it is."""

    channel: str
    consents: list[ConsentPurpose] | None
    policy_version: str | None
    cart_id: strawberry.ID | None


class Known(NamedTuple):
    """By what somebody is known: a provider, its subject, and the keyed hash that stands for it."""

    provider: str
    subject: str
    blind: bytes

    @classmethod
    def by(cls, context: Context, provider: str, subject: str) -> Known:
        """An identity with its keyed hash."""
        return cls(provider, subject, context.house.vault.blind(provider, subject))


async def arrive(
    db: Connection, context: Context, known: Known, input: Arrival, said: Sequence[Said]
) -> SignInPayload:
    """The tokens of whoever proved to be known so; who is new becomes a member.

    Refuses NOT_FOUND for a cart that is not there to be taken.
    """
    row, is_new = await _member(db, context, known)
    if said:
        await member_writes.consent(
            db,
            row.id,
            said,
            policy_version=input.policy_version or "",
            channel=input.channel,
            now=context.now,
        )
    if input.cart_id is not None:
        await _take_cart(db, context, input.cart_id, str(row.id))
    tokens = await desk.begin(context.house.desk, db, principal_of(row), context.now)
    return SignInPayload(
        member=Member.seen(row, Sight.OWN),
        access_token=tokens.access,
        refresh_token=tokens.refresh,
        expires_at=tokens.expires_at,
        new_member=is_new,
    )


def principal_of(row: StoredMember) -> Principal:
    """As whom a member's tokens sign in."""
    return Principal(PrincipalKind.MEMBER, str(row.id), tier=row.tier)


async def must_be_channel(context: Context, code: str) -> None:
    """Refuses INVALID_INPUT for a channel that is not there."""
    if await context.house.directory.channel(code) is None:
        raise rules.invalid(f'There is no channel "{code}".', f"没有渠道“{code}”。", "channel")


def said_by(input: Arrival) -> list[Said]:
    """What whoever arrives agrees to; refuses INVALID_INPUT without a text, and for BIOMETRIC."""
    purposes = list(dict.fromkeys(input.consents or []))
    if ConsentPurpose.BIOMETRIC in purposes:
        index = str((input.consents or []).index(ConsentPurpose.BIOMETRIC))
        raise rules.invalid(
            "BIOMETRIC is agreed to by itself: consentSet.", "生物识别须单独同意。", "consents", index
        )
    if purposes and not rules.signs(input.policy_version or "", rules.LONGEST_POLICY_VERSION):
        raise rules.invalid(
            "Say to which text the consents are given.", "请注明所同意的条款版本。", "policyVersion"
        )
    return [Said(purpose, granted=True) for purpose in purposes]


async def _member(db: Connection, context: Context, known: Known) -> tuple[StoredMember, bool]:
    """The member who is known so, and whether it was made just now."""
    found = await members_db.member_by_identity(db, known.provider, known.blind)
    if found is not None:
        return found, False
    made = await member_writes.make_member(db, tier=await tiers_db.lowest_tier(db), now=context.now)
    if await link(db, context, made.id, known):
        return made, True
    # Another request of the same person was faster.
    await member_writes.unmake(db, made.id)
    found = await members_db.member_by_identity(db, known.provider, known.blind)
    if found is None:
        raise LookupError(f"an identity of {known.provider} is linked to nobody")
    return found, False


async def link(db: Connection, context: Context, member_id: UUID, known: Known) -> bool:
    """Whether the member is known so from now on; False when somebody is already."""
    sealed = context.house.vault.seal(known.subject, known.blind)
    return await member_writes.link(
        db, member_id, known.provider, blind=known.blind, subject=sealed, now=context.now
    )


def _together(kept: Sequence[StoredLine], others: Sequence[StoredLine]) -> list[StoredLine]:
    """The lines of two carts in one; of what is in both, the price that `kept` shows counts."""
    shown = {line["sku"]: line["shown"] for line in (*others, *kept)}
    quantities = cart_rules.together(
        *({line["sku"]: line["quantity"] for line in lines} for lines in (kept, others))
    )
    return [StoredLine(sku=sku, quantity=many, shown=shown[sku]) for sku, many in quantities.items()]


async def _take_cart(db: Connection, context: Context, given_id: str, member: str) -> None:
    """Makes a visitor's cart the member's, with what the member's own latest cart of that place holds."""
    cart_id: UUID | None = cart_key(given_id)
    row = None if cart_id is None else await carts_db.lock(db, cart_id)
    mine = row is not None and row.expires_at > context.now and row.member in (None, member)
    if row is None or not mine or row.order_id is not None:
        raise Refused.because(
            RefusalCode.NOT_FOUND,
            en="There is no such cart.",
            zh="没有这个购物车。",
            field=("input", "cartId"),
        )
    if row.member is not None:
        return
    before = await carts_db.lock_latest_of(db, member, channel=row.channel, store=row.store, now=context.now)
    lines = row.lines if before is None else _together(row.lines, before.lines)
    await carts_db.take_over(db, row.id, member, lines, kept_until=context.now + cart_rules.LIFETIME)
    if before is not None:
        await carts_db.drop(db, before.id)
