"""The connections of one process that stay open: sockets and event streams."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Connection(Protocol):
    """One connection that stays open."""

    async def restart(self) -> None:
        """Ends it so that its client connects again, to whichever process takes over."""


class Connections:
    """Every open connection of the process."""

    def __init__(self) -> None:
        self._open: set[Connection] = set()

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def holding(self, connection: Connection) -> Iterator[None]:
        """While entered, the connection is one of them."""
        self._open.add(connection)
        try:
            yield
        finally:
            self._open.discard(connection)

    async def restart(self) -> None:
        """Ends all of them so that their clients connect again."""
        await asyncio.gather(*(connection.restart() for connection in tuple(self._open)))
