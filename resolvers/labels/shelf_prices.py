"""What a store's tills would charge everybody for one: the price that its labels show."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from domain.pricing.records import PriceContext
from persistence.pricing.reads import Place
from resolvers.house import House


class ShelfPlace(NamedTuple):
    """Where a store's labels are priced: as its till channel, in that one's currency."""

    store: str
    channel: str
    currency_code: str
    time_zone: str

    def place(self, at: datetime, *, now: bool = True) -> Place:
        """What the price records are read by."""
        return Place(self.channel, self.store, at, now)

    def priced(self, at: datetime) -> PriceContext:
        """What the price engine is asked: one, for everybody."""
        return PriceContext(at=at, channel=self.channel, currency_code=self.currency_code, store=self.store)


async def shelf_place(house: House, store: str) -> ShelfPlace | None:
    """Where the labels of a store are priced; None for a store that is closed or has no till channel."""
    known = await house.directory.store(store)
    channel = None if known is None else await house.directory.channel(known.till_channel)
    if known is None or channel is None:
        return None
    return ShelfPlace(known.code, channel.code, channel.currency_code, known.time_zone)
