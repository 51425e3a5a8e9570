"""The front desk: what signing in takes of the house, and how tokens are given, renewed and taken back."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from domain.access import Principal
from domain.members.providers import WeChatLogin
from domain.members.signing_in import Allowance, CodeSender, TokenIssuer
from persistence import revocations
from persistence.database import Connection
from persistence.members import sign_ins
from persistence.news import outbox
from resolvers.members.passwords import Passwords

_REFRESH_BYTES = 32
# Tokens by other hands, such as those printed for developers, may live longer than ours.
_LONGEST_LIFETIME = timedelta(days=31)


async def _nobody_minds() -> None:
    """What is to be done about a revocation where no tokens are checked."""


@dataclass(slots=True)
class FrontDesk:
    """How this house signs people in: by which keys, for how long, and how codes are brought to them.

    `tells_codes` says that answers carry the code itself, for developers. `revoked` is awaited once something
    was revoked, so that this process refuses it at once.
    """

    issuer: TokenIssuer
    sender: CodeSender
    tells_codes: bool
    access: timedelta
    refresh: timedelta
    per_client: Allowance
    wechat: WeChatLogin | None = None
    passwords: Passwords = field(default_factory=Passwords)
    revoked: Callable[[], Awaitable[object]] = _nobody_minds


class Tokens(NamedTuple):
    """What a caller is given: both tokens, and until when (UTC) the access token counts."""

    access: str
    refresh: str
    expires_at: datetime


def fresh_refresh_token() -> str:
    """A refresh token nobody can guess."""
    return secrets.token_urlsafe(_REFRESH_BYTES)


def refresh_hash(token: str) -> bytes:
    """What is kept of a refresh token: it is random enough to need no more than a hash."""
    return hashlib.sha256(token.encode()).digest()


def sign_in_name(sign_in: UUID | str) -> str:
    """The name under which the tokens of a sign-in are revoked."""
    return f"sign-in:{sign_in}"


async def begin(desk: FrontDesk, db: Connection, principal: Principal, now: datetime) -> Tokens:
    """The tokens of a new sign-in."""
    refresh = fresh_refresh_token()
    sign_in = await sign_ins.begin(
        db,
        kind=principal.kind.value,
        subject=principal.subject,
        store=principal.store,
        token_hash=refresh_hash(refresh),
        now=now,
        expires_at=now + desk.refresh,
    )
    return _given(desk, principal, sign_in, refresh, now)


async def renew(
    desk: FrontDesk, db: Connection, principal: Principal, sign_in: UUID, used: bytes, now: datetime
) -> Tokens:
    """New tokens of a sign-in for the refresh token that was used."""
    refresh = fresh_refresh_token()
    await sign_ins.rotate(
        db, sign_in, used=used, token_hash=refresh_hash(refresh), now=now, expires_at=now + desk.refresh
    )
    return _given(desk, principal, sign_in, refresh, now)


def _given(desk: FrontDesk, principal: Principal, sign_in: UUID, refresh: str, now: datetime) -> Tokens:
    access = desk.issuer.issue(principal, now=now, lifetime=desk.access, sign_in=str(sign_in))
    return Tokens(access, refresh, now + desk.access)


async def end(db: Connection, sign_in: UUID, now: datetime, cause: str) -> None:
    """Ends a sign-in with all its tokens; the revocation is told once the transaction is committed."""
    await sign_ins.end(db, sign_in, now)
    await revoke(db, sign_in_name(sign_in), now, cause)


async def revoke(db: Connection, name: str, now: datetime, cause: str) -> None:
    """Has every access token under the name of a sign-in or of a single token count no more."""
    # Whatever the clock of whoever issued it says.
    await _revoke(db, name, now, cause, issued_until=now + _LONGEST_LIFETIME)


async def revoke_all_of(db: Connection, principal: Principal, now: datetime, cause: str) -> None:
    """Has every access token that was issued to somebody until now count no more."""
    await _revoke(db, revocations.principal_name(principal), now, cause, issued_until=now)


async def _revoke(db: Connection, name: str, now: datetime, cause: str, *, issued_until: datetime) -> None:
    news = await revocations.revoke(
        db, name, issued_until=issued_until, kept_until=now + _LONGEST_LIFETIME, cause=cause
    )
    await outbox.write(db, [news])
