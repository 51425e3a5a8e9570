"""Tells partners by their webhooks: from the one order of news to a queue, and from there over HTTP.

Each piece of news is written down for each webhook in the transaction that moves the webhook's position,
and sent until it is taken or given up: at least once, in order for each subject. Any number of processes
may work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import orjson
import structlog

from domain.news import Cursor, Topic
from domain.webhooks import LEASE, MOST_ATTEMPTS, WebhookTopic, pause_after, rest_after, signature
from persistence.database import Connection, Database
from persistence.news import outbox
from persistence.news.outbox import Extent, OutboxRow
from persistence.partners import webhooks as db_
from persistence.partners.webhooks import Due, Listening, Told
from resolvers.house import House
from resolvers.orders.order import Order
from resolvers.pickup.pickup import Pickup
from resolvers.shapes import global_id

if TYPE_CHECKING:
    import httpx2

_LOOK_SECONDS = 0.5
_ANSWER_SECONDS = 10.0
_ROWS = 500
_AT_ONCE = 20
_SAID = 200

_log = structlog.stdlib.get_logger("shelfgraph.webhooks")


class Courier:
    """Tells partners; `house` says what time it is."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._http: httpx2.AsyncClient | None = None

    async def run(self) -> None:
        """Tells whatever there is, twice a second; never returns. On connections of its own."""
        try:
            async with Database(self._house.database.dsn, size=2) as database:
                while True:
                    if await self.queue(database) + await self.send(database) == 0:
                        await asyncio.sleep(_LOOK_SECONDS)
        finally:
            await self.close()

    async def close(self) -> None:
        """Lets go of the connections to partners."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def queue(self, database: Database) -> int:
        """How many deliveries were put in the queue: those of all news that webhooks were not told yet."""
        queued, above = 0, None
        while True:
            async with database.transaction() as db:
                reach = await outbox.extent(db)
                one = await db_.behind(db, Cursor(reach.epoch, reach.head), above)
                if one is None:
                    return queued
                rows, upto = await _news(db, one, reach)
                told = await _told(db, one, rows)
                await db_.add(db, one.id, told, upto=upto, now=self._house.clock())
            queued += len(told)
            if upto.position >= reach.head:
                above = one.id

    async def send(self, database: Database) -> int:
        """How many deliveries were tried: the first that waits of each subject, where it is time for it."""
        now = self._house.clock()
        async with database.connection() as db:
            due = await db_.take_due(db, now=now, until=now + LEASE, most=_AT_ONCE)
            due, spared = _sparing(due)
            if spared:
                await db_.put_back(db, spared, now=now)
        await asyncio.gather(*(self._deliver(database, one) for one in due))
        return len(due)

    async def _deliver(self, database: Database, due: Due) -> None:
        status, problem = await self._post(due)
        now = self._house.clock()
        async with database.transaction() as db:
            if problem is None and status is not None:
                await db_.delivered(db, due, status, now=now)
                return
            rest = rest_after(due.failures + 1)
            await db_.failed(
                db,
                due,
                status=status,
                problem=(problem or "")[:_SAID],
                next_try_at=now + pause_after(due.attempts),
                given_up_at=now if due.attempts >= MOST_ATTEMPTS else None,
                resting_until=None if rest is None else now + rest,
            )
        _log.info("a webhook was not taken", webhook=str(due.webhook), status=status, problem=problem)

    async def _post(self, due: Due) -> tuple[int | None, str | None]:
        """The status of the answer, and what was wrong with it."""
        secret = self._house.vault.open(due.secret, b"webhook")
        if secret is None:
            return None, "its secret was sealed under another key"
        id_, at, body = f"msg_{due.id.hex}", self._house.clock(), due.body.encode()
        headers = {
            "content-type": "application/json",
            "user-agent": "Shelfgraph",
            "webhook-id": id_,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature(secret, id_=id_, at=at, body=body),
        }
        # Only who has something to tell waits a tenth of a second for the client to be loaded.
        import httpx2

        if self._http is None:
            self._http = httpx2.AsyncClient(timeout=_ANSWER_SECONDS, trust_env=False)
        try:
            async with self._http.stream("POST", due.url, content=body, headers=headers) as response:
                status: int = response.status_code
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            return None, str(error) or type(error).__name__
        return status, None if 200 <= status < 300 else f"answered {status}"


def _sparing(due: Sequence[Due]) -> tuple[list[Due], list[UUID]]:
    """What to send, and what not yet: an address that failed again and again is tried with one delivery."""
    tried: set[UUID] = set()
    send: list[Due] = []
    spared: list[UUID] = []
    for one in due:
        if rest_after(one.failures) is not None and one.webhook in tried:
            spared.append(one.id)
        else:
            tried.add(one.webhook)
            send.append(one)
    return send, spared


async def _news(db: Connection, one: Listening, reach: Extent) -> tuple[list[OutboxRow], Cursor]:
    """The next news after a webhook's position, and how far that goes.

    What is kept no longer, or was before a restored backup, cannot be told any more.
    """
    position = max(one.position, reach.oldest) if one.epoch == reach.epoch else reach.head
    rows = await outbox.since(db, position, _ROWS)
    return rows, Cursor(reach.epoch, rows[-1].position if rows else reach.head)


async def _told(db: Connection, one: Listening, rows: Sequence[OutboxRow]) -> list[Told]:
    """What of the news a webhook is told: of its topics, within its partner's scopes and channels."""
    topics = {
        topic.topic.value: topic for topic in map(WebhookTopic, one.topics) if topic.scope.value in one.scopes
    }
    wanted = [row for row in rows if row.topic in topics]
    orders = await db_.orders_of(db, one.partner, _ids(wanted, Topic.ORDER))
    pickups = await db_.pickups_of(db, one.partner, _ids(wanted, Topic.PICKUP))
    told: list[Told] = []
    for row in wanted:
        data: dict[str, object] = {"cause": row.cause, "store": row.store}
        if row.topic == Topic.ORDER:
            order = UUID(row.sku)
            if order not in orders:
                continue
            data["orderId"] = global_id(Order.tag, order)
            subject = f"order:{order}"
        elif row.topic == Topic.PICKUP:
            pickup = UUID(row.sku)
            if pickup not in pickups:
                continue
            data["pickupId"] = global_id(Pickup.tag, pickup)
            data["orderId"] = global_id(Order.tag, pickups[pickup])
            subject = f"order:{pickups[pickup]}"
        else:
            if row.channel is not None and row.channel not in one.channels:
                continue
            data |= {"sku": row.sku, "channel": row.channel}
            subject = f"{row.topic}:{row.sku}:{row.store}"
        told.append(_written(row, one, subject, data))
    return told


def _written(row: OutboxRow, one: Listening, subject: str, data: dict[str, object]) -> Told:
    cursor = str(Cursor(one.epoch, row.position))
    type_ = f"{row.topic}.changed"
    at: datetime = row.occurred_at
    body = {"type": type_, "timestamp": at, "data": {**data, "cursor": cursor}}
    return Told(subject, type_, cursor, orjson.dumps(body, option=orjson.OPT_UTC_Z).decode())


def _ids(rows: Sequence[OutboxRow], topic: Topic) -> list[UUID]:
    ids: set[UUID] = set()
    for row in rows:
        if row.topic == topic and row.sku is not None:
            with suppress(ValueError):
                ids.add(UUID(row.sku))
    return sorted(ids)
