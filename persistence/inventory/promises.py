"""What channels may promise: without what expired holds no longer keep, with what is a channel's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from domain.channels import StockPolicy
from domain.inventory import Demand, Shortage, Stock, promised, spread_over
from persistence.database import Connection
from persistence.inventory.sql import written


class _Row(NamedTuple):
    store: str
    sku: str
    on_hand: int
    reserved: int
    safety_stock: int
    own: int
    allotted: int
    low_stock: int | None


_STOCKS = written(
    """
    SELECT level.store, level.sku, level.on_hand,
        level.reserved - coalesce(lapsed.quantity, 0) AS reserved,
        level.safety_stock,
        coalesce(own.remaining, 0) + coalesce(lapsed.own, 0) AS own,
        level.allotted + coalesce(lapsed.allotted, 0) AS allotted,
        level.low_stock
    FROM stock_level level
    LEFT JOIN stock_allotment own
        ON own.channel = :channel AND own.store = level.store AND own.sku = level.sku
    LEFT JOIN LATERAL (
        SELECT CAST(sum(quantity) AS int) AS quantity, CAST(sum(from_allotment) AS int) AS allotted,
            CAST(sum(from_allotment) FILTER (WHERE channel = :channel) AS int) AS own
        FROM stock_hold hold
        WHERE level.reserved > 0 AND hold.sku = level.sku AND hold.store = level.store
            AND hold.state = 'HELD' AND hold.expires_at <= :now
    ) lapsed ON true
    WHERE level.sku = ANY (:skus) AND level.store = ANY (:stores)
    ORDER BY level.sku, level.store
    """,
    _Row,
)


async def stocks_by_sku(
    db: Connection, skus: Sequence[str], stores: Sequence[str], *, channel: str, now: datetime
) -> dict[str, dict[str, Stock]]:
    """By sku, by store in the order of the codes: its stock as a channel sees it at a moment.

    What expired holds kept is free again, whether or not anybody noted their end.
    """
    found: dict[str, dict[str, Stock]] = {}
    for row in await _STOCKS.all(db, skus=skus, stores=stores, channel=channel, now=now):
        found.setdefault(row.sku, {})[row.store] = Stock(
            on_hand=row.on_hand,
            reserved=row.reserved,
            safety_stock=row.safety_stock,
            allotted=row.own,
            allotted_all=row.allotted,
            low_stock=row.low_stock,
        )
    return found


async def spread(
    db: Connection,
    wanted: Mapping[str, int],
    stores: Sequence[str],
    *,
    channel: str,
    policy: StockPolicy,
    now: datetime,
) -> tuple[list[Demand], list[Shortage]]:
    """Which of the stores each sku would be taken from: the one that has most first, then by code.

    The second list has the skus that all of them together can't meet; those have no demand. Nothing is
    locked, so that a reservation of the demands may still find less: then spread anew.
    """
    stocks = await stocks_by_sku(db, list(wanted), stores, channel=channel, now=now)
    demands: list[Demand] = []
    short: list[Shortage] = []
    for sku, quantity in sorted(wanted.items()):
        there = {store: promised(stock, policy) for store, stock in stocks.get(sku, {}).items()}
        shares = spread_over(quantity, there)
        if shares is None:
            short.append(Shortage(None, sku, quantity, sum(there.values())))
        else:
            demands += [Demand(store, sku, units) for store, units in shares.items()]
    return demands, short
