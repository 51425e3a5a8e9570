"""Where and when a question is asked: the sales context, resolved once and the same for every field."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import strawberry

from domain.channels import StockPolicy
from domain.pricing.records import PriceContext
from domain.refusals import RequestCode, RequestError, Text
from persistence.pricing.reads import Place
from resolvers.context import Context
from resolvers.scalars import CurrencyCode


@strawberry.input(
    description="Who is buying what, where and when. The channel is always named; a staff or device token "
    "supplies the store when it is left out; a member's tier comes from the token, never from here."
)
class SalesContext:
    channel: str = strawberry.field(
        description="channel code, e.g. app, mini-program, h5, pos, jd, tmall, live"
    )
    store: str | None = strawberry.field(
        default=None, description="store code; sets store prices and store stock"
    )
    campaign: str | None = strawberry.field(
        default=None, description="campaign, live room or group-buy code that unlocks its price"
    )
    at: datetime | None = strawberry.field(
        default=None, description="price as of this instant, in reads only; the past is for staff"
    )


class Resolved(NamedTuple):
    """A sales context that holds: its channel and store exist, and the viewer may look at that moment.

    `priced_in` is the channel whose prices count: a till has its store's till channel, and is held down by
    the store's labels.
    """

    channel: str
    priced_in: str
    store: str | None
    campaign: str | None
    tier: str | None
    currency_code: CurrencyCode
    stock_policy: StockPolicy
    at: datetime
    now: bool
    at_till: bool = False

    @property
    def place(self) -> Place:
        """What the price records of this context are read by."""
        return Place(self.priced_in, self.store, self.at, self.now, self.at_till)

    def priced(self, at: datetime, quantity: int) -> PriceContext:
        """What the price engine is asked; of the shopper it hears the tier and nothing else."""
        return PriceContext(
            at=at,
            channel=self.priced_in,
            currency_code=self.currency_code,
            store=self.store,
            tier=self.tier,
            campaign=self.campaign,
            quantity=quantity,
        )


async def resolve(context: Context, asked: SalesContext) -> Resolved:
    """The context that is meant.

    Raises BAD_USER_INPUT for an unknown channel or store, FORBIDDEN for the past when the viewer is no staff.
    """
    store = asked.store or context.viewer.store
    if store != asked.store:
        asked = replace(asked, store=store)
    return await resolve_exactly(context, asked)


async def resolve_exactly(context: Context, asked: SalesContext) -> Resolved:
    """The same for a context that somebody stored: without a store there, no viewer supplies one."""
    key = (asked.channel, asked.store, asked.campaign, asked.at)
    known = context.places.get(key)
    if known is None:
        known = context.places[key] = await _resolve(context, asked)
    return known


async def _resolve(context: Context, asked: SalesContext) -> Resolved:
    directory, viewer = context.house.directory, context.viewer
    channel = await context.channel(asked.channel)
    if channel is None:
        raise RequestError.bad_input(
            en=f'There is no channel "{asked.channel}".', zh=f"没有渠道“{asked.channel}”。"
        )
    code = asked.store
    store = None
    if code is not None:
        store = await directory.store(code)
        if store is None:
            raise RequestError.bad_input(en=f'There is no store "{code}".', zh=f"没有门店“{code}”。")
    now = asked.at is None
    at = asked.at or context.now
    if not now and at < context.now and not viewer.is_staff:
        raise RequestError(
            RequestCode.FORBIDDEN, Text(en="Past prices are for staff.", zh="历史价格仅供员工查询。")
        )
    return Resolved(
        channel=channel.code,
        priced_in=store.till_channel if store is not None and channel.kind.is_till else channel.code,
        store=None if store is None else store.code,
        campaign=asked.campaign,
        tier=viewer.tier,
        currency_code=CurrencyCode(channel.currency_code),
        stock_policy=channel.stock_policy,
        at=at,
        now=now,
        at_till=store is not None and channel.kind.is_till,
    )
