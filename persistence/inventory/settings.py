"""What people set about stock: what a channel has of its own, and what is kept back from everybody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from persistence.database import Connection
from persistence.inventory.sql import written

_ALLOT = written(
    """
    WITH asked AS (
        SELECT sku, quantity FROM unnest(:skus, :quantities) AS given (sku, quantity)
    ),
    counted AS (
        UPDATE stock_level level
        SET allotted = allotted + asked.quantity - coalesce(before.remaining, 0), updated_at = :now
        FROM asked LEFT JOIN stock_allotment before
            ON before.channel = :channel AND before.store = :store AND before.sku = asked.sku
        WHERE level.store = :store AND level.sku = asked.sku
    )
    INSERT INTO stock_allotment (channel, store, sku, remaining)
    SELECT :channel, :store, sku, quantity FROM asked ORDER BY sku
    ON CONFLICT (channel, store, sku) DO UPDATE SET remaining = excluded.remaining
    """
)
_KEEP_BACK = written(
    """
    UPDATE stock_level level SET safety_stock = asked.quantity, updated_at = :now
    FROM unnest(:skus, :quantities) AS asked (sku, quantity)
    WHERE level.store = :store AND level.sku = asked.sku
    """
)
_CALL_LOW = written(
    """
    UPDATE stock_level level SET low_stock = asked.quantity, updated_at = :now
    FROM unnest(:skus, :quantities) AS asked (sku, quantity)
    WHERE level.store = :store AND level.sku = asked.sku
    """
)


async def allot(db: Connection, channel: str, store: str, units: Mapping[str, int], now: datetime) -> None:
    """Sets what a channel has left of its own, by sku; the levels are locked.

    More than is free may be allotted: it then waits for what arrives. What is held comes on top when it is
    given back.
    """
    await _ALLOT.run(
        db, channel=channel, store=store, skus=list(units), quantities=list(units.values()), now=now
    )


async def keep_back(db: Connection, store: str, units: Mapping[str, int], now: datetime) -> None:
    """Sets the safety stock, by sku; the levels are locked."""
    await _KEEP_BACK.run(db, store=store, skus=list(units), quantities=list(units.values()), now=now)


async def call_low(db: Connection, store: str, units: Mapping[str, int | None], now: datetime) -> None:
    """Sets from how many units down a sku is low in a store, None as everywhere; the levels are locked."""
    await _CALL_LOW.run(db, store=store, skus=list(units), quantities=list(units.values()), now=now)
