"""One live operation and everybody who hears it: one subscription to the news, one execution per event."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, NamedTuple

from domain.news import Cursor, Happening, LiveKind
from domain.refusals import RequestCode, RequestError
from graph.live.listener import BOOKMARK, Listener, Notice
from persistence.news.subscription import Idle, Subscription
from resolvers.live_stream import LiveStream, What, change

Run = Callable[[Sequence[object]], Awaitable[list[bytes]]]
"""Executes a stream's events, read as of now and all at once, and encodes them.

Raises UNAVAILABLE when something they show cannot be read now.
"""

_BATCH = 100  # events executed at once
_OUTAGE_SECONDS = 0.5  # between two attempts while the database is away
_FRESH_SECONDS = 1.0  # for which a snapshot serves those who come later, when nothing happened
_TURN = 500  # listeners told before others get their turn


class _Snapshot(NamedTuple):
    """What a listener is opened with; the first notice says RESYNC and is for those who were lost."""

    cursor: Cursor
    read_at: float
    notices: list[Notice]


class SharedOperation:
    """Reads happen one after another here, which is why everybody can share them.

    A snapshot and a change are never read at the same time. So whoever got a snapshot read at its cursor can
    take the changes after it as they were read for all: each was read later than the snapshot was.
    """

    def __init__(self, stream: LiveStream[Any], run: Run, on_empty: Callable[[], object]) -> None:
        self._stream = stream
        self._run = run
        self._on_empty = on_empty
        self._news: Subscription = stream.news(None)
        self._listeners: dict[Listener, None] = {}
        self._opening: dict[Listener, bool] = {}  # whether it is a RESYNC
        self._catching_up: dict[Listener, asyncio.Task[None]] = {}
        self._driver: asyncio.Task[None] | None = None
        self._closed = False
        self._snapshot: _Snapshot | None = None
        self._started = _task(self._start())
        self.quiet_since = asyncio.get_running_loop().time()

    def __len__(self) -> int:
        return len(self._listeners) + len(self._opening) + len(self._catching_up)

    # What listeners ask.

    def join(self, listener: Listener, after: Cursor | None) -> None:
        """Tells a listener everything from a cursor on, or a snapshot and everything from it on."""
        listener.operation = self
        listener.hold()
        snapshot = self._fresh_snapshot() if after is None else None
        if snapshot is not None:
            self._enter(listener, snapshot, resync=False)
        elif after is None:
            self._opening[listener] = False
            self._wake()
        else:
            self._catch_up_from(listener, after, resumes=True)

    def leave(self, listener: Listener) -> None:
        """Tells a listener nothing more; with the last one the operation ends."""
        self._listeners.pop(listener, None)
        self._opening.pop(listener, None)
        task = self._catching_up.pop(listener, None)
        if task is not None:
            task.cancel()
        listener.operation = None
        if not len(self):
            self.close()

    def renew(self, listener: Listener, after: Cursor) -> None:
        """A listener that fell behind goes on where it was, or where there is a snapshot begins anew."""
        self._listeners.pop(listener, None)
        if not self._stream.has_snapshot:
            self._catch_up_from(listener, after, resumes=False)
        else:
            self._resync(listener)

    def close(self) -> None:
        """Follows the news no more."""
        if not self._closed:
            self._closed = True
            self._news.on_ready = None
            self._news.end()
            for task in self._catching_up.values():
                task.cancel()
            self._on_empty()

    async def bookmark(self) -> None:
        """Tells everybody how far nothing happened, unless something is happening."""
        self.quiet_since = asyncio.get_running_loop().time()
        self._snapshot = None
        if self._driver is None and self._listeners:
            cursor = self._stream.hub.cursor
            for notice in await self._notices([self._stream.bookmark(cursor)]):
                await self._tell(notice)

    # How it works.

    async def _start(self) -> None:
        await self._news.__aenter__()
        self._news.on_ready = self._wake

    def _wake(self) -> None:
        if self._driver is None:
            self._driver = _task(self._drive())

    async def _drive(self) -> None:
        try:
            await asyncio.shield(self._started)
            while not self._closed:
                if self._opening:
                    await self._open()
                if not self._news.is_ready:
                    if self._opening:
                        continue
                    break
                await self._follow()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, its listeners are told
            self._end(error)
        finally:
            self._driver = None

    async def _open(self) -> None:
        """Opens everybody who waits for it with one and the same snapshot."""
        joining, self._opening = self._opening, {}
        try:
            cursor = self._stream.hub.cursor
            notices = await self._opening_notices(cursor)
        except BaseException:
            self._opening.update(joining)  # to be told why
            raise
        self._snapshot = snapshot = _Snapshot(cursor, asyncio.get_running_loop().time(), notices)
        for listener, lost in joining.items():
            if listener.operation is self:  # it may have left meanwhile
                self._enter(listener, snapshot, resync=lost)

    def _enter(self, listener: Listener, snapshot: _Snapshot, *, resync: bool) -> None:
        listener.cursor = snapshot.cursor
        self._listeners[listener] = None
        listener.begin(snapshot.notices if resync else snapshot.notices[1:])

    def _fresh_snapshot(self) -> _Snapshot | None:
        """The last snapshot, as long as nothing has happened since; who comes in a crowd shares it."""
        snapshot = self._snapshot
        if snapshot is not None and (
            self._news.is_ready or asyncio.get_running_loop().time() - snapshot.read_at > _FRESH_SECONDS
        ):
            snapshot = self._snapshot = None
        return snapshot

    async def _follow(self) -> None:
        self._snapshot = None
        item = await anext(self._news, None)
        if item is None:
            self._end(None)
        elif isinstance(item, Happening):
            batch = [item, *self._news.take(_BATCH - 1)]
            if any(each.sku is None for each in batch):
                # News of no sku in particular is news of every one.
                self._start_over()
                return
            for notice in await self._changes(batch):
                await self._tell(notice)
        elif not isinstance(item, Idle):
            self._start_over()

    def _start_over(self) -> None:
        everyone, self._listeners = self._listeners, {}
        for listener in everyone:
            self._resync(listener)

    def _resync(self, listener: Listener) -> None:
        listener.hold()
        self._opening[listener] = True
        self._wake()

    async def _tell(self, notice: Notice) -> None:
        self.quiet_since = asyncio.get_running_loop().time()
        for number, listener in enumerate(tuple(self._listeners), 1):
            if listener.operation is self:
                listener.put(notice)
            if number % _TURN == 0:
                await asyncio.sleep(0)

    def _catch_up_from(self, listener: Listener, after: Cursor, *, resumes: bool) -> None:
        self._catching_up[listener] = _task(self._catch_up(listener, after, resumes))

    async def _catch_up(self, listener: Listener, after: Cursor, resumes: bool) -> None:
        """What was missed, at the listener's pace; then it listens with all others."""
        try:
            await asyncio.shield(self._started)
            async with self._stream.news(after) as news:
                async for item in news:
                    if isinstance(item, Idle):
                        # At once: everything after this cursor is read later, and told to all who listen.
                        if resumes:
                            listener.hold()
                        listener.cursor = item.cursor
                        self._listeners[listener] = None
                        break
                    batch = [item, *news.take(_BATCH - 1)] if isinstance(item, Happening) else []
                    if not batch or any(each.sku is None for each in batch):
                        self._resync(listener)
                        return
                    listener.begin(await self._changes(batch))
                    await listener.drained()
                else:
                    listener.over(None)
                    return
            if resumes:
                listener.begin(await self._notices([self._stream.bookmark(listener.cursor)]))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, its listener is told
            listener.over(error)
        finally:
            self._catching_up.pop(listener, None)

    async def _changes(self, happenings: Sequence[Happening]) -> list[Notice]:
        return await self._notices([change(each) for each in happenings])

    async def _opening_notices(self, cursor: Cursor) -> list[Notice]:
        while True:
            try:
                events = await self._stream.snapshot(cursor, resync=True)
            except RequestError as away:
                await self._outlast(away)
            else:
                return await self._notices(events)

    async def _notices(self, events: Sequence[What]) -> list[Notice]:
        payloads = await self._read([self._stream.event(what) for what in events])
        last_counts = not self._stream.tells_all
        return [
            _notice(what, payload, last_counts=last_counts)
            for what, payload in zip(events, payloads, strict=True)
        ]

    async def _read(self, events: Sequence[object]) -> list[bytes]:
        # Nothing is told twice: what cannot be read now is told once it can.
        while True:
            try:
                return await self._run(events)
            except RequestError as away:
                await self._outlast(away)

    async def _outlast(self, away: RequestError) -> None:
        """Returns when it is time to try again; raises what no waiting mends."""
        if away.code is not RequestCode.UNAVAILABLE or self._closed:
            raise away
        await asyncio.sleep(_OUTAGE_SECONDS)

    def _end(self, error: Exception | None) -> None:
        for listener in (*self._listeners, *self._opening, *self._catching_up):
            listener.over(error)
        self.close()


def _notice(what: What, payload: bytes, *, last_counts: bool) -> Notice:
    if what.kind in (LiveKind.SNAPSHOT, LiveKind.RESYNC):
        return Notice(what.cursor, None, payload)
    # A change is the last word on its sku, where every one of them is not a word of its own.
    key = BOOKMARK if what.kind is LiveKind.BOOKMARK else what.sku if last_counts else None
    return Notice(what.cursor, key, payload, str(what.cursor))


def _task(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    # With nobody's request id in its log lines: it works for all.
    return asyncio.get_running_loop().create_task(work, context=contextvars.Context())
