"""Sign-ins: one-time codes, how often somebody tried, and refresh tokens that are good once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel, col, select

from persistence import columns
from persistence.database import Connection, param, statement

_MOMENT = sa.DateTime(timezone=True)
_FORGOTTEN_AT_ONCE = 20


class SignInCode(SQLModel, table=True):
    """The code last sent to a phone (known by its keyed hash), itself kept as a keyed hash."""

    __tablename__ = "sign_in_code"

    phone: bytes = Field(sa_type=sa.LargeBinary, primary_key=True)
    code_hash: bytes = columns.digest()
    tries: int = columns.whole(default=0)
    asked_at: datetime = columns.moment()
    expires_at: datetime = columns.moment()


class Attempt(SQLModel, table=True):
    """How often somebody tried something since a moment, under a name that names nobody."""

    name: str = columns.code(primary=True)
    tries: int = columns.whole()
    since: datetime = columns.moment()

    __table_args__ = (sa.Index("attempt_since", "since"),)


class SignIn(SQLModel, table=True):
    """A sign-in, from the code or password to its end; all tokens it was given end with it."""

    __tablename__ = "sign_in"

    id: UUID = columns.key()
    kind: str = columns.text()
    subject: str = columns.text()
    store: str | None = columns.optional_text()
    began_at: datetime = columns.moment()
    expires_at: datetime = columns.moment()
    ended_at: datetime | None = columns.optional_moment()

    __table_args__ = (
        sa.Index("sign_in_subject", "kind", "subject"),
        sa.Index("sign_in_expiry", "expires_at"),
    )


class RefreshToken(SQLModel, table=True):
    """A refresh token by its hash; good once: who shows it again is a thief, or was robbed."""

    __tablename__ = "refresh_token"

    token_hash: bytes = Field(sa_type=sa.LargeBinary, primary_key=True)
    sign_in_id: UUID = Field(
        sa_type=sa.Uuid, sa_column_args=(sa.ForeignKey("sign_in.id", ondelete="CASCADE"),), index=True
    )
    expires_at: datetime = columns.moment()
    used_at: datetime | None = columns.optional_moment()


# ------------------------------------------------------------------ attempts

_now = param("now", _MOMENT)
_over = col(Attempt.since) <= param("before", _MOMENT)
_TRY = statement(
    insert(Attempt)
    .values(name=param("name"), tries=1, since=_now)
    .on_conflict_do_update(
        index_elements=["name"],
        set_={
            "tries": sa.case((_over, 1), else_=col(Attempt.tries) + 1),
            "since": sa.case((_over, _now), else_=col(Attempt.since)),
        },
    )
    .returning(col(Attempt.tries))
)
_old = (
    sa.select(col(Attempt.name))
    .where(col(Attempt.since) < param("long_ago", _MOMENT))
    .order_by(col(Attempt.since))
    .limit(_FORGOTTEN_AT_ONCE)
    .with_for_update(skip_locked=True)
    .cte("old")
)
_FORGET = statement(sa.delete(Attempt).where(col(Attempt.name) == _old.c.name))
_CLEAR = statement(sa.delete(Attempt).where(col(Attempt.name) == param("name")))


def asked_name(phone: bytes) -> str:
    """Under which name codes are counted that were asked for a phone, known by its keyed hash."""
    return f"code:{phone.hex()}"


def tried_name(phone: bytes) -> str:
    """Under which name codes are counted that were tried for a phone, known by its keyed hash."""
    return f"phone:{phone.hex()}"


async def tried(db: Connection, name: str, *, within: timedelta, now: datetime) -> int:
    """How often it was tried by now, this time counted, since the first try no longer ago than that."""
    await _FORGET.run(db, long_ago=now - timedelta(days=1))
    return int(await _TRY.value(db, name=name, now=now, before=now - within))


async def succeeded(db: Connection, name: str) -> None:
    """Forgets what was tried under a name."""
    await _CLEAR.run(db, name=name)


# ------------------------------------------------------------------ codes

_asked = insert(SignInCode).values(
    phone=param("phone"),
    code_hash=param("code_hash"),
    tries=0,
    asked_at=_now,
    expires_at=param("expires_at", _MOMENT),
)
_ASK = statement(
    _asked.on_conflict_do_update(
        index_elements=["phone"],
        set_={
            "code_hash": _asked.excluded.code_hash,
            "tries": 0,
            "asked_at": _asked.excluded.asked_at,
            "expires_at": _asked.excluded.expires_at,
        },
        where=col(SignInCode.asked_at) <= param("not_since", _MOMENT),
    )
)
_ASKED_AT = statement(select(SignInCode.asked_at).where(SignInCode.phone == param("phone")))
_TRY_CODE = statement(
    sa.update(SignInCode)
    .where(col(SignInCode.phone) == param("of_phone"))
    .values(tries=col(SignInCode.tries) + 1)
    .returning(SignInCode),
    SignInCode,
)
_USE_CODE = statement(
    sa.delete(SignInCode).where(
        col(SignInCode.phone) == param("phone"), col(SignInCode.code_hash) == param("code_hash")
    )
)
_DROP_CODE = statement(sa.delete(SignInCode).where(col(SignInCode.phone) == param("phone")))


async def ask_code(
    db: Connection, phone: bytes, code_hash: bytes, *, now: datetime, expires_at: datetime, pause: timedelta
) -> datetime | None:
    """None when this is now the phone's code; else since when there is one too young to be replaced."""
    written = await _ASK.run(
        db, phone=phone, code_hash=code_hash, now=now, expires_at=expires_at, not_since=now - pause
    )
    if written:
        return None
    since: datetime = await _ASKED_AT.value(db, phone=phone)
    return since


