"""Any object by its opaque id: absent, or not the caller's to see, is the same null."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from uuid import UUID

import strawberry
from aiodataloader import DataLoader

from domain.access import EVERYONE, Principal, PrincipalKind, Rule
from resolvers.access import RULE
from resolvers.carts.cart import Cart
from resolvers.catalog.products import Category, Product, ProductVariant
from resolvers.channels import Channel
from resolvers.context import Context, Info
from resolvers.fields import query
from resolvers.inventory.stock import StockLevel
from resolvers.labels.access import sees_devices_of
from resolvers.labels.devices import PlainDevice
from resolvers.labels.labels import Gateway, Label, shape_of
from resolvers.loaders import Loaders
from resolvers.loyalty.coupons import Coupon
from resolvers.loyalty.coupons import owns as owns_coupon
from resolvers.members.gate import sight_of
from resolvers.members.member import Member
from resolvers.orders.order import Order
from resolvers.orders.order import sees as sees_order
from resolvers.partners.partner import Partner, PersistedOperation, sees_client
from resolvers.partners.webhooks import Webhook
from resolvers.pickup.pickup import Pickup
from resolvers.pickup.pickup import sees as sees_pickup
from resolvers.pricing.prices import PriceRecord
from resolvers.promotions.running import Promotion
from resolvers.shapes import Node, at_most, parse_global_id
from resolvers.stores.store import Store

MOST_NODES = 100


class _Kind(NamedTuple):
    shape: Any
    loader: Callable[[Loaders], DataLoader[UUID, Any]]
    sees: Callable[[Principal, Any], bool] = lambda viewer, row: True
    # Where what is shown of a row depends on who asks.
    shown: Callable[[Context, Any], Awaitable[Node | None]] | None = None


async def _seen_member(context: Context, row: Any) -> Member | None:
    return Member.seen(row, await sight_of(context, row.id, how="id"))


def _devices(shape: Any) -> _Kind:
    """Devices of one shape: all are rows of one table, and an id tells which shape it was given to."""
    return _Kind(
        shape,
        lambda loaders: loaders.device_by_id,
        lambda viewer, row: isinstance(shape_of(row), shape) and sees_devices_of(viewer, row.store),
    )


def _their_store(viewer: Principal, row: Any) -> bool:
    return viewer.sees_levels_of(row.store)


def _their_channel(viewer: Principal, row: Any) -> bool:
    return row.channel is None or viewer.trades_in(row.channel)


def _their_own_cart(viewer: Principal, row: Any) -> bool:
    # A visitor's opens to whoever asks for it as a cart, and to nobody here.
    return viewer.kind is PrincipalKind.MEMBER and row.member == viewer.subject


_KINDS = {
    kind.shape.tag: kind
    for kind in (
        _Kind(Channel, lambda loaders: loaders.channel_by_id, lambda viewer, row: viewer.trades_in(row.code)),
        _Kind(Store, lambda loaders: loaders.store_by_id),
        _Kind(Category, lambda loaders: loaders.category_by_id),
        _Kind(Product, lambda loaders: loaders.product),
        _Kind(ProductVariant, lambda loaders: loaders.variant),
        _Kind(PriceRecord, lambda loaders: loaders.price_records, _their_channel),
        _Kind(Promotion, lambda loaders: loaders.promotion, lambda viewer, row: viewer.is_staff),
        _Kind(StockLevel, lambda loaders: loaders.stock_level, _their_store),
        _Kind(Cart, lambda loaders: loaders.cart, _their_own_cart),
        _Kind(Order, lambda loaders: loaders.order, sees_order),
        _Kind(Member, lambda loaders: loaders.member, shown=_seen_member),
        _Kind(Pickup, lambda loaders: loaders.pickup, sees_pickup),
        _Kind(Webhook, lambda loaders: loaders.webhook, lambda viewer, row: sees_client(viewer, row.partner)),
        _Kind(Partner, lambda loaders: loaders.partner, lambda viewer, row: sees_client(viewer, row.code)),
        _Kind(
            PersistedOperation,
            lambda loaders: loaders.persisted_operation,
            lambda viewer, row: sees_client(viewer, row.client),
        ),
        _devices(Gateway),
        _devices(Label),
        _devices(PlainDevice),
        _Kind(Coupon, lambda loaders: loaders.coupon, owns_coupon),
    )
}


async def _node(context: Context, global_id: str) -> Node | None:
    known = parse_global_id(global_id)
    kind = _KINDS.get(known[0]) if known is not None else None
    if known is None or kind is None:
        return None
    rule: Rule = getattr(kind.shape, RULE)
    if not rule.allows(context.viewer):
        return None
    load: Awaitable[Any] = kind.loader(context.loaders).load(known[1])
    row = await load
    if row is None or not kind.sees(context.viewer, row):
        return None
    if kind.shown is not None:
        return await kind.shown(context, row)
    found: Node = kind.shape.of(row)
    return found


@query(EVERYONE, description="Any object by its id; null when it is absent or not the caller's to see.")
async def node(info: Info, id: strawberry.ID) -> Node | None:
    return await _node(info.context, id)


@query(EVERYONE, description="at most 100; null where absent or not the caller's to see")
async def nodes(info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
    at_most("ids", ids, MOST_NODES)
    return list(await asyncio.gather(*(_node(info.context, each) for each in ids)))
