"""The relay: gives committed news its place in the one order, one leader for all processes."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext, suppress
from datetime import timedelta

import asyncpg
import sqlalchemy as sa
import structlog
from sqlmodel import col

from persistence.database import AWAY, AWAY_AT_FIRST, connect, param, statement
from persistence.news.channels import RELAY_LOCK, TOLD, WAITING, Told
from persistence.news.outbox import COLUMNS, Extent, OutboxRow
from persistence.news.redis_stream import Batch, Sender, beside, stream_key
from persistence.news.tables import Outbox, Stream

_log = structlog.get_logger("shelfgraph.relay")

_ANY_WAITING = statement(sa.select(col(Outbox.id)).where(col(Outbox.position).is_(None)).limit(1))
_STREAM = statement(
    sa.select(col(Stream.epoch), col(Stream.head), col(Stream.oldest)).with_for_update(), Extent
)
_waiting = (
    sa.select(col(Outbox.id), sa.func.row_number().over(order_by=col(Outbox.id)).label("place"))
    .where(col(Outbox.position).is_(None))
    .order_by(col(Outbox.id))
    .limit(param("batch", sa.BigInteger))
    .cte("waiting")
)
_give = (
    sa.update(Outbox)
    .where(col(Outbox.id) == _waiting.c.id)
    .values(position=param("head", sa.BigInteger) + _waiting.c.place)
)
_GIVE = statement(_give)
_GIVE_AND_SHOW = statement(_give.returning(*COLUMNS), OutboxRow)
_MOVE_HEAD = statement(sa.update(Stream).values(head=param("head")))

_aged = (
    sa.select(
        col(Outbox.position),
        # In order only: news is kept as long as anything before it is.
        sa.func.bool_and(col(Outbox.occurred_at) < sa.func.clock_timestamp() - param("keep", sa.Interval))
        .over(order_by=col(Outbox.position))
        .label("is_old"),
    )
    .where(col(Outbox.position) > param("oldest"), col(Outbox.position) <= param("upto"))
    .order_by(col(Outbox.position))
    .limit(param("batch", sa.BigInteger))
    .subquery("aged")
)
_LAST_OLD = statement(sa.select(sa.func.max(_aged.c.position)).where(_aged.c.is_old))
_MOVE_OLDEST = statement(sa.update(Stream).values(oldest=param("oldest")))
_FORGET = statement(sa.delete(Outbox).where(col(Outbox.position) <= param("oldest")))

# A leader that froze must not lead on: the server ends a session that is silent, and with it its lock.
_SESSION = """
SET application_name = 'shelfgraph relay';
SET idle_session_timeout = '5s';
SET idle_in_transaction_session_timeout = '5s';
SET tcp_keepalives_idle = 2;
SET tcp_keepalives_interval = 1;
SET tcp_keepalives_count = 3;
"""


class Relay:
    """One process's candidate for the relay; `run` waits until it leads, and then leads.

    `keep` is the replay window: older news is forgotten, but never the latest `keep_at_least` pieces. With a
    `redis_url` batches are sent by Redis, too.
    """

    def __init__(
        self,
        dsn: str,
        *,
        redis_url: str | None = None,
        poll_seconds: float = 0.1,
        batch: int = 2000,
        keep: timedelta = timedelta(hours=24),
        keep_at_least: int = 10_000,
        prune_seconds: float = 5.0,
    ) -> None:
        self._dsn = dsn
        self._sender = None if redis_url is None else Sender(redis_url)
        self._stream_key = ""
        self._poll_seconds = poll_seconds
        self._batch = batch
        self._keep = keep
        self._keep_at_least = keep_at_least
        self._prune_seconds = prune_seconds
        self._wake = asyncio.Event()
        self.is_leading = False

    async def run(self) -> None:
        """Never returns: outlives every loss of its connection, and leadership passes on meanwhile."""
        async with nullcontext() if self._sender is None else beside(self._sender.run()):
            await self._run()

    async def _run(self) -> None:
        while True:
            try:
                await self._one_session()
            except AWAY_AT_FIRST as away:
                _log.warning("the relay lost its connection", reason=str(away) or type(away).__name__)
            except Exception:  # noqa: BLE001 - whatever it was, somebody must go on relaying
                _log.exception("the relay stumbled")
            await asyncio.sleep(0.2)

    async def _one_session(self) -> None:
        db = await connect(self._dsn)
        try:
            await db.execute(_SESSION)
            # Trying again and again: a statement that waited for the lock would hold back every vacuum.
            while not await db.fetchval("SELECT pg_try_advisory_lock($1, $2)", *RELAY_LOCK):  # noqa: ASYNC110
                await asyncio.sleep(0.25)
            if self._sender is not None:
                self._stream_key = await stream_key(db)
                self._sender.begin(self._stream_key)
            self.is_leading = True
            _log.info("leading the relay")
            await self._lead(db)
        finally:
            self.is_leading = False
            # The lock goes with the session; a polite end frees it at once.
            with suppress(*AWAY, asyncpg.InterfaceError):
                await db.close(timeout=1)

    async def _lead(self, db: asyncpg.Connection) -> None:
        await db.add_listener(WAITING, lambda *_: self._wake.set())
        loop = asyncio.get_running_loop()
        prune_at = loop.time()
        while True:
            self._wake.clear()
            if await self._give_positions(db) == self._batch:
                continue
            if loop.time() >= prune_at:
                # In small bites: news that is committed meanwhile waits for one bite at most.
                more = await self._prune(db)
                prune_at = loop.time() + (0 if more else self._prune_seconds)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._wake.wait()

    async def _give_positions(self, db: asyncpg.Connection) -> int:
        if await _ANY_WAITING.value(db) is None:
            return 0
        # On the connection that holds the lock: whoever lost it cannot write. The row lock comes first, in a
        # statement of its own, so that what follows sees every position given before.
        async with db.transaction():
            stream = await _STREAM.one(db)
            rows: list[OutboxRow] = []
            if self._sender is None:
                given = await _GIVE.run(db, head=stream.head, batch=self._batch)
            else:
                rows = await _GIVE_AND_SHOW.all(db, head=stream.head, batch=self._batch)
                given = len(rows)
            if given:
                told = Told(stream.epoch, stream.head + given)
                await _MOVE_HEAD.run(db, head=told.head)
                await db.execute("SELECT pg_notify($1, $2)", TOLD, str(told))
        if self._sender is not None and rows:
            rows.sort(key=_position)
            self._sender.send(self._stream_key, Batch(stream.epoch, rows))
        return given

    async def _prune(self, db: asyncpg.Connection) -> bool:
        """Whether there is more to forget."""
        async with db.transaction():
            stream = await _STREAM.one(db)
            last_old = await _LAST_OLD.value(
                db,
                oldest=stream.oldest,
                upto=stream.head - self._keep_at_least,
                keep=self._keep,
                batch=self._batch,
            )
            if last_old is None:
                return False
            await _MOVE_OLDEST.run(db, oldest=last_old)
            await _FORGET.run(db, oldest=last_old)
        return bool(last_old - stream.oldest == self._batch)


def _position(row: OutboxRow) -> int:
    return row.position
