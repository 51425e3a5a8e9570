"""Keeping units and looking at them, for the tests of holds and of what happens beside them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from domain.channels import StockPolicy
from domain.inventory import Demand, Shortage
from persistence.database import Connection
from persistence.inventory import holds

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=15)
SHARED, ALLOTTED, BORROW = StockPolicy.SHARED, StockPolicy.ALLOTTED, StockPolicy.BORROW


async def reserve(
    db: Connection,
    *demands: tuple[str, str, int],
    channel: str = "app",
    policy: StockPolicy = SHARED,
    holder: UUID | None = None,
    until: datetime = LATER,
    now: datetime = NOON,
) -> list[Shortage]:
    return await holds.reserve(
        db,
        [Demand(*demand) for demand in demands],
        channel=channel,
        policy=policy,
        holder=holder or uuid4(),
        expires_at=until,
        now=now,
    )


async def level(db: Connection, sku: str, store: str = "north") -> tuple[int, int, int]:
    row = await db.fetchrow(
        "SELECT on_hand, reserved, allotted FROM stock_level WHERE sku = $1 AND store = $2", sku, store
    )
    return row["on_hand"], row["reserved"], row["allotted"]


async def remaining(db: Connection, sku: str, channel: str) -> int:
    return int(
        await db.fetchval(
            "SELECT remaining FROM stock_allotment WHERE sku = $1 AND channel = $2", sku, channel
        )
    )
