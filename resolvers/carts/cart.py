"""Carts in the graph: opened by whoever knows their id, priced whenever they are read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

import strawberry

from domain.access import CART_USERS, EVERYONE, PrincipalKind
from domain.baskets import Basket, PricedLine
from domain.members.sight import Sight
from domain.money import Money as Amount
from domain.orders.states import FulfilmentKind
from domain.refusals import PriceRefusal, Refusal, RefusalCode, StockRefusal, Text
from persistence import carts as carts_db
from persistence.carts import Cart as StoredCart
from persistence.carts import StoredLine, StoredTouch
from resolvers.carts.baskets import Asked, price_lines, prices_now, running_now
from resolvers.carts.totals import Discount, Totals
from resolvers.catalog.products import ProductVariant
from resolvers.channels import Channel
from resolvers.context import Context, Info
from resolvers.fields import field, query
from resolvers.inventory.stock import units_for_sale
from resolvers.loyalty.baskets import NO_BENEFITS, NO_WISH, Deal, Sale, benefits_of, earned_by, wish_of
from resolvers.loyalty.coupons import Coupon
from resolvers.members.member import Member, member_shape
from resolvers.orders.fulfilment import Fulfilment
from resolvers.places import Resolved, SalesContext, resolve_exactly
from resolvers.shapes import FromRow, Money, Node, Payload, UserError, parse_global_id, shape, user_error
from resolvers.stores.store import Store, store_shape

_LINES = ("input", "lines")


# ------------------------------------------------------------------ shapes


@shape(CART_USERS, description="lineTotal = unitPrice x quantity - this line's share of the discounts")
class CartLine:
    id: strawberry.ID
    variant: ProductVariant
    quantity: int
    unit_price: Money = strawberry.field(description="0 when it is not for sale any more; see problems")
    discount: Money
    line_total: Money


@shape(
    EVERYONE,
    description="A scan or link that led here: the code on a shelf, poster or receipt names store, clerk and "
    "campaign.",
)
class Touch:
    code: str
    clerk: str | None
    campaign: str | None
    at: datetime
    store_code: strawberry.Private[str | None] = None

    @field()
    async def store(self, info: Info) -> Store | None:
        return None if self.store_code is None else await store_shape(info, self.store_code)

    @classmethod
    def of(cls, touch: StoredTouch) -> Touch:
        """The shape of a stored touch."""
        return cls(
            code=touch["code"],
            clerk=touch.get("clerk"),
            campaign=touch.get("campaign"),
            at=datetime.fromisoformat(touch["at"]),
            store_code=touch.get("store"),
        )


@shape(CART_USERS, description="What somebody means to buy; priced anew whenever it is read.")
class Cart(FromRow[StoredCart], Node):
    tag = "Ct"
    row: strawberry.Private[StoredCart]
    pricing: strawberry.Private[asyncio.Future[Deal] | None] = None
    expires_at: datetime

    async def basket(self, context: Context) -> Basket:
        """The lines that are for sale, at their prices now."""
        return (await self.deal(context)).basket

    async def deal(self, context: Context) -> Deal:
        """The same with what coupon and points are good for; found out once for all fields."""
        if self.pricing is None:
            self.pricing = asyncio.ensure_future(_deal(context, self.row))
        return await self.pricing

    @field()
    async def channel(self, info: Info) -> Channel:
        row = await info.context.loaders.channel.load(self.row.channel)
        if row is None:
            raise LookupError(f"channel {self.row.channel} is gone")
        return Channel.of(row)

    @field()
    async def store(self, info: Info) -> Store | None:
        return None if self.row.store is None else await store_shape(info, self.row.store)

    @field()
    async def member(self, info: Info) -> Member | None:
        return await member_shape(info.context, self.row.member, how="cart")

    @field()
    async def lines(self, info: Info) -> list[CartLine]:
        basket = await self.basket(info.context)
        priced = {line.sku: line for line in basket.lines}
        rows = await info.context.loaders.variant_by_sku.load_many([line["sku"] for line in self.row.lines])
        shown = []
        for stored, variant in zip(self.row.lines, rows, strict=True):
            if variant is None:
                continue
            line = priced.get(stored["sku"]) or _unpriced(stored)
            shown.append(
                CartLine(
                    id=strawberry.ID(uuid5(self.row.id, stored["sku"]).hex),
                    variant=ProductVariant.of(variant),
                    quantity=line.quantity,
                    unit_price=Money.of(line.unit_minor, basket.currency_code),
                    discount=Money.of(line.discount_minor, basket.currency_code),
                    line_total=Money.of(line.total_minor, basket.currency_code),
                )
            )
        return shown

    @field()
    def fulfilment(self) -> Fulfilment | None:
        chosen = self.row.fulfilment
        if chosen is None:
            return None
        return Fulfilment.of(FulfilmentKind(chosen["kind"]), chosen["store"], chosen["address"], Sight.OWN)

    @field()
    async def coupon(self, info: Info) -> Coupon | None:
        if self.row.coupon is None:
            return None
        row = await info.context.loaders.coupon.load(UUID(self.row.coupon))
        return None if row is None else Coupon.of(row)

    @field()
    async def discounts(self, info: Info) -> list[Discount]:
        basket = await self.basket(info.context)
        return [Discount.of(info.context, one, basket.currency_code) for one in basket.reductions]

    @field()
    async def totals(self, info: Info) -> Totals:
        earning = None if self.row.member is None else self._earning
        return Totals.of(await self.basket(info.context), earning)

    async def _earning(self, context: Context) -> int:
        """The points it would earn now."""
        asked, basket = await place_of(context, self.row), await self.basket(context)
        async with context.house.database.connection() as db:
            found = (await earned_by(db, context.house, [Sale(basket, asked)]))[0]
        return 0 if found is None else sum(found.by_line)

    @field(description="what led here, in the order it came")
    def attribution(self) -> list[Touch]:
        return [Touch.of(touch) for touch in self.row.touches]

    @field(
        description="what would stop its checkout now: not for sale, too little stock, a price above the one "
        "shown when the line was set, a coupon that does not apply, too few points. Setting a line again "
        "takes its price as it is."
    )
    async def problems(self, info: Info) -> list[UserError]:
        context = info.context
        deal = await self.deal(context)
        refusals = [*await _problems(context, self.row, deal.basket), *deal.refusals]
        return [user_error(refusal, context.locale) for refusal in refusals]

    @field(description="of those set to be used, as many as it takes")
    async def points_used(self, info: Info) -> int:
        return (await self.deal(info.context)).points_used if self.row.points else 0


def _unpriced(line: StoredLine) -> PricedLine:
    return PricedLine(sku=line["sku"], quantity=line["quantity"], unit_minor=0, source="", version=0)


@shape(CART_USERS)
class CartPayload(Payload):
    cart: Cart | None = None


# ------------------------------------------------------------------ pricing and problems


async def place_of(context: Context, cart: StoredCart) -> Resolved:
    """Where a cart is priced."""
    return await resolve_exactly(
        context, SalesContext(channel=cart.channel, store=cart.store, campaign=cart.campaign)
    )


def lines_of(cart: StoredCart) -> list[Asked]:
    """A cart's lines as they are priced."""
    return [Asked(line["sku"], line["quantity"]) for line in cart.lines]


