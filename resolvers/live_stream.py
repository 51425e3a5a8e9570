"""A shop stream: what it listens for, and how everything it tells looks; its server decides to whom."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from domain.news import Cursor, Happening, LiveKind, Topic
from persistence.news.hub import Hub
from persistence.news.subscription import Subscription

EventT = TypeVar("EventT")
_QUEUED, _MISSED_AT_ONCE = 1_000, 10_000


class What(NamedTuple):
    """What one event says."""

    kind: LiveKind
    cursor: Cursor
    occurred_at: datetime
    cause: str
    sku: str | None = None


@dataclass(frozen=True, slots=True)
class LiveStream(Generic[EventT]):
    """What one caller of a stream asked for; all who asked for the same hear the same.

    `topic`, `skus` and `wants` say which news it tells of, `skus` also what its snapshot holds; without skus
    there is no snapshot. `after` is where this caller left off. Nothing else in it is the caller's own, and
    `event` makes what the graph shows out of what happened. `tells_all`: every event is told, not just the
    last of each sku. `opening` answers what the snapshot holds where that is not the skus themselves.
    """

    hub: Hub
    clock: Callable[[], datetime]
    topic: Topic
    wants: Callable[[Happening], bool]
    skus: Sequence[str] | None
    after: Cursor | None
    event: Callable[[What], EventT]
    tells_all: bool = False
    opening: Callable[[], Awaitable[Sequence[str]]] | None = None

    @property
    def has_snapshot(self) -> bool:
        """Whether whoever begins, or was lost, is told everything there is."""
        return self.skus is not None or self.opening is not None

    def news(self, after: Cursor | None) -> Subscription:
        """What happens after a cursor or from now on, all of it or the last of each sku."""
        return self.hub.subscribe(
            self.wants,
            topics=frozenset({self.topic}),
            skus=None if self.skus is None else frozenset(self.skus),
            key=None if self.tells_all else key_of,
            after=after,
            # What was missed is summed up over a long stretch: it is executed, what is queued is not.
            limit=_MISSED_AT_ONCE if after is not None else _QUEUED,
            # Without a snapshot nothing would follow a RESYNC: such a reader rather fetches what did not fit.
            patient=not self.has_snapshot,
        )

    async def snapshot(self, cursor: Cursor, *, resync: bool) -> list[What]:
        """Everything asked for, as of a cursor read before, and the BOOKMARK from which it is good to resume.

        With `resync` after the event that says so.
        """
        shown = self.skus or () if self.opening is None else await self.opening()
        now = self.clock()
        events = [What(LiveKind.RESYNC, cursor, now, "resync")] if resync else []
        events += [What(LiveKind.SNAPSHOT, cursor, now, "snapshot", sku) for sku in shown]
        return [*events, What(LiveKind.BOOKMARK, cursor, now, "snapshot")]

    def bookmark(self, cursor: Cursor) -> What:
        """Nothing happened up to a cursor that was not told."""
        return What(LiveKind.BOOKMARK, cursor, self.clock(), "idle")

    def __aiter__(self) -> AsyncIterator[EventT]:
        """Never: it is told to many at once, by who serves it."""
        raise TypeError("a live stream is not read by one caller alone")


def change(happening: Happening) -> What:
    """The event of a piece of news about a sku."""
    return What(LiveKind.CHANGE, happening.cursor, happening.occurred_at, happening.cause, happening.sku)


def key_of(happening: Happening) -> str | None:
    """What a happening is the last word on."""
    return happening.sku
