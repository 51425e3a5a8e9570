"""Sales that already happened elsewhere: an offline till's, a marketplace's; taken once, never refused."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import strawberry

from domain.access import ORDER_RECORDERS
from domain.baskets import Basket, PricedLine, Reduction, basket_of
from domain.carts import LARGEST_QUANTITY
from domain.inventory import Demand
from domain.money import exact_minor, split
from domain.news import News
from domain.orders.numbers import number_of
from domain.orders.states import FulfilmentKind, OrderState
from domain.payments import PaymentState
from domain.refusals import Refusal, RefusalCode, Refused, Text
from persistence.inventory import counter
from persistence.inventory import writes as stock_writes
from persistence.keys import new_key
from persistence.orders import writes as order_writes
from persistence.orders.tables import SalesOrder, StoredDiscount
from resolvers.attribution.crediting import credit
from resolvers.carts.setting import resolve_given
from resolvers.context import Context, Info, Work
from resolvers.fields import mutation
from resolvers.members.showing import buyer
from resolvers.orders.capturing import PAID_FOR
from resolvers.orders.fulfilment import FulfilmentInput, chosen
from resolvers.orders.order import OrderPayload, order_of
from resolvers.orders.settling import stock_news
from resolvers.orders.sourcing import keep
from resolvers.pickup.desk import request_pickup
from resolvers.places import Resolved, SalesContext
from resolvers.scalars import CurrencyCode

MOST_LINES = 500
_LONGEST_NUMBER = 64
_CLOCKS_DIFFER = timedelta(minutes=5)
_SOURCE = "recorded"


@strawberry.input
class RecordedLineInput:
    sku: str
    quantity: int
    unit_price: Decimal


@strawberry.input
class RecordedPaymentInput:
    provider: str
    amount: Decimal
    currency_code: CurrencyCode
    reference: str | None = None


@strawberry.input(
    description="A sale that already happened elsewhere: an offline till, a marketplace. Taken once, never "
    "refused for stock, differences flagged."
)
class OrderRecordInput:
    idempotency_key: str
    external_number: str
    sold_at: datetime
    context: SalesContext
    lines: list[RecordedLineInput] = strawberry.field(description="1 to 500")
    payment: RecordedPaymentInput
    fulfilment: FulfilmentInput
    member_code: str | None = None


@mutation(
    OrderPayload,
    ORDER_RECORDERS,
    description="Record a sale that already happened: once per channel and externalNumber, at the prices "
    "charged. What its payment has less or more than its lines come to is a discount or a charge for "
    "shipping. Stock may go below zero: then the order is flagged.",
)
async def order_record(info: Info, input: OrderRecordInput) -> OrderPayload:
    context = info.context
    _must_be_well_formed(input, context.now)
    asked = await resolve_given(context, input.context)
    _must_work_there(context, asked)
    channel = await context.house.directory.channel(asked.channel)
    fulfilment = await chosen(
        context, input.fulfilment, store=asked.store, at_till=channel is not None and channel.kind.is_till
    )
    basket = _basket(input, asked)

    async def act(work: Work) -> dict[str, Any]:
        known = await stock_writes.known_skus(work.db, [line.sku for line in input.lines])
        unknown = [
            _refusal(
                RefusalCode.NOT_FOUND,
                f'There is no sku "{line.sku}".',
                f"没有商品“{line.sku}”。",
                index,
                "sku",
            )
            for index, line in enumerate(input.lines)
            if line.sku not in known
        ]
        if unknown:
            raise Refused(*unknown)
        buys = input.member_code and await buyer(
            work.db, context.house, input.member_code, sold_at=input.sold_at, now=work.now
        )
        kind = FulfilmentKind(fulfilment["kind"])
        carried = kind is FulfilmentKind.CARRY_OUT
        order = order_writes.NewOrder(
            id=new_key(),
            payment_id=new_key(),
            channel=asked.channel,
            store=asked.store,
            campaign=asked.campaign,
            external_number=input.external_number,
            member=buys,
            token_hash=None,
            state=OrderState.COMPLETED if carried else OrderState.PAID,
            payment_state=PaymentState.CAPTURED,
            fulfilment=kind,
            fulfilment_store=fulfilment["store"],
            address=fulfilment["address"],
            currency_code=basket.currency_code,
            items_minor=basket.items_minor,
            discounts_minor=basket.discounts_minor,
            shipping_minor=basket.shipping_minor,
            discounts=[
                StoredDiscount(source=one.source, names=dict(one.names), amount=one.amount_minor)
                for one in basket.reductions
            ],
            touches=[],
            held_until=None,
            placed_at=input.sold_at,
            flagged=False,
            cart_id=None,
            provider=input.payment.provider,
            payment_token=None,
            payment_reference=input.payment.reference,
            captured_minor=basket.total_minor,
            started_at=work.now,
            ask_at=None,
            event="recorded",
            placed_by=str(context.viewer),
            lines=basket.lines,
        )
        try:
            placed = await order_writes.place(work.db, order)
        except asyncpg.UniqueViolationError:
            raise Refused.because(
                RefusalCode.CONFLICT,
                en=f'The sale "{input.external_number}" of this channel was recorded before.',
                zh=f"该渠道的销售“{input.external_number}”已登记过。",
                field=("input", "externalNumber"),
            ) from None
        await _take_stock(context, work, asked, basket, placed, fulfilment["store"], carried=carried)
        work.announce(News.of_order(placed.id, "orderRecord", channel=asked.channel, store=asked.store))
        await credit(work, placed.id, order, basket.total_minor)
        if kind is FulfilmentKind.PICKUP and fulfilment["store"] is not None:
            await request_pickup(work, context.house, placed.id, fulfilment["store"])
        return {"order": str(placed.id)}

    done = await context.once("orderRecord", input.idempotency_key, input, act)
    return OrderPayload(order=await order_of(context, UUID(done.answer["order"])))


def _must_be_well_formed(input: OrderRecordInput, now: datetime) -> None:
    refusals: list[Refusal] = []
    if not 1 <= len(input.lines) <= MOST_LINES:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"A sale has 1 to {MOST_LINES} lines, not {len(input.lines)}.",
            zh=f"一笔销售须有 1 到 {MOST_LINES} 行，而不是 {len(input.lines)} 行。",
            field=("input", "lines"),
        )
    if not 1 <= len(input.external_number) <= _LONGEST_NUMBER:
        refusals.append(_bad("externalNumber", f"1 to {_LONGEST_NUMBER} characters", "长度不符"))
    if not 1 <= len(input.payment.provider) <= _LONGEST_NUMBER:
        refusals.append(_bad("payment", f"a provider of 1 to {_LONGEST_NUMBER} characters", "支付方式不符"))
    if input.sold_at > now + _CLOCKS_DIFFER:
        refusals.append(_bad("soldAt", "a moment that has passed", "须为过去的时间"))
    for index, line in enumerate(input.lines):
        if not 1 <= line.quantity <= LARGEST_QUANTITY:
            most = f"{LARGEST_QUANTITY:,}"
            refusals.append(
                _refusal(
                    RefusalCode.INVALID_INPUT,
                    f"A quantity is 1 to {most}.",
                    f"数量须为 1 到 {most}。",
                    index,
                    "quantity",
                )
            )
    if refusals:
        raise Refused(*refusals)


def _must_work_there(context: Context, asked: Resolved) -> None:
    viewer = context.viewer
    if viewer.store is not None and (asked.store is None or not viewer.works_in(asked.store)):
        raise Refused.because(
            RefusalCode.NOT_FOUND,
            en="You record the sales of your own store only.",
            zh="您只能登记所属门店的销售。",
            field=("input", "context", "store"),
        )


def _basket(input: OrderRecordInput, asked: Resolved) -> Basket:
    """The sale as it was charged; refuses amounts that its currency does not have."""
    currency = asked.currency_code
    if input.payment.currency_code != currency:
        raise Refused(_bad("payment", f"an amount in {currency}", f"须以 {currency} 计价"))
    prices = [exact_minor(line.unit_price, currency) for line in input.lines]
    refusals = [
        _refusal(
            RefusalCode.INVALID_INPUT, f"This is no price in {currency}.", "价格无效。", index, "unitPrice"
        )
        for index, minor in enumerate(prices)
        if minor is None or minor < 0
    ]
    paid = exact_minor(input.payment.amount, currency)
    if paid is None or paid < 0:
        refusals.append(_bad("payment", f"an amount in {currency}", "金额无效"))
    if refusals or paid is None:
        raise Refused(*refusals)
    charged = [(line, minor) for line, minor in zip(input.lines, prices, strict=True) if minor is not None]
    items = [minor * line.quantity for line, minor in charged]
    off = max(0, sum(items) - paid)
    lines = [
        PricedLine(
            sku=line.sku,
            quantity=line.quantity,
            unit_minor=minor,
            source=_SOURCE,
            version=0,
            discount_minor=share,
        )
        for (line, minor), share in zip(charged, split(off, items), strict=True)
    ]
    basket = basket_of(
        currency, lines, [Reduction(_SOURCE, {"en": input.payment.provider}, off)] if off else []
    )
    return basket.shipped_for(max(0, paid - sum(items)))


async def _take_stock(
    context: Context,
    work: Work,
    asked: Resolved,
    basket: Basket,
    placed: SalesOrder,
    store: str | None,
    *,
    carried: bool,
) -> None:
    """Takes the goods: what left with the shopper is sold, all else is kept; what is not there is flagged."""
    wanted: Counter[str] = Counter()
    for line in basket.lines:
        wanted[line.sku] += line.quantity
    if not carried:
        demands, shortages = await keep(
            work.db,
            context.house,
            dict(wanted),
            store=store or asked.store,
            channel=asked.channel,
            policy=asked.stock_policy,
            holder=placed.id,
            until=PAID_FOR,
            now=work.now,
        )
        if not shortages:
            work.announce(*stock_news(demands, "orderRecord"))
            return
    sold_in = store or asked.store or min(await context.house.directory.delivering_stores())
    demands = [Demand(sold_in, sku, quantity) for sku, quantity in wanted.items()]
    below = await counter.sell_offline(
        work.db,
        demands,
        reference=number_of(placed.serial),
        moved_by=str(context.viewer),
        now=work.now,
    )
    work.announce(*stock_news(demands, "orderRecord"))
    if below:
        row = await order_writes.lock(work.db, placed.id)
        if row is None:
            raise LookupError(f"order {placed.id} is gone")
        note = ", ".join(f"{one.sku} in {one.store}" for one in below)
        await order_writes.change(
            work.db, row, event="stockBelowZero", by=None, note=note, at=work.now, flagged=True
        )


def _bad(name: str, en: str, zh: str) -> Refusal:
    return Refusal(RefusalCode.INVALID_INPUT, Text(f"Wanted is {en}.", f"{zh}。"), ("input", name))


def _refusal(code: RefusalCode, en: str, zh: str, index: int, name: str) -> Refusal:
    return Refusal(code, Text(en, zh), ("input", "lines", str(index), name))