async def _deal(context: Context, cart: StoredCart) -> Deal:
    asked, lines = await place_of(context, cart), lines_of(cart)
    skus = [line.sku for line in lines]
    prices = await context.house.together(prices_now, (asked.place, skus)) if skus else {}
    priced = price_lines(lines, prices, asked)
    offered = await context.house.together(running_now, (priced, asked, cart.member))
    wish = wish_of(cart)
    if wish == NO_WISH:
        return NO_BENEFITS.deal(offered, asked.currency_code, priced)
    async with context.house.database.connection() as db:
        benefits = await benefits_of(db, context.house, cart, wish, offered, priced, asked)
    return benefits.deal(offered, asked.currency_code, priced)


def stock_place(cart: StoredCart, asked: Resolved) -> Resolved:
    """Where a cart's goods come from: the store chosen to fulfil it, its own, or all that deliver."""
    chosen = cart.fulfilment["store"] if cart.fulfilment is not None else None
    return asked._replace(store=chosen or asked.store)


async def _problems(context: Context, cart: StoredCart, basket: Basket) -> list[Refusal]:
    asked = await place_of(context, cart)
    stock_in = stock_place(cart, asked)
    units = await asyncio.gather(*(units_for_sale(context, stock_in, line.sku) for line in basket.lines))
    priced = {line.sku: line for line in basket.lines}
    available = dict(zip(priced, units, strict=True))
    refusals: list[Refusal] = []
    for index, stored in enumerate(cart.lines):
        path, sku = ("lines", str(index)), stored["sku"]
        line = priced.get(sku)
        if line is None:
            refusals.append(not_for_sale(sku, path))
            continue
        if available[sku] < line.quantity:
            refusals.append(insufficient(sku, line.quantity, available[sku], stock_in, path))
        if stored["shown"] is not None and line.unit_minor > stored["shown"]:
            refusals.append(price_risen(line, stored["shown"], basket.currency_code, path))
    return refusals


