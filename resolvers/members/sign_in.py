"""Members sign in: a code is asked for and shown, a cart taken along, an account made where there is none."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
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
from persistence.members import sign_ins
from persistence.members import tiers as tiers_db
from persistence.members import writes as member_writes
from persistence.members.tables import Member as StoredMember
from persistence.members.writes import Said
from resolvers.carts import cart_key
from resolvers.context import Context, Info
from resolvers.fields import mutation
from resolvers.members import desk
from resolvers.members.counting import count
from resolvers.members.member import PHONE, Member
from resolvers.shapes import Payload, shape, user_errors


@strawberry.input
class SignInCodeRequestInput:
    phone: str
    channel: str


@strawberry.input
class SignInInput:
    phone: str
    code: str
    channel: str
    consents: list[ConsentPurpose] | None = strawberry.field(
        default=None,
        description="granted now; policyVersion then says to what text. BIOMETRIC is agreed to "
        "by itself: consentSet",
    )
    policy_version: str | None = None
    cart_id: strawberry.ID | None = strawberry.field(
        default=None, description="a visitor's cart to take over"
    )


@shape(EVERYONE)
class SignInCodeRequestPayload(Payload):
    retry_after: int = strawberry.field(default=0, description="seconds until another may be asked for")
    expires_at: datetime | None = None


@shape(EVERYONE)
class SignInPayload(Payload):
    member: Member | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    expires_at: datetime | None = strawberry.field(default=None, description="when the access token runs out")
    new_member: bool = False


class _Phone(NamedTuple):
    """A telephone number, and the keyed hash it is known by."""

    number: str
    blind: bytes


@mutation(
    SignInCodeRequestPayload,
    EVERYONE,
    description="Send a one-time code to a phone, good for 5 minutes and 5 tries; whoever it belongs to. In "
    "development the answer's extensions.developmentCode is that code.",
)
async def sign_in_code_request(info: Info, input: SignInCodeRequestInput) -> SignInCodeRequestPayload:
    context = info.context
    house, front = context.house, context.house.desk
    await must_be_channel(context, input.channel)
    phone = _phone(context, input.phone)
    await count(context, (sign_ins.asked_name(phone.blind), rules.CODES_PER_PHONE), field="phone")
    code = rules.new_code()
    expires_at = context.now + rules.CODE_LIFETIME
    async with house.database.connection() as db:
        since = await sign_ins.ask_code(
            db,
            phone.blind,
            _code_hash(context, phone, code),
            now=context.now,
            expires_at=expires_at,
            pause=rules.ASK_AGAIN,
        )
    if since is not None:
        wait = (since + rules.ASK_AGAIN - context.now).total_seconds()
        return SignInCodeRequestPayload(
            retry_after=max(1, round(wait)), user_errors=user_errors(rules.too_many("phone"), context.locale)
        )
    await front.sender.send(phone.number, code, context.locale)
    if front.tells_codes:
        context.extensions["developmentCode"] = code
    return SignInCodeRequestPayload(retry_after=int(rules.ASK_AGAIN.total_seconds()), expires_at=expires_at)


@mutation(
    SignInPayload,
    EVERYONE,
    description="Sign in by the code that was sent to a phone; whoever is new becomes a member. The tokens "
    "are the answer's alone: keep them.",
)
async def sign_in(info: Info, input: SignInInput) -> SignInPayload:
    context = info.context
    house = context.house
    await must_be_channel(context, input.channel)
    said = _said(input)
    phone = _phone(context, input.phone)
    await count(context, (sign_ins.tried_name(phone.blind), rules.TRIES_PER_PHONE), field="code")
    code_hash = _code_hash(context, phone, input.code.strip())
    async with house.database.connection() as db:
        sent = await sign_ins.try_code(db, phone.blind)
    if sent is not None and sent.tries > rules.MOST_TRIES:
        raise rules.too_many("code")
    if sent is None or not hmac.compare_digest(sent.code_hash, code_hash):
        raise rules.code_wrong("code")
    if context.now >= sent.expires_at:
        raise rules.code_expired("code")
    async with house.database.transaction() as db:
        if not await sign_ins.use_code(db, phone.blind, code_hash):
            raise rules.code_wrong("code")  # another request was faster
        await sign_ins.succeeded(db, sign_ins.tried_name(phone.blind))
        row, is_new = await _member(db, context, phone)
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
        tokens = await desk.begin(house.desk, db, principal_of(row), context.now)
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


def _phone(context: Context, typed: str) -> _Phone:
    number = context.house.phones.normalised(typed)
    if number is None:
        raise rules.invalid("This is no telephone number.", "电话号码无效。", "phone")
    return _Phone(number, context.house.vault.blind(PHONE, number))


def _code_hash(context: Context, phone: _Phone, code: str) -> bytes:
    return context.house.vault.blind("sign-in code", f"{phone.number}\0{code}")


def _said(input: SignInInput) -> list[Said]:
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


async def _member(db: Connection, context: Context, phone: _Phone) -> tuple[StoredMember, bool]:
    """The member whose phone it is, and whether it was made just now."""
    known = await members_db.member_by_identity(db, PHONE, phone.blind)
    if known is not None:
        return known, False
    made = await member_writes.make_member(db, tier=await tiers_db.lowest_tier(db), now=context.now)
    sealed = context.house.vault.seal(phone.number, phone.blind)
    await member_writes.link(db, made.id, PHONE, blind=phone.blind, subject=sealed, now=context.now)
    return made, True


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
