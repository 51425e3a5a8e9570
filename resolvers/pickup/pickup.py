"""Pickups in the graph: what waits in a store for whom, and the code that only its owner is shown."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from domain.access import ORDER_READERS, STORE_WORKERS, Principal, PrincipalKind
from domain.pickup import PickupState, state_at
from domain.pickup_codes import spaced
from domain.refusals import RefusalCode, Refused
from persistence.database import Connection
from persistence.orders import writes as order_writes
from persistence.orders.tables import SalesOrder
from persistence.paging import Page
from persistence.pickup import listing as listing_db
from persistence.pickup import reads as pickup_db
from persistence.pickup.listing import PickupQuery
from persistence.pickup.reads import StoredPickup
from resolvers.connections import OnePage
from resolvers.context import Context, Info
from resolvers.fields import field, query
from resolvers.pickup import qr as pickup_qr
from resolvers.pickup.desk import code_shown
from resolvers.shapes import FromRow, Node, PageInfo, Payload, page_size, parse_global_id, shape
from resolvers.stores.store import Store, store_shape

if TYPE_CHECKING:
    from resolvers.orders.order import Order


@shape(ORDER_READERS, description="An order that waits in a store for whoever shows its code.")
class Pickup(FromRow[StoredPickup], Node):
    tag = "Pk"
    row: strawberry.Private[StoredPickup]
    is_opened: strawberry.Private[bool] = False
    """Whether whoever asks has shown that the order is theirs, such as by its orderToken."""
    ready_at: datetime | None
    held_until: datetime | None = strawberry.field(
        description="until when it is kept once it is ready; then its money goes back"
    )
    collected_at: datetime | None
    collected_by: str | None = strawberry.field(description="who handed it over")
    shelf: str | None = strawberry.field(description="where in the store it lies")

    @classmethod
    def opened(cls, row: StoredPickup, *, is_opened: bool) -> Pickup:
        """The shape of a pickup, for somebody who has shown that the order is theirs, or not."""
        pickup = cls.of(row)
        pickup.is_opened = is_opened
        return pickup

    @field()
    async def order(self, info: Info) -> Annotated[Order, strawberry.lazy("resolvers.orders.order")]:
        # Here and not above: orders show their pickups.
        from resolvers.orders.order import Order

        row = await info.context.loaders.order.load(self.row.order_id)
        if row is None:
            raise LookupError(f"order {self.row.order_id} is gone")
        return Order.opened(row, is_opened=self.is_opened)

    @field()
    async def store(self, info: Info) -> Store:
        return await store_shape(info, self.row.store)

    @field()
    def state(self, info: Info) -> PickupState:
        return state_at(self.row.state, self.row.held_until, info.context.now)

    @field(description="from READY on, shown only to the owner of the order")
    def code(self, info: Info) -> str | None:
        return spaced(code_shown(info.context.house.pickup_desk, self.row)) if self._shows(info) else None

    @field(
        description="SVG of the QR that carries the code, for the owner only; signed, so that a store can "
        "tell it is genuine while it has no network"
    )
    def qr_svg(self, info: Info) -> str | None:
        if not self._shows(info):
            return None
        desk = info.context.house.pickup_desk
        return pickup_qr.svg(pickup_qr.text_of(ticket_of(self.row, code_shown(desk, self.row)), desk.qr_seed))

    def _shows(self, info: Info) -> bool:
        was_ready = self.row.ready_at is not None and self.row.state is not PickupState.CANCELLED
        return was_ready and (self.is_opened or is_owner(info.context.viewer, self.row))


def ticket_of(row: StoredPickup, code: str) -> pickup_qr.Ticket:
    """What the QR of a pickup says that is or was ready."""
    if row.held_until is None:
        raise LookupError(f"pickup {row.id} was never ready")
    return pickup_qr.Ticket(row.id, row.rotation, row.held_until, code, row.store)


@shape(ORDER_READERS)
class PickupPayload(Payload):
    pickup: Pickup | None = None


# ------------------------------------------------------------------ who may see and handle it


def is_owner(viewer: Principal, row: StoredPickup) -> bool:
    """Whether the order is a member's own."""
    return viewer.kind is PrincipalKind.MEMBER and bool(row.member) and row.member == viewer.subject


