"""Staff: accounts, with roles by store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel, col, select

from persistence import columns
from persistence.database import Connection, given, param, statement

EVERYWHERE = ""
"""The store of a role that is not bound to one."""


class StaffAccount(SQLModel, table=True):
    """Somebody who works for the group: signs in by a password (kept as argon2id hash) or OpenID Connect."""

    __tablename__ = "staff_account"

    id: UUID = columns.key()
    username: str = columns.code(unique=True)
    password_hash: str | None = columns.optional_text()
    issuer: str | None = columns.optional_text()
    subject: str | None = columns.optional_text()
    active: bool = columns.flag(default=True)
    added_at: datetime = columns.moment()

    __table_args__ = (
        sa.Index(
            "staff_account_oidc",
            "issuer",
            "subject",
            unique=True,
            postgresql_where=sa.text("subject IS NOT NULL"),
        ),
    )


class StaffRole(SQLModel, table=True):
    """What an account may do in a store, or (the store is empty) everywhere."""

    __tablename__ = "staff_role"

    account_id: UUID = Field(sa_type=sa.Uuid, primary_key=True, foreign_key="staff_account.id")
    store: str = columns.code(primary=True)
    role: str = columns.code(primary=True)


class Post(NamedTuple):
    """A role in a store, or everywhere."""

    store: str
    role: str


_BY_NAME = statement(select(StaffAccount).where(StaffAccount.username == param("username")))
_BY_ID = statement(select(StaffAccount).where(StaffAccount.id == param("id")))
_BY_OIDC = statement(
    select(StaffAccount).where(
        StaffAccount.issuer == param("issuer"), StaffAccount.subject == param("subject")
    )
)
_POSTS = statement(
    sa.select(col(StaffRole.store), col(StaffRole.role))
    .where(col(StaffRole.account_id) == param("account_id"))
    .order_by(col(StaffRole.store), col(StaffRole.role)),
    Post,
)


async def account_by_username(db: Connection, username: str) -> StaffAccount | None:
    """The account that signs in under a name."""
    return await _BY_NAME.one_or_none(db, username=username)


async def account_by_id(db: Connection, account_id: UUID) -> StaffAccount | None:
    """An account by its id."""
    return await _BY_ID.one_or_none(db, id=account_id)


async def account_by_oidc(db: Connection, issuer: str, subject: str) -> StaffAccount | None:
    """The account that an issuer of OpenID Connect knows under a subject."""
    return await _BY_OIDC.one_or_none(db, issuer=issuer, subject=subject)


async def posts_of(db: Connection, account_id: UUID) -> list[Post]:
    """An account's roles, those that count everywhere first."""
    return await _POSTS.all(db, account_id=account_id)


_given = insert(StaffAccount).values(
    username=param("username"),
    password_hash=param("password_hash", sa.Text),
    issuer=param("issuer", sa.Text),
    subject=param("subject", sa.Text),
)
_SET = statement(
    _given.on_conflict_do_update(
        index_elements=["username"],
        set_={
            "password_hash": sa.func.coalesce(_given.excluded.password_hash, col(StaffAccount.password_hash)),
            "issuer": sa.func.coalesce(_given.excluded.issuer, col(StaffAccount.issuer)),
            "subject": sa.func.coalesce(_given.excluded.subject, col(StaffAccount.subject)),
            "active": True,
        },
    ).returning(col(StaffAccount.id))
)
_LEAVE = statement(
    sa.update(StaffAccount)
    .where(col(StaffAccount.username) == param("of_username"))
    .values(active=False)
    .returning(col(StaffAccount.id))
)
_NO_POSTS = statement(sa.delete(StaffRole).where(col(StaffRole.account_id) == param("account_id")))
_posts = given("posts", store=sa.Text, role=sa.Text)
_POST = statement(
    insert(StaffRole)
    .from_select(
        ["account_id", "store", "role"],
        sa.select(param("account_id", sa.Uuid), _posts.c.store, _posts.c.role),
    )
    .on_conflict_do_nothing()
)


async def set_account(
    db: Connection,
    username: str,
    posts: Sequence[Post],
    *,
    password_hash: str | None = None,
    issuer: str | None = None,
    subject: str | None = None,
) -> UUID:
    """The id of the account, made or changed: its roles are these, what else is None stays as it was."""
    account: UUID = await _SET.value(
        db, username=username, password_hash=password_hash, issuer=issuer, subject=subject
    )
    await _NO_POSTS.run(db, account_id=account)
    await _POST.run(
        db, store=[post.store for post in posts], role=[post.role for post in posts], account_id=account
    )
    return account


async def leave(db: Connection, username: str) -> UUID | None:
    """The id of the account that signs in no more; None when there is none."""
    account: UUID | None = await _LEAVE.value(db, of_username=username)
    return account
