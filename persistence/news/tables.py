"""The tables of news."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from persistence import columns


class Outbox(SQLModel, table=True):
    """One piece of news, written in the transaction that made it; the relay gives it its position afterwards.

    `channel` and `store` are where it matters (null: everywhere), `cause` what set it off, such as pricesSet.
    """

    id: int = Field(sa_type=sa.BigInteger, sa_column_args=(sa.Identity(always=True),), primary_key=True)
    position: int | None = columns.long(nullable=True)
    topic: str = columns.text()
    sku: str | None = columns.optional_text()
    store: str | None = columns.optional_text()
    channel: str | None = columns.optional_text()
    cause: str = columns.text()
    occurred_at: datetime = columns.moment()

    __table_args__ = (
        sa.Index("outbox_position", "position", unique=True),
        sa.Index("outbox_waiting", "id", postgresql_where=sa.text("position IS NULL")),
    )


class Stream(SQLModel, table=True):
    """The one order of news: its epoch, raised by a restore, and the last position given out."""

    id: int = Field(sa_type=sa.SmallInteger, primary_key=True)
    epoch: int = columns.whole(default=1)
    head: int = columns.long(default=0)
    oldest: int = columns.long(default=0)

    __table_args__ = (sa.CheckConstraint("id = 1", name="single"),)


class Watermark(SQLModel, table=True):
    """Up to which instant a worker that wakes at boundaries has done its work.

    `done_key`: of the next boundaries at the very instant, those up to this key are done; null: all of them.
    """

    name: str = columns.code(primary=True)
    at: datetime = columns.moment()
    done_key: str | None = columns.optional_text()
