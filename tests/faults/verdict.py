"""What has to be true of the books when all shoppers have their answers."""

from __future__ import annotations

import asyncpg

from resolvers.shapes import parse_global_id
from tests.faults.shoppers import Ledger

_BOOKS = {
    "sums of movements that are not on hand": """
        SELECT level.sku FROM stock_level level
        LEFT JOIN (SELECT store, sku, sum(delta) AS units FROM stock_movement GROUP BY store, sku) moved
            USING (store, sku)
        WHERE level.on_hand <> coalesce(moved.units, 0)
    """,
    "reserved units that nobody holds": """
        SELECT level.sku FROM stock_level level
        LEFT JOIN (
            SELECT store, sku, sum(quantity) AS units FROM stock_hold WHERE state = 'HELD' GROUP BY store, sku
        ) held USING (store, sku)
        WHERE level.reserved <> coalesce(held.units, 0)
    """,
    "units promised that are not there": "SELECT sku FROM stock_level WHERE on_hand < reserved",
    "orders that hold other units than they sold": """
        SELECT "order".id FROM sales_order "order"
        JOIN (SELECT order_id, sum(quantity) AS units FROM order_line GROUP BY order_id) line
            ON line.order_id = "order".id
        LEFT JOIN (
            SELECT holder, sum(quantity) AS units FROM stock_hold WHERE state = 'HELD' GROUP BY holder
        ) held ON held.holder = "order".id
        WHERE coalesce(held.units, 0) <>
            CASE WHEN "order".state IN ('PENDING_PAYMENT', 'PAID') THEN line.units ELSE 0 END
    """,
    "orders whose money is not what they come to": """
        SELECT "order".id FROM sales_order "order"
        JOIN (
            SELECT order_id, sum(captured_minor) AS captured, sum(refunded_minor) AS refunded,
                count(*) FILTER (WHERE captured_minor > 0) AS times
            FROM payment GROUP BY order_id
        ) paid ON paid.order_id = "order".id
        WHERE paid.times > 1 OR paid.refunded <> "order".refunded_minor
            OR ("order".state = 'PAID' AND paid.captured <> "order".total_minor)
            OR ("order".state = 'PENDING_PAYMENT' AND paid.captured <> 0)
            OR ("order".state = 'CANCELLED' AND paid.captured <> paid.refunded)
    """,
    "refunds that are not what payments gave back": """
        SELECT payment.id FROM payment
        LEFT JOIN (SELECT payment_id, sum(amount_minor) AS amount FROM refund GROUP BY payment_id) given
            ON given.payment_id = payment.id
        WHERE payment.refunded_minor <> coalesce(given.amount, 0)
    """,
    "carts that name no order of theirs": """
        SELECT cart.id FROM cart LEFT JOIN sales_order "order" ON "order".id = cart.order_id
        WHERE cart.order_id IS NOT NULL AND "order".id IS NULL
    """,
    "news that was never given a place": "SELECT id FROM outbox WHERE position IS NULL",
}


async def wrong(db: asyncpg.Connection, ledger: Ledger) -> list[str]:
    """What is not as it has to be; empty when nothing was lost and nothing happened twice."""
    found = [f"{what}: {len(rows)}" for what, sql in _BOOKS.items() if (rows := await db.fetch(sql))]
    stored = {row["id"]: row for row in await db.fetch("SELECT id, state FROM sales_order")}
    told = {_key(order) for order in ledger.bought.values()}
    paid = {_key(order) for order in ledger.paid}
    cancelled = {_key(order) for order in ledger.cancelled}
    if len(told) < len(ledger.bought):
        found.append(f"orders that answer two keys: {len(ledger.bought) - len(told)}")
    if ledger.told_otherwise:
        found.append(f"keys with two answers: {len(ledger.told_otherwise)}")
    if lost := told - stored.keys():
        found.append(f"answered orders that are not there: {len(lost)}")
    if unasked := stored.keys() - told:
        found.append(f"orders that no shopper was told of: {len(unasked)}")
    states = {key: row["state"] for key, row in stored.items()}
    unpaid = [key for key in paid - cancelled if states.get(key) != "PAID"]
    if unpaid:
        found.append(f"paid orders that are not: {len(unpaid)}")
    alive = [key for key in cancelled if states.get(key) != "CANCELLED"]
    if alive:
        found.append(f"cancelled orders that are not: {len(alive)}")
    return found


def _key(global_id: str) -> object:
    known = parse_global_id(global_id)
    return None if known is None else known[1]