async def try_code(db: Connection, phone: bytes) -> SignInCode | None:
    """The phone's code, this try counted; None when it has none."""
    return await _TRY_CODE.one_or_none(db, of_phone=phone)


async def use_code(db: Connection, phone: bytes, code_hash: bytes) -> bool:
    """Whether the code was still there to be used; it is no more."""
    return await _USE_CODE.run(db, phone=phone, code_hash=code_hash) == 1


async def forget_phone(db: Connection, phone: bytes) -> None:
    """Forgets a phone's code, and what was tried with it."""
    await _DROP_CODE.run(db, phone=phone)
    for name in (asked_name(phone), tried_name(phone)):
        await succeeded(db, name)


# ------------------------------------------------------------------ sign-ins and their refresh tokens

_outlived = (
    sa.select(col(SignIn.id))
    .where(col(SignIn.expires_at) < _now)
    .order_by(col(SignIn.expires_at))
    .limit(_FORGOTTEN_AT_ONCE)
    .with_for_update(skip_locked=True)
    .cte("outlived")
)
_FORGET_SIGN_INS = statement(sa.delete(SignIn).where(col(SignIn.id) == _outlived.c.id))
_BEGIN = statement(
    insert(SignIn)
    .values(
        kind=param("kind"),
        subject=param("subject"),
        store=param("store"),
        began_at=_now,
        expires_at=param("expires_at", _MOMENT),
    )
    .returning(col(SignIn.id))
)
_GIVE = statement(
    insert(RefreshToken).values(
        token_hash=param("token_hash"),
        sign_in_id=param("sign_in_id", sa.Uuid),
        expires_at=param("expires_at", _MOMENT),
    )
)


async def begin(
    db: Connection,
    *,
    kind: str,
    subject: str,
    store: str | None,
    token_hash: bytes,
    now: datetime,
    expires_at: datetime,
) -> UUID:
    """The id of a new sign-in, with its first refresh token; some that ran out long ago are forgotten."""
    await _FORGET_SIGN_INS.run(db, now=now)
    sign_in: UUID = await _BEGIN.value(
        db, kind=kind, subject=subject, store=store, now=now, expires_at=expires_at
    )
    await _GIVE.run(db, token_hash=token_hash, sign_in_id=sign_in, expires_at=expires_at)
    return sign_in


class Shown(NamedTuple):
    """A refresh token that was shown, and the sign-in it belongs to."""

    sign_in_id: UUID
    kind: str
    subject: str
    store: str | None
    expires_at: datetime
    used_at: datetime | None
    ended_at: datetime | None


_SHOWN = statement(
    sa.select(
        col(SignIn.id).label("sign_in_id"),
        col(SignIn.kind),
        col(SignIn.subject),
        col(SignIn.store),
        col(RefreshToken.expires_at),
        col(RefreshToken.used_at),
        col(SignIn.ended_at),
    )
    .join(SignIn, col(SignIn.id) == col(RefreshToken.sign_in_id))
    .where(col(RefreshToken.token_hash) == param("token_hash"))
    .with_for_update(),
    Shown,
)
_USE = statement(
    sa.update(RefreshToken)
    .where(col(RefreshToken.token_hash) == param("used_hash"))
    .values(used_at=param("used_now", _MOMENT))
)
_PROLONG = statement(
    sa.update(SignIn).where(col(SignIn.id) == param("sign_in_id")).values(expires_at=param("until", _MOMENT))
)
_END = statement(
    sa.update(SignIn)
    .where(col(SignIn.id) == param("sign_in_id"), col(SignIn.ended_at).is_(None))
    .values(ended_at=param("ended_now", _MOMENT))
)
_END_ALL = statement(
    sa.delete(SignIn).where(col(SignIn.kind) == param("kind"), col(SignIn.subject) == param("subject"))
)


async def shown(db: Connection, token_hash: bytes) -> Shown | None:
    """What a refresh token stands for, locked until the transaction ends; None for one we never gave."""
    return await _SHOWN.one_or_none(db, token_hash=token_hash)


async def rotate(
    db: Connection, sign_in: UUID, *, used: bytes, token_hash: bytes, now: datetime, expires_at: datetime
) -> None:
    """Gives a sign-in a new refresh token for the one that was used; look it up first."""
    await _USE.run(db, used_hash=used, used_now=now)
    await _PROLONG.run(db, sign_in_id=sign_in, until=expires_at)
    await _GIVE.run(db, token_hash=token_hash, sign_in_id=sign_in, expires_at=expires_at)


async def end(db: Connection, sign_in: UUID, now: datetime) -> None:
    """Ends a sign-in; its refresh tokens are good no more."""
    await _END.run(db, sign_in_id=sign_in, ended_now=now)


async def end_all(db: Connection, *, kind: str, subject: str) -> None:
    """Forgets every sign-in of somebody."""
    await _END_ALL.run(db, kind=kind, subject=subject)
