"""What fresh codes of members were used for: each is good once to look, and once to sell."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel, col

from persistence import columns
from persistence.database import Connection, param, statement

_MOMENT = sa.DateTime(timezone=True)
_KEPT = timedelta(days=30)  # a till may have been offline for long
_FORGOTTEN_AT_ONCE = 20


class CodeUse(StrEnum):
    """What a code is shown for."""

    LOOK = "LOOK"
    SALE = "SALE"


class MemberCodeUse(SQLModel, table=True):
    """That a member's code (`serial` and nonce) was used."""

    __tablename__ = "member_code_use"

    serial: int = Field(sa_type=sa.BigInteger, primary_key=True)
    nonce: bytes = Field(sa_type=sa.LargeBinary, primary_key=True)
    use: CodeUse = columns.choice(CodeUse, primary=True)
    at: datetime = columns.moment()

    __table_args__ = (sa.Index("member_code_use_at", "at"),)


_USE = statement(
    insert(MemberCodeUse)
    .values(serial=param("serial"), nonce=param("nonce"), use=param("use", sa.Text), at=param("now", _MOMENT))
    .on_conflict_do_nothing()
)
_old = (
    sa.select(col(MemberCodeUse.serial), col(MemberCodeUse.nonce), col(MemberCodeUse.use))
    .where(col(MemberCodeUse.at) < param("long_ago", _MOMENT))
    .order_by(col(MemberCodeUse.at))
    .limit(_FORGOTTEN_AT_ONCE)
    .with_for_update(skip_locked=True)
    .cte("old")
)
_FORGET = statement(
    sa.delete(MemberCodeUse).where(
        col(MemberCodeUse.serial) == _old.c.serial,
        col(MemberCodeUse.nonce) == _old.c.nonce,
        col(MemberCodeUse.use) == _old.c.use,
    )
)


async def use_code(db: Connection, serial: int, nonce: bytes, use: CodeUse, now: datetime) -> bool:
    """Whether this is the code's first use of its kind."""
    await _FORGET.run(db, long_ago=now - _KEPT)
    return await _USE.run(db, serial=serial, nonce=nonce, use=use.value, now=now) == 1