def not_for_sale(sku: str, path: Sequence[str]) -> Refusal:
    """The refusal of a line without a price."""
    return Refusal(
        RefusalCode.NOT_FOR_SALE_HERE,
        Text(f"{sku} is not for sale here.", f"{sku} 在此渠道或门店不销售。"),
        tuple(path),
    )


def insufficient(
    sku: str, wanted: int, available: int, stock_in: Resolved, path: Sequence[str]
) -> StockRefusal:
    """The refusal of a line that asks for more than can be had."""
    return StockRefusal(
        RefusalCode.INSUFFICIENT_STOCK,
        # Without the number: what a shopper may be told of it is capped elsewhere.
        Text(f"There are fewer than {wanted} of {sku} left.", f"{sku} 的库存不足 {wanted} 件。"),
        tuple(path),
        sku=sku,
        wanted=wanted,
        available=available,
        channel=stock_in.channel,
        store=stock_in.store,
    )


def price_risen(line: PricedLine, shown: int, currency: str, path: Sequence[str]) -> PriceRefusal:
    """The refusal of a line that costs more than its shopper was shown."""
    was, now = Amount(shown, currency), Amount(line.unit_minor, currency)
    return PriceRefusal(
        RefusalCode.PRICE_CHANGED,
        Text(f"One {line.sku} costs {now} by now, not {was}.", f"{line.sku} 的单价已由 {was} 变为 {now}。"),
        tuple(path),
        sku=line.sku,
        was=was,
        now=now,
    )


# ------------------------------------------------------------------ reading


@query(
    CART_USERS, description="A cart by its id: a visitor's is whoever's knows it, a member's the member's."
)
async def cart(info: Info, id: strawberry.ID) -> Cart | None:
    context = info.context
    cart_id = cart_key(id)
    if cart_id is None:
        return None
    async with context.house.database.connection() as db:
        row = (await carts_db.carts_by_id(db, [cart_id])).get(cart_id)
    return Cart.of(row) if row is not None and is_theirs(context, row) else None


def cart_key(global_id: str) -> UUID | None:
    """The key in a cart's opaque id; None when it is no cart's."""
    known = parse_global_id(global_id)
    return known[1] if known is not None and known[0] == Cart.tag else None


def is_theirs(context: Context, row: StoredCart) -> bool:
    """Whether the caller may open the cart: it is nobody's or the caller's own, and still kept."""
    return row.expires_at > context.now and row.member in (None, member_of(context))


def member_of(context: Context) -> str | None:
    """Who the caller is as a member, None for everybody else."""
    viewer = context.viewer
    return viewer.subject if viewer.kind is PrincipalKind.MEMBER else None
