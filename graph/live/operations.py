"""The live operations of a process, found by what makes two of them the same."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Any

from graph.live.listener import Listener
from graph.live.shared import Run, SharedOperation
from resolvers.live_stream import LiveStream

_IDLE_SECONDS = 14.0  # and the look after it: within 15 s something is said
_LOOK_SECONDS = 1.0


class LiveOperations:
    """Every operation that somebody hears. One clock looks after the silence of all of them."""

    def __init__(self, *, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._shared: dict[Hashable, SharedOperation] = {}
        self._clock: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._shared)

    def join(self, key: Hashable, stream: LiveStream[Any], run: Run, listener: Listener) -> None:
        """Tells a listener of a stream; whoever came first with a key reads for all who come with it."""
        shared = self._shared.get(key)
        if shared is None:
            shared = self._shared[key] = SharedOperation(stream, run, lambda: self._shared.pop(key, None))
        shared.join(listener, stream.after)
        if self._clock is None or self._clock.done():
            self._clock = asyncio.get_running_loop().create_task(self._watch())

    def find(self, key: Hashable) -> SharedOperation | None:
        """What somebody hears under a key."""
        return self._shared.get(key)

    async def _watch(self) -> None:
        """Bookmarks for whoever has not heard anything for a while."""
        loop = asyncio.get_running_loop()
        while self._shared:
            await asyncio.sleep(min(_LOOK_SECONDS, self._idle_seconds / 4))
            quiet = loop.time() - self._idle_seconds
            for shared in tuple(self._shared.values()):
                if shared.quiet_since <= quiet:
                    await shared.bookmark()
