"""What was revoked, as one process knows it: told by the news, and looked up again all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from domain.news import Topic
from domain.refusals import RequestCode, RequestError, Text
from graph.ground import Company, migrated_database
from graph.settings import Settings
from graph.tokens import LONGEST_LIFETIME, SignedIn
from persistence import revocations
from persistence.database import AWAY_AT_FIRST, Database, connect
from persistence.news import outbox
from persistence.news.hub import Hub
from resolvers.members.desk import sign_in_name

LOOK_AGAIN_SECONDS = 15.0
_AGAIN_SECONDS = 1.0
# A transaction that began before a look and committed after it is seen by the next one.
_OVERLAP = timedelta(minutes=5)
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

_log = structlog.stdlib.get_logger("shelfgraph.revoked")


def names_of(signed_in: SignedIn) -> tuple[str, ...]:
    """The names a token is revoked under: its sign-in's, if it has one, and its own."""
    token = revocations.token_name(signed_in.token_id)
    return (token,) if signed_in.sign_in is None else (sign_in_name(signed_in.sign_in), token)


class RevokedTokens:
    """Every revocation that still matters, in memory: a request asks it, and waits for nothing."""

    def __init__(self, database: Database, hub: Hub) -> None:
        self._database = database
        self._hub = hub
        self._known: dict[str, revocations.Revoked] = {}
        self._upto: datetime | None = None

    async def ready(self) -> None:
        """Returns once it was looked up at least once; raises UNAVAILABLE while the database is away."""
        if self._upto is None:
            await self.look()

    def must_count(self, signed_in: SignedIn) -> None:
        """Raises UNAUTHENTICATED for a token that was revoked."""
        for name in (*names_of(signed_in), revocations.principal_name(signed_in.principal)):
            revoked = self._known.get(name)
            if revoked is not None and signed_in.issued_at <= revoked.issued_until:
                raise RequestError(
                    RequestCode.UNAUTHENTICATED,
                    Text(en="This sign-in was ended.", zh="该登录已被注销。"),
                )

    async def look(self) -> bool:
        """Whether anything was revoked since the last look. Raises UNAVAILABLE."""
        async with self._database.connection() as db:
            found = await revocations.since(db, (self._upto or _LONG_AGO + _OVERLAP) - _OVERLAP)
        now = datetime.now(UTC)
        fresh = [one for one in found if self._known.get(one.name) != one]
        self._known = {name: one for name, one in self._known.items() if one.kept_until > now}
        self._known.update({one.name: one for one in fresh})
        self._upto = max([one.recorded_at for one in found], default=self._upto or _LONG_AGO)
        return bool(fresh)

    async def follow(self, on_change: Callable[[], None]) -> None:
        """Looks whenever something was revoked anywhere, and every 15 s besides; never returns."""
        while True:
            try:
                async with self._hub.subscribe(
                    lambda _: True,
                    topics=frozenset({Topic.SIGN_IN}),
                    key=lambda _: None,
                    idle_seconds=LOOK_AGAIN_SECONDS,
                ) as news:
                    await self._look(on_change)
                    async for _ in news:
                        await self._look(on_change)
            except (RequestError, *AWAY_AT_FIRST) as away:
                _log.warning("revocations cannot be looked up", reason=str(away) or type(away).__name__)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _look(self, on_change: Callable[[], None]) -> None:
        if await self.look():
            on_change()


async def revoke(settings: Settings, name: str) -> None:
    """Revokes what was issued under a name up to now, on the configured database, and tells everybody."""
    async with migrated_database(settings, Company.BESIDE) as dsn:
        db = await connect(dsn)
        try:
            async with db.transaction():
                now = datetime.now(UTC)
                news = await revocations.revoke(
                    db, name, issued_until=now, kept_until=now + LONGEST_LIFETIME, cause="revoke"
                )
                await outbox.write(db, [news])
        finally:
            await db.close()
