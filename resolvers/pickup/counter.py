"""At the counter: a code is looked up, and what waits under it handed over. Wrong codes are counted."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry
import structlog

from domain.access import EVERYONE, STORE_WORKERS
from domain.orders.states import OrderState
from domain.pickup import (
    CodeRefusal,
    PickupState,
    Tries,
    code_locked,
    code_unknown,
    must_hand_over,
    wrong_store,
)
from domain.pickup_codes import LONGEST, code_typed
from domain.refusals import RefusalCode, Refused
from persistence.orders import writes as order_writes
from persistence.orders.tables import SalesOrder
from persistence.pickup import reads as pickup_db
from persistence.pickup import tries as tries_db
from persistence.pickup import writes as pickup_writes
from persistence.pickup.reads import StoredPickup
from resolvers.context import Context, Info, Work
from resolvers.fields import field, mutation
from resolvers.house import PickupDesk
from resolvers.loyalty import orders as loyalty
from resolvers.orders.settling import hand_over, order_news
from resolvers.pickup import qr as pickup_qr
from resolvers.pickup.desk import hash_of, pickup_news
from resolvers.pickup.pickup import Pickup, PickupPayload, handles, locked, pickup_of
from resolvers.shapes import Told, UserError, shape, shown_as
from resolvers.stores.store import Store

_log = structlog.get_logger("shelfgraph.pickup")


@shape(EVERYONE, description="Why nothing is handed over for a code.")
class PickupCodeError(UserError):
    refusal: strawberry.Private[CodeRefusal]
    attempts_left: int = strawberry.field(
        description="wrong codes this caller may still try in this store before a pause"
    )
    locked_until: datetime | None
    collected_at: datetime | None
    collected_by: str | None

    @field(description="where it may be collected, for PICKUP_WRONG_STORE")
    async def store(self, info: Info) -> Store | None:
        code = self.refusal.store
        row = None if code is None else await info.context.loaders.store.load(code)
        return None if row is None else Store.of(row)


@shown_as(CodeRefusal)
def _code_error(refusal: CodeRefusal, told: Told) -> UserError:
    return PickupCodeError(
        **told,
        refusal=refusal,
        attempts_left=refusal.attempts_left,
        locked_until=refusal.locked_until,
        collected_at=refusal.collected_at,
        collected_by=refusal.collected_by,
    )


@strawberry.input
class PickupVerifyInput:
    store: str
    code: str = strawberry.field(description="as it was said, typed or scanned from the QR")


@strawberry.input
class PickupCollectInput:
    idempotency_key: str
    store: str
    code: str = strawberry.field(description="as it was said, typed or scanned from the QR")


@mutation(
    PickupPayload,
    STORE_WORKERS,
    description="looks, changes nothing: what would be handed over for a code. A wrong one is a try.",
)
async def pickup_verify(info: Info, input: PickupVerifyInput) -> PickupPayload:
    found, tries = await _found(info.context, input.store, input.code)
    _must_hand_over(found, tries, info.context.now)
    return PickupPayload(pickup=Pickup.of(found))


@mutation(
    PickupPayload,
    STORE_WORKERS,
    description="Hand over what waits under a code, once: whoever comes second is told who did, and when.",
)
async def pickup_collect(info: Info, input: PickupCollectInput) -> PickupPayload:
    context = info.context
    done = await context.before("pickupCollect", input.idempotency_key, input)
    if done is None:
        found, tries = await _found(context, input.store, input.code)

        async def act(work: Work) -> dict[str, Any]:
            pickup, order = await locked(work.db, found)
            if pickup.rotation != found.rotation:
                raise code_unknown(tries, work.now)
            _must_hand_over(pickup, tries, work.now)
            await give(work, pickup, order, by=str(context.viewer), at=work.now)
            return {"pickup": str(pickup.id)}

        done = await context.once("pickupCollect", input.idempotency_key, input, act)
    return PickupPayload(pickup=await pickup_of(context, UUID(done.answer["pickup"])))


async def give(work: Work, pickup: StoredPickup, order: SalesOrder, *, by: str, at: datetime) -> None:
    """The goods of a pickup have left the store: they are sold, and the order is complete."""
    await hand_over(work, order, by=by)
    await loyalty.receive(work, order)
    await pickup_writes.change(work.db, pickup.id, PickupState.COLLECTED, collected_at=at, collected_by=by)
    await order_writes.change(
        work.db, order, event="handedOver", by=by, at=work.now, state=OrderState.COMPLETED
    )
    work.announce(order_news(order, "pickupCollect"), pickup_news(pickup.id, pickup.store, "pickupCollect"))


def _must_hand_over(pickup: StoredPickup, tries: Tries, now: datetime) -> None:
    must_hand_over(
        pickup.state,
        held_until=pickup.held_until,
        collected_at=pickup.collected_at,
        collected_by=pickup.collected_by,
        tries=tries,
        now=now,
    )


async def _found(context: Context, store: str, given: str) -> tuple[StoredPickup, Tries]:
    """The pickup a code is of, when it is to be collected in this store, and the caller's wrong tries there.

    Refuses PICKUP_CODE_LOCKED, PICKUP_CODE_UNKNOWN and PICKUP_WRONG_STORE; the last two are counted.
    """
    if not handles(context.viewer, store):
        raise Refused.because(
            RefusalCode.NOT_FOUND,
            en=f'You do not work in a store "{store}".',
            zh=f"您不在门店“{store}”工作。",
            field=("input", "store"),
        )
    desk, who = context.house.pickup_desk, str(context.viewer)
    async with context.house.database.transaction() as db:
        now = context.house.clock()
        tries = await tries_db.of_caller(db, who, store)
        if tries.is_locked(now):
            raise code_locked(tries, now)
        code = _code(desk, given)
        if code is None:
            raise code_unknown(tries, now, mistyped=True)
        found = await pickup_db.by_code(db, hash_of(desk, code))
        if found is not None and found.store == store:
            return found, tries
        tries = tries.with_one_more(now)
        await tries_db.keep(db, who, store, tries)
    if tries.is_locked(now):
        _log.warning("wrong pickup codes lock a caller out", caller=who, store=store)
    raise code_unknown(tries, now) if found is None else wrong_store(found.store, tries, now)


def _code(desk: PickupDesk, given: str) -> str | None:
    """The code in what was typed or scanned; None when it can't be any."""
    if len(given) > LONGEST:
        return None
    if pickup_qr.is_ticket(given.strip()):
        ticket = pickup_qr.read(given, desk.qr_seed)
        return None if ticket is None else ticket.code
    return code_typed(given)
