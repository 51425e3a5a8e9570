"""One operation's surroundings: who asks, in which language, at which moment, and its loaders."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import asyncpg
import orjson
import strawberry
import structlog

from domain.access import Principal
from domain.news import News
from domain.refusals import RefusalCode, Refused, RequestCode, RequestError, Text
from persistence import idempotency
from persistence.database import Connection
from persistence.directory import ChannelEntry
from persistence.news import outbox
from resolvers.house import House
from resolvers.loaders import Loaders

if TYPE_CHECKING:
    from resolvers.places import Resolved

_log = structlog.get_logger(__name__)
_LONGEST_KEY = 200
_TRIES = 5
# What a commit may take until others see it, and how far apart the clocks of two processes may be.
_COMMIT_MARGIN = timedelta(milliseconds=100)


class _Overtaken(Exception):  # noqa: N818 - no error: the work is done again
    """The moment that a unit of work had to end before has come, or is too close."""

    def __init__(self, moment: datetime) -> None:
        super().__init__(f"{moment} came before the commit")
        self.moment = moment


class Work:
    """One unit of work: everything done through it is committed together, or not at all."""

    def __init__(self, db: Connection, now: datetime) -> None:
        self.db = db
        self.now = now
        self.news: list[News] = []
        self.deadline: datetime | None = None

    def finish_before(self, moment: datetime | None) -> None:
        """Has the work rolled back and done again, once the moment has passed, unless it ends before it."""
        self.deadline = moment

    def announce(self, *news: News) -> None:
        """Tells everybody, once the work is committed."""
        self.news.extend(news)


class Done(NamedTuple):
    """What a mutation did: the ids its answer is read by, and its last piece of news in the outbox."""

    answer: dict[str, Any]
    news_id: int | None


@dataclass(slots=True)
class Context:
    """Handed to every resolver as `info.context`."""

    house: House
    viewer: Principal
    locale: str
    now: datetime
    request_id: str
    loaders: Loaders
    places: dict[Hashable, Resolved] = field(default_factory=dict)
    # Where the caller is on the network, and under which names its sign-in can be revoked.
    address: str | None = None
    sign_in: tuple[str, ...] = ()
    # What an answer says beside its data.
    extensions: dict[str, object] = field(default_factory=dict)

    @classmethod
    def make(cls, house: House, viewer: Principal, locale: str, request_id: str) -> Self:
        """A context as of now."""
        return cls(house, viewer, locale, house.clock(), request_id, Loaders(house.database))

    @property
    def view(self) -> Hashable:
        """What the answers depend on, of whoever asks: equal for two callers that are shown the same."""
        return (replace(self.viewer, subject=""), self.locale)

    def for_everyone(self) -> Self:
        """A context for all who share this view: with its rights and its language, and nobody in particular.

        What belongs to one person has no answer in it.
        """
        return replace(
            self,
            viewer=replace(self.viewer, subject=""),
            loaders=Loaders(self.house.database),
            address=None,
            sign_in=(),
            extensions={},
        )

    def for_event(self) -> Self:
        """The same caller's context for one event of a stream: as of now, with loaders that know nothing."""
        return replace(self, now=self.house.clock(), loaders=Loaders(self.house.database), places={})

    async def channel(self, code: str) -> ChannelEntry | None:
        """The active channel under a code; there are no others for a caller than those it trades in."""
        if not self.viewer.trades_in(code):
            return None
        return await self.house.directory.channel(code)

    def not_before(self, moment: datetime) -> None:
        """Reads as of the moment, when this process's clock is behind whoever told of something then."""
        if self.now < moment:
            self.now = moment
            self.places.clear()

    def abandon(self) -> None:
        """Cancels what still runs for an operation that nobody waits for any more."""
        self.loaders.abandon()

    async def once(
        self,
        mutation: str,
        key: str,
        body: object,
        act: Callable[[Work], Awaitable[dict[str, Any]]],
        *,
        within: str | None = None,
    ) -> Done:
        """What `act` answered when this caller first used the key: done in one transaction, and never twice.

        Visitors are all one caller: `within` names the cart or order their keys belong to. `body` is
        the whole input; the same key with another body is refused with IDEMPOTENCY_KEY_REUSED. A
        refusal rolls everything back and leaves the key free. Raises UNAVAILABLE when moments that the work
        had to finish before overtook it again and again.
        """
        name, digest = self.named(mutation, key, body, within=within)
        for tries_left in reversed(range(_TRIES)):
            try:
                return await self._once(name, digest, act)
            except asyncpg.DeadlockDetectedError:
                if not tries_left:
                    raise
                _log.warning("deadlock, trying again", mutation=mutation)
            except _Overtaken as overtaken:
                if not tries_left:
                    raise _never_in_time() from overtaken
                # Never long: it is at most the margin away.
                wait = overtaken.moment - self.house.clock()
                await asyncio.sleep(min(max(wait, timedelta()), _COMMIT_MARGIN).total_seconds())
        raise AssertionError("unreachable: the last try answers or raises")

    async def before(self, mutation: str, key: str, body: object) -> Done | None:
        """What this caller was answered under the key before, if it was; refuses as `once` does."""
        async with self.house.database.connection() as db:
            answered = await idempotency.find(db, idempotency.Key(str(self.viewer), mutation, key))
        return None if answered is None else first_answer(answered, _digest(body))

    def named(
        self, mutation: str, key: str, body: object, *, within: str | None = None
    ) -> tuple[idempotency.Key, bytes]:
        """What a request is known by, and the digest of its body; refuses INVALID_INPUT for a bad key."""
        if not 1 <= len(key) <= _LONGEST_KEY:
            raise Refused.because(
                RefusalCode.INVALID_INPUT,
                en=f"An idempotency key has 1 to {_LONGEST_KEY} characters.",
                zh=f"幂等键须为 1 到 {_LONGEST_KEY} 个字符。",
                field=("input", "idempotencyKey"),
            )
        digest = _digest(body)
        caller = str(self.viewer)
        if within is not None and not self.viewer.is_signed_in:
            caller += within
        return idempotency.Key(caller, mutation, key), digest

    async def _once(
        self, name: idempotency.Key, digest: bytes, act: Callable[[Work], Awaitable[dict[str, Any]]]
    ) -> Done:
        async with self.house.database.transaction() as db:
            before = await idempotency.claim(db, name, digest)
            if before is not None:
                return first_answer(before, digest)
            work = Work(db, self.house.clock())
            answer = await act(work)
            news_id = await outbox.write(db, work.news)
            await idempotency.keep(db, name, {**answer, "news": news_id})
            if work.deadline is not None and work.deadline <= self.house.clock() + _COMMIT_MARGIN:
                raise _Overtaken(work.deadline)
        if news_id is not None:
            self.house.hub.nudge()
        return Done(answer, news_id)


