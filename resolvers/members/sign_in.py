"""Members sign in: a code is asked for and shown, a cart taken along, an account made where there is none."""

from __future__ import annotations

import hmac
from datetime import datetime

import strawberry

from domain.access import EVERYONE
from domain.members import signing_in as rules
from domain.members.consents import ConsentPurpose
from persistence.members import sign_ins
from resolvers.context import Context, Info
from resolvers.fields import mutation
from resolvers.members.arriving import Known, SignInPayload, arrive, must_be_channel, said_by
from resolvers.members.counting import count
from resolvers.members.member import PHONE
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
    await front.sender.send(phone.subject, code, context.locale)
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
    said = said_by(input)
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
        return await arrive(db, context, phone, input, said)


def _phone(context: Context, typed: str) -> Known:
    number = context.house.phones.normalised(typed)
    if number is None:
        raise rules.invalid("This is no telephone number.", "电话号码无效。", "phone")
    return Known.by(context, PHONE, number)


def _code_hash(context: Context, phone: Known, code: str) -> bytes:
    return context.house.vault.blind("sign-in code", f"{phone.subject}\0{code}")
