"""Orders that nobody collected in time: the goods are free again and the money goes back, by the clock."""

from __future__ import annotations

from uuid import UUID

from domain.orders.states import OrderState
from domain.payments import PaymentState
from domain.pickup import PickupState, state_at
from persistence.news import outbox
from persistence.orders import writes as order_writes
from persistence.pickup import reads as pickup_db
from persistence.pickup import writes as pickup_writes
from resolvers.attribution.crediting import credit_again
from resolvers.context import Work
from resolvers.house import House
from resolvers.orders.settling import give_back, let_go, order_news, refund
from resolvers.pickup.desk import pickup_news

_BATCH = 100
_CAUSE = "pickupExpired"


async def expire_pickups(house: House) -> int:
    """How many orders were written down as over, because nobody collected them in time."""
    async with house.database.connection() as db:
        overdue = await pickup_writes.overdue_orders(db, house.clock(), _BATCH)
    for order_id in overdue:
        await _expire(house, order_id)
    return len(overdue)


async def _expire(house: House, order_id: UUID) -> None:
    async with house.database.transaction() as db:
        work = Work(db, house.clock())
        order = await order_writes.lock(db, order_id)
        pickup = (await pickup_db.pickups_by_order(db, [order_id])).get(order_id)
        if order is None or pickup is None or pickup.state is not PickupState.READY:
            return
        if state_at(pickup.state, pickup.held_until, work.now) is not PickupState.EXPIRED:
            return
        await pickup_writes.change(db, pickup.id, PickupState.EXPIRED)
        left = order.total_minor - order.refunded_minor
        refund_ids = await refund(work, house, order, left, _CAUSE) if left else []
        await order_writes.change(
            db,
            order,
            event=_CAUSE,
            by=None,
            at=work.now,
            state=OrderState.EXPIRED,
            payment_state=PaymentState.REFUNDED,
            refunded_minor=left,
        )
        work.announce(
            order_news(order, _CAUSE), pickup_news(pickup.id, pickup.store, _CAUSE, pickup.held_until)
        )
        await let_go(work, order, _CAUSE)
        await credit_again(work, order.id, order, 0)
        await outbox.write(db, work.news)
    house.hub.nudge()
    await give_back(house, refund_ids)
