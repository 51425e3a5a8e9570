"""Channels: the touchpoints a sale can happen at."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import SQLModel, col, select

from domain.channels import ChannelKind, StockPolicy
from persistence import columns
from persistence.database import Connection, statement


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
