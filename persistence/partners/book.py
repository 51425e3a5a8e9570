"""Partners and their keys, read and written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from domain.partners import NewKey
from persistence.database import Connection, param, statement, texts
from persistence.partners.tables import ApiKey, Partner

_MOMENT = sa.DateTime(timezone=True)
_TERMS = ("name", "channels", "scopes", "budget_per_minute", "masked_fields", "networks", "active")


class Terms(NamedTuple):
    """What a partner is called and was granted."""

    name: str
    channels: list[str]
    scopes: list[str]
    budget_per_minute: int
    masked_fields: list[str]
    networks: list[str]
    active: bool


# ------------------------------------------------------------------ partners

_CREATE = statement(
    insert(Partner)
    .values(code=param("code"), **{name: param(name) for name in _TERMS})
    .on_conflict_do_nothing(index_elements=["code"])
    .returning(col(Partner.id))
)
_CHANGE = statement(
    sa.update(Partner)
    .where(col(Partner.code) == param("of_code"))
    .values({name: param(name) for name in _TERMS})
)
_LOCKED = statement(select(Partner).where(col(Partner.code) == param("code")).with_for_update())
_BY_CODE = statement(select(Partner).where(col(Partner.code) == sa.any_(texts("codes"))))
_BY_ID = statement(select(Partner).where(col(Partner.id) == sa.any_(param("ids", sa.ARRAY(sa.Uuid)))))


async def create(db: Connection, code: str, terms: Terms) -> UUID | None:
    """The id of a new partner; None when there is one under the code."""
    made: UUID | None = await _CREATE.value(db, code=code, **terms._asdict())
    return made


async def change(db: Connection, code: str, terms: Terms) -> None:
    """Gives a partner other terms."""
    await _CHANGE.run(db, of_code=code, **terms._asdict())


async def locked(db: Connection, code: str) -> Partner | None:
    """The partner under a code, locked until the transaction ends."""
    return await _LOCKED.one_or_none(db, code=code)


async def partners_by_code(db: Connection, codes: Sequence[str]) -> dict[str, Partner]:
    """By code: the partners that are there."""
    return {row.code: row for row in await _BY_CODE.all(db, codes=codes)}


async def partners_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, Partner]:
    """By id: the partners that are there."""
    return {row.id: row for row in await _BY_ID.all(db, ids=ids)}


# ------------------------------------------------------------------ keys

_ADD_KEY = statement(
    sa.insert(ApiKey).values(
        partner=param("partner"),
        prefix=param("prefix"),
        key_hash=param("key_hash"),
        created_at=param("now", _MOMENT),
        expires_at=param("expires_at", _MOMENT),
    )
)
_counts = sa.and_(
    col(ApiKey.revoked_at).is_(None),
    sa.or_(col(ApiKey.expires_at).is_(None), col(ApiKey.expires_at) > param("now", _MOMENT)),
)
_RETIRE = statement(
    sa.update(ApiKey)
    .where(col(ApiKey.partner) == param("of_partner"), _counts)
    .values(expires_at=sa.func.least(col(ApiKey.expires_at), param("until", _MOMENT)))
)
_REVOKE_ALL = statement(
    sa.update(ApiKey)
    .where(col(ApiKey.partner) == param("of_partner"), _counts)
    .values(revoked_at=param("now", _MOMENT))
)
_REVOKE = statement(
    sa.update(ApiKey)
    .where(
        col(ApiKey.partner) == param("of_partner"),
        col(ApiKey.prefix) == param("of_prefix"),
        col(ApiKey.revoked_at).is_(None),
    )
    .values(revoked_at=param("now", _MOMENT))
)
_KEYS = statement(
    select(ApiKey).where(col(ApiKey.partner) == sa.any_(texts("partners"))).order_by(col(ApiKey.id).desc())
)
_USED = statement(
    sa.update(ApiKey)
    .where(
        col(ApiKey.key_hash) == sa.any_(param("hashes", sa.ARRAY(sa.LargeBinary))),
        sa.or_(col(ApiKey.last_used_at).is_(None), col(ApiKey.last_used_at) < param("now", _MOMENT)),
    )
    .values(last_used_at=param("now", _MOMENT))
)


async def add_key(
    db: Connection, partner: str, key: NewKey, *, now: datetime, expires_at: datetime | None
) -> None:
    """Keeps a new key of a partner."""
    await _ADD_KEY.run(
        db, partner=partner, prefix=key.prefix, key_hash=key.hash, now=now, expires_at=expires_at
    )


async def retire_keys(db: Connection, partner: str, *, now: datetime, until: datetime) -> None:
    """Has the keys that a partner has now end at a moment, those that end earlier left alone."""
    if until <= now:
        await _REVOKE_ALL.run(db, of_partner=partner, now=now)
    else:
        await _RETIRE.run(db, of_partner=partner, now=now, until=until)


async def revoke_key(db: Connection, partner: str, prefix: str, *, now: datetime) -> bool:
    """Whether a key of a partner was there to be revoked."""
    return await _REVOKE.run(db, of_partner=partner, of_prefix=prefix, now=now) > 0


async def keys_of_partners(db: Connection, partners: Sequence[str]) -> dict[str, list[ApiKey]]:
    """By partner: its keys, the newest first."""
    found: dict[str, list[ApiKey]] = defaultdict(list)
    for row in await _KEYS.all(db, partners=partners):
        found[row.partner].append(row)
    return found


async def keys_used(db: Connection, hashes: Sequence[bytes], *, now: datetime) -> None:
    """Notes when keys were last used."""
    await _USED.run(db, hashes=hashes, now=now)


class Holder(NamedTuple):
    """A key that was issued, and the terms of whose it is."""

    key_id: UUID
    key_hash: bytes
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    code: str
    channels: list[str]
    scopes: list[str]
    budget_per_minute: int
    masked_fields: list[str]
    networks: list[str]
    active: bool


_HOLDERS = statement(
    sa.select(
        col(ApiKey.id).label("key_id"),
        col(ApiKey.key_hash),
        col(ApiKey.created_at),
        col(ApiKey.expires_at),
        col(ApiKey.revoked_at),
        col(Partner.code),
        *(col(getattr(Partner, name)) for name in _TERMS if name != "name"),
    )
    .join(Partner, col(Partner.code) == col(ApiKey.partner))
    .where(col(ApiKey.key_hash) == sa.any_(param("hashes", sa.ARRAY(sa.LargeBinary)))),
    Holder,
)


async def holders(db: Connection, hashes: Sequence[bytes]) -> dict[bytes, Holder]:
    """By hash: the keys that were ever issued, those that count no more too."""
    return {row.key_hash: row for row in await _HOLDERS.all(db, hashes=hashes)}
