"""The express: whole batches of news from the relay to every process by a Redis stream.

It may come late, come twice or not come at all. Positions have no holes, so a hub sees what is missing and
takes it from the outbox; nothing waits for Redis, and nothing is lost with it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime
from typing import NamedTuple, cast

import orjson
import sqlalchemy as sa
import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from domain.news import Cursor
from persistence.database import Connection, statement
from persistence.news.outbox import OutboxRow

_log = structlog.get_logger("shelfgraph.redis")

KEPT_POSITIONS = 10_000
"""How far back the stream reaches; whoever is further behind reads the outbox."""

_FIELD = b"rows"
_MOST_UNSENT = 100  # batches; older ones are left out
_SILENCE_SECONDS = 1.0  # Redis answers a reader after so long, news or not
_CONNECT_SECONDS = 1.0
_ANSWER_SECONDS = 2.0  # longer than the silence
_PAUSE_SECONDS = 0.3
_AWAY = (RedisError, OSError, TimeoutError)

_WHOSE = statement(
    sa.text(
        "SELECT control.system_identifier || '.' || base.oid "
        "FROM pg_control_system() AS control, pg_database AS base WHERE base.datname = current_database()"
    ).columns(sa.column("whose", sa.Text))
)


class Batch(NamedTuple):
    """Pieces of news whose positions follow one another; at least one."""

    epoch: int
    rows: list[OutboxRow]

    @property
    def first(self) -> int:
        """The position of the first piece."""
        return self.rows[0].position

    @property
    def last(self) -> int:
        """The position of the last piece."""
        return self.rows[-1].position


Taker = Callable[[Batch], Awaitable[bool]]
"""Whether a batch was news, and joined up with what was known."""


async def stream_key(db: Connection) -> str:
    """The key of this database's stream, so that several databases may share one Redis.

    A standby that took over has its predecessor's.
    """
    return f"shelfgraph:news:1:{await _WHOSE.value(db)}"


class Sender:
    """The relay's end: what is sent waits for nobody, and is left out while Redis is away."""

    def __init__(self, url: str, *, keep: int = KEPT_POSITIONS) -> None:
        self._redis = _client(url)
        self._keep = keep
        self._unsent: deque[tuple[str, Batch | None]] = deque(maxlen=_MOST_UNSENT)
        self._wake = asyncio.Event()

    def begin(self, key: str) -> None:
        """Has what a leader before left in the stream removed: it may be of a past that the outbox lost."""
        self._unsent.clear()
        self._unsent.append((key, None))
        self._wake.set()

    def send(self, key: str, batch: Batch) -> None:
        """Has a committed batch sent; the oldest that are unsent make room."""
        self._unsent.append((key, batch))
        self._wake.set()

    async def run(self) -> None:
        """Never returns."""
        is_away = False
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                try:
                    while self._unsent:
                        await self._add(*self._unsent[0])
                        self._unsent.popleft()
                        is_away = False
                except _AWAY as away:
                    if not is_away:
                        _log.warning("Redis is away, the outbox alone is told", reason=_reason(away))
                    is_away = True
                    await asyncio.sleep(_PAUSE_SECONDS)
                    self._wake.set()
                except Exception:  # noqa: BLE001 - whatever it was, later news has to go out
                    _log.exception("a batch was not sent")
        finally:
            await self._redis.aclose()

    async def _add(self, key: str, batch: Batch | None) -> None:
        if batch is None:
            await self._redis.delete(key)
            return
        # The entry's id is the cursor: nothing is added twice, and whoever reads asks by its own cursor.
        entry = f"{batch.epoch}-{batch.last}"
        oldest = f"{batch.epoch}-{max(0, batch.last - self._keep)}"
        fields = {_FIELD: orjson.dumps([tuple(row) for row in batch.rows])}
        try:
            await self._redis.xadd(key, fields, id=entry, minid=oldest)  # type: ignore[arg-type]
        except ResponseError as refused:
            if "equal or smaller" not in str(refused):
                raise
            # What stands there is of a past that this database does not have, or ahead of a late sender.
            # A reader who misses what goes with it finds it in the outbox.
            await self._redis.delete(key)
            await self._redis.xadd(key, fields, id=entry)  # type: ignore[arg-type]


class Receiver:
    """A hub's end: brings batches as they come, for as long as it is followed."""

    def __init__(self, url: str) -> None:
        self._redis = _client(url)
        self.is_prompt = False
        """Whether the last news came this way in good time, so that waiting for the next is worth while."""

    async def follow(self, key: str, at: Callable[[], Cursor], take: Taker) -> None:
        """Never returns: hands on what follows the hub's cursor, asked for anew each time."""
        while True:
            try:
                await self._read(key, at(), take)
            except _AWAY as away:
                if self.is_prompt:
                    _log.warning("Redis is away, the outbox is read instead", reason=_reason(away))
                self.is_prompt = False
                await asyncio.sleep(_PAUSE_SECONDS)
            except Exception:  # noqa: BLE001 - whatever it was, later news has to come in
                _log.exception("a batch was not taken")
                self.is_prompt = False
                await asyncio.sleep(_PAUSE_SECONDS)

    async def close(self) -> None:
        """Ends its connections."""
        await self._redis.aclose()

    async def _read(self, key: str, after: Cursor, take: Taker) -> None:
        streams = {key: f"{after.epoch}-{after.position}"}
        answer = await self._redis.xread(streams, count=10, block=int(_SILENCE_SECONDS * 1000))  # type: ignore[arg-type]
        for _, entries in cast("list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]", answer or []):
            for entry, fields in entries:
                self.is_prompt = await take(_batch(entry, fields))
                if not self.is_prompt:
                    await asyncio.sleep(_PAUSE_SECONDS)


@asynccontextmanager
async def beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """While entered, a sender or receiver runs."""
    task = asyncio.create_task(work, name="redis")
    try:
        yield
    finally:
        # The client waits by `asyncio.wait_for`, which swallows a cancellation now and then in Python 3.11.
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=0.05)


def _batch(entry: bytes, fields: dict[bytes, bytes]) -> Batch:
    rows = [
        OutboxRow._make((*values, datetime.fromisoformat(occurred_at)))
        for *values, occurred_at in orjson.loads(fields[_FIELD])
    ]
    return Batch(int(entry.partition(b"-")[0]), rows)


def _client(url: str) -> Redis:
    return Redis.from_url(
        url,
        protocol=2,
        socket_connect_timeout=_CONNECT_SECONDS,
        socket_timeout=_ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def _reason(away: BaseException) -> str:
    return str(away) or type(away).__name__
