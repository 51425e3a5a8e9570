"""When sockets are pinged: one clock for all of a server's, instead of a timer for each of ten thousand."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol
from weakref import WeakKeyDictionary

_SLACK = 0.01
"""Whoever is due within this share of the interval is done in the same round."""


class Pinged(Protocol):
    """A socket that pings its peer, or finds that it need not."""

    def send_keepalive_ping(self) -> None:
        """Its turn has come; whoever wants another asks for it."""


class PingRounds:
    """The sockets of one server in the order in which their turns come; all wait equally long."""

    def __init__(self, loop: asyncio.AbstractEventLoop, interval_seconds: float) -> None:
        self._loop = loop
        self._interval = interval_seconds
        self._turns: deque[tuple[float, Pinged]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._turns)

    def add(self, socket: Pinged) -> None:
        """Its turn comes one interval from now, within a hundredth."""
        self._turns.append((self._loop.time() + self._interval, socket))
        if self._timer is None:
            self._timer = self._loop.call_at(self._turns[0][0], self._go_round)

    def _go_round(self) -> None:
        due = self._loop.time() + self._interval * _SLACK
        # Whoever is added meanwhile stands behind these, and is not due.
        while self._turns and self._turns[0][0] <= due:
            self._turns.popleft()[1].send_keepalive_ping()
        self._timer = self._loop.call_at(self._turns[0][0], self._go_round) if self._turns else None


_rounds: WeakKeyDictionary[object, PingRounds] = WeakKeyDictionary()


def rounds_of(server: object, loop: asyncio.AbstractEventLoop, interval_seconds: float) -> PingRounds:
    """The one clock of a server; its configuration stands for it, and ends with it."""
    found = _rounds.get(server)
    if found is None:
        found = _rounds[server] = PingRounds(loop, interval_seconds)
    return found
