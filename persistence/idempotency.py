"""Requests that were answered, so that a repeated one has its first answer and no second effect."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import SQLModel, col, select

from persistence import columns
from persistence.database import Connection, given, param, statement


class Answered(SQLModel, table=True):
    """The answer a key was given: ids to read again, never the whole answer. Kept for a day and more."""

    principal: str = columns.code(primary=True)
    mutation: str = columns.code(primary=True)
    key: str = columns.code(primary=True)
    body_hash: bytes = columns.digest()
    answer: dict[str, Any] | None = columns.optional_document()
    answered_at: datetime = columns.moment()

    __table_args__ = (sa.Index("answered_at", "answered_at"),)


_CLAIM = statement(
    insert(Answered)
    .values(
        principal=param("principal"),
        mutation=param("mutation"),
        key=param("key"),
        body_hash=param("body_hash"),
    )
    .on_conflict_do_nothing()
)
_FIND = statement(
    select(Answered).where(
        Answered.principal == param("principal"),
        Answered.mutation == param("mutation"),
        Answered.key == param("key"),
    )
)
_KEEP = statement(
    sa.update(Answered)
    .where(
        col(Answered.principal) == param("of_principal"),
        col(Answered.mutation) == param("of_mutation"),
        col(Answered.key) == param("of_key"),
    )
    .values(answer=param("answer", JSONB))
)


class Key(NamedTuple):
    """What a request is known by: who asked, for what, under which key of theirs."""

    principal: str
    mutation: str
    key: str


async def claim(db: Connection, key: Key, body_hash: bytes) -> Answered | None:
    """None when the key is now ours, else what stands under it; waits for a request under way under it."""
    if await _CLAIM.run(db, **key._asdict(), body_hash=body_hash):
        return None
    return await _FIND.one(db, **key._asdict())


async def find(db: Connection, key: Key) -> Answered | None:
    """What stands under a key, once its request is committed."""
    return await _FIND.one_or_none(db, **key._asdict())


async def keep(db: Connection, key: Key, answer: dict[str, Any]) -> None:
    """Remembers the answer of a key claimed in this transaction."""
    await _KEEP.run(db, of_principal=key.principal, of_mutation=key.mutation, of_key=key.key, answer=answer)


_KEYS = ("principal", "mutation", "key")
_given = given(
    "given", principal=sa.Text, mutation=sa.Text, key=sa.Text, body_hash=sa.LargeBinary, answer=JSONB
)
_CLAIM_MANY = statement(
    insert(Answered)
    .from_select(
        [*_KEYS, "body_hash", "answer"],
        # Everybody claims in one order, so that two rounds never wait for each other.
        sa.select(*_given.c).order_by(*(_given.c[name] for name in _KEYS)),
    )
    .on_conflict_do_nothing()
    .returning(*(col(getattr(Answered, name)) for name in _KEYS)),
    Key,
)
_named = given("named", principal=sa.Text, mutation=sa.Text, key=sa.Text)
_is_named = sa.and_(*(col(getattr(Answered, name)) == _named.c[name] for name in _KEYS))
_FIND_MANY = statement(select(Answered).join(_named, _is_named))
_FORGET = statement(sa.delete(Answered).where(_is_named))


class Claim(NamedTuple):
    """A request by its key, with what it will be answered if it goes through."""

    key: Key
    body_hash: bytes
    answer: dict[str, Any]


async def claim_many(db: Connection, claims: list[Claim]) -> dict[Key, Answered]:
    """What stands already under some of the keys, each another; all others are now ours with their answers.

    Waits for requests under way under any of them. `forget` those that are refused after all.
    """
    ours = await _CLAIM_MANY.all(
        db,
        **_columns([claim.key for claim in claims]),
        body_hash=[claim.body_hash for claim in claims],
        answer=[claim.answer for claim in claims],
    )
    theirs = {claim.key for claim in claims}.difference(ours)
    if not theirs:
        return {}
    found = await _FIND_MANY.all(db, **_columns(theirs))
    return {Key(row.principal, row.mutation, row.key): row for row in found}


async def forget(db: Connection, keys: Collection[Key]) -> None:
    """Frees keys that were claimed in this transaction."""
    if keys:
        await _FORGET.run(db, **_columns(keys))


def _columns(keys: Collection[Key]) -> dict[str, list[str]]:
    return {name: [getattr(key, name) for key in keys] for name in _KEYS}
