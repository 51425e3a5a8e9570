"""Buying carts, as many in one transaction as there are shoppers at the moment.

A round claims the keys of its purchases, locks their carts, prices them, locks their stock, and serves them
in turn: who came first has the last one. What one of them is refused for is its own affair; all others are
written and committed together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import asyncpg

from domain.baskets import Basket, PricedLine
from domain.inventory import Demand, Shortage, Stock, promised, spread_over
from domain.money import Money as Amount
from domain.money import exact_minor
from domain.news import News
from domain.orders.numbers import number_of
from domain.orders.states import FulfilmentKind, OrderState
from domain.payments import PaymentAsked, PaymentProvider, PaymentState
from domain.refusals import Refusal, RefusalCode, Refused, RequestError, Text, TotalRefusal
from persistence import carts as carts_db
from persistence import idempotency
from persistence.carts import Cart as StoredCart
from persistence.carts import StoredFulfilment
from persistence.database import Connection
from persistence.inventory import promises
from persistence.inventory.shelves import Shelves, open_shelves
from persistence.keys import new_key
from persistence.news import outbox
from persistence.orders import writes as order_writes
from persistence.orders.tables import SalesOrder, StoredDiscount
from persistence.pricing import reads as pricing_db
from persistence.pricing.reads import PricesOfSku
from persistence.promotions import budgets
from resolvers.carts.baskets import Running, price_lines, running_for_all
from resolvers.carts.cart import (
    cart_key,
    insufficient,
    lines_of,
    not_for_sale,
    place_of,
    price_risen,
    stock_place,
)
from resolvers.carts.setting import must_be_open
from resolvers.context import Context, first_answer
from resolvers.house import House
from resolvers.loyalty import orders as loyalty
from resolvers.loyalty.baskets import Benefits, Deal, benefits_of, wish_of
from resolvers.orders.payments import PaymentInput, Unpaid, order_token, provider_for, token_hash
from resolvers.orders.settling import ASK_AFTER, stock_news, uses_of
from resolvers.places import Resolved

_CART = ("input", "cartId")
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Purchase:
    """A cart that somebody buys, under a key; `expected` is the total the shopper was shown."""

    context: Context
    key: idempotency.Key
    digest: bytes
    cart_id: str
    expected: Decimal
    payment: PaymentInput


@dataclass(frozen=True, slots=True)
class Bought:
    """What a purchase came to: `unpaid` is the order as written just now, None when it was written before."""

    order_id: UUID
    payment_id: UUID
    unpaid: Unpaid | None = None


@dataclass(slots=True)
class _Case:
    """One purchase on its way through a round; each step adds what it found out, or the outcome."""

    purchase: Purchase
    order_id: UUID = field(default_factory=new_key)
    payment_id: UUID = field(default_factory=new_key)
    outcome: Bought | Exception | None = None
    cart: StoredCart = field(init=False)
    asked: Resolved = field(init=False)
    provider: PaymentProvider = field(init=False)
    fulfilment: StoredFulfilment = field(init=False)
    priced: list[PricedLine] = field(init=False)
    running: Running = field(init=False)
    benefits: Benefits = field(init=False)
    deal: Deal = field(init=False)
    held: loyalty.Held = loyalty.NOTHING_HELD
    demands: list[Demand] = field(init=False)

    @property
    def context(self) -> Context:
        """Who buys."""
        return self.purchase.context

    @property
    def basket(self) -> Basket:
        """What is bought, at what is paid for it."""
        return self.deal.basket

    @property
    def stock_in(self) -> Resolved:
        """Where the goods come from."""
        return stock_place(self.cart, self.asked)


class _TakenMeanwhile(Exception):  # noqa: N818 - no error: it is tried again
    """Somebody took from one of the stores the goods were spread over, after that was decided."""


async def buy(house: House, purchases: Sequence[Purchase]) -> list[Bought | Exception]:
    """What became of each purchase: refusals too; nothing at all when it raises."""
    for tries_left in reversed(range(_TRIES)):
        try:
            return await _buy(house, purchases)
        except asyncpg.DeadlockDetectedError:
            if not tries_left:
                raise
    raise AssertionError("unreachable: the last try answers or raises")


async def _buy(house: House, purchases: Sequence[Purchase]) -> list[Bought | Exception]:
    answers: dict[int, Bought | Exception] = {}
    waiting = dict(enumerate(purchases))
    tries = 0
    while waiting:
        tries += 1
        places = _apart(waiting)
        outcomes = await _round(house, [waiting[place] for place in places], insist=tries < _TRIES)
        for place, outcome in zip(places, outcomes, strict=True):
            if not isinstance(outcome, _TakenMeanwhile):
                answers[place] = outcome
                del waiting[place]
    return [answers[place] for place in range(len(purchases))]


def _apart(waiting: dict[int, Purchase]) -> list[int]:
    """The first for each key and for each cart: what is asked twice is answered one after the other."""
    keys: set[idempotency.Key] = set()
    carts: set[str] = set()
    places = []
    for place, purchase in waiting.items():
        if purchase.key not in keys and purchase.cart_id not in carts:
            places.append(place)
        keys.add(purchase.key)
        carts.add(purchase.cart_id)
    return places


class _NothingBought(Exception):  # noqa: N818 - ends a transaction that has nothing to keep
    pass


async def _round(house: House, purchases: Sequence[Purchase], *, insist: bool) -> list[Bought | Exception]:
    """The outcomes, committed; `insist`: what was to come from several stores may come from others yet."""
    cases = [_Case(purchase) for purchase in purchases]
    try:
        async with house.database.transaction() as db:
            await _serve(house, db, house.clock(), cases, insist=insist)
    except _NothingBought:
        pass
    else:
        house.hub.nudge()
    outcomes = [case.outcome for case in cases if case.outcome is not None]
    if len(outcomes) < len(cases):
        raise AssertionError("a purchase was left without an outcome")
    return outcomes


async def _serve(
    house: House, db: Connection, now: datetime, cases: Sequence[_Case], *, insist: bool
) -> None:
    await _claim(db, cases)
    await _open(db, now, cases)
    await _price(db, house, now, cases)
    await _find_goods(db, house, now, cases)
    shelves = await open_shelves(
        db, {(one.store, one.sku) for case in _open_cases(cases) for one in case.demands}, now=now
    )

    async def serve(case: _Case) -> None:
        await _keep(db, now, case, shelves, until=now + house.tills.hold, insist=insist)

    await _each(cases, serve)
    served = _open_cases(cases)
    if not served:
        raise _NothingBought
    placed = await order_writes.place_many(db, [_order(house, now, case) for case in served])
    await loyalty.promise(db, house, [_placing(case) for case in served])
    await shelves.close(db)
    await outbox.write(db, [news for case in served for news in _news(case)])
    refused = [case.purchase.key for case in cases if isinstance(case.outcome, Exception)]
    await idempotency.forget(db, refused)
    for case in served:
        case.outcome = _bought(case, placed[case.order_id])


def _open_cases(cases: Iterable[_Case]) -> list[_Case]:
    return [case for case in cases if case.outcome is None]


async def _each(cases: Iterable[_Case], step: Callable[[_Case], Awaitable[None]]) -> None:
    """Takes a step in each case that is open still; those it refuses have their outcome."""
    for case in _open_cases(cases):
        try:
            await step(case)
        except (Refused, RequestError, _TakenMeanwhile) as no:
            case.outcome = no


# ------------------------------------------------------------------ keys and carts


async def _claim(db: Connection, cases: Sequence[_Case]) -> None:
    """Has those that were answered before answered again."""
    before = await idempotency.claim_many(
        db,
        [
            idempotency.Claim(
                case.purchase.key,
                case.purchase.digest,
                {"order": str(case.order_id), "payment": str(case.payment_id)},
            )
            for case in cases
        ],
    )
    for case in cases:
        if (known := before.get(case.purchase.key)) is not None:
            try:
                answer = first_answer(known, case.purchase.digest).answer
                case.outcome = Bought(UUID(answer["order"]), UUID(answer["payment"]))
            except Refused as reused:
                case.outcome = reused


async def _open(db: Connection, now: datetime, cases: Sequence[_Case]) -> None:
    """Locks the carts, and finds out where they are bought, how they reach the shopper and who is paid."""
    keys = {case.purchase.cart_id: cart_key(case.purchase.cart_id) for case in _open_cases(cases)}
    carts = await carts_db.lock_many(db, [key for key in keys.values() if key is not None])

    async def step(case: _Case) -> None:
        key = keys[case.purchase.cart_id]
        context = case.context
        case.cart = cart = must_be_open(context, None if key is None else carts.get(key))
        case.asked = (await place_of(context, cart))._replace(at=now)
        channel = await context.house.directory.channel(cart.channel)
        at_till = channel is not None and channel.kind.is_till
        case.provider = provider_for(context, case.purchase.payment, store=cart.store, at_till=at_till)
        case.fulfilment = _fulfilment(cart, at_till=at_till)
        if not cart.lines:
            raise Refused.because(
                RefusalCode.CART_EMPTY, en="There is nothing in this cart.", zh="购物车是空的。", field=_CART
            )

    await _each(cases, step)


def _fulfilment(cart: StoredCart, *, at_till: bool) -> StoredFulfilment:
    if cart.fulfilment is not None:
        return cart.fulfilment
    if at_till and cart.store is not None:
        return StoredFulfilment(kind=FulfilmentKind.CARRY_OUT.value, store=cart.store, address=None)
    raise Refused.because(
        RefusalCode.INVALID_INPUT,
        en="Choose how the goods reach the shopper first.",
        zh="请先选择配送或自提方式。",
        field=_CART,
    )


# ------------------------------------------------------------------ prices


async def _price(db: Connection, house: House, now: datetime, cases: Sequence[_Case]) -> None:
    """Prices the carts; refuses what is not for sale, and what costs more than its shopper was shown."""
    prices = await _prices(db, _open_cases(cases))

    async def price(case: _Case) -> None:
        lines = lines_of(case.cart)
        case.priced = price_lines(lines, prices[case.asked.place], case.asked)
        for_sale = {line.sku for line in case.priced}
        if gone := [not_for_sale(line.sku, _CART) for line in lines if line.sku not in for_sale]:
            raise Refused(*gone)

    await _each(cases, price)
    priced = _open_cases(cases)
    running = await running_for_all(
        db, house, [(case.priced, case.asked, case.cart.member) for case in priced], at=now
    )
    for case, theirs in zip(priced, running, strict=True):
        case.running = theirs

    async def discount(case: _Case) -> None:
        case.benefits = await benefits_of(
            db, house, case.cart, wish_of(case.cart), case.running, case.priced, case.asked, at=_CART
        )
        case.deal = case.benefits.deal(case.running, case.asked.currency_code, case.priced)
        if case.deal.refusals:
            raise Refused(*case.deal.refusals)
        _must_cost_no_more(case.cart, case.basket, case.purchase.expected)

    await _each(cases, discount)


async def _prices(db: Connection, cases: Sequence[_Case]) -> dict[pricing_db.Place, dict[str, PricesOfSku]]:
    """By place, by sku; one statement a place."""
    wanted: dict[pricing_db.Place, set[str]] = defaultdict(set)
    for case in cases:
        wanted[case.asked.place].update(line["sku"] for line in case.cart.lines)
    return {place: await pricing_db.current_prices(db, sorted(skus), place) for place, skus in wanted.items()}


def _must_cost_no_more(cart: StoredCart, basket: Basket, expected: Decimal) -> None:
    """Refuses PRICE_CHANGED when the total is higher than expected: line by line where a price rose."""
    currency = basket.currency_code
    expected_minor = exact_minor(expected, currency)
    if expected_minor is None:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"This is no amount in {currency}.",
            zh=f"这不是有效的 {currency} 金额。",
            field=("input", "expectedTotal"),
        )
    if basket.total_minor <= expected_minor:
        return
    shown = {line["sku"]: line["shown"] for line in cart.lines}
    risen: list[Refusal] = [
        price_risen(line, before, currency, _CART)
        for line in basket.lines
        if (before := shown[line.sku]) is not None and line.unit_minor > before
    ]
    total = _risen(Amount(expected_minor, currency), Amount(basket.total_minor, currency))
    raise Refused(*(risen or [total]))


def _risen(was: Amount, now: Amount) -> Refusal:
    return TotalRefusal(
        RefusalCode.PRICE_CHANGED,
        Text(f"The total is {now} by now, not {was}.", f"总价已由 {was} 变为 {now}。"),
        ("input", "expectedTotal"),
        was=was,
        now=now,
    )


def _dearer(basket: Basket, without: Basket) -> Refusal:
    currency = basket.currency_code
    return _risen(Amount(basket.total_minor, currency), Amount(without.total_minor, currency))


# ------------------------------------------------------------------ stock, and whatever else there are few of


async def _find_goods(db: Connection, house: House, now: datetime, cases: Sequence[_Case]) -> None:
    """Which stores give the goods; who comes when all is gone hears it without waiting for a lock."""
    delivering = await house.directory.delivering_stores()
    by_channel: dict[str, list[_Case]] = defaultdict(list)
    for case in _open_cases(cases):
        by_channel[case.cart.channel].append(case)
    for channel, theirs in by_channel.items():
        stores = {store for case in theirs for store in _sources(case, delivering)}
        skus = {line.sku for case in theirs for line in case.basket.lines}
        seen = await promises.stocks_by_sku(db, sorted(skus), sorted(stores), channel=channel, now=now)

        async def step(case: _Case, seen: dict[str, dict[str, Stock]] = seen) -> None:
            case.demands = _demands(case, seen, _sources(case, delivering))

        await _each(theirs, step)


def _sources(case: _Case, delivering: Sequence[str]) -> Sequence[str]:
    store = case.stock_in.store
    return delivering if store is None else [store]


def _demands(case: _Case, seen: dict[str, dict[str, Stock]], stores: Sequence[str]) -> list[Demand]:
    demands: list[Demand] = []
    shortages: list[Shortage] = []
    for line in sorted(case.basket.lines, key=lambda line: line.sku):
        stocks = seen.get(line.sku, {})
        there = {
            store: promised(stocks[store], case.asked.stock_policy) for store in stores if store in stocks
        }
        shares = spread_over(line.quantity, there)
        if shares is None:
            shortages.append(Shortage(case.stock_in.store, line.sku, line.quantity, sum(there.values())))
        else:
            demands += [Demand(store, line.sku, units) for store, units in shares.items()]
    if shortages:
        raise Refused(*(_short(shortage, case.stock_in) for shortage in shortages))
    return demands


async def _keep(
    db: Connection, now: datetime, case: _Case, shelves: Shelves, *, until: datetime, insist: bool
) -> None:
    """Takes what a purchase takes from others: stock, uses of promotions, its coupon and points."""
    channel, policy = case.cart.channel, case.asked.stock_policy
    shortages = shelves.short(case.demands, channel=channel, policy=policy)
    if shortages and insist and case.stock_in.store is None:
        raise _TakenMeanwhile
    if shortages:
        raise Refused(*(_short(shortage, case.stock_in) for shortage in shortages))
    uses = [use for use in uses_of(case.basket.reductions) if use.promotion in case.running.book.limited]
    if uses or case.deal.used or case.benefits.coupon is not None:
        # What was counted before the refusal goes back with it, and nothing that others did.
        async with db.transaction():
            if gone := await budgets.take(db, uses, case.cart.member):
                running = case.running.without(gone)
                without = case.benefits.deal(running, case.asked.currency_code, case.priced).basket
                raise Refused(_dearer(case.basket, without))
            case.held = await loyalty.hold(db, now, case.cart, case.order_id, case.deal, case.benefits)
    shelves.take(case.order_id, case.demands, channel=channel, policy=policy, until=until)


def _short(shortage: Shortage, stock_in: Resolved) -> Refusal:
    return insufficient(shortage.sku, shortage.wanted, shortage.available, stock_in, _CART)


# ------------------------------------------------------------------ the order


def _order(house: House, now: datetime, case: _Case) -> order_writes.NewOrder:
    cart, basket, payment = case.cart, case.basket, case.purchase.payment
    return order_writes.NewOrder(
        id=case.order_id,
        payment_id=case.payment_id,
        channel=cart.channel,
        store=cart.store,
        campaign=cart.campaign,
        external_number=None,
        member=cart.member,
        token_hash=token_hash(order_token(house.tills.secret, cart.id)),
        state=OrderState.PENDING_PAYMENT,
        payment_state=PaymentState.PENDING,
        fulfilment=FulfilmentKind(case.fulfilment["kind"]),
        fulfilment_store=case.fulfilment["store"],
        address=case.fulfilment["address"],
        currency_code=basket.currency_code,
        items_minor=basket.items_minor,
        discounts_minor=basket.discounts_minor,
        shipping_minor=basket.shipping_minor,
        discounts=[
            StoredDiscount(source=one.source, names=dict(one.names), amount=one.amount_minor)
            for one in basket.reductions
        ],
        touches=cart.touches,
        held_until=now + house.tills.hold,
        placed_at=now,
        flagged=False,
        cart_id=cart.id,
        provider=payment.provider,
        payment_token=payment.token,
        payment_reference=None,
        captured_minor=0,
        started_at=now,
        ask_at=None if case.provider.at_the_till else now + ASK_AFTER,
        event="placed",
        placed_by=str(case.context.viewer),
        lines=basket.lines,
    )


def _placing(case: _Case) -> loyalty.Placing:
    at_till = case.fulfilment["kind"] == FulfilmentKind.CARRY_OUT.value
    return loyalty.Placing(case.order_id, case.cart.member, case.deal, case.asked, case.held, at_till)


def _bought(case: _Case, order: SalesOrder) -> Bought:
    payment = PaymentAsked(
        id=case.payment_id,
        order_number=number_of(order.serial),
        amount=Amount(order.total_minor, order.currency_code),
        token=case.purchase.payment.token,
        started_at=order.placed_at,
        expires_at=order.held_until or order.placed_at,
    )
    return Bought(order.id, case.payment_id, Unpaid(order, case.provider, payment))


def _news(case: _Case) -> list[News]:
    placed = News.of_order(case.order_id, "checkout", channel=case.cart.channel, store=case.cart.store)
    return [placed, *stock_news(case.demands, "checkout")]
