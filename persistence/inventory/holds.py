"""Holds: units of a level kept for an order until a moment, then sold, or given back.

Everything happens in the caller's transaction, in the same number of statements whatever the number of lines.
A hold counts until its moment whether or not somebody is there to end it: readers leave out what has expired,
and who reserves notes it first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from domain.channels import StockPolicy
from domain.inventory import Demand, Shortage, Stock, promised
from persistence.database import Connection
from persistence.inventory.promises import stocks_by_sku
from persistence.inventory.sql import LOCK, giving_back, summed, written

_RESERVE = written(
    """
    WITH asked AS (
        SELECT store, sku, quantity
        FROM unnest(:stores, :skus, :quantities) AS given (store, sku, quantity)
    ),
    lapsed AS (
        UPDATE stock_hold hold
        SET state = CASE WHEN holder = :holder THEN 'RENEWED' ELSE 'EXPIRED' END, closed_at = :now
        FROM asked
        WHERE hold.sku = asked.sku AND hold.store = asked.store
            AND hold.state = 'HELD' AND hold.expires_at <= :now
        RETURNING hold.store, hold.sku, hold.channel, hold.quantity, hold.from_allotment
    ),
    back AS (
        SELECT store, sku, CAST(sum(quantity) AS int) AS quantity,
            CAST(sum(from_allotment) AS int) AS allotted,
            CAST(coalesce(sum(from_allotment) FILTER (WHERE channel = :channel), 0) AS int) AS own
        FROM lapsed GROUP BY store, sku
    ),
    stock AS (
        SELECT level.store, level.sku, asked.quantity AS wanted,
            coalesce(back.quantity, 0) AS back,
            coalesce(back.allotted, 0) AS back_allotted,
            greatest(0, on_hand - reserved + coalesce(back.quantity, 0) - safety_stock) AS free,
            level.allotted + coalesce(back.allotted, 0) AS allotted,
            coalesce(own.remaining, 0) + coalesce(back.own, 0) AS own
        FROM asked JOIN stock_level level USING (store, sku) LEFT JOIN back USING (store, sku)
            LEFT JOIN stock_allotment own
            ON own.channel = :channel AND own.store = level.store AND own.sku = level.sku
    ),
    room AS (
        SELECT store, sku, wanted, back, back_allotted,
            CASE :policy
                WHEN 'SHARED' THEN greatest(0, free - allotted)
                WHEN 'ALLOTTED' THEN least(own, free)
                ELSE least(own, free) + greatest(0, free - allotted)
            END AS available,
            CASE :policy WHEN 'SHARED' THEN 0 ELSE least(wanted, own, free) END AS from_own
        FROM stock
    ),
    short AS (
        SELECT store, sku, asked.quantity AS wanted, coalesce(room.available, 0) AS available
        FROM asked LEFT JOIN room USING (store, sku)
        WHERE coalesce(room.available, 0) < asked.quantity
    ),
    verdict AS (SELECT NOT EXISTS (SELECT FROM short) AS kept),
    taken AS (
        SELECT store, sku, wanted AS quantity, from_own FROM room, verdict WHERE kept
    ),
    -- All of what was asked for is taken or nothing of it: to join the two by place would cost its square.
    outcome AS (
        SELECT store, sku, kept, back, back_allotted,
            CASE WHEN kept THEN wanted ELSE 0 END AS quantity,
            CASE WHEN kept THEN from_own ELSE 0 END AS from_own
        FROM room, verdict
    ),
    counted AS (
        UPDATE stock_level level
        SET reserved = reserved - outcome.back + outcome.quantity,
            allotted = allotted + outcome.back_allotted - outcome.from_own,
            oversold_at = CASE WHEN on_hand < reserved - outcome.back + outcome.quantity THEN oversold_at END,
            updated_at = :now
        FROM outcome
        WHERE level.sku = outcome.sku AND level.store = outcome.store AND (outcome.kept OR outcome.back > 0)
    ),
    allotted AS (
        UPDATE stock_allotment allotment SET remaining = remaining + change.units
        FROM (
            SELECT store, sku, channel, sum(units) AS units
            FROM (
                SELECT store, sku, channel, from_allotment AS units FROM lapsed
                UNION ALL
                SELECT store, sku, :channel, -from_own FROM taken
            ) changes
            GROUP BY store, sku, channel HAVING sum(units) <> 0
        ) change
        WHERE allotment.sku = change.sku AND allotment.store = change.store
            AND allotment.channel = change.channel
    ),
    renewed AS (
        UPDATE stock_hold SET state = 'RENEWED'
        WHERE holder = :holder AND state = 'EXPIRED' AND EXISTS (SELECT FROM taken)
    ),
    held AS (
        INSERT INTO stock_hold (holder, channel, store, sku, quantity, from_allotment, expires_at)
        SELECT :holder, :channel, store, sku, quantity, from_own, :until FROM taken
    )
    SELECT store, sku, wanted, available FROM short ORDER BY store, sku
    """,
    Shortage,
)


async def reserve(
    db: Connection,
    demands: Iterable[Demand],
    *,
    channel: str,
    policy: StockPolicy,
    holder: UUID,
    expires_at: datetime,
    now: datetime,
) -> list[Shortage]:
    """What is short, and then nothing is kept; empty when all of it is kept for the holder until the moment.

    Demands of one place are added up; each is at least 1. Two buyers never both win the last one, and many
    lines in any order never block each other for good. Call it last: what it locks stays locked until the
    transaction ends. A holder that reserves again after its holds have expired starts anew.
    """
    stores, skus, quantities = summed(demands)
    # Who comes when all is gone need not queue for the lock to hear it.
    seen = await stocks_by_sku(db, skus, stores, channel=channel, now=now)
    short = [
        Shortage(store, sku, quantity, available)
        for store, sku, quantity in sorted(zip(stores, skus, quantities, strict=True))
        if (available := promised(seen.get(sku, {}).get(store, Stock(0)), policy)) < quantity
    ]
    if short:
        return short
    await LOCK.run(db, stores=stores, skus=skus)
    return await _RESERVE.all(
        db,
        stores=stores,
        skus=skus,
        quantities=quantities,
        channel=channel,
        policy=policy.value,
        holder=holder,
        until=expires_at,
        now=now,
    )


_LOCK_FOR = written(
    """
    SELECT level.sku FROM stock_level level
    WHERE (level.sku, level.store) IN (
        SELECT sku, store FROM stock_hold WHERE holder = :holder AND state IN ('HELD', 'EXPIRED')
    )
    ORDER BY level.store, level.sku
    FOR NO KEY UPDATE
    """
)
_RELEASE = giving_back(
    """
    UPDATE stock_hold hold SET state = 'RELEASED', closed_at = :now
    WHERE holder = :holder AND state = 'HELD'
    """
)


async def release(db: Connection, holder: UUID, *, now: datetime) -> list[Demand]:
    """What the holder gave back, by place: all it still held, to the allotments it came from and the pool."""
    await _LOCK_FOR.run(db, holder=holder)
    return await _RELEASE.all(db, holder=holder, now=now)


_SELL = written(
    """
    WITH sold AS (
        UPDATE stock_hold SET state = 'SOLD', closed_at = :now
        WHERE holder = :holder AND state = 'HELD'
            AND NOT EXISTS (
                SELECT FROM stock_hold gone WHERE gone.holder = :holder AND gone.state = 'EXPIRED'
            )
        RETURNING store, sku, quantity
    ),
    summed AS (
        SELECT store, sku, CAST(sum(quantity) AS int) AS quantity FROM sold GROUP BY store, sku
    ),
    counted AS (
        UPDATE stock_level level
        SET on_hand = on_hand - summed.quantity, reserved = reserved - summed.quantity, updated_at = :now
        FROM summed WHERE level.sku = summed.sku AND level.store = summed.store
    ),
    moved AS (
        INSERT INTO stock_movement (store, sku, delta, reason, reference, moved_by, moved_at)
        SELECT store, sku, -quantity, 'SALE', :reference, :moved_by, :now FROM summed ORDER BY store, sku
    )
    SELECT store, sku, quantity FROM summed ORDER BY store, sku
    """,
    Demand,
)


async def sell(db: Connection, holder: UUID, *, reference: str, moved_by: str, now: datetime) -> list[Demand]:
    """What was sold, by place: all the holder holds; nothing when any of it expired and was given to others.

    On hand and reserved fall together, with a movement SALE. A hold that has expired is sold too as long as
    nobody has noted its end. When the answer is empty, a late payer reserves anew and then sells.
    """
    await _LOCK_FOR.run(db, holder=holder)
    return await _SELL.all(db, holder=holder, reference=reference, moved_by=moved_by, now=now)


_EXTEND = written(
    """
    UPDATE stock_hold SET expires_at = greatest(expires_at, :until)
    WHERE holder = :holder AND state = 'HELD'
        AND NOT EXISTS (SELECT FROM stock_hold gone WHERE gone.holder = :holder AND gone.state = 'EXPIRED')
    """
)


async def extend(db: Connection, holder: UUID, until: datetime) -> bool:
    """Whether the holder's units are now kept until that moment at least; False when some went to others."""
    await _LOCK_FOR.run(db, holder=holder)
    return await _EXTEND.run(db, holder=holder, until=until) > 0
