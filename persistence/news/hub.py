"""The hub: follows the news for one process, and hands it to whoever subscribed there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
import structlog

from domain.news import Cursor, Happening, Topic
from domain.refusals import RequestError
from persistence.database import AWAY, AWAY_AT_FIRST, Connection, Database, connect, unavailable
from persistence.news import outbox
from persistence.news.channels import TOLD, WAITING, Told
from persistence.news.outbox import Extent, OutboxRow
from persistence.news.recent import Recent
from persistence.news.redis_stream import Batch, Receiver, beside, stream_key
from persistence.news.subscription import (
    Idle,
    Interest,
    KeyOf,
    Missed,
    Resync,
    Subscription,
    Wants,
)
from persistence.news.switchboard import Switchboard
from persistence.news.waiting import Waiting

__all__ = ["Cursor", "Happening", "Hub", "Idle", "Resync", "Subscription", "Topic"]

_log = structlog.get_logger("shelfgraph.hub")

_ROWS = 1000  # read at once
_STRIDE = 100_000  # positions a search in the outbox covers in one statement
_TURN = 512  # subscriptions asked before others get their turn
_PATIENCE_SECONDS = 5.0
_EXPRESS_SECONDS = 0.1  # what Redis has not brought by then is read from the outbox
_TOPICS = {topic.value: topic for topic in Topic}
_EVERY_TOPIC = frozenset(Topic)


class Hub:
    """The one place of a process where news arrives; it outlives the database's absence without a gap.

    `poll_seconds` is how often it looks without having been told, `remember` how many happenings it keeps in
    memory for those who come back. With a `redis_url` Redis brings the news, and what it leaves out is read
    from the outbox.
    """

    def __init__(
        self, dsn: str, *, redis_url: str | None = None, poll_seconds: float = 1.0, remember: int = 10_000
    ) -> None:
        self._dsn = dsn
        self._express = None if redis_url is None else Receiver(redis_url)
        # Held by whoever takes news in: what comes by Redis, or from the outbox.
        self._intake = asyncio.Lock()
        self._poll_seconds = poll_seconds
        self._remember = remember
        self._cursor: Cursor | None = None
        self._recent = Recent(remember)
        self._switchboard = Switchboard()
        # For what a subscription missed, for positions, for nudges: never the connection that listens.
        self._reads = Database(dsn, size=3)
        self._wake = asyncio.Event()
        self._nudged = asyncio.Event()
        self._ready = asyncio.Event()
        self._told: Told | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._subscriptions: set[Subscription] = set()
        self._waiting = Waiting()

    async def start(self) -> None:
        """Returns once it follows the news, or after a few seconds while the database is away."""
        await self._reads.open()
        self._tasks = [
            asyncio.create_task(self._run(), name="hub"),
            asyncio.create_task(self._nudge_on(), name="hub nudges"),
        ]
        with suppress(RequestError):
            await self.ready()

    async def stop(self) -> None:
        """Ends every subscription, and then itself."""
        for task in self._tasks:
            task.cancel()
        for subscription in tuple(self._subscriptions):
            subscription.end()
        self._waiting.end()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._express is not None:
            await self._express.close()
        await self._reads.close()

    @property
    def cursor(self) -> Cursor:
        """The last position this process has seen; whatever it stands for can be read from the database.

        Raises UNAVAILABLE as long as the database was never there.
        """
        if self._cursor is None:
            raise unavailable()
        return self._cursor

    def nudge(self) -> None:
        """Call it after a commit that wrote news: the relay is woken, once for many calls."""
        self._nudged.set()

    async def position_of(self, outbox_id: int, timeout_seconds: float = 1.0) -> Cursor | None:
        """The position that a piece of news got; None when it has none in time, or is no longer kept."""
        try:
            # Asked for after the future stands: it comes by in the meantime, or it is there already.
            with self._waiting.positioning(outbox_id) as positioned:
                async with asyncio.timeout(timeout_seconds):
                    async with self._reads.connection() as db:
                        position = await outbox.position_of(db, outbox_id)
                    return await positioned if position is None else Cursor(self.cursor.epoch, position)
        except (TimeoutError, RequestError):
            return None

    def subscribe(
        self,
        wants: Wants,
        *,
        key: KeyOf | None = None,
        after: Cursor | None = None,
        limit: int = 1000,
        topics: frozenset[Topic] = _EVERY_TOPIC,
        skus: frozenset[str] | None = None,
        stores: frozenset[str] | None = None,
        idle_seconds: float = 15.0,
        patient: bool | None = None,
    ) -> Subscription:
        """What happens from now on (or after a cursor), as an async context manager and async iterator.

        It yields `Happening`s, and two markers: `Idle` after `idle_seconds` of silence, and once what was
        missed since `after` is handed over; `Resync` when something can't be told any more, because `after`
        is older than what is kept, of another epoch, or still ahead of this process after 2 s.
        With `key` only the last happening of each key need be told, and a reader more than `limit` keys late
        gets Resync; one that is `patient` fetches the rest itself, later, as long as it is kept. Without it
        every happening is told, and every reader is patient.
        """
        return Subscription(
            self,
            Interest(wants, topics, skus, stores),
            key=key,
            after=after,
            limit=limit,
            idle_seconds=idle_seconds,
            patient=key is None if patient is None else patient,
        )

    # What subscriptions ask of it.

    async def ready(self) -> None:
        """Returns once the cursor is known; raises UNAVAILABLE when that takes more than some seconds."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._ready.wait()
        except TimeoutError:
            raise unavailable() from None

    def enter(self, subscription: Subscription) -> None:
        """Takes a subscription under its roof until it is left."""
        self._subscriptions.add(subscription)

    def exit(self, subscription: Subscription) -> None:
        """Forgets a subscription."""
        self._subscriptions.discard(subscription)

    def join(self, subscription: Subscription) -> None:
        """Everything after `cursor` is put to the subscription."""
        self._switchboard.join(subscription)

    def leave(self, subscription: Subscription) -> None:
        """Nothing more is put to the subscription."""
        self._switchboard.leave(subscription)

    async def reach(self, cursor: Cursor, timeout_seconds: float) -> bool:
        """Whether this process got as far as the cursor in time."""
        self._wake.set()
        return await self._comes_to(cursor, timeout_seconds)

    async def missed(self, interest: Interest, after: Cursor, limit: int) -> Missed | None:
        """At most `limit` of what matched after a cursor; None when not all of it is kept any more.

        While the database is away it waits for it.
        """
        while self._subscriptions:
            if self._recent.reaches_back_to(after):
                return Missed(*self._recent.following(after, interest.matches, limit))
            upto = min(self.cursor.position, after.position + _STRIDE)
            try:
                async with self._reads.connection() as db:
                    rows = await outbox.matching(
                        db,
                        after.position,
                        upto,
                        limit,
                        topics=interest.topics,
                        skus=interest.skus,
                        stores=interest.stores,
                    )
                    # After the rows: had something been forgotten before they were read, this would tell.
                    reach = await outbox.extent(db)
            except RequestError:
                await asyncio.sleep(self._poll_seconds)
                continue
            if reach.epoch != after.epoch or reach.oldest > after.position:
                return None
            if len(rows) == limit:
                upto = rows[-1].position
            happenings = [happening for row in rows if (happening := _happening(after.epoch, row))]
            return Missed([each for each in happenings if interest.matches(each)], Cursor(after.epoch, upto))
        return None

    # How it follows the news.

    async def _run(self) -> None:
        pause = 0.1
        while True:
            try:
                async with self._listening() as db:
                    await self._sync(db, await outbox.extent(db))
                    self._ready.set()
                    pause = 0.1
                    async with self._following_redis(db):
                        await self._follow(db)
            except AWAY_AT_FIRST as away:
                _log.warning("the hub lost the database", reason=str(away) or type(away).__name__)
            except Exception:  # noqa: BLE001 - whatever it was, the process must go on hearing news
                _log.exception("the hub stumbled")
            await asyncio.sleep(pause)
            pause = min(2 * pause, 2.0)

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[asyncpg.Connection]:
        db = await connect(self._dsn)
        try:
            await db.execute("SET application_name = 'shelfgraph hub'")
            db.add_termination_listener(lambda _: self._wake.set())
            await db.add_listener(TOLD, self._on_told)
            yield db
        finally:
            with suppress(*AWAY, asyncpg.InterfaceError):
                await db.close(timeout=1)

    def _on_told(self, _db: object, _pid: int, _channel: str, payload: object) -> None:
        self._told = Told.parse(str(payload))
        self._wake.set()

    @asynccontextmanager
    async def _following_redis(self, db: asyncpg.Connection) -> AsyncIterator[None]:
        if self._express is None:
            yield
            return

        async def take(batch: Batch) -> bool:
            try:
                async with self._intake:
                    return await self._take_batch(db, batch)
            except AWAY_AT_FIRST:
                self._wake.set()  # whoever follows the outbox finds the same
                return False

        key = await stream_key(db)
        async with beside(self._express.follow(key, lambda: self.cursor, take)):
            yield

    async def _follow(self, db: asyncpg.Connection) -> None:
        loop = asyncio.get_running_loop()
        ask_at = loop.time() + self._poll_seconds
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(ask_at):
                    await self._wake.wait()
            self._wake.clear()
            told, self._told = self._told, None
            if told is not None and self._express is not None and self._express.is_prompt:
                self._express.is_prompt = await self._comes_to(Cursor(*told), _EXPRESS_SECONDS)
            async with self._intake:
                # What the relay told saves asking, unless it tells of another order than the one known here.
                if told is not None and told.epoch == self.cursor.epoch and loop.time() < ask_at:
                    await self._take_up_to(db, told.head)
                    continue
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    reach = await outbox.extent(db)
                await self._sync(db, reach)
                ask_at = loop.time() + self._poll_seconds

    async def _comes_to(self, cursor: Cursor, seconds: float) -> bool:
        """Whether this process gets as far as the cursor in time."""
        if self.cursor >= cursor:
            return True
        with self._waiting.reaching(cursor) as reached:
            await asyncio.wait([reached], timeout=seconds)
        return reached.done() and not reached.cancelled()

    async def _take_batch(self, db: Connection, batch: Batch) -> bool:
        """Whether what Redis brought joined up; what Redis had left out is read from the outbox."""
        cursor = self.cursor
        if batch.epoch == cursor.epoch and batch.first > cursor.position + 1:
            await self._take_up_to(db, batch.first - 1)
            cursor = self.cursor
        if batch.epoch != cursor.epoch or batch.first > cursor.position + 1:
            self._wake.set()  # another order of news: the outbox tells which
            return False
        if batch.last > cursor.position:
            await self._hand_on(batch.rows[cursor.position + 1 - batch.first :])
        return batch.last >= cursor.position

    async def _sync(self, db: Connection, reach: Extent) -> None:
        cursor = self._cursor
        if cursor is None:
            await self._remember_some(db, reach)
            self._cursor = Cursor(reach.epoch, reach.head)
        elif reach.epoch != cursor.epoch or not reach.oldest <= cursor.position <= reach.head:
            self._begin_anew(Cursor(reach.epoch, reach.head))
        else:
            await self._take_up_to(db, reach.head)

    async def _remember_some(self, db: Connection, reach: Extent) -> None:
        # After a start everybody comes back at once: what they missed is then at hand.
        position = max(reach.oldest, reach.head - self._remember)
        rows = await outbox.since(db, position, reach.head - position)
        if len(rows) < reach.head - position:
            self._recent.begin(Cursor(reach.epoch, reach.head))  # the relay has just forgotten some
            return
        self._recent.begin(Cursor(reach.epoch, position))
        for row in rows:
            self._recent.add(_happening(reach.epoch, row))

    def _begin_anew(self, cursor: Cursor) -> None:
        """Another order of news, or one whose part since the last look is forgotten: nothing joins up."""
        _log.warning("the news does not join up", before=str(self._cursor), now=str(cursor))
        self._recent.begin(cursor)
        self._cursor = cursor
        for subscription in self._switchboard.everyone():
            subscription.lose()

    async def _take_up_to(self, db: Connection, head: int) -> None:
        while self.cursor.position < head:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                rows = await outbox.since(db, self.cursor.position, _ROWS)
            # Positions have no holes: a row that does not follow means that the rows before it are forgotten.
            if not rows or rows[0].position != self.cursor.position + 1:
                reach = await outbox.extent(db)
                self._begin_anew(Cursor(reach.epoch, reach.head))
                return
            await self._hand_on(rows)

    async def _hand_on(self, rows: list[OutboxRow]) -> None:
        epoch = self.cursor.epoch
        asked = 0
        for row in rows:
            happening = _happening(epoch, row)
            self._cursor = self._recent.add(happening)
            self._waiting.came_by(row.id, self._cursor)
            if happening is None:
                continue
            asked += 1 + self._switchboard.deliver(happening)
            if asked >= _TURN:
                asked = 0
                self._waiting.got_to(self.cursor)
                await asyncio.sleep(0)
        self._waiting.got_to(self.cursor)

    async def _nudge_on(self) -> None:
        while True:
            await self._nudged.wait()
            self._nudged.clear()
            try:
                async with self._reads.connection() as db:
                    await db.execute(f"NOTIFY {WAITING}")
            except Exception as error:  # noqa: BLE001 - the relay looks by itself, whoever committed has done so
                _log.warning("the relay was not nudged", reason=str(error) or type(error).__name__)
                await asyncio.sleep(self._poll_seconds)


def _happening(epoch: int, row: OutboxRow) -> Happening | None:
    # A process of a later release may tell of what this one does not know yet.
    topic = _TOPICS.get(row.topic)
    if topic is None:
        return None
    cursor = Cursor(epoch, row.position)
    return Happening(cursor, topic, row.sku, row.store, row.channel, row.cause, row.occurred_at)
