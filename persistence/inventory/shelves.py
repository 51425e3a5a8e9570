"""Many reservations at once: levels locked and read together, each holder served in turn, all of it written.

What `holds.reserve` does for one holder in SQL, for as many as there are in the same three statements; who
comes first in the round has the last one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from domain.channels import StockPolicy
from domain.inventory import Demand, Shortage, Stock, promised
from persistence.database import Connection
from persistence.inventory.sql import LOCK, written

Spot = tuple[str, str]
"""A store and a sku."""


class _Level(NamedTuple):
    store: str
    sku: str
    on_hand: int
    reserved: int
    safety_stock: int
    allotted: int
    lapsed: int
    lapsed_allotted: int


_OPEN = written(
    """
    WITH asked AS (
        SELECT store, sku FROM unnest(:stores, :skus) AS given (store, sku)
    ),
    lapsed AS (
        UPDATE stock_hold hold SET state = 'EXPIRED', closed_at = :now
        FROM asked
        WHERE hold.sku = asked.sku AND hold.store = asked.store
            AND hold.state = 'HELD' AND hold.expires_at <= :now
        RETURNING hold.store, hold.sku, hold.channel, hold.quantity, hold.from_allotment
    ),
    back AS (
        SELECT store, sku, CAST(sum(quantity) AS int) AS quantity,
            CAST(sum(from_allotment) AS int) AS allotted
        FROM lapsed GROUP BY store, sku
    ),
    allotted AS (
        UPDATE stock_allotment allotment SET remaining = remaining + change.units
        FROM (
            SELECT store, sku, channel, sum(from_allotment) AS units
            FROM lapsed GROUP BY store, sku, channel HAVING sum(from_allotment) > 0
        ) change
        WHERE allotment.sku = change.sku AND allotment.store = change.store
            AND allotment.channel = change.channel
    )
    SELECT level.store, level.sku, level.on_hand, level.reserved, level.safety_stock, level.allotted,
        coalesce(back.quantity, 0) AS lapsed, coalesce(back.allotted, 0) AS lapsed_allotted
    FROM asked JOIN stock_level level USING (store, sku) LEFT JOIN back USING (store, sku)
    """,
    _Level,
)


class _Allotment(NamedTuple):
    channel: str
    store: str
    sku: str
    remaining: int


_ALLOTMENTS = written(
    """
    SELECT own.channel, own.store, own.sku, own.remaining
    FROM stock_allotment own JOIN unnest(:stores, :skus) AS asked (store, sku) USING (store, sku)
    WHERE own.remaining > 0
    """,
    _Allotment,
)
_CLOSE = written(
    """
    WITH held AS (
        INSERT INTO stock_hold (holder, channel, store, sku, quantity, from_allotment, expires_at)
        SELECT * FROM unnest(
            :holders, :channels, :held_stores, :held_skus, :quantities, :from_allotments, :untils
        )
    ),
    given AS (
        SELECT channel, store, sku, CAST(sum(units) AS int) AS units
        FROM unnest(:channels, :held_stores, :held_skus, :from_allotments) AS own (channel, store, sku, units)
        GROUP BY channel, store, sku HAVING sum(units) > 0
    ),
    allotted AS (
        UPDATE stock_allotment allotment SET remaining = remaining - given.units
        FROM given
        WHERE allotment.sku = given.sku AND allotment.store = given.store
            AND allotment.channel = given.channel
    )
    UPDATE stock_level level
    SET reserved = level.reserved + change.reserved,
        allotted = level.allotted + change.allotted,
        oversold_at = CASE WHEN on_hand < level.reserved + change.reserved THEN oversold_at END,
        updated_at = :now
    FROM unnest(:stores, :skus, :reserved_more, :allotted_more)
        AS change (store, sku, reserved, allotted)
    WHERE level.sku = change.sku AND level.store = change.store
    """
)


class _Held(NamedTuple):
    """A hold to write."""

    holder: UUID
    channel: str
    store: str
    sku: str
    quantity: int
    from_allotment: int
    until: datetime


@dataclass(slots=True)
class _Shelf:
    """One level as it is while a round is served; what changed since it was locked is written at the end."""

    on_hand: int
    reserved: int
    safety_stock: int
    allotted: int
    own: Counter[str] = field(default_factory=Counter)
    reserved_before: int = 0
    allotted_before: int = 0

    def seen_by(self, channel: str) -> Stock:
        """The stock as a channel sees it."""
        return Stock(
            on_hand=self.on_hand,
            reserved=self.reserved,
            safety_stock=self.safety_stock,
            allotted=self.own[channel],
            allotted_all=self.allotted,
        )


class Shelves:
    """Locked levels that holders take from in turn; nothing is written before `close`."""

    def __init__(self, shelves: dict[Spot, _Shelf], now: datetime) -> None:
        self._shelves = shelves
        self._now = now
        self._held: list[_Held] = []

    def short(self, demands: Sequence[Demand], *, channel: str, policy: StockPolicy) -> list[Shortage]:
        """Which of the demands, one for each place, can't be met any more."""
        shortages = []
        for store, sku, quantity in sorted(demands):
            shelf = self._shelves.get((store, sku))
            available = 0 if shelf is None else promised(shelf.seen_by(channel), policy)
            if available < quantity:
                shortages.append(Shortage(store, sku, quantity, available))
        return shortages

    def take(
        self, holder: UUID, demands: Iterable[Demand], *, channel: str, policy: StockPolicy, until: datetime
    ) -> None:
        """Keeps what is not short for a holder until a moment: of the channel's own first, if it has any."""
        for store, sku, quantity in demands:
            shelf = self._shelves[store, sku]
            seen = shelf.seen_by(channel)
            own = 0 if policy is StockPolicy.SHARED else min(quantity, seen.allotted, seen.free)
            shelf.reserved += quantity
            shelf.allotted -= own
            shelf.own[channel] -= own
            self._held.append(_Held(holder, channel, store, sku, quantity, own, until))

    async def close(self, db: Connection) -> None:
        """Writes what was taken, and what expired holds gave back."""
        changed = {
            spot: shelf
            for spot, shelf in self._shelves.items()
            if (shelf.reserved, shelf.allotted) != (shelf.reserved_before, shelf.allotted_before)
        }
        if not changed and not self._held:
            return
        await _CLOSE.run(
            db,
            holders=[held.holder for held in self._held],
            channels=[held.channel for held in self._held],
            held_stores=[held.store for held in self._held],
            held_skus=[held.sku for held in self._held],
            quantities=[held.quantity for held in self._held],
            from_allotments=[held.from_allotment for held in self._held],
            untils=[held.until for held in self._held],
            stores=[store for store, _ in changed],
            skus=[sku for _, sku in changed],
            reserved_more=[shelf.reserved - shelf.reserved_before for shelf in changed.values()],
            allotted_more=[shelf.allotted - shelf.allotted_before for shelf in changed.values()],
            now=self._now,
        )


async def open_shelves(db: Connection, spots: Collection[Spot], *, now: datetime) -> Shelves:
    """The levels of some places, locked until the transaction ends; holds that ran out there are over."""
    places = sorted(set(spots))
    if not places:
        return Shelves({}, now)
    asked = {"stores": [store for store, _ in places], "skus": [sku for _, sku in places]}
    # In a statement of its own: the next one sees all that the last owner of the lock did.
    await LOCK.run(db, **asked)
    shelves = {}
    for level in await _OPEN.all(db, **asked, now=now):
        shelves[level.store, level.sku] = _Shelf(
            on_hand=level.on_hand,
            reserved=level.reserved - level.lapsed,
            safety_stock=level.safety_stock,
            allotted=level.allotted + level.lapsed_allotted,
            reserved_before=level.reserved,
            allotted_before=level.allotted,
        )
    if any(shelf.allotted for shelf in shelves.values()):
        for own in await _ALLOTMENTS.all(db, **asked):
            shelves[own.store, own.sku].own[own.channel] = own.remaining
    return Shelves(shelves, now)
