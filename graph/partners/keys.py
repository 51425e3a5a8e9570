"""The API keys that one process has seen: read once, and again whenever anything about partners changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from domain.access import Principal, PrincipalKind
from domain.news import Topic
from domain.partners import PartnerTerms, hash_of_key, networks_of
from domain.refusals import RequestCode, RequestError, Text
from graph.door.caller import TokenExpired
from persistence.database import AWAY_AT_FIRST, Database
from persistence.news.hub import Hub
from persistence.partners import book
from persistence.partners.book import Holder

LOOK_AGAIN_SECONDS = 15.0
_AGAIN_SECONDS = 1.0
_MOST_KEPT = 4_096

_log = structlog.stdlib.get_logger("shelfgraph.partners")


@dataclass(frozen=True, slots=True)
class WithKey:
    """A partner that came with a key: as whom it was let in, and on which terms."""

    principal: Principal
    terms: PartnerTerms
    key_hash: bytes


class KeyRing:
    """Who holds which key; a key that was never issued costs no query."""

    def __init__(self, database: Database, hub: Hub, pepper: bytes) -> None:
        self._database = database
        self._hub = hub
        self._pepper = pepper
        self._held: dict[bytes, tuple[Holder, WithKey]] = {}
        self._used: set[bytes] = set()

    async def let_in(self, key: str, *, address: str | None, now: datetime) -> WithKey:
        """Whoever holds the key.

        Raises UNAUTHENTICATED for one that was never issued, was revoked, or is used from an address that is
        not the partner's; TokenExpired for one that has run out; UNAVAILABLE while the database is away.
        """
        hash_ = hash_of_key(self._pepper, key)
        if hash_ is None:
            raise refused()
        if hash_ not in self._held:
            await self._read(hash_)
        standing = self._standing(hash_, now)
        if not standing.terms.calls_from(address):
            raise RequestError(
                RequestCode.UNAUTHENTICATED,
                Text(
                    en="This key is not used from an address it was given for.",
                    zh="该密钥不允许从此地址使用。",
                ),
            )
        self._used.add(hash_)
        return standing

    def must_count(self, standing: WithKey, now: datetime) -> None:
        """Raises for a key that counts no more, as far as this process knows, or whose terms have changed."""
        if standing.key_hash in self._held and self._standing(standing.key_hash, now) != standing:
            raise refused()

    def used_since(self) -> set[bytes]:
        """The keys that were used since this was last asked."""
        used, self._used = self._used, set()
        return used

    async def follow(self, on_change: Callable[[], None]) -> None:
        """Reads again what it holds when any partner's terms or keys changed, and every 15 s besides."""
        while True:
            try:
                async with self._hub.subscribe(
                    lambda _: True,
                    topics=frozenset({Topic.PARTNER}),
                    key=lambda _: None,
                    idle_seconds=LOOK_AGAIN_SECONDS,
                ) as news:
                    await self._look(on_change)
                    async for _ in news:
                        await self._look(on_change)
            except (RequestError, *AWAY_AT_FIRST) as away:
                _log.warning("partners cannot be looked up", reason=str(away) or type(away).__name__)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _look(self, on_change: Callable[[], None]) -> None:
        hashes = list(self._held)
        if not hashes:
            return
        async with self._database.connection() as db:
            found = await book.holders(db, hashes)
        before = {one: self._held.get(one) for one in hashes}
        for one in hashes:
            self._held.pop(one, None)
        self._held.update({one: _held(holder) for one, holder in found.items()})
        if any(self._held.get(one) != before[one] for one in hashes):
            on_change()

    async def _read(self, hash_: bytes) -> None:
        async with self._database.connection() as db:
            found = await book.holders(db, [hash_])
        if hash_ not in found:
            raise refused()
        while len(self._held) >= _MOST_KEPT:
            del self._held[next(iter(self._held))]
        self._held[hash_] = _held(found[hash_])

    def _standing(self, hash_: bytes, now: datetime) -> WithKey:
        held = self._held.get(hash_)
        if held is None:
            raise refused()
        holder, standing = held
        if holder.revoked_at is not None or not holder.active:
            raise refused()
        if holder.expires_at is not None and holder.expires_at <= now:
            raise TokenExpired
        return standing


def _held(holder: Holder) -> tuple[Holder, WithKey]:
    terms = PartnerTerms(
        holder.code,
        holder.budget_per_minute,
        frozenset(holder.masked_fields),
        networks_of(holder.networks),
    )
    principal = Principal(
        PrincipalKind.PARTNER,
        holder.code,
        scopes=frozenset(holder.scopes),
        channels=frozenset(holder.channels),
    )
    return holder, WithKey(principal, terms, holder.key_hash)


def refused() -> RequestError:
    """The answer to a key that lets nobody in."""
    return RequestError(
        RequestCode.UNAUTHENTICATED,
        Text(en="This token or key is not valid.", zh="该令牌或密钥无效。"),
    )


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)
