"""Handing over without network: a store tells a genuine QR by a key it keeps, and settles later."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from domain.access import STORE_WORKERS
from domain.pickup import PickupState, collected_offline_at
from domain.pickup_codes import LONGEST
from domain.refusals import RefusalCode, Refused
from persistence.orders import writes as order_writes
from persistence.orders.tables import SalesOrder
from persistence.pickup import reads as pickup_db
from persistence.pickup.reads import StoredPickup
from resolvers.context import Context, Info, Work
from resolvers.fields import mutation, query
from resolvers.orders.settling import order_news
from resolvers.pickup import qr as pickup_qr
from resolvers.pickup.counter import give
from resolvers.pickup.pickup import Pickup, handles, locked, pickup_of
from resolvers.shapes import Payload, shape


@shape(STORE_WORKERS, description="What a store without network tells a genuine QR by.")
class PickupOfflineKey:
    algorithm: str = strawberry.field(description="Ed25519 (RFC 8032)")
    public_key: str = strawberry.field(description="its 32 bytes in base64")


@query(
    STORE_WORKERS,
    description="The key that every pickup's QR is signed with, to be kept for when the network is away.",
)
async def pickup_offline_key(info: Info) -> PickupOfflineKey:
    key = pickup_qr.public_key(info.context.house.pickup_desk.qr_seed)
    return PickupOfflineKey(algorithm="Ed25519", public_key=base64.b64encode(key).decode())


@strawberry.input
class PickupSettleInput:
    idempotency_key: str
    store: str = strawberry.field(description="where it was handed over")
    ticket: str = strawberry.field(description="the text of the QR that was shown")
    handed_over_at: datetime = strawberry.field(
        description="by the store's own clock; put right when that was wrong"
    )


@shape(STORE_WORKERS)
class PickupSettlePayload(Payload):
    pickup: Pickup | None = None
    is_case: bool = strawberry.field(
        default=False,
        description="it can't be that it was handed over there: a person should look at the order",
    )


@mutation(
    PickupSettlePayload,
    STORE_WORKERS,
    description="Tell what was handed over while there was no network. It happened: all that is refused is a "
    "QR that this house never signed.",
)
async def pickup_settle(info: Info, input: PickupSettleInput) -> PickupSettlePayload:
    context = info.context
    ticket = _genuine(context, input)

    async def act(work: Work) -> dict[str, Any]:
        found = (await pickup_db.pickups_by_id(work.db, [ticket.pickup_id])).get(ticket.pickup_id)
        if found is None:
            raise _not_ours()
        pickup, order = await locked(work.db, found)
        by = str(context.viewer)
        at = collected_offline_at(input.handed_over_at, ready_at=pickup.ready_at, now=work.now)
        is_there = pickup.state is PickupState.READY and pickup.store == input.store
        is_right = is_there and pickup.rotation == ticket.rotation
        is_case = not is_right and not _is_known(pickup, input.store, at)
        if is_there:
            await give(work, pickup, order, by=by, at=at)
        if is_case:
            await _open_case(work, order, f"{input.store} {at:%Y-%m-%d %H:%M:%S} UTC", by)
        return {"pickup": str(pickup.id), "case": is_case}

    done = await context.once("pickupSettle", input.idempotency_key, input, act)
    return PickupSettlePayload(
        pickup=await pickup_of(context, UUID(done.answer["pickup"])), is_case=done.answer["case"]
    )


def _genuine(context: Context, input: PickupSettleInput) -> pickup_qr.Ticket:
    if not handles(context.viewer, input.store):
        raise Refused.because(
            RefusalCode.NOT_FOUND,
            en=f'You do not work in a store "{input.store}".',
            zh=f"您不在门店“{input.store}”工作。",
            field=("input", "store"),
        )
    text = input.ticket.strip()
    seed = context.house.pickup_desk.qr_seed
    ticket = pickup_qr.read(text, seed) if len(text) <= LONGEST and pickup_qr.is_ticket(text) else None
    if ticket is None:
        raise _not_ours()
    return ticket


def _is_known(pickup: StoredPickup, store: str, at: datetime) -> bool:
    """Whether this very hand-over was settled before, under another key."""
    return pickup.store == store and pickup.collected_at == at


def _not_ours() -> Refused:
    return Refused.because(
        RefusalCode.PICKUP_CODE_UNKNOWN,
        en="This house never signed such a QR.",
        zh="此二维码并非本系统签发。",
        field=("input", "ticket"),
    )


async def _open_case(work: Work, order: SalesOrder, note: str, by: str) -> None:
    await order_writes.change(
        work.db, order, event="offlineHandOver", by=by, note=note, at=work.now, flagged=True
    )
    work.announce(order_news(order, "offlineHandOver"))
