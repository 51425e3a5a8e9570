"""Carts in the graph: filled by anybody who knows their id, priced whenever they are read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid5

import strawberry

from domain import carts as rules
from domain.access import CART_USERS, EVERYONE, PrincipalKind
from domain.baskets import Basket, PricedLine
from domain.money import Money as Amount
from domain.orders.states import FulfilmentKind
from domain.refusals import PriceRefusal, Refusal, RefusalCode, Refused, RequestError, StockRefusal, Text
from persistence import carts as carts_db
from persistence.carts import Cart as StoredCart
from persistence.carts import StoredLine, StoredTouch
from persistence.database import Connection
from persistence.pricing import reads as pricing_db
from persistence.pricing.reads import PricesOfSku
from resolvers.baskets import Asked, price_line, price_lines, running_for
from resolvers.catalog import ProductVariant
from resolvers.channels import Channel
from resolvers.context import Context, Info
from resolvers.fields import field, mutation, query
from resolvers.fulfilment import Fulfilment, FulfilmentInput, chosen
from resolvers.inventory import units_for_sale
from resolvers.loaders import PricesKey
from resolvers.places import Resolved, SalesContext, resolve, resolve_exactly
from resolvers.shapes import FromRow, Money, Node, Payload, UserError, parse_global_id, shape, user_error
from resolvers.stores import Store, store_shape
from resolvers.totals import Discount, Totals

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
        return cls(code=touch["code"], clerk=None, campaign=None, at=datetime.fromisoformat(touch["at"]))


@shape(CART_USERS, description="What somebody means to buy; priced anew whenever it is read.")
class Cart(FromRow[StoredCart], Node):
    tag = "Ct"
    row: strawberry.Private[StoredCart]
    pricing: strawberry.Private[asyncio.Future[Basket] | None] = None
    expires_at: datetime

    async def basket(self, context: Context) -> Basket:
        """The lines that are for sale, at their prices now; found out once for all fields."""
        if self.pricing is None:
            self.pricing = asyncio.ensure_future(_basket(context, self.row))
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
        return Fulfilment.of(FulfilmentKind(chosen["kind"]), chosen["store"], chosen["address"])

    @field()
    async def discounts(self, info: Info) -> list[Discount]:
        basket = await self.basket(info.context)
        return [Discount.of(info.context, one, basket.currency_code) for one in basket.reductions]

    @field()
    async def totals(self, info: Info) -> Totals:
        return Totals.of(await self.basket(info.context))

    @field(description="what led here, in the order it came")
    def attribution(self) -> list[Touch]:
        return [Touch.of(touch) for touch in self.row.touches]

    @field(
        description="what would stop its checkout now: not for sale, too little stock, a price above the one "
        "shown when the line was set. Setting a line again takes its price as it is."
    )
    async def problems(self, info: Info) -> list[UserError]:
        context = info.context
        refusals = await _problems(context, self.row, await self.basket(context))
        return [user_error(refusal, context.locale) for refusal in refusals]

    @field()
    def points_used(self) -> int:
        return self.row.points


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


async def _basket(context: Context, cart: StoredCart) -> Basket:
    asked, lines = await place_of(context, cart), lines_of(cart)
    prices = await context.loaders.prices.load_many([PricesKey(asked.place, line.sku) for line in lines])
    by_sku = {line.sku: found for line, found in zip(lines, prices, strict=True)}
    priced = price_lines(lines, by_sku, asked)
    async with context.house.database.connection() as db:
        offered = await running_for(db, context.house, priced, asked, cart.member)
    return offered.basket(asked.currency_code, priced)


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
    return Cart.of(row) if row is not None and _is_theirs(context, row) else None


def cart_key(global_id: str) -> UUID | None:
    """The key in a cart's opaque id; None when it is no cart's."""
    known = parse_global_id(global_id)
    return known[1] if known is not None and known[0] == Cart.tag else None


def _is_theirs(context: Context, row: StoredCart) -> bool:
    return row.expires_at > context.now and row.member in (None, member_of(context))


def member_of(context: Context) -> str | None:
    """Who the caller is as a member, None for everybody else."""
    viewer = context.viewer
    return viewer.subject if viewer.kind is PrincipalKind.MEMBER else None


# ------------------------------------------------------------------ changing


@strawberry.input
class CartLineInput:
    sku: str
    quantity: int


@strawberry.input
class CartCreateInput:
    context: SalesContext
    lines: list[CartLineInput] | None = None


@strawberry.input(description="Sets by sku; quantity 0 removes; other lines stay.")
class CartLinesSetInput:
    cart_id: strawberry.ID
    lines: list[CartLineInput] = strawberry.field(description="1 to 500")


@strawberry.input
class CartFulfilmentSetInput:
    cart_id: strawberry.ID
    fulfilment: FulfilmentInput


@strawberry.input(description="null removes the coupon")
class CartCouponApplyInput:
    cart_id: strawberry.ID
    code: str | None = None


@strawberry.input
class CartPointsSetInput:
    cart_id: strawberry.ID
    points: int


@strawberry.input
class CartTouchAddInput:
    cart_id: strawberry.ID
    code: str


@mutation(
    CartPayload,
    CART_USERS,
    description="Start a cart. Its id is the key to it: a visitor's cart opens to whoever has the id.",
)
async def cart_create(info: Info, input: CartCreateInput) -> CartPayload:
    context = info.context
    asked = await resolve_given(context, input.context)
    wanted = rules.merged(input.lines or [])
    rules.must_fit(len(wanted))
    put = [sku for sku, want in wanted.items() if want.quantity]
    found = await context.loaders.prices.load_many([PricesKey(asked.place, sku) for sku in put])
    lines = _shown_lines(dict(zip(put, found, strict=True)), asked, wanted)
    async with context.house.database.connection() as db:
        row = await carts_db.create(
            db,
            channel=asked.channel,
            store=asked.store,
            campaign=asked.campaign,
            member=member_of(context),
            lines=list(lines.values()),
            expires_at=context.now + rules.LIFETIME,
        )
    return CartPayload(cart=Cart.of(row))


async def resolve_given(context: Context, given: SalesContext) -> Resolved:
    """The sales context of a mutation; refuses INVALID_INPUT for one that names a moment, or what is not."""
    if given.at is not None:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en="A sale is made now; leave context.at out.",
            zh="销售以当前时间为准，请去掉 context.at。",
            field=("input", "context", "at"),
        )
    try:
        return await resolve(context, given)
    except RequestError as error:
        raise Refused(Refusal(RefusalCode.INVALID_INPUT, error.text, ("input", "context"))) from error


def _shown_lines(
    prices: Mapping[str, PricesOfSku | None], asked: Resolved, wanted: dict[str, rules.Wanted]
) -> dict[str, StoredLine]:
    """By sku: the lines to keep, each with the price it is shown at; refuses what is not sold there."""
    lines: dict[str, StoredLine] = {}
    refusals: list[Refusal] = []
    for sku, want in wanted.items():
        if not want.quantity:
            continue
        found = prices.get(sku)
        priced = price_line(Asked(sku, want.quantity), found, asked)
        if priced is not None:
            lines[sku] = StoredLine(sku=sku, quantity=want.quantity, shown=priced.unit_minor)
        elif found is None:
            refusals.append(
                Refusal(
                    RefusalCode.NOT_FOUND,
                    Text(f'There is no sku "{sku}".', f"没有商品“{sku}”。"),
                    (*_LINES, str(want.place), "sku"),
                )
            )
        else:
            refusals.append(not_for_sale(sku, (*_LINES, str(want.place), "sku")))
    if refusals:
        raise Refused(*refusals)
    return lines


Change = Callable[[Connection, StoredCart], Awaitable[StoredCart]]


async def _changed(context: Context, given_id: str, change: Change) -> CartPayload:
    """The cart after a change, made while nobody else changes or buys it.

    Refuses NOT_FOUND for what is not there or not the caller's, CART_ALREADY_CHECKED_OUT for what was bought.
    """
    async with context.house.database.transaction() as db:
        row = await open_cart(db, context, given_id)
        changed = await change(db, row)
    return CartPayload(cart=Cart.of(changed))


async def open_cart(db: Connection, context: Context, given_id: str) -> StoredCart:
    """A cart that can be changed and bought, locked; refuses as `_changed` says."""
    cart_id = cart_key(given_id)
    row = None if cart_id is None else await carts_db.lock(db, cart_id)
    if row is None or not _is_theirs(context, row):
        raise Refused.because(
            RefusalCode.NOT_FOUND,
            en="There is no such cart.",
            zh="没有这个购物车。",
            field=("input", "cartId"),
        )
    if row.order_id is not None:
        raise Refused.because(
            RefusalCode.CART_ALREADY_CHECKED_OUT,
            en="This cart was checked out.",
            zh="该购物车已结算。",
            field=("input", "cartId"),
        )
    return row


def _kept_until(context: Context) -> datetime:
    return context.now + rules.LIFETIME


@mutation(
    CartPayload,
    CART_USERS,
    description="Set lines by sku: so many of each from now on, 0 takes it out, other lines stay. Lines of "
    "one sku are added up.",
)
async def cart_lines_set(info: Info, input: CartLinesSetInput) -> CartPayload:
    context = info.context
    if not 1 <= len(input.lines) <= rules.MOST_LINES:
        rules.must_fit(len(input.lines) or rules.MOST_LINES + 1)
    wanted = rules.merged(input.lines)

    async def change(db: Connection, row: StoredCart) -> StoredCart:
        asked = await place_of(context, row)
        # On this connection: whoever waits for a second one while holding a first may wait for himself.
        prices = await pricing_db.current_prices(db, list(wanted), asked.place)
        new = _shown_lines(prices, asked, wanted)
        kept = [new.pop(line["sku"], line) for line in row.lines if _stays(line, wanted)]
        lines = [*kept, *new.values()]
        rules.must_fit(len(lines))
        return await carts_db.set_lines(db, row.id, lines, _kept_until(context))

    return await _changed(context, input.cart_id, change)


def _stays(line: StoredLine, wanted: dict[str, rules.Wanted]) -> bool:
    want = wanted.get(line["sku"])
    return want is None or want.quantity > 0


@mutation(CartPayload, CART_USERS, description="Choose how the goods reach the shopper.")
async def cart_fulfilment_set(info: Info, input: CartFulfilmentSetInput) -> CartPayload:
    context = info.context

    async def change(db: Connection, row: StoredCart) -> StoredCart:
        channel = await context.house.directory.channel(row.channel)
        fulfilment = await chosen(
            context,
            input.fulfilment,
            store=row.store,
            at_till=channel is not None and channel.kind.is_till,
        )
        return await carts_db.set_fulfilment(db, row.id, fulfilment, _kept_until(context))

    return await _changed(context, input.cart_id, change)


@mutation(CartPayload, CART_USERS, description="Use a coupon, or none any more.")
async def cart_coupon_apply(info: Info, input: CartCouponApplyInput) -> CartPayload:
    context, code = info.context, input.code

    async def change(db: Connection, row: StoredCart) -> StoredCart:
        if code is not None:
            raise Refused.because(
                RefusalCode.COUPON_NOT_APPLICABLE,
                en="There is no such coupon for this cart.",
                zh="该购物车不能使用此优惠券。",
                field=("input", "code"),
            )
        return await carts_db.set_coupon(db, row.id, None, _kept_until(context))

    return await _changed(context, input.cart_id, change)


@mutation(CartPayload, CART_USERS, description="Pay a part with points; 0 for none.")
async def cart_points_set(info: Info, input: CartPointsSetInput) -> CartPayload:
    context, points = info.context, input.points
    if points < 0:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en="Points are 0 or more.",
            zh="积分须为 0 或以上。",
            field=("input", "points"),
        )

    async def change(db: Connection, row: StoredCart) -> StoredCart:
        if points:
            raise Refused.because(
                RefusalCode.POINTS_INSUFFICIENT,
                en=f"There are not {points} points to pay with.",
                zh=f"可用积分不足 {points}。",
                field=("input", "points"),
            )
        return await carts_db.set_points(db, row.id, points, _kept_until(context))

    return await _changed(context, input.cart_id, change)


@mutation(
    CartPayload,
    CART_USERS,
    description="Remember the scan or link that led here; one that came before is moved to the end. The "
    f"latest {rules.MOST_TOUCHES} are kept.",
)
async def cart_touch_add(info: Info, input: CartTouchAddInput) -> CartPayload:
    context, code = info.context, input.code.strip()
    if not 1 <= len(code) <= rules.LONGEST_CODE:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"A code has 1 to {rules.LONGEST_CODE} characters.",
            zh=f"代码须为 1 到 {rules.LONGEST_CODE} 个字符。",
            field=("input", "code"),
        )

    async def change(db: Connection, row: StoredCart) -> StoredCart:
        others = [touch for touch in row.touches if touch["code"] != code]
        touches = [*others, StoredTouch(code=code, at=context.now.isoformat())][-rules.MOST_TOUCHES :]
        return await carts_db.set_touches(db, row.id, touches, _kept_until(context))

    return await _changed(context, input.cart_id, change)
