"""Writing members: made, linked, agreed, looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.members.consents import ConsentPurpose
from persistence.database import Connection, given, param, statement
from persistence.members.tables import Member, MemberConsent, MemberIdentity, MemberLook

_MOMENT = sa.DateTime(timezone=True)
_MAKE = statement(
    insert(Member).values(tier=param("tier"), created_at=param("created_at", _MOMENT)).returning(Member),
    Member,
)
_MAKE_KNOWN = statement(
    insert(Member).values(id=param("id", sa.Uuid), tier=param("tier")).on_conflict_do_nothing()
)
_UNMAKE = statement(sa.delete(Member).where(col(Member.id) == param("member_id")))
_LINK = statement(
    insert(MemberIdentity)
    .values(
        member_id=param("member_id"),
        provider=param("provider"),
        blind=param("blind"),
        subject=param("subject"),
        linked_at=param("linked_at", _MOMENT),
    )
    .on_conflict_do_nothing()
)


async def make_member(db: Connection, *, tier: str, now: datetime) -> Member:
    """A new member."""
    return await _MAKE.one(db, tier=tier, created_at=now)


async def unmake(db: Connection, member_id: UUID) -> None:
    """Takes back a member that this transaction made."""
    await _UNMAKE.run(db, member_id=member_id)


async def make_known(db: Connection, member_id: UUID, *, tier: str) -> bool:
    """Whether a member was made under this id; False when there is or was one."""
    return await _MAKE_KNOWN.run(db, id=member_id, tier=tier) == 1


async def link(
    db: Connection, member_id: UUID, provider: str, *, blind: bytes, subject: bytes, now: datetime
) -> bool:
    """Whether the identity is now the member's; False when it is somebody's already."""
    linked = await _LINK.run(
        db, member_id=member_id, provider=provider, blind=blind, subject=subject, linked_at=now
    )
    return linked == 1


class Said(NamedTuple):
    """What a member said of a purpose."""

    purpose: ConsentPurpose
    granted: bool


_said = given("said", purpose=sa.Text, granted=sa.Boolean)
_CONSENT = statement(
    insert(MemberConsent).from_select(
        ["member_id", "purpose", "granted", "policy_version", "channel", "at"],
        sa.select(
            param("member_id", sa.Uuid),
            _said.c.purpose,
            _said.c.granted,
            param("policy_version", sa.Text),
            param("channel", sa.Text),
            param("at", _MOMENT),
        ),
    )
)


async def consent(
    db: Connection,
    member_id: UUID,
    said: Sequence[Said],
    *,
    policy_version: str,
    channel: str,
    now: datetime,
) -> None:
    """Writes down what a member granted and withdrew, to what text and where."""
    await _CONSENT.run(
        db,
        purpose=[one.purpose.value for one in said],
        granted=[one.granted for one in said],
        member_id=member_id,
        policy_version=policy_version,
        channel=channel,
        at=now,
    )


class Look(NamedTuple):
    """Somebody of the house (`by`) looks at a member, in a store or (None) in none, found like this."""

    member_id: UUID
    by: str
    store: str | None
    how: str


_looks = given("looks", member_id=sa.Uuid, by=sa.Text, store=sa.Text, how=sa.Text)
_LOOK = statement(
    insert(MemberLook).from_select(
        ["member_id", "by", "store", "how"],
        sa.select(_looks.c.member_id, _looks.c.by, _looks.c.store, _looks.c.how),
    )
)


async def looked(db: Connection, looks: Sequence[Look]) -> dict[Look, bool]:
    """Every one of them, written down."""
    columns = zip(*looks, strict=True)
    await _LOOK.run(db, **dict(zip(Look._fields, map(list, columns), strict=True)))
    return dict.fromkeys(looks, True)


_NAME = statement(
    sa.update(Member)
    .where(col(Member.id) == param("member_id"))
    .values(name=param("sealed_name", sa.LargeBinary))
)


async def set_name(db: Connection, member_id: UUID, name: bytes | None) -> None:
    """Gives a member a name, sealed, or takes it away."""
    await _NAME.run(db, member_id=member_id, sealed_name=name)
