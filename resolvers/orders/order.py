"""Orders in the graph: what was sold, where it stands, and who may see and handle it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import strawberry

from domain.access import ORDER_READERS, Principal, PrincipalKind
from domain.baskets import Reduction
from domain.locales import translated
from domain.members.sight import sight_of_delivery
from domain.orders.numbers import number_of, serial_of
from domain.orders.states import OrderState, next_states, state_at
from domain.payments import PaymentState, RefundState
from domain.refusals import RefusalCode, Refused
from persistence.database import Connection
from persistence.orders import reads as orders_db
from persistence.orders import writes as order_writes
from persistence.orders.tables import OrderEvent as StoredEvent
from persistence.orders.tables import OrderLine as StoredLine
from persistence.orders.tables import SalesOrder
from persistence.payments.tables import Refund as StoredRefund
from resolvers.attribution.reports import Attribution, attributions
from resolvers.carts.totals import Discount, Totals
from resolvers.catalog.products import ProductVariant
from resolvers.channels import Channel
from resolvers.context import Context, Info
from resolvers.fields import field, query
from resolvers.members.member import Member, member_shape
from resolvers.orders.fulfilment import Fulfilment
from resolvers.orders.payments import token_hash
from resolvers.pickup.pickup import Pickup
from resolvers.scalars import BigInt
from resolvers.shapes import FromRow, Money, Node, Payload, global_id, parse_global_id, shape
from resolvers.stores.store import Store, store_shape

_LINE_TAG = "Ol"
_REFUND_TAG = "Rf"


@shape(ORDER_READERS)
class OrderLine(FromRow[StoredLine]):
    row: strawberry.Private[StoredLine]
    currency: strawberry.Private[str]
    id: strawberry.ID
    sku: str
    quantity: int
    price_source: str

    @classmethod
    def in_currency(cls, row: StoredLine, currency: str) -> OrderLine:
        """A line of an order in this currency."""
        line = cls.of(row)
        line.currency = currency
        line.id = global_id(_LINE_TAG, row.id)
        return line

    @field(description="null once withdrawn")
    async def variant(self, info: Info) -> ProductVariant | None:
        row = await info.context.loaders.variant_by_sku.load(self.row.sku)
        return None if row is None else ProductVariant.of(row)

    @field(description="as it was called when it was sold, in the caller's language if it had a name there")
    def name(self, info: Info) -> str:
        return translated(self.row.names, info.context.locale, info.context.house.default_locale)

    @field()
    def unit_price(self) -> Money:
        return Money.of(self.row.unit_price_minor, self.currency)

    @field()
    def discount(self) -> Money:
        return Money.of(self.row.discount_minor, self.currency)

    @field()
    def line_total(self) -> Money:
        return Money.of(self.row.total_minor, self.currency)

    @field()
    def returned_quantity(self) -> int:
        return self.row.returned

    @field()
    def refunded(self) -> Money:
        return Money.of(self.row.refunded_minor, self.currency)

    @field()
    def price_version(self) -> BigInt:
        return BigInt(self.row.price_version)


@shape(ORDER_READERS, description="Something that happened to an order.")
class OrderEvent(FromRow[StoredEvent]):
    row: strawberry.Private[StoredEvent]
    kind: str = strawberry.field(
        description="placed, recorded, paid, paymentDeclined, payAgain, paymentTooLate, paymentNotNeeded, "
        "paymentAmountMismatch, expired, cancelled, preparing, ready, codeRotated, handedOver, "
        "pickupExpired, shipped, delivered, returned, refunded, refundFailed, stockBelowZero …"
    )
    by: str | None = strawberry.field(description="who did it: a kind of caller and its name, or a provider")
    note: str | None
    at: datetime


@shape(ORDER_READERS)
class Refund:
    id: strawberry.ID
    amount: Money
    state: RefundState
    reason: str
    at: datetime

    @classmethod
    def of(cls, row: StoredRefund) -> Refund:
        """The shape of a stored refund."""
        return cls(
            id=global_id(_REFUND_TAG, row.id),
            amount=Money.of(row.amount_minor, row.currency_code),
            state=row.state,
            reason=row.reason,
            at=row.at,
        )


@shape(ORDER_READERS)
class Shipment:
    carrier: str
    tracking_number: str | None
    shipped_at: datetime
    delivered_at: datetime | None


@shape(ORDER_READERS, description="What somebody bought, and where it stands.")
class Order(FromRow[SalesOrder], Node):
    tag = "Or"
    row: strawberry.Private[SalesOrder]
    is_opened: strawberry.Private[bool] = False
    """Whether whoever asks has shown that the order is theirs, such as by its orderToken."""
    external_number: str | None = strawberry.field(
        description="the marketplace's or till's own number, unique in its channel"
    )
    payment_state: PaymentState
    placed_at: datetime
    held_until: datetime | None = strawberry.field(
        description="stock is held until then while payment is awaited, and once it is ready, until it is "
        "collected"
    )
    flagged: bool = strawberry.field(
        description="a person should look at it; the timeline says why, such as stockBelowZero"
    )

    @classmethod
    def opened(cls, row: SalesOrder, *, is_opened: bool) -> Order:
        """The shape of an order, for somebody who has shown that it is theirs, or not."""
        order = cls.of(row)
        order.is_opened = is_opened
        return order

    @field(description="ten digits or more that people can read out; the last one tells of a slip")
    def number(self) -> str:
        return number_of(self.row.serial)

    @field()
    def state(self, info: Info) -> OrderState:
        return state_of(info.context, self.row)

    @field(description="the moves its state allows now")
    def next_states(self, info: Info) -> list[OrderState]:
        return list(next_states(self.row.fulfilment, state_of(info.context, self.row)))

    @field()
    async def channel(self, info: Info) -> Channel:
        row = await info.context.loaders.channel.load(self.row.channel)
        if row is None:
            raise LookupError(f"channel {self.row.channel} is gone")
        return Channel.of(row)

    @field()
    async def store(self, info: Info) -> Store | None:
        return None if self.row.store is None else await store_shape(info, self.row.store)

    @field(description="for the member, and for staff of a store that serves one who agreed to it")
    async def member(self, info: Info) -> Member | None:
        return await member_shape(info.context, self.row.member, how="order")

    @field()
    async def lines(self, info: Info) -> list[OrderLine]:
        rows = await info.context.loaders.lines_of_order.load(self.row.id)
        return [OrderLine.in_currency(row, self.row.currency_code) for row in rows]

    @field()
    def discounts(self, info: Info) -> list[Discount]:
        currency = self.row.currency_code
        return [
            Discount.of(info.context, Reduction(one["source"], one["names"], one["amount"]), currency)
            for one in self.row.discounts
        ]

    @field()
    def totals(self) -> Totals:
        row = self.row
        return Totals.in_minor(
            row.currency_code,
            items=row.items_minor,
            discounts=row.discounts_minor,
            shipping=row.shipping_minor,
            earning=None if row.member is None else self._earned,
        )

    async def _earned(self, context: Context) -> int:
        """The points it was promised at checkout."""
        loyalty = await context.loaders.loyalty_of_order.load(self.row.id)
        return 0 if loyalty is None else sum(loyalty.earned)

    @field()
    async def refunds(self, info: Info) -> list[Refund]:
        return [Refund.of(row) for row in await info.context.loaders.refunds_of_order.load(self.row.id)]

    @field(description="what was given back of what was paid, or is on its way")
    def refunded(self) -> Money:
        return Money.of(self.row.refunded_minor, self.row.currency_code)

    @field()
    def fulfilment(self, info: Info) -> Fulfilment:
        row = self.row
        sight = sight_of_delivery(info.context.viewer, row.fulfilment_store or row.store)
        return Fulfilment.of(row.fulfilment, row.fulfilment_store, row.address, sight)

    @field()
    def shipment(self) -> Shipment | None:
        row = self.row
        if row.carrier is None or row.shipped_at is None:
            return None
        return Shipment(
            carrier=row.carrier,
            tracking_number=row.tracking_number,
            shipped_at=row.shipped_at,
            delivered_at=row.delivered_at,
        )

    @field(description="how it stands in the store that hands it over; null until it is paid")
    async def pickup(self, info: Info) -> Pickup | None:
        row = await info.context.loaders.pickup_of_order.load(self.row.id)
        return None if row is None else Pickup.opened(row, is_opened=self.is_opened)

    @field(description="to whom what it brought in is credited; all of them add up to what was paid and kept")
    async def attribution(self, info: Info) -> list[Attribution]:
        return await attributions(info, self.row.id, self.row.currency_code)

    @field(description="what happened to it, in that order")
    async def timeline(self, info: Info) -> list[OrderEvent]:
        rows = await info.context.loaders.events_of_order.load(self.row.id)
        return [OrderEvent.of(row) for row in rows]


@shape(ORDER_READERS)
class OrderPayload(Payload):
    order: Order | None = None


def state_of(context: Context, row: SalesOrder) -> OrderState:
    """The state an order is in now."""
    return state_at(row.state, row.held_until, context.now)


# ------------------------------------------------------------------ who may see and handle it


def sees(viewer: Principal, row: SalesOrder) -> bool:
    """Whether an order is the caller's to see: a member's own, a device's store's, a partner's own.

    Staff see every order: goods come back in any store. Visitors see none; a token stands in for them.
    """
    if viewer.kind is PrincipalKind.MEMBER:
        return row.member == viewer.subject
    if viewer.kind is PrincipalKind.DEVICE:
        return viewer.store is not None and viewer.store in (row.store, row.fulfilment_store)
    if viewer.kind is PrincipalKind.PARTNER:
        return row.placed_by == str(viewer)
    return viewer.is_staff


def handles(viewer: Principal, row: SalesOrder, at: str | None = None) -> bool:
    """Whether an order is the caller's to act upon: of staff bound to a store, that store's business.

    That is what is done `at` the store, else what it sold or serves; orders of no store are everybody's.
    """
    if not sees(viewer, row):
        return False
    if not viewer.is_staff:
        return True
    if at is not None:
        return viewer.works_in(at)
    stores = [store for store in (row.store, row.fulfilment_store) if store is not None]
    return not stores or any(map(viewer.works_in, stores))


def order_key(given: str) -> UUID | None:
    """The key in an order's opaque id; None when it is no order's."""
    known = parse_global_id(given)
    return known[1] if known is not None and known[0] == Order.tag else None


def line_key(given: str) -> UUID | None:
    """The key in the opaque id of an order's line; None when it is none."""
    known = parse_global_id(given)
    return known[1] if known is not None and known[0] == _LINE_TAG else None


