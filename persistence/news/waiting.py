"""Those who wait until this process has got somewhere in the news."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from domain.news import Cursor


class Waiting:
    """Futures of the hub: for a cursor to be reached, or for a piece of news to get its position."""

    def __init__(self) -> None:
        self._reaching: set[tuple[Cursor, asyncio.Future[Cursor]]] = set()
        self._positioning: dict[int, list[asyncio.Future[Cursor]]] = {}

    @contextmanager
    def reaching(self, cursor: Cursor) -> Iterator[asyncio.Future[Cursor]]:
        """A future that is done once the process got as far as the cursor."""
        reached: asyncio.Future[Cursor] = asyncio.get_running_loop().create_future()
        waiting = (cursor, reached)
        self._reaching.add(waiting)
        try:
            yield reached
        finally:
            self._reaching.discard(waiting)

    @contextmanager
    def positioning(self, outbox_id: int) -> Iterator[asyncio.Future[Cursor]]:
        """A future that is done once a piece of news comes by with its position."""
        positioned: asyncio.Future[Cursor] = asyncio.get_running_loop().create_future()
        others = self._positioning.setdefault(outbox_id, [])
        others.append(positioned)
        try:
            yield positioned
        finally:
            others.remove(positioned)
            if not others:
                self._positioning.pop(outbox_id, None)

    def came_by(self, outbox_id: int, cursor: Cursor) -> None:
        """This piece of news has this position."""
        for positioned in self._positioning.get(outbox_id, ()):
            if not positioned.done():
                positioned.set_result(cursor)

    def got_to(self, now: Cursor) -> None:
        """The process got as far as this."""
        for cursor, reached in self._reaching:
            if cursor <= now and not reached.done():
                reached.set_result(now)

    def end(self) -> None:
        """Nobody will get any further."""
        for _, reached in self._reaching:
            reached.cancel()
