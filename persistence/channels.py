"""Channels: the touchpoints a sale can happen at."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import SQLModel, col, select

from domain.channels import ChannelKind, StockPolicy
from persistence import columns
from persistence.database import Connection, param, statement, texts


class Channel(SQLModel, table=True):
    """A touchpoint with its own prices and its own share of the stock."""

    id: UUID = columns.key()
    code: str = columns.code(unique=True)
    names: dict[str, str] = columns.document()
    kind: ChannelKind = columns.choice(ChannelKind)
    currency_code: str = columns.text()
    stock_policy: StockPolicy = columns.choice(StockPolicy, default=StockPolicy.SHARED)
    active: bool = columns.flag(default=True)


_ALL = statement(select(Channel).order_by(col(Channel.code)))


async def every_channel(db: Connection) -> list[Channel]:
    """Every channel, by code."""
    return await _ALL.all(db)


_BY_ID = statement(select(Channel).where(col(Channel.id) == sa.any_(param("ids", sa.ARRAY(sa.Uuid)))))
_BY_CODE = statement(select(Channel).where(col(Channel.code) == sa.any_(texts("codes"))))


async def channels_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, Channel]:
    """By id: the channels that are there."""
    return {row.id: row for row in await _BY_ID.all(db, ids=ids)}


async def channels_by_code(db: Connection, codes: Sequence[str]) -> dict[str, Channel]:
    """By code: the channels that are there."""
    return {row.code: row for row in await _BY_CODE.all(db, codes=codes)}
