"""Members as they are read: by id, number or identity, with their identities and consents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col, select

from persistence.database import Connection, given, param, statement
from persistence.members.tables import Member, MemberConsent, MemberIdentity, MemberLook
from persistence.orders.tables import SERVED_IN, SalesOrder

FRESH_CODE = "code"
"""How a member was found who showed a fresh code."""

_IDS = sa.any_(param("ids", sa.ARRAY(sa.Uuid)))
# Whoever was erased or went over into another account is not there any more.
_THERE = sa.and_(col(Member.erased_at).is_(None), col(Member.merged_into).is_(None))
_BY_ID = statement(select(Member).where(col(Member.id) == _IDS, _THERE))
_BY_SERIAL = statement(select(Member).where(Member.serial == param("serial"), _THERE))
_BY_IDENTITY = statement(
    select(Member)
    .join(MemberIdentity, col(MemberIdentity.member_id) == col(Member.id))
    .where(MemberIdentity.provider == param("provider"), MemberIdentity.blind == param("blind"), _THERE)
)
_IDENTITIES = statement(
    select(MemberIdentity)
    .where(col(MemberIdentity.member_id) == _IDS)
    .order_by(col(MemberIdentity.member_id), col(MemberIdentity.id))
)
_CONSENTS = statement(
    select(MemberConsent)
    .ext(distinct_on(col(MemberConsent.member_id), col(MemberConsent.purpose)))
    .where(col(MemberConsent.member_id) == _IDS)
    .order_by(col(MemberConsent.member_id), col(MemberConsent.purpose), col(MemberConsent.id).desc())
)


async def members_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, Member]:
    """By id: the members that are there."""
    return {row.id: row for row in await _BY_ID.all(db, ids=ids)}


async def member_by_serial(db: Connection, serial: int) -> Member | None:
    """The member whose number has this serial."""
    return await _BY_SERIAL.one_or_none(db, serial=serial)


async def member_by_identity(db: Connection, provider: str, blind: bytes) -> Member | None:
    """The member a provider knows under a subject, by the subject's keyed hash."""
    return await _BY_IDENTITY.one_or_none(db, provider=provider, blind=blind)


async def identities_by_member(db: Connection, ids: Sequence[UUID]) -> dict[UUID, list[MemberIdentity]]:
    """By member: the identities, in the order they were linked."""
    found: dict[UUID, list[MemberIdentity]] = {}
    for row in await _IDENTITIES.all(db, ids=ids):
        found.setdefault(row.member_id, []).append(row)
    return found


async def consents_by_member(db: Connection, ids: Sequence[UUID]) -> dict[UUID, list[MemberConsent]]:
    """By member: what was last said of each purpose, granted or withdrawn."""
    found: dict[UUID, list[MemberConsent]] = {}
    for row in await _CONSENTS.all(db, ids=ids):
        found.setdefault(row.member_id, []).append(row)
    return found


_LOOKS = statement(
    select(MemberLook)
    .where(MemberLook.member_id == param("member_id"))
    .order_by(col(MemberLook.id).desc())
    .limit(100)
)


async def looks_at(db: Connection, member_id: UUID) -> list[MemberLook]:
    """The latest looks at a member, the latest first; at most 100."""
    return await _LOOKS.all(db, member_id=member_id)


class Dealing(NamedTuple):
    """A member (by id, as orders name it) and a store."""

    member: str
    store: str


_asked = given("asked", member=sa.Text, store=sa.Text)
_bought = (
    sa.select(sa.literal(1))
    .where(col(SalesOrder.member) == _asked.c.member, _asked.c.store == SERVED_IN)
    .limit(1)
)
_shown = (
    sa.select(sa.literal(1))
    .where(
        col(MemberLook.member_id) == sa.cast(_asked.c.member, sa.Uuid),
        col(MemberLook.store) == _asked.c.store,
        col(MemberLook.how) == sa.literal_column(f"'{FRESH_CODE}'"),
    )
    .limit(1)
)
_DEALT_WITH = statement(
    sa.select(_asked.c.member, _asked.c.store).where(sa.or_(_bought.exists(), _shown.exists())), Dealing
)


async def dealings(db: Connection, asked: Sequence[Dealing]) -> dict[Dealing, bool]:
    """Those that took place: the store served an order of the member's, or saw a fresh code."""
    members, stores = [one.member for one in asked], [one.store for one in asked]
    return dict.fromkeys(await _DEALT_WITH.all(db, member=members, store=stores), True)
