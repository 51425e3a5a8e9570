"""Reading members: oneself, or, for those who serve in a store, a member who agreed to it."""

from __future__ import annotations

import strawberry

from domain.access import EVERYONE
from domain.members.codes import member_key
from domain.members.sight import Sight
from persistence.database import Connection
from persistence.members import reads as members_db
from persistence.members.code_uses import CodeUse
from persistence.members.reads import FRESH_CODE
from persistence.members.tables import Member as StoredMember
from resolvers.context import Context, Info
from resolvers.fields import query
from resolvers.members.gate import sight_of
from resolvers.members.member import PHONE, Member
from resolvers.members.showing import scanned
from resolvers.shapes import parse_global_id

_CARD = "number"


@strawberry.input(one_of=True)
class MemberBy:
    id: strawberry.Maybe[strawberry.ID]
    member_code: strawberry.Maybe[str]
    phone: strawberry.Maybe[str]


@query(EVERYONE, description="The member who asks; null for everybody else.")
async def me(info: Info) -> Member | None:
    context = info.context
    member_id = member_key(context.viewer.subject)
    if member_id is None or await sight_of(context, member_id, how="self") is not Sight.OWN:
        return None
    row = await context.loaders.member.load(member_id)
    return None if row is None else Member.seen(row, Sight.OWN)


@query(
    EVERYONE,
    description="A member who agreed to CLIENTELING, for staff of a store; null for everybody else. "
    "Each look is written down, and the member sees it.",
)
async def member(info: Info, by: MemberBy) -> Member | None:
    context = info.context
    if not context.viewer.is_staff:
        return None
    async with context.house.database.connection() as db:
        found = await _found(context, db, by)
    if found is None:
        return None
    row, how = found
    # A number on a card is no proof that its owner stands there.
    most = Sight.KNOWN if how == _CARD else Sight.OWN
    return Member.seen(row, await sight_of(context, row.id, how=how, presented=True, most=most))


async def _found(context: Context, db: Connection, by: MemberBy) -> tuple[StoredMember, str] | None:
    """The member, and how it was found."""
    house = context.house
    if by.member_code is not None:
        seen = await scanned(db, house, by.member_code.value, CodeUse.LOOK, context.now)
        return None if seen is None else (seen.row, FRESH_CODE if seen.fresh else _CARD)
    if by.phone is not None:
        phone = house.phones.normalised(by.phone.value)
        blind = None if phone is None else house.vault.blind(PHONE, phone)
        row = None if blind is None else await members_db.member_by_identity(db, PHONE, blind)
        return None if row is None else (row, "phone")
    known = None if by.id is None else parse_global_id(by.id.value)
    if known is None or known[0] != Member.tag:
        return None
    row = (await members_db.members_by_id(db, [known[1]])).get(known[1])
    return None if row is None else (row, "id")
