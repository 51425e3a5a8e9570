"""Tokens in the graph: renewed by a refresh token that is good once, and ended."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import strawberry

from domain.access import EVERYONE, Principal, PrincipalKind, Rule
from domain.members import signing_in as rules
from domain.members.codes import member_key
from domain.refusals import Refused
from persistence.database import Connection
from persistence.members import reads as members_db
from persistence.members import sign_ins
from persistence.members.sign_ins import Shown
from resolvers.context import Context, Info
from resolvers.fields import mutation
from resolvers.members import desk
from resolvers.members.arriving import principal_of
from resolvers.members.staff import principal_of_staff
from resolvers.shapes import Payload, shape

_SIGNED_IN = Rule("those who signed in", EVERYONE.kinds - {PrincipalKind.VISITOR, PrincipalKind.PARTNER})
_FIELD = "refreshToken"


@strawberry.input
class TokenRefreshInput:
    refresh_token: str


@shape(EVERYONE)
class TokenPayload(Payload):
    access_token: str | None = None
    refresh_token: str | None = None
    expires_at: datetime | None = strawberry.field(default=None, description="when the access token runs out")


@shape(EVERYONE)
class SignOutPayload(Payload):
    pass


@mutation(
    TokenPayload,
    EVERYONE,
    description="New tokens for a refresh token, which is good once: when it is shown again, its whole "
    "sign-in ends, for one of the two who have it is a thief.",
)
async def token_refresh(info: Info, input: TokenRefreshInput) -> TokenPayload:
    context = info.context
    front = context.house.desk
    used = desk.refresh_hash(input.refresh_token)
    async with context.house.database.transaction() as db:
        found = await _renewed(db, context, used)
    if isinstance(found, desk.Tokens):
        return TokenPayload(
            access_token=found.access, refresh_token=found.refresh, expires_at=found.expires_at
        )
    # Raised only now: what the theft has ended stays ended.
    context.house.hub.nudge()
    await front.revoked()
    raise found


async def _renewed(db: Connection, context: Context, used: bytes) -> desk.Tokens | Refused:
    shown = await sign_ins.shown(db, used)
    if shown is None:
        return rules.code_wrong(_FIELD)
    if shown.used_at is not None or shown.ended_at is not None:
        await desk.end(db, shown.sign_in_id, context.now, "tokenReplayed")
        return rules.code_wrong(_FIELD)
    if context.now >= shown.expires_at:
        return rules.code_expired(_FIELD)
    principal = await _still(db, shown)
    if principal is None:
        await desk.end(db, shown.sign_in_id, context.now, "accountGone")
        return rules.code_wrong(_FIELD)
    return await desk.renew(context.house.desk, db, principal, shown.sign_in_id, used, context.now)


async def _still(db: Connection, shown: Shown) -> Principal | None:
    """As whom the sign-in counts now: tiers and roles may have changed, accounts may be gone."""
    if shown.kind == PrincipalKind.STAFF.value:
        return await principal_of_staff(db, shown.subject, shown.store)
    member_id = member_key(shown.subject)
    row = None if member_id is None else (await members_db.members_by_id(db, [member_id])).get(member_id)
    return None if row is None else principal_of(row)


@mutation(
    SignOutPayload,
    _SIGNED_IN,
    description="End this sign-in and its refresh tokens; other sign-ins of the same member or clerk go on.",
)
async def sign_out(info: Info) -> SignOutPayload:
    context = info.context
    async with context.house.database.transaction() as db:
        for name in context.sign_in:
            kind, _, key = name.partition(":")
            if kind == "sign-in":
                await sign_ins.end(db, UUID(key), context.now)
            await desk.revoke(db, name, context.now, "signOut")
    context.house.hub.nudge()
    await context.house.desk.revoked()
    return SignOutPayload()
