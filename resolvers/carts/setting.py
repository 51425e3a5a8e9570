"""Filling and changing carts: lines, fulfilment, coupon, points, and what led here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

import strawberry

from domain import carts as rules
from domain.access import CART_USERS
from domain.attribution import is_current
from domain.refusals import Refusal, RefusalCode, Refused, RequestCode, RequestError, Text
from persistence import carts as carts_db
from persistence.attribution import codes as codes_db
from persistence.carts import Cart as StoredCart
from persistence.carts import StoredLine, StoredTouch
from persistence.database import Connection
from persistence.pricing import reads as pricing_db
from persistence.pricing.reads import PricesOfSku
from resolvers.carts.baskets import Asked, price_line, prices_now
from resolvers.carts.cart import Cart, CartPayload, cart_key, is_theirs, member_of, not_for_sale, place_of
from resolvers.context import Context, Info
from resolvers.fields import mutation
from resolvers.house import House
from resolvers.loyalty.carts import applicable_coupon, must_have_points
from resolvers.orders.fulfilment import FulfilmentInput, chosen
from resolvers.places import Resolved, SalesContext, resolve

_LINES = ("input", "lines")


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
    prices = await context.house.together(prices_now, (asked.place, put)) if put else {}
    lines = _shown_lines(prices, asked, wanted)
    new = carts_db.NewCart(
        id=uuid4(),
        channel=asked.channel,
        store=asked.store,
        campaign=asked.campaign,
        member=member_of(context),
        lines=list(lines.values()),
        expires_at=context.now + rules.LIFETIME,
    )
    return CartPayload(cart=Cart.of(await context.house.together(_create, new)))


async def _create(house: House, new: Sequence[carts_db.NewCart]) -> list[StoredCart]:
    async with house.database.connection() as db:
        return await carts_db.create_many(db, new)


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
        if error.code is not RequestCode.BAD_USER_INPUT:
            raise  # an outage is nobody's wrong input
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
    return must_be_open(context, None if cart_id is None else await carts_db.lock(db, cart_id))


def must_be_open(context: Context, row: StoredCart | None) -> StoredCart:
    """A cart that can be changed and bought, as it was found; refuses as `_changed` says."""
    if row is None or not is_theirs(context, row):
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

    row = must_be_open(context, await _read(context, input.cart_id))
    channel = await context.house.directory.channel(row.channel)
    at_till = channel is not None and channel.kind.is_till
    fulfilment = await chosen(context, input.fulfilment, store=row.store, at_till=at_till)
    brought = carts_db.Brought(row.id, fulfilment, _kept_until(context))
    changed = await context.house.together(_bring, brought)
    if changed is None:
        # Somebody bought it in between, or it is gone.
        changed = must_be_open(context, await _read(context, input.cart_id))
    return CartPayload(cart=Cart.of(changed))


async def _read(context: Context, given_id: str) -> StoredCart | None:
    cart_id = cart_key(given_id)
    return None if cart_id is None else await context.house.together(_by_id, cart_id)


async def _by_id(house: House, ids: Sequence[UUID]) -> list[StoredCart | None]:
    async with house.database.connection() as db:
        found = await carts_db.carts_by_id(db, ids)
    return [found.get(cart_id) for cart_id in ids]


async def _bring(house: House, brought: Sequence[carts_db.Brought]) -> list[StoredCart | None]:
    """The carts as changed; who set one twice at once has the last word. None: bought, or gone."""
    last = {one.cart_id: one for one in brought}
    async with house.database.connection() as db:
        changed = await carts_db.set_fulfilment_many(db, list(last.values()))
    return [changed.get(one.cart_id) for one in brought]


@mutation(
    CartPayload,
    CART_USERS,
    description="Use a coupon, or none any more. It is the cart's only once the cart is bought.",
)
async def cart_coupon_apply(info: Info, input: CartCouponApplyInput) -> CartPayload:
    context, code = info.context, input.code

    async def change(db: Connection, row: StoredCart) -> StoredCart:
        coupon = None if code is None else await applicable_coupon(context, db, row, code)
        return await carts_db.set_coupon(db, row.id, coupon, _kept_until(context))

    return await _changed(context, input.cart_id, change)


@mutation(
    CartPayload,
    CART_USERS,
    description="Pay a part with points, as many of these as it takes; 0 for none. They are taken when the "
    "cart is bought.",
)
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
            await must_have_points(context, db, row, points)
        return await carts_db.set_points(db, row.id, points, _kept_until(context))

    return await _changed(context, input.cart_id, change)


@mutation(
    CartPayload,
    CART_USERS,
    description="Remember the scan or link that led here; one that came before is moved to the end. The "
    f"latest {rules.MOST_TOUCHES} are kept. Codes of ours name store, clerk and campaign; refused with "
    "CODE_EXPIRED when they count no more.",
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
        touches = [*others, await _touch(db, context, code)][-rules.MOST_TOUCHES :]
        return await carts_db.set_touches(db, row.id, touches, _kept_until(context))

    return await _changed(context, input.cart_id, change)


async def _touch(db: Connection, context: Context, code: str) -> StoredTouch:
    """A touch by a code now; refuses CODE_EXPIRED for one of ours that counts no more, or not yet."""
    at = context.now.isoformat()
    issued = (await codes_db.codes_by_code(db, [code])).get(code)
    if issued is None:
        return StoredTouch(code=code, at=at)
    if not is_current(issued.valid_from, issued.valid_until, issued.revoked_at, context.now):
        raise Refused.because(
            RefusalCode.CODE_EXPIRED,
            en="This code counts no more, or not yet.",
            zh="该代码已失效或尚未生效。",
            field=("input", "code"),
        )
    return StoredTouch(code=code, at=at, store=issued.store, clerk=issued.clerk, campaign=issued.campaign)