def sees(viewer: Principal, row: StoredPickup) -> bool:
    """Whether a pickup is the caller's to see: a member's own, its store's, a partner's own."""
    if viewer.kind is PrincipalKind.PARTNER:
        return row.placed_by == str(viewer)
    return is_owner(viewer, row) or handles(viewer, row.store)


def handles(viewer: Principal, store: str) -> bool:
    """Whether the caller hands over what waits in a store: its staff, its devices."""
    return STORE_WORKERS.allows(viewer) and viewer.works_in(store)


def pickup_key(given: str) -> UUID | None:
    """The key in a pickup's opaque id; None when it is no pickup's."""
    known = parse_global_id(given)
    return known[1] if known is not None and known[0] == Pickup.tag else None


async def open_pickup(db: Connection, given_id: str) -> tuple[StoredPickup, SalesOrder]:
    """A pickup to act upon, and its order, which is locked; refuses NOT_FOUND for what is not there."""
    pickup_id = pickup_key(given_id)
    found = None if pickup_id is None else (await pickup_db.pickups_by_id(db, [pickup_id])).get(pickup_id)
    if found is None:
        raise no_such_pickup()
    return await locked(db, found)


async def locked(db: Connection, found: StoredPickup) -> tuple[StoredPickup, SalesOrder]:
    """A pickup as it is once its order is locked, and the order."""
    order = await order_writes.lock(db, found.order_id)
    if order is None:
        raise LookupError(f"order {found.order_id} is gone")
    return (await pickup_db.pickups_by_id(db, [found.id]))[found.id], order


def no_such_pickup() -> Refused:
    """The refusal of what is not there, or not the caller's."""
    return Refused.because(
        RefusalCode.NOT_FOUND,
        en="There is no such pickup.",
        zh="没有这个自提单。",
        field=("input", "pickupId"),
    )


async def pickup_of(context: Context, pickup_id: UUID, *, is_opened: bool = False) -> Pickup:
    """A pickup that was just changed, as it stands now."""
    async with context.house.database.connection() as db:
        row = (await pickup_db.pickups_by_id(db, [pickup_id]))[pickup_id]
    return Pickup.opened(row, is_opened=is_opened)


# ------------------------------------------------------------------ the list of a store


@shape(ORDER_READERS)
class PickupEdge:
    cursor: str
    node: Pickup


@shape(ORDER_READERS, description="A page of a store's pickups, the earliest first.")
class PickupConnection:
    asked: strawberry.Private[PickupQuery]
    listed: strawberry.Private[OnePage[StoredPickup]]

    @field()
    async def edges(self) -> list[PickupEdge]:
        page = await self.listed.page()
        return [
            PickupEdge(cursor=cursor, node=Pickup.of(row))
            for cursor, row in zip(page.cursors, page.rows, strict=True)
        ]

    @field()
    async def nodes(self) -> list[Pickup]:
        return [Pickup.of(row) for row in (await self.listed.page()).rows]

    @field()
    async def page_info(self) -> PageInfo:
        return await self.listed.info()

    @field(description="counted only when selected")
    async def total_count(self) -> int:
        return await self.listed.alone(lambda db: listing_db.pickups_total(db, self.asked))


@query(
    STORE_WORKERS,
    description="A store's pickups, the earliest first; first is 1 to 100. For those who work there: "
    "others find none. state: any of these, as of now; left out or empty, all of them.",
)
async def pickups(
    info: Info,
    store: str,
    first: int,
    state: list[PickupState] | None = None,
    after: str | None = None,
) -> PickupConnection:
    page_size(first)
    listing_db.check(after)
    context = info.context
    states = tuple(state or PickupState) if context.viewer.works_in(store) else ()
    asked = PickupQuery(store, states, context.now)

    async def read(db: Connection) -> Page[StoredPickup]:
        return await listing_db.pickups(db, asked, first, after)

    return PickupConnection(asked=asked, listed=OnePage(context, read))
