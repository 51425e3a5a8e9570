"""Accounts of staff, added and closed from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from domain.access import Principal, PrincipalKind
from graph.ground import Company, migrated_database
from graph.settings import Settings
from persistence.database import Connection, connect
from persistence.members import sign_ins
from persistence.members import staff as staff_db
from persistence.members.staff import EVERYWHERE, Post
from persistence.stores import stores_by_code
from resolvers.members import desk
from resolvers.members.passwords import hashed
from resolvers.members.staff import username_of

SHORTEST_PASSWORD = 8
KNOWN_ROLES = ("staff", "admin")


async def add(
    settings: Settings,
    username: str,
    roles: Sequence[str],
    *,
    password: str | None = None,
    subject: str | None = None,
) -> None:
    """Makes or changes an account; roles are written `[STORE:]ROLE`.

    Raises ValueError for a store or role that is not there, and for a password that is too short.
    """
    if password is not None and len(password) < SHORTEST_PASSWORD:
        raise ValueError(f"A password has {SHORTEST_PASSWORD} characters or more.")
    posts = [_post(role) for role in roles]
    async with migrated_database(settings, Company.BESIDE) as dsn:
        db = await connect(dsn)
        try:
            async with db.transaction():
                await _must_be_stores(db, posts)
                await staff_db.set_account(
                    db,
                    username_of(username),
                    posts,
                    password_hash=None if password is None else hashed(password),
                    issuer=None if subject is None else settings.oidc_issuer,
                    subject=subject,
                )
        finally:
            await db.close()


async def leave(settings: Settings, username: str) -> bool:
    """Whether there was such an account; it is closed, and so are its sign-ins."""
    name = username_of(username)
    async with migrated_database(settings, Company.BESIDE) as dsn:
        db = await connect(dsn)
        try:
            async with db.transaction():
                if await staff_db.leave(db, name) is None:
                    return False
                await sign_ins.end_all(db, kind=PrincipalKind.STAFF.value, subject=name)
                gone = Principal(PrincipalKind.STAFF, name)
                await desk.revoke_all_of(db, gone, datetime.now(UTC), "staffLeft")
            return True
        finally:
            await db.close()


def _post(text: str) -> Post:
    store, _, role = text.rpartition(":")
    if role not in KNOWN_ROLES:
        raise ValueError(f"There is no role {role!r}: take one of {', '.join(KNOWN_ROLES)}.")
    return Post(store or EVERYWHERE, role)


async def _must_be_stores(db: Connection, posts: Sequence[Post]) -> None:
    wanted = sorted({post.store for post in posts} - {EVERYWHERE})
    found = await stores_by_code(db, wanted)
    missing = [store for store in wanted if store not in found]
    if missing:
        raise ValueError(f"There is no store {missing[0]!r}.")