def _never_in_time() -> RequestError:
    return RequestError(
        RequestCode.UNAVAILABLE,
        Text(
            en="Other changes came due at every try; nothing was done, please try again.",
            zh="每次尝试时都有其他变更恰好生效；未作任何更改，请重试。",
        ),
        retry_after_seconds=1,
    )


def _digest(body: object) -> bytes:
    return hashlib.sha256(orjson.dumps(canonical(body), option=orjson.OPT_SORT_KEYS)).digest()


def first_answer(before: idempotency.Answered, digest: bytes) -> Done:
    """What a key was answered before; refuses IDEMPOTENCY_KEY_REUSED when it was for another request."""
    if before.body_hash != digest:
        raise Refused.because(
            RefusalCode.IDEMPOTENCY_KEY_REUSED,
            en="This idempotency key was used for another request.",
            zh="该幂等键已用于另一个请求。",
            field=("input", "idempotencyKey"),
        )
    answer = before.answer or {}
    return Done(answer, answer.get("news"))


def canonical(value: object) -> object:
    """An input as plain JSON values that are equal when the inputs mean the same ("1.50" and "1.5" do)."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            part.name: canonical(getattr(value, part.name))
            for part in fields(value)
            if getattr(value, part.name) is not strawberry.UNSET
        }
    if isinstance(value, strawberry.Some):
        return canonical(value.value)
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime):
        return value.isoformat()
    return value


Info = strawberry.Info[Context, None]