async def open_order(
    db: Connection, context: Context, given_id: str, token: str | None = None, *, at: str | None = None
) -> SalesOrder:
    """An order to act upon, locked; refuses NOT_FOUND for what is not there or not the caller's.

    Whoever has its token may do what the shopper may. What is done `at` a store is done by its staff.
    """
    order_id = order_key(given_id)
    row = None if order_id is None else await order_writes.lock(db, order_id)
    if row is None or not (handles(context.viewer, row, at) or opens(token, row)):
        raise Refused.because(
            RefusalCode.NOT_FOUND,
            en="There is no such order.",
            zh="没有这个订单。",
            field=("input", "orderId"),
        )
    return row


def opens(token: str | None, row: SalesOrder) -> bool:
    """Whether a token is the one that an order's checkout answered with."""
    # What is compared are hashes of what was sent: their timing tells nothing of the token.
    return token is not None and row.token_hash is not None and row.token_hash == token_hash(token)


async def order_of(context: Context, order_id: UUID) -> Order:
    """An order that was just written, as it stands now."""
    async with context.house.database.connection() as db:
        row = (await orders_db.orders_by_id(db, [order_id]))[order_id]
    return Order.of(row)


# ------------------------------------------------------------------ reading


@strawberry.input(one_of=True)
class OrderBy:
    id: strawberry.Maybe[strawberry.ID]
    number: strawberry.Maybe[str]
    token: strawberry.Maybe[str]


@query(
    ORDER_READERS,
    description="An order by its id or number for those whose it is to see, or by the token its checkout "
    "answered with, for whoever has that.",
)
async def order(info: Info, by: OrderBy) -> Order | None:
    context = info.context
    async with context.house.database.connection() as db:
        if by.token is not None:
            row = await orders_db.by_token(db, token_hash(by.token.value))
            return None if row is None else Order.opened(row, is_opened=True)
        row = await _found(db, by)
    return Order.of(row) if row is not None and sees(context.viewer, row) else None


async def _found(db: Connection, by: OrderBy) -> SalesOrder | None:
    if by.number is not None:
        serial = serial_of(by.number.value)
        return None if serial is None else await orders_db.by_serial(db, serial)
    order_id = None if by.id is None else order_key(by.id.value)
    return None if order_id is None else (await orders_db.orders_by_id(db, [order_id])).get(order_id)
