"""The channels and stores of the group, as every price and stock question needs them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import col

from domain.channels import ChannelKind, StockPolicy
from domain.stores import OpeningHours, StoreService, opens_again_today
from persistence.channels import Channel
from persistence.database import Connection, statement
from persistence.stores import Hours, Store


class ChannelEntry(NamedTuple):
    """What a question needs to know of a channel."""

    code: str
    kind: ChannelKind
    currency_code: str
    stock_policy: StockPolicy
    active: bool


class StoreEntry(NamedTuple):
    """What a question needs to know of a store."""

    code: str
    till_channel: str
    services: list[str]
    time_zone: str
    opening_hours: list[Hours]
    active: bool

    @property
    def delivers(self) -> bool:
        """True when a context without a store may sell from its stock."""
        return self.active and StoreService.DELIVERY in self.services

    def hands_over_today(self, now: datetime) -> bool:
        """Whether what is ordered now can be picked up here today: it is open, or opens later today."""
        if not self.active or StoreService.PICKUP not in self.services:
            return False
        return opens_again_today([OpeningHours(**span) for span in self.opening_hours], self.time_zone, now)


_CHANNELS = statement(
    sa.select(
        col(Channel.code),
        col(Channel.kind),
        col(Channel.currency_code),
        col(Channel.stock_policy),
        col(Channel.active),
    ),
    ChannelEntry,
)
_STORES = statement(
    sa.select(
        col(Store.code),
        col(Store.till_channel),
        col(Store.services),
        col(Store.time_zone),
        col(Store.opening_hours),
        col(Store.active),
    ),
    StoreEntry,
)


async def channel_entries(db: Connection) -> dict[str, ChannelEntry]:
    """By code: every channel."""
    return {row.code: row for row in await _CHANNELS.all(db)}


async def store_entries(db: Connection) -> dict[str, StoreEntry]:
    """By code: every store."""
    return {row.code: row for row in await _STORES.all(db)}
