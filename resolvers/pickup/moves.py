"""A store prepares what was ordered, and its owner may have another code."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import strawberry

from domain.access import CART_USERS, STORE_WORKERS
from domain.orders.states import OrderState
from domain.pickup import PickupState, must_move, state_at
from domain.pickup_codes import code_of
from domain.refusals import RefusalCode, Refused
from persistence.news import outbox
from persistence.orders import writes as order_writes
from persistence.orders.tables import SalesOrder
from persistence.pickup import writes as pickup_writes
from persistence.pickup.reads import StoredPickup
from resolvers.context import Context, Info, Work
from resolvers.fields import mutation
from resolvers.orders.order import opens
from resolvers.orders.settling import order_news
from resolvers.pickup.desk import hash_of, pickup_news
from resolvers.pickup.pickup import PickupPayload, handles, is_owner, no_such_pickup, open_pickup, pickup_of

_LONGEST_SHELF = 100
_TRIES = 10


@strawberry.input
class PickupPrepareInput:
    pickup_id: strawberry.ID


@strawberry.input
class PickupReadyInput:
    idempotency_key: str
    pickup_id: strawberry.ID
    shelf: str | None = None


@strawberry.input
class PickupCodeRotateInput:
    pickup_id: strawberry.ID
    order_token: str | None = strawberry.field(
        default=None, description="stands in for a token when a visitor placed the order"
    )


@mutation(
    PickupPayload,
    STORE_WORKERS,
    description="Begin to pick an order in the store that hands it over. To say so twice changes nothing.",
)
async def pickup_prepare(info: Info, input: PickupPrepareInput) -> PickupPayload:
    context = info.context
    async with context.house.database.transaction() as db:
        work = Work(db, context.house.clock())
        pickup, order = await _theirs(context, work, input.pickup_id)
        if pickup.state is not PickupState.PREPARING:
            state = must_move(state_at(pickup.state, pickup.held_until, work.now), PickupState.PREPARING)
            await pickup_writes.change(db, pickup.id, state)
            await order_writes.change(db, order, event="preparing", by=str(context.viewer), at=work.now)
            work.announce(
                order_news(order, "pickupPrepare"), pickup_news(pickup.id, pickup.store, "pickupPrepare")
            )
        await outbox.write(db, work.news)
    context.house.hub.nudge()
    return PickupPayload(pickup=await pickup_of(context, pickup.id))


@mutation(
    PickupPayload,
    STORE_WORKERS,
    description="Put an order where it waits for its owner, who is told and shown the code from now on. It "
    "is kept until heldUntil.",
)
async def pickup_ready(info: Info, input: PickupReadyInput) -> PickupPayload:
    context = info.context
    shelf = None if input.shelf is None else input.shelf.strip()
    if shelf is not None and (not 1 <= len(shelf) <= _LONGEST_SHELF or "\0" in shelf):
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"A shelf has 1 to {_LONGEST_SHELF} characters.",
            zh=f"货架须为 1 到 {_LONGEST_SHELF} 个字符。",
            field=("input", "shelf"),
        )

    async def act(work: Work) -> dict[str, Any]:
        pickup, order = await _theirs(context, work, input.pickup_id)
        state = must_move(state_at(pickup.state, pickup.held_until, work.now), PickupState.READY)
        held_until = work.now + context.house.pickup_desk.hold
        await pickup_writes.change(
            work.db, pickup.id, state, shelf=shelf, ready_at=work.now, held_until=held_until
        )
        await order_writes.change(
            work.db,
            order,
            event="ready",
            by=str(context.viewer),
            note=shelf,
            at=work.now,
            state=OrderState.READY,
            held_until=held_until,
        )
        work.announce(order_news(order, "pickupReady"), pickup_news(pickup.id, pickup.store, "pickupReady"))
        return {"pickup": str(pickup.id)}

    done = await context.once("pickupReady", input.idempotency_key, input, act)
    return PickupPayload(pickup=await pickup_of(context, UUID(done.answer["pickup"])))


async def _theirs(context: Context, work: Work, given_id: str) -> tuple[StoredPickup, SalesOrder]:
    pickup, order = await open_pickup(work.db, given_id)
    if not handles(context.viewer, pickup.store):
        raise no_such_pickup()
    return pickup, order


@mutation(
    PickupPayload,
    CART_USERS,
    description="Have another code for an order that waits: the one before opens nothing any more. By who "
    "placed it, or by staff of its store, who are not shown it.",
)
async def pickup_code_rotate(info: Info, input: PickupCodeRotateInput) -> PickupPayload:
    context = info.context
    desk = context.house.pickup_desk
    async with context.house.database.transaction() as db:
        work = Work(db, context.house.clock())
        pickup, order = await open_pickup(db, input.pickup_id)
        is_opened = opens(input.order_token, order)
        viewer = context.viewer
        if not (is_opened or is_owner(viewer, pickup) or handles(viewer, pickup.store)):
            raise no_such_pickup()
        must_move(state_at(pickup.state, pickup.held_until, work.now), PickupState.CANCELLED)
        for rotation in range(pickup.rotation + 1, pickup.rotation + 1 + _TRIES):
            code = code_of(desk.secret, pickup.id, rotation)
            if await pickup_writes.rotate(db, pickup.id, code_hash=hash_of(desk, code), rotation=rotation):
                break
        await order_writes.change(db, order, event="codeRotated", by=str(viewer), at=work.now)
        await outbox.write(db, [order_news(order, "pickupCodeRotate")])
    context.house.hub.nudge()
    return PickupPayload(pickup=await pickup_of(context, pickup.id, is_opened=is_opened))
