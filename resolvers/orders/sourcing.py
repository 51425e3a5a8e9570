"""Which stores an order's goods come from, and keeping them there for it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.channels import StockPolicy
from domain.inventory import Demand, Shortage
from persistence.database import Connection
from persistence.inventory import holds, promises
from resolvers.house import House

_TRIES = 3


async def keep(
    db: Connection,
    house: House,
    wanted: dict[str, int],
    *,
    store: str | None,
    channel: str,
    policy: StockPolicy,
    holder: UUID,
    until: datetime,
    now: datetime,
) -> tuple[list[Demand], list[Shortage]]:
    """What is kept for the holder, by place; or what is short, and then nothing is kept.

    Without a store the goods come from all that deliver, most stock first. Somebody may take from one of them
    meanwhile: then the rest is looked for anew.
    """
    stores = [] if store is not None else await house.directory.delivering_stores()
    shortages: list[Shortage] = []
    for _ in range(1 if store is not None else _TRIES):
        if store is not None:
            demands = [Demand(store, sku, quantity) for sku, quantity in wanted.items()]
        else:
            demands, shortages = await promises.spread(
                db, wanted, stores, channel=channel, policy=policy, now=now
            )
        if not shortages:
            shortages = await holds.reserve(
                db, demands, channel=channel, policy=policy, holder=holder, expires_at=until, now=now
            )
        if not shortages:
            return demands, []
    return [], shortages
