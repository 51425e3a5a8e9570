"""Statements of stock that are written as SQL: a dozen parts that must run as one read best in its own words.

Whoever changes a level, its allotments or its holds has locked the level's row first, levels in the order of
store and sku, in a statement of its own: the next one then sees all that the last owner of the lock did. So
two buyers never both win, and nobody waits for somebody who waits for them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import sqlalchemy as sa

from domain.inventory import Demand
from persistence.database import Statement, statement

_PARAMETERS: dict[str, Any] = {
    "stores": sa.ARRAY(sa.Text),
    "skus": sa.ARRAY(sa.Text),
    "quantities": sa.ARRAY(sa.Integer),
    "spoilt": sa.ARRAY(sa.Integer),
    "store": sa.Text,
    "channel": sa.Text,
    "policy": sa.Text,
    "reason": sa.Text,
    "reference": sa.Text,
    "moved_by": sa.Text,
    "state": sa.Text,
    "holder": sa.Uuid,
    "now": sa.DateTime(timezone=True),
    "until": sa.DateTime(timezone=True),
    "limit": sa.Integer,
    "holders": sa.ARRAY(sa.Uuid),
    "channels": sa.ARRAY(sa.Text),
    "held_stores": sa.ARRAY(sa.Text),
    "held_skus": sa.ARRAY(sa.Text),
    "from_allotments": sa.ARRAY(sa.Integer),
    "untils": sa.ARRAY(sa.DateTime(timezone=True)),
    "reserved_more": sa.ARRAY(sa.Integer),
    "allotted_more": sa.ARRAY(sa.Integer),
}


def written(text: str, into: type[NamedTuple] | None = None) -> Statement[Any]:
    """SQL with named places, as a statement; `into` is a NamedTuple with the names of the columns."""
    clause = sa.text(text)
    clause = clause.bindparams(*(sa.bindparam(name, type_=_PARAMETERS[name]) for name in clause._bindparams))
    if into is None:
        return statement(clause)
    return statement(clause.columns(*(sa.column(name) for name in into._fields)), into)


LOCK = written(
    """
    SELECT level.sku
    FROM stock_level level JOIN unnest(:stores, :skus) AS asked (store, sku) USING (store, sku)
    ORDER BY level.store, level.sku
    FOR NO KEY UPDATE OF level
    """
)
"""Locks the levels of some places; one that was never opened has nothing to lock."""


_GIVE_BACK = """
back AS (
    SELECT store, sku, CAST(sum(quantity) AS int) AS quantity,
        CAST(sum(from_allotment) AS int) AS allotted
    FROM closed GROUP BY store, sku
),
counted AS (
    UPDATE stock_level level
    SET reserved = reserved - back.quantity, allotted = level.allotted + back.allotted,
        oversold_at = CASE WHEN on_hand < reserved - back.quantity THEN oversold_at END,
        updated_at = :now
    FROM back WHERE level.sku = back.sku AND level.store = back.store
),
allotted AS (
    UPDATE stock_allotment allotment SET remaining = remaining + change.units
    FROM (
        SELECT store, sku, channel, sum(from_allotment) AS units
        FROM closed GROUP BY store, sku, channel HAVING sum(from_allotment) > 0
    ) change
    WHERE allotment.sku = change.sku AND allotment.store = change.store
        AND allotment.channel = change.channel
)
SELECT store, sku, quantity FROM back ORDER BY store, sku
"""


def giving_back(update: str) -> Statement[Demand]:
    """An UPDATE that closes holds of locked levels; what they kept returns to its allotments and the pool."""
    closed = f"{update} RETURNING hold.store, hold.sku, hold.channel, hold.quantity, hold.from_allotment"
    return written(f"WITH closed AS ({closed}), {_GIVE_BACK}", Demand)


def summed(demands: Iterable[Demand]) -> tuple[list[str], list[str], list[int]]:
    """The stores, skus and quantities of the demands, one for each place."""
    units: Counter[tuple[str, str]] = Counter()
    for store, sku, quantity in demands:
        units[store, sku] += quantity
    return [store for store, _ in units], [sku for _, sku in units], list(units.values())
