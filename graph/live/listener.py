"""One who hears a live operation: where it stands, and the little that waits for it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable
from typing import NamedTuple, Protocol

from domain.news import Cursor

MOST_WAITING_BYTES = 32_768
"""What may wait for one listener; with the 32 KB its transport takes a stopped reader costs 64 KB."""
BOOKMARK = "bookmark"
"""The key of notices that tell how far nothing happened; only they may come twice with one cursor."""
_ENTRY_BYTES = 200  # what an entry of the queue takes beside its payload


class Notice(NamedTuple):
    """One encoded event. Of those under one key the last says it all; without a key each is told."""

    cursor: Cursor
    key: Hashable | None
    payload: bytes
    resume_from: str | None = None
    """The cursor, once what it stands for was told as a whole: not inside a snapshot, nor before one."""


class Operation(Protocol):
    """What a listener asks of the operation it hears."""

    def leave(self, listener: Listener) -> None:
        """It hears no more."""

    def renew(self, listener: Listener, after: Cursor) -> None:
        """It could not be told everything after a cursor, and has room again."""


class Listener(ABC):
    """Is told in order: first what it is opened with, then what happens. Belongs to one operation.

    What it has no room for waits, the last of each key; when that becomes too much it is dropped, and the
    listener begins anew once it has room. It never holds up another.
    """

    __slots__ = (
        "_drained",
        "_dropped",
        "_first",
        "_held",
        "_waiting",
        "_waiting_bytes",
        "cursor",
        "operation",
    )

    def __init__(self) -> None:
        self.operation: Operation | None = None
        self.cursor = Cursor(0, 0)
        """Nothing up to here is told any more."""
        self._first: deque[Notice] | None = None
        self._held = False
        self._waiting: OrderedDict[Hashable, Notice] | None = None
        self._waiting_bytes = 0
        self._dropped: Cursor | None = None
        self._drained: asyncio.Future[None] | None = None

    # What its operation says.

    def hold(self) -> None:
        """Nothing is told until it is begun; what waited is out of date."""
        self._first = deque()
        self._held = True
        self._waiting, self._waiting_bytes = None, 0
        self._dropped = None

    def begin(self, notices: Iterable[Notice]) -> None:
        """These come first."""
        self._first = deque(notices)
        self._held = False
        self.flow()

    def put(self, notice: Notice) -> None:
        """Tells it what happened, now or when there is room."""
        if notice.cursor <= self.cursor and (notice.key is not BOOKMARK or notice.cursor < self.cursor):
            return
        self.cursor = notice.cursor
        if self._first is None and self._waiting is None and self._dropped is None and self.has_room:
            self.write(notice)
        elif self._dropped is None:
            self._keep(notice)

    async def drained(self) -> None:
        """Returns once everything it began with was taken."""
        while self._first is not None:
            self._drained = asyncio.get_running_loop().create_future()
            await self._drained

    # What whoever reads it says.

    def flow(self) -> None:
        """There is room, perhaps: what waits is told."""
        while self.has_room:
            notice = self.next()
            if notice is None:
                return
            self.write(notice)

    def next(self) -> Notice | None:
        """What is to be told next; None when nothing waits."""
        if self._held:
            return None
        if self._first is not None:
            if self._first:
                return self._first.popleft()
            self._first = None
            if self._drained is not None and not self._drained.done():
                self._drained.set_result(None)
        if self._waiting is not None:
            _, notice = self._waiting.popitem(last=False)
            self._waiting_bytes -= _size(notice)
            if not self._waiting:
                self._waiting = None
            return notice
        if self._dropped is not None and self.operation is not None:
            dropped, self._dropped = self._dropped, None
            self.operation.renew(self, dropped)
        return None

    def leave(self) -> None:
        """Nobody reads it any more."""
        if self.operation is not None:
            self.operation.leave(self)
        self._first, self._waiting = None, None

    @property
    @abstractmethod
    def has_room(self) -> bool:
        """Whether what is written now goes on its way."""

    @abstractmethod
    def write(self, notice: Notice) -> None:
        """Sends one notice, at once."""

    @abstractmethod
    def over(self, error: Exception | None) -> None:
        """Nothing comes any more: the operation failed, or the house closes."""

    # What waits.

    def _keep(self, notice: Notice) -> None:
        if self._waiting is None:
            self._waiting = OrderedDict()
        key = notice.cursor if notice.key is None else notice.key
        before = self._waiting.pop(key, None)
        if before is not None:
            self._waiting_bytes -= _size(before)
        self._waiting_bytes += _size(notice)
        if self._waiting and self._waiting_bytes > MOST_WAITING_BYTES:
            # What waits is still good, and what follows it is fetched or summed up later.
            self._waiting_bytes -= _size(notice)
            self._dropped = next(reversed(self._waiting.values())).cursor
            return
        self._waiting[key] = notice


class Reader(Listener):
    """A listener that is read with `async for`, at the reader's pace; it yields notices."""

    __slots__ = ("_error", "_over", "_waiter")

    def __init__(self) -> None:
        super().__init__()
        self._waiter: asyncio.Future[None] | None = None
        self._over = False
        self._error: Exception | None = None

    def __aiter__(self) -> Reader:
        return self

    async def __anext__(self) -> Notice:
        while True:
            notice = self.next()
            if notice is not None:
                return notice
            if self._over:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    @property
    def has_room(self) -> bool:
        """Never: it is read, not written to."""
        return False

    def write(self, notice: Notice) -> None:
        """Never called, since there is never room."""
        raise NotImplementedError

    def begin(self, notices: Iterable[Notice]) -> None:
        """These come first."""
        super().begin(notices)
        self._wake()

    def put(self, notice: Notice) -> None:
        """Keeps it until it is read."""
        super().put(notice)
        self._wake()

    def over(self, error: Exception | None) -> None:
        """Ends the iteration, once what waits is read."""
        self._over, self._error = True, error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _size(notice: Notice) -> int:
    return len(notice.payload) + _ENTRY_BYTES
