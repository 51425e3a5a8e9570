"""Sign-ins that count no more: a token by its id, or every token that somebody was given up to a moment."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col

from domain.access import Principal
from domain.news import News, Topic
from persistence import columns
from persistence.database import Connection, param, statement

_MOMENT = sa.DateTime(timezone=True)
_FORGOTTEN_AT_ONCE = 100


class Revocation(SQLModel, table=True):
    """Tokens under a name that were issued up to a moment count no more.

    `kept_until` is when the last of them has run out by itself; the row may then be forgotten.
    """

    name: str = columns.code(primary=True)
    issued_until: datetime = columns.moment()
    kept_until: datetime = columns.moment()
    recorded_at: datetime = columns.moment()

    __table_args__ = (
        sa.Index("revocation_recorded_at", "recorded_at"),
        sa.Index("revocation_kept_until", "kept_until"),
    )


class Revoked(NamedTuple):
    """What was revoked under a name."""

    name: str
    issued_until: datetime
    kept_until: datetime
    recorded_at: datetime


def token_name(token_id: str) -> str:
    """The name of one token."""
    return f"token:{token_id}"


def principal_name(principal: Principal) -> str:
    """The name of all tokens of a principal, such as `member:m-1`."""
    return str(principal)


_given = insert(Revocation).values(
    name=param("name"),
    issued_until=param("issued_until", _MOMENT),
    kept_until=param("kept_until", _MOMENT),
)
_RECORD = statement(
    _given.on_conflict_do_update(
        index_elements=["name"],
        set_={
            "issued_until": sa.func.greatest(col(Revocation.issued_until), _given.excluded.issued_until),
            "kept_until": sa.func.greatest(col(Revocation.kept_until), _given.excluded.kept_until),
            "recorded_at": sa.func.clock_timestamp(),
        },
    )
)
_outlived = (
    sa.select(col(Revocation.name))
    .where(col(Revocation.kept_until) < sa.func.clock_timestamp())
    .order_by(col(Revocation.kept_until))
    .limit(_FORGOTTEN_AT_ONCE)
    # Whoever else revokes now forgets them as well.
    .with_for_update(skip_locked=True)
    .cte("outlived")
)
_FORGET = statement(sa.delete(Revocation).where(col(Revocation.name) == _outlived.c.name))


async def revoke(
    db: Connection, name: str, *, issued_until: datetime, kept_until: datetime, cause: str
) -> News:
    """The news to announce in this transaction: tokens under the name, issued up to then, count no more."""
    await _FORGET.run(db)
    await _RECORD.run(db, name=name, issued_until=issued_until, kept_until=kept_until)
    return News(Topic.SIGN_IN, cause)


_SINCE = statement(
    sa.select(
        col(Revocation.name),
        col(Revocation.issued_until),
        col(Revocation.kept_until),
        col(Revocation.recorded_at),
    ).where(
        col(Revocation.recorded_at) > param("moment", _MOMENT),
        col(Revocation.kept_until) > sa.func.clock_timestamp(),
    ),
    Revoked,
)


async def since(db: Connection, moment: datetime) -> list[Revoked]:
    """What was revoked after a moment and still matters."""
    return await _SINCE.all(db, moment=moment)
