"""One subscriber's way through the news: what was missed, then what happens, never out of order."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from domain.news import Cursor, Happening, Topic

Wants = Callable[[Happening], bool]
KeyOf = Callable[[Happening], Hashable]

_PATIENCE_SECONDS = 2.0  # for a cursor that another process gave out and this one has not reached
_CHUNK = 10_000  # the longer, the more often the last of a key stands for those before it


@dataclass(frozen=True, slots=True)
class Resync:
    """Something was missed that can't be told any more: read everything anew; what follows `cursor` comes."""

    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing is waiting: everything wanted up to `cursor` was handed over."""

    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Interest:
    """What a subscriber asked for; news without a sku or store concerns every one.

    `topics`, `skus` and `stores` find the subscriber, `wants` has the last word.
    """

    wants: Wants
    topics: frozenset[Topic]
    skus: frozenset[str] | None
    stores: frozenset[str] | None

    def matches(self, happening: Happening) -> bool:
        """Whether the subscriber is to hear of it."""
        _, topic, sku, store, _, _, _ = happening
        return (
            topic in self.topics
            and (self.skus is None or sku is None or sku in self.skus)
            and (self.stores is None or store is None or store in self.stores)
            and self.wants(happening)
        )


class Missed(NamedTuple):
    """What matched after a cursor, in order, and how far that was looked up."""

    happenings: list[Happening]
    upto: Cursor


class Source(Protocol):
    """Where a subscription gets its news from."""

    @property
    def cursor(self) -> Cursor:
        """The latest position that was handed to every subscription that has joined."""

    async def ready(self) -> None:
        """Returns once the cursor is known."""

    async def reach(self, cursor: Cursor, timeout_seconds: float) -> bool:
        """Whether this process got as far as the cursor in time."""

    async def missed(self, interest: Interest, after: Cursor, limit: int) -> Missed | None:
        """At most `limit` of what matched after a cursor; None when not all of it is kept any more."""

    def enter(self, subscription: Subscription) -> None:
        """The subscription has begun, and wants to be told when the source ends."""

    def exit(self, subscription: Subscription) -> None:
        """The subscription has ended."""

    def join(self, subscription: Subscription) -> None:
        """From now on, everything after `cursor` is put to the subscription."""

    def leave(self, subscription: Subscription) -> None:
        """From now on, nothing is."""


class Subscription:
    """An async iterator of what was asked for, in order; enter it with `async with` before iterating.

    It is in one of three ways of reading. Live: the hub puts happenings into its bounded queue. Behind: it
    fetches them itself, a chunk at a time, from what is remembered or from the outbox, until it has caught
    up. Lost: it is told to resync, and lives on from there. A reader that stops costs its queue, no more.
    """

    __slots__ = (
        "_alarm",
        "_behind",
        "_ended",
        "_failure",
        "_idle_seconds",
        "_key",
        "_limit",
        "_lost",
        "_patient",
        "_queue",
        "_quiet_since",
        "_resumes",
        "_source",
        "_waiter",
        "cursor",
        "interest",
        "on_ready",
    )

    def __init__(
        self,
        source: Source,
        interest: Interest,
        *,
        key: KeyOf | None,
        after: Cursor | None,
        limit: int,
        idle_seconds: float,
        patient: bool,
    ) -> None:
        self.interest = interest
        self.on_ready: Callable[[], None] | None = None
        """Set it and nothing waits here any more: it is called when there is something to read, and what
        finds nothing is told Idle at once."""
        self.cursor = after or Cursor(0, 0)
        """Of what was handed over last; before that, where this subscription begins."""
        self._source = source
        self._key = key
        self._limit = limit
        self._idle_seconds = idle_seconds
        self._patient = patient
        self._queue: OrderedDict[Hashable, Happening] = OrderedDict()
        self._behind = after
        self._resumes = after is not None
        self._lost = False
        self._ended = False
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._quiet_since = 0.0

    async def __aenter__(self) -> Self:
        await self._source.ready()
        self._source.enter(self)
        self._quiet_since = asyncio.get_running_loop().time()
        if self._behind is None:
            self._live_from_now()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Happening | Idle | Resync:
        loop = asyncio.get_running_loop()
        while not self._ended:
            if self._queue:
                _, happening = self._queue.popitem(last=False)
                self.cursor = happening.cursor
                self._quiet_since = loop.time()
                return happening
            marker: Idle | Resync | None = None
            if self._lost:
                self._live_from_now()
                marker = Resync(self.cursor)
            elif self._behind is not None:
                marker = await self._catch_up(self._behind)
            elif self.on_ready is not None or loop.time() - self._quiet_since >= self._idle_seconds:
                self.cursor = self._source.cursor
                marker = Idle(self.cursor)
            else:
                await self._wait(loop)
            if marker is not None:
                self._quiet_since = loop.time()
                return marker
        if self._failure is not None:
            raise self._failure
        raise StopAsyncIteration

    @property
    def is_ready(self) -> bool:
        """Whether there is something to read without waiting for the next piece of news."""
        return bool(self._queue) or self._lost or self._ended or self._behind is not None

    def take(self, limit: int) -> list[Happening]:
        """What is waiting already, at most `limit`, so that a reader can look up many things at once."""
        taken: list[Happening] = []
        while self._queue and len(taken) < limit:
            taken.append(self._queue.popitem(last=False)[1])
        if taken:
            self.cursor = taken[-1].cursor
        return taken

    # What the source calls.

    def put(self, happening: Happening) -> None:
        """Queues what the source found for this subscription, if it wants it."""
        try:
            if not self.interest.matches(happening):
                return
        except Exception as error:  # noqa: BLE001 - one subscriber's mistake must not stop the others' news
            self._fail(error)
            return
        if not self._queue_up(happening):
            self._overflow()
        self._wake()

    def lose(self) -> None:
        """What comes next can't be told: the subscriber will be told to resync."""
        self._queue.clear()
        self._behind = None
        self._lost = True
        self._source.leave(self)
        self._wake()

    def end(self) -> None:
        """Ends the iteration, at once and for good."""
        self._ended = True
        self._queue.clear()
        self._source.leave(self)
        self._source.exit(self)
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._wake()

    # What it does by itself.

    def _queue_up(self, happening: Happening) -> bool:
        key = happening.cursor.position if self._key is None else self._key(happening)
        # The last value of a key wins, in the place of the last: the queue stays in the order of cursors.
        self._queue.pop(key, None)
        if len(self._queue) >= self._limit:
            return False
        self._queue[key] = happening
        return True

    def _overflow(self) -> None:
        if not self._patient:
            self.lose()
            return
        # Nothing may be missing here: what does not fit is fetched later, after what is queued already.
        self._behind = next(reversed(self._queue.values())).cursor
        self._source.leave(self)

    def _live_from_now(self) -> None:
        self._lost = False
        self._behind = None
        self.cursor = self._source.cursor
        self._source.join(self)

    async def _catch_up(self, after: Cursor) -> Idle | Resync | None:
        """One step from `after` towards the present, queued; a marker when that ends the catching up."""
        now = self._source.cursor
        if after == now:
            self._live_from_now()
            resumed, self._resumes = self._resumes, False
            return Idle(self.cursor) if resumed else None
        missed: Missed | None = None
        if after.epoch == now.epoch and (after < now or await self._source.reach(after, _PATIENCE_SECONDS)):
            missed = await self._source.missed(self.interest, after, min(self._limit, _CHUNK))
        if self._ended or self._lost:
            return None
        if missed is None:
            self._resumes = False
            self._live_from_now()
            return Resync(self.cursor)
        for happening in missed.happenings:
            self._queue_up(happening)
        self._behind = missed.upto
        # Also when there was nothing to wait for: a long way back must not keep others waiting.
        await asyncio.sleep(0)
        return None

    async def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._alarm is None:
            self._alarm = loop.call_at(self._quiet_since + self._idle_seconds, self._ring)
        self._waiter = loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _ring(self) -> None:
        # One alarm for many events: it is set anew when it rings, and not at every event.
        self._alarm = None
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        if self.on_ready is not None:
            self.on_ready()

    def _fail(self, error: Exception) -> None:
        self._failure = error
        self.end()
