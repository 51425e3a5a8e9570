"""The outbox: news written in the transaction that made it, and read in the order the relay gave it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import col

from domain.news import Cursor, News
from persistence.database import Connection, param, statement, texts
from persistence.news.tables import Outbox, Stream

_MOMENT = sa.DateTime(timezone=True)
_given: Any = (
    sa.func.unnest(
        texts("topics"),
        texts("skus"),
        texts("stores"),
        texts("channels"),
        texts("causes"),
        param("moments", sa.ARRAY(_MOMENT)),
    )
    .table_valued(
        *(sa.column(name, sa.Text) for name in ("topic", "sku", "store", "channel", "cause")),
        sa.column("occurred_at", _MOMENT),
        with_ordinality="place",
        name="given",
    )
    .render_derived()
)
_written = (
    sa.insert(Outbox)
    .from_select(
        ["topic", "sku", "store", "channel", "cause", "occurred_at"],
        sa.select(
            _given.c.topic,
            _given.c.sku,
            _given.c.store,
            _given.c.channel,
            _given.c.cause,
            sa.func.coalesce(_given.c.occurred_at, sa.func.clock_timestamp()),
        ).order_by(_given.c.place),
    )
    .returning(col(Outbox.id))
    .cte("written")
)
_WRITE = statement(sa.select(sa.func.max(_written.c.id)))


async def write(db: Connection, news: Sequence[News]) -> int | None:
    """The highest outbox id of the news, None when there was none; it is told once the transaction commits.

    Write it after taking the locks of what changed: two transactions that change the same thing then tell of
    it in the order in which they changed it.
    """
    if not news:
        return None
    highest = await _WRITE.value(
        db,
        topics=[piece.topic.value for piece in news],
        skus=[piece.sku for piece in news],
        stores=[piece.store for piece in news],
        channels=[piece.channel for piece in news],
        causes=[piece.cause for piece in news],
        moments=[piece.occurred_at for piece in news],
    )
    return int(highest)


class OutboxRow(NamedTuple):
    """A piece of news that has its position."""

    id: int
    position: int
    topic: str
    sku: str | None
    store: str | None
    channel: str | None
    cause: str
    occurred_at: datetime


class Extent(NamedTuple):
    """What of the one order can be read: everything after `oldest`, up to `head`."""

    epoch: int
    head: int
    oldest: int


COLUMNS = tuple(col(getattr(Outbox, name)) for name in OutboxRow._fields)
"""The columns of an OutboxRow."""

_rows = sa.select(*COLUMNS)
_SINCE = statement(
    _rows.where(col(Outbox.position) > param("position"))
    .order_by(col(Outbox.position))
    .limit(param("limit", sa.BigInteger)),
    OutboxRow,
)


async def since(db: Connection, position: int, limit: int) -> list[OutboxRow]:
    """The news after a position, in order, at most `limit` pieces."""
    return await _SINCE.all(db, position=position, limit=limit)


_MATCHING = statement(
    _rows.where(
        col(Outbox.position) > param("after"),
        col(Outbox.position) <= param("upto"),
        col(Outbox.topic) == sa.any_(texts("topics")),
        sa.or_(
            param("every_sku", sa.Boolean),
            col(Outbox.sku).is_(None),
            col(Outbox.sku) == sa.any_(texts("skus")),
        ),
        sa.or_(
            param("every_store", sa.Boolean),
            col(Outbox.store).is_(None),
            col(Outbox.store) == sa.any_(texts("stores")),
        ),
    )
    .order_by(col(Outbox.position))
    .limit(param("limit", sa.BigInteger)),
    OutboxRow,
)


async def matching(
    db: Connection,
    after: int,
    upto: int,
    limit: int,
    *,
    topics: Collection[str],
    skus: Collection[str] | None,
    stores: Collection[str] | None,
) -> list[OutboxRow]:
    """The news in (after, upto] about these topics, skus and stores, in order, at most `limit` pieces.

    None for skus or stores means every one; news that names none concerns every one.
    """
    return await _MATCHING.all(
        db,
        after=after,
        upto=upto,
        limit=limit,
        topics=list(topics),
        every_sku=skus is None,
        skus=list(skus or ()),
        every_store=stores is None,
        stores=list(stores or ()),
    )


_EXTENT = statement(sa.select(col(Stream.epoch), col(Stream.head), col(Stream.oldest)), Extent)


async def extent(db: Connection) -> Extent:
    """How far the one order reaches, from the oldest news that is still kept to the latest."""
    return await _EXTENT.one(db)


async def head(db: Connection) -> Cursor:
    """The cursor of the latest news that has its position."""
    reach = await extent(db)
    return Cursor(reach.epoch, reach.head)


async def oldest(db: Connection) -> Cursor:
    """The oldest cursor from which nothing that followed is lost yet."""
    reach = await extent(db)
    return Cursor(reach.epoch, reach.oldest)


_POSITION = statement(sa.select(col(Outbox.position)).where(col(Outbox.id) == param("id")))


async def position_of(db: Connection, outbox_id: int) -> int | None:
    """The position of a piece of news, None while it has none or when it is no longer kept."""
    position = await _POSITION.value(db, id=outbox_id)
    return None if position is None else int(position)


_RAISE_EPOCH = statement(
    sa.update(Stream).values(epoch=col(Stream.epoch) + 1).returning(col(Stream.epoch).label("epoch"))
)


async def raise_epoch(db: Connection) -> int:
    """The new epoch: to be called once after a backup was restored, so that no older cursor fits any more."""
    return int(await _RAISE_EPOCH.value(db))
