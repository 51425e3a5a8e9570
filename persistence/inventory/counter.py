"""What happens without a hold: sales that are over when they are heard of, and goods that come back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from domain.inventory import Demand
from persistence.database import Connection
from persistence.inventory.sql import LOCK, summed, written

_OPEN = written(
    """
    INSERT INTO stock_level (store, sku)
    SELECT store, sku FROM unnest(:stores, :skus) AS asked (store, sku) ORDER BY store, sku
    ON CONFLICT DO NOTHING
    """
)
_SELL = written(
    """
    WITH sold AS (
        UPDATE stock_level level
        SET on_hand = on_hand - asked.quantity,
            oversold_at = CASE
                WHEN on_hand - asked.quantity < reserved THEN coalesce(oversold_at, :now)
            END,
            updated_at = :now
        FROM unnest(:stores, :skus, :quantities) AS asked (store, sku, quantity)
        WHERE level.store = asked.store AND level.sku = asked.sku
        RETURNING level.store, level.sku, asked.quantity, level.on_hand < level.reserved AS oversold
    ),
    moved AS (
        INSERT INTO stock_movement (store, sku, delta, reason, reference, moved_by, moved_at)
        SELECT store, sku, -quantity, 'SALE', :reference, :moved_by, :now FROM sold ORDER BY store, sku
    )
    SELECT store, sku, quantity FROM sold WHERE oversold ORDER BY store, sku
    """,
    Demand,
)
_TAKE_BACK = written(
    """
    WITH came AS (
        UPDATE stock_level level
        SET on_hand = on_hand + asked.quantity - asked.spoilt,
            oversold_at = CASE WHEN on_hand + asked.quantity - asked.spoilt < reserved THEN oversold_at END,
            updated_at = :now
        FROM unnest(:stores, :skus, :quantities, :spoilt) AS asked (store, sku, quantity, spoilt)
        WHERE level.store = asked.store AND level.sku = asked.sku
    )
    INSERT INTO stock_movement (store, sku, delta, reason, reference, moved_by, moved_at)
    SELECT store, sku, quantity, 'RETURN', :reference, :moved_by, :now
    FROM unnest(:stores, :skus, :quantities) AS asked (store, sku, quantity) WHERE quantity > 0
    UNION ALL
    SELECT store, sku, -quantity, 'DAMAGE', :reference, :moved_by, :now
    FROM unnest(:stores, :skus, :spoilt) AS asked (store, sku, quantity) WHERE quantity > 0
    """
)


class Returned(NamedTuple):
    """Units that come back to a store: onto its shelf again, or not."""

    store: str
    sku: str
    quantity: int
    restock: bool


async def sell_offline(
    db: Connection, demands: Iterable[Demand], *, reference: str, moved_by: str, now: datetime
) -> list[Demand]:
    """Those of the sales after which a store has less than it promised to others: a person must look at them.

    The goods have left already, so nothing is refused: on hand may fall below what is reserved, even below
    nothing, and the level says since when. Each is a movement SALE.
    """
    stores, skus, quantities = summed(demands)
    await _OPEN.run(db, stores=stores, skus=skus)
    await LOCK.run(db, stores=stores, skus=skus)
    return await _SELL.all(
        db, stores=stores, skus=skus, quantities=quantities, reference=reference, moved_by=moved_by, now=now
    )


async def take_back(
    db: Connection, lines: Iterable[Returned], *, reference: str, moved_by: str, now: datetime
) -> list[Demand]:
    """What can be sold again, by place.

    Every unit is a movement RETURN, and one that is not restocked a DAMAGE as well.
    """
    came = list(lines)
    spoilt = {(one.store, one.sku): 0 for one in came}
    for one in came:
        spoilt[one.store, one.sku] += 0 if one.restock else one.quantity
    stores, skus, quantities = summed(Demand(one.store, one.sku, one.quantity) for one in came)
    lost = [spoilt[place] for place in zip(stores, skus, strict=True)]
    await _OPEN.run(db, stores=stores, skus=skus)
    await LOCK.run(db, stores=stores, skus=skus)
    await _TAKE_BACK.run(
        db,
        stores=stores,
        skus=skus,
        quantities=quantities,
        spoilt=lost,
        reference=reference,
        moved_by=moved_by,
        now=now,
    )
    return [
        Demand(store, sku, quantity - gone)
        for store, sku, quantity, gone in zip(stores, skus, quantities, lost, strict=True)
        if quantity > gone
    ]
