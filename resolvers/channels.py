"""Channels in the graph."""

from __future__ import annotations

import strawberry

from domain.access import EVERYONE
from domain.channels import ChannelKind, StockPolicy
from domain.locales import translated
from persistence import channels as channels_db
from resolvers.context import Info
from resolvers.fields import field, query
from resolvers.scalars import CurrencyCode
from resolvers.shapes import FromRow, Node, shape


@shape(EVERYONE, description="A touchpoint with its own prices and its own share of the stock.")
class Channel(FromRow[channels_db.Channel], Node):
    tag = "Ch"
    row: strawberry.Private[channels_db.Channel]
    code: str
    kind: ChannelKind
    currency_code: CurrencyCode
    stock_policy: StockPolicy
    active: bool

    @field(description="In the caller's language.")
    def name(self, info: Info) -> str:
        return translated(self.row.names, info.context.locale, info.context.house.default_locale)


@query(EVERYONE, description="Every channel, by code; for a partner those it trades in.")
async def channels(info: Info) -> list[Channel]:
    async with info.context.house.database.connection() as db:
        rows = await channels_db.every_channel(db)
    return [Channel.of(row) for row in rows if info.context.viewer.trades_in(row.code)]
