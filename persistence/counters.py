"""Counters that begin anew every so often, of this process alone or, in Redis, of all of them."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol, cast

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

_log = structlog.get_logger("shelfgraph.counters")
_AWAY = (RedisError, OSError, TimeoutError)
_CONNECT_SECONDS = 0.5
_ANSWER_SECONDS = 0.25
_TRY_AGAIN = timedelta(seconds=2)
_MOST_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Take:
    """So much is taken from a counter that may come to `most` in each period."""

    name: str
    amount: int
    most: int
    period: timedelta

    def window(self, now: datetime) -> Window:
        """The period around a moment; those of different names begin at different moments."""
        seconds = int(self.period.total_seconds())
        offset = zlib.crc32(self.name.encode()) % seconds
        number = (int(now.timestamp()) - offset) // seconds
        return Window(self.name, number, datetime.fromtimestamp((number + 1) * seconds + offset, UTC))


class Window(NamedTuple):
    """One period of a counter, by its number, and when it ends."""

    name: str
    number: int
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """What the counters stand at; `refused` is the first that would have gone too far, and then none has."""

    used: tuple[int, ...]
    windows: tuple[Window, ...]
    refused: int | None


class Counters(Protocol):
    """Counters under one name each."""

    async def take(self, takes: Sequence[Take], now: datetime) -> Taken:
        """All of the amounts, or none."""
        ...

    async def give_back(self, window: Window, amount: int) -> None:
        """Takes an amount off a counter again, if its period still runs."""
        ...

    async def close(self) -> None:
        """Lets go of what they hold open."""
        ...


class OwnCounters:
    """The counters of one process."""

    def __init__(self) -> None:
        self._used: dict[str, tuple[Window, int]] = {}

    async def take(self, takes: Sequence[Take], now: datetime) -> Taken:
        """All of the amounts, or none."""
        windows = tuple(take.window(now) for take in takes)
        used = [self._standing(window) for window in windows]
        for index, take in enumerate(takes):
            if used[index] + take.amount > take.most:
                return Taken(tuple(used), windows, index)
        for index, take in enumerate(takes):
            used[index] += take.amount
            self._used[take.name] = (windows[index], used[index])
        if len(self._used) > _MOST_KEPT:
            self._forget(now)
        return Taken(tuple(used), windows, None)

    async def give_back(self, window: Window, amount: int) -> None:
        """Takes an amount off a counter again, if its period still runs."""
        kept = self._used.get(window.name)
        if kept is not None and kept[0] == window:
            self._used[window.name] = (window, max(kept[1] - amount, 0))

    async def close(self) -> None:
        """They hold nothing open."""

    def _standing(self, window: Window) -> int:
        kept = self._used.get(window.name)
        return kept[1] if kept is not None and kept[0] == window else 0

    def _forget(self, now: datetime) -> None:
        self._used = {name: kept for name, kept in self._used.items() if kept[0].ends_at > now}
        while len(self._used) > _MOST_KEPT:
            del self._used[next(iter(self._used))]


_TAKE = """
local used = {0}
for index, key in ipairs(KEYS) do
  used[index + 1] = tonumber(redis.call('GET', key) or '0')
end
for index = 1, #KEYS do
  if used[index + 1] + tonumber(ARGV[3 * index - 2]) > tonumber(ARGV[3 * index - 1]) then
    used[1] = index
    return used
  end
end
for index, key in ipairs(KEYS) do
  used[index + 1] = redis.call('INCRBY', key, ARGV[3 * index - 2])
  redis.call('PEXPIREAT', key, ARGV[3 * index])
end
return used
"""
_GIVE_BACK = """
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
if used > 0 then redis.call('DECRBY', KEYS[1], math.min(used, tonumber(ARGV[1]))) end
"""


class SharedCounters:
    """One counter for all processes, in Redis; while that is away each process counts for itself.

    `space` keeps the counters of several houses apart that share one Redis.
    """

    def __init__(self, url: str, space: str) -> None:
        self._redis = Redis.from_url(
            url,
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=_ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._take = self._redis.register_script(_TAKE)
        self._give_back = self._redis.register_script(_GIVE_BACK)
        self._space = space
        self._own = OwnCounters()
        self._away_until: datetime | None = None

    async def take(self, takes: Sequence[Take], now: datetime) -> Taken:
        """All of the amounts, or none."""
        if not self._may_ask(now):
            return await self._own.take(takes, now)
        windows = tuple(take.window(now) for take in takes)
        arguments: list[int] = []
        for take, window in zip(takes, windows, strict=True):
            # A little longer than the period: the clocks of two processes may differ.
            ends = int((window.ends_at + take.period).timestamp() * 1000)
            arguments += [take.amount, take.most, ends]
        try:
            answer = await cast(
                "Awaitable[list[int]]", self._take(keys=list(map(self._key, windows)), args=arguments)
            )
        except _AWAY as away:
            self._note(away, now)
            return await self._own.take(takes, now)
        refused, *used = answer
        return Taken(tuple(used), windows, refused - 1 if refused else None)

    async def give_back(self, window: Window, amount: int) -> None:
        """Takes an amount off a counter again, if its period still runs."""
        if self._away_until is not None:
            await self._own.give_back(window, amount)
            return
        try:
            await cast("Awaitable[None]", self._give_back(keys=[self._key(window)], args=[amount]))
        except _AWAY as away:
            self._note(away, datetime.now(UTC))

    async def close(self) -> None:
        """Lets go of the connections."""
        await self._redis.aclose()

    def _key(self, window: Window) -> str:
        # One script reads them all: the braces keep all counters of a house on one node of a cluster.
        return f"shelfgraph:count:{{{self._space}}}:{window.name}:{window.number}"

    def _may_ask(self, now: datetime) -> bool:
        if self._away_until is not None and now >= self._away_until:
            self._away_until = None
        return self._away_until is None

    def _note(self, away: BaseException, now: datetime) -> None:
        _log.warning("Redis is away: this process counts for itself", reason=str(away))
        self._away_until = now + _TRY_AGAIN
