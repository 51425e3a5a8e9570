"""Staff sign in by name and password, and work in one store at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import strawberry

from domain.access import EVERYONE, Principal, PrincipalKind
from domain.members import signing_in as rules
from persistence.database import Connection
from persistence.members import sign_ins
from persistence.members import staff as staff_db
from persistence.members.staff import EVERYWHERE, Post, StaffAccount
from resolvers.context import Context, Info
from resolvers.fields import field, mutation
from resolvers.members import desk
from resolvers.members.counting import count
from resolvers.shapes import Payload, shape
from resolvers.stores.store import Store, store_shape


@strawberry.input
class StaffSignInInput:
    username: str
    password: str
    store: str | None = strawberry.field(
        default=None, description="the store to work in, for those who work in several; else the first"
    )


@shape(EVERYONE)
class StaffSignInPayload(Payload):
    access_token: str | None = None
    refresh_token: str | None = None
    expires_at: datetime | None = strawberry.field(default=None, description="when the access token runs out")
    roles: list[str] = strawberry.field(
        default_factory=list, description="in the store that the tokens are for"
    )
    store_codes: strawberry.Private[Sequence[str]] = ()

    @field(description="where this person works; the tokens are for one of them")
    async def stores(self, info: Info) -> list[Store]:
        found = [await store_shape(info, code) for code in self.store_codes]
        return [store for store in found if store is not None]


@mutation(
    StaffSignInPayload,
    EVERYONE,
    description="Sign in by name and password. Five attempts within 15 minutes lock the name for the rest of "
    "them, whether or not there is such a name.",
)
async def staff_sign_in(info: Info, input: StaffSignInInput) -> StaffSignInPayload:
    context = info.context
    house = context.house
    if not rules.signs(input.username, rules.LONGEST_PASSWORD) or not rules.signs(
        input.password, rules.LONGEST_PASSWORD
    ):
        raise rules.code_wrong("password")
    username = username_of(input.username)
    name = f"staff:{house.vault.blind('staff', username).hex()}"
    await count(context, (name, rules.PASSWORDS_PER_ACCOUNT), field="password")
    async with house.database.connection() as db:
        account = await staff_db.account_by_username(db, username)
    fits = await house.desk.passwords.fits(input.password, account.password_hash if account else None)
    if account is None or not fits or not account.active:
        raise rules.code_wrong("password")
    async with house.database.transaction() as db:
        await sign_ins.succeeded(db, name)
        return await signed_in(db, context, account, input.store)


async def signed_in(
    db: Connection, context: Context, account: StaffAccount, wanted: str | None
) -> StaffSignInPayload:
    """The tokens of somebody who proved to be this account, for the store wanted or the first.

    Refuses INVALID_INPUT for a store that the account does not work in.
    """
    posts = await staff_db.posts_of(db, account.id)
    stores = _stores(posts)
    store = rules.first_of(stores, wanted)
    if wanted is not None and store is None:
        raise rules.invalid("You do not work in this store.", "您不在该门店任职。", "store")
    principal = _principal(account, posts, store)
    tokens = await desk.begin(context.house.desk, db, principal, context.now)
    return StaffSignInPayload(
        access_token=tokens.access,
        refresh_token=tokens.refresh,
        expires_at=tokens.expires_at,
        roles=sorted(principal.roles),
        store_codes=stores,
    )


def username_of(typed: str) -> str:
    """A user name as accounts keep it."""
    return typed.strip().casefold()


async def principal_of_staff(db: Connection, username: str, store: str | None) -> Principal | None:
    """As whom an account signs in now; None when it may not any more, or not in this store."""
    account = await staff_db.account_by_username(db, username)
    if account is None or not account.active:
        return None
    posts = await staff_db.posts_of(db, account.id)
    if store is not None and store not in _stores(posts):
        return None
    return _principal(account, posts, store)


def _stores(posts: Sequence[Post]) -> list[str]:
    return sorted({post.store for post in posts if post.store != EVERYWHERE})


def _principal(account: StaffAccount, posts: Sequence[Post], store: str | None) -> Principal:
    roles = frozenset(post.role for post in posts if post.store in (EVERYWHERE, store))
    return Principal(PrincipalKind.STAFF, account.username, store=store, roles=roles)
