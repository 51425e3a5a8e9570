"""Keeping, selling and giving back units, on real PostgreSQL."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from domain.channels import StockPolicy
from domain.inventory import Demand, Shortage
from persistence.database import Connection, Database, connect
from persistence.inventory import holds
from persistence.inventory.expiry import HoldBoundaries
from persistence.news.hub import Hub
from tests.inventory.holding import ALLOTTED, BORROW, LATER, NOON, SHARED, level, remaining, reserve
from tests.makers import make_allotment, make_product, make_stock


async def test_what_is_free_can_be_kept_to_the_last_unit(db: Connection, sku: str) -> None:
    assert await reserve(db, ("north", sku, 7)) == []
    assert await level(db, sku) == (10, 9, 0)
    assert await reserve(db, ("north", sku, 1)) == [Shortage("north", sku, 1, 0)]


async def test_one_more_than_is_free_is_short_and_nothing_is_kept(db: Connection, sku: str) -> None:
    assert await reserve(db, ("north", sku, 8)) == [Shortage("north", sku, 8, 7)]
    assert await level(db, sku) == (10, 2, 0)
    assert await db.fetchval("SELECT count(*) FROM stock_hold WHERE sku = $1", sku) == 0


async def test_all_lines_are_kept_or_none(db: Connection, sku: str) -> None:
    other = (await make_product(db)).skus[0]
    await make_stock(db, "east", other, 1)
    short = await reserve(db, ("north", sku, 1), ("east", other, 2), ("west", "never-seen", 1))
    assert short == [Shortage("east", other, 2, 1), Shortage("west", "never-seen", 1, 0)]
    assert (await level(db, sku), await level(db, other, "east")) == ((10, 2, 0), (1, 0, 0))


async def test_lines_of_one_place_are_added_up(db: Connection, sku: str) -> None:
    assert await reserve(db, ("north", sku, 4), ("north", sku, 4)) == [Shortage("north", sku, 8, 7)]
    assert await reserve(db, ("north", sku, 4), ("north", sku, 3)) == []
    assert await level(db, sku) == (10, 9, 0)


@pytest.mark.parametrize(
    ("policy", "channel", "most", "own_taken"),
    [
        (SHARED, "app", 3, 0),
        (ALLOTTED, "jd", 4, 4),
        (BORROW, "jd", 7, 4),
        (ALLOTTED, "live", 0, 0),
        (BORROW, "live", 3, 0),
    ],
)
async def test_each_policy_promises_by_its_formula(
    db: Connection, sku: str, policy: StockPolicy, channel: str, most: int, own_taken: int
) -> None:
    await make_allotment(db, "jd", "north", sku, 4)
    short = await reserve(db, ("north", sku, most + 1), channel=channel, policy=policy)
    assert short == [Shortage("north", sku, most + 1, most)]
    if most:
        assert await reserve(db, ("north", sku, most), channel=channel, policy=policy) == []
    assert await level(db, sku) == (10, 2 + most, 4 - own_taken)
    assert await remaining(db, sku, "jd") == 4 - own_taken


async def test_an_allotment_larger_than_what_is_free_promises_what_is_free(db: Connection, sku: str) -> None:
    await make_allotment(db, "jd", "north", sku, 50)
    assert await reserve(db, ("north", sku, 8), channel="jd", policy=ALLOTTED) == [
        Shortage("north", sku, 8, 7)
    ]
    assert await reserve(db, ("north", sku, 1)) == [Shortage("north", sku, 1, 0)]


async def test_what_is_given_back_returns_to_where_it_came_from(db: Connection, sku: str) -> None:
    await make_allotment(db, "jd", "north", sku, 4)
    holder = uuid4()
    assert await reserve(db, ("north", sku, 6), channel="jd", policy=BORROW, holder=holder) == []
    assert await holds.release(db, holder, now=NOON) == [Demand("north", sku, 6)]
    assert (await level(db, sku), await remaining(db, sku, "jd")) == ((10, 2, 4), 4)
    assert await holds.release(db, holder, now=NOON) == []


async def test_what_is_sold_leaves_the_store_with_a_movement(db: Connection, sku: str) -> None:
    holder = uuid4()
    assert await reserve(db, ("north", sku, 5), holder=holder) == []
    assert await holds.sell(db, holder, reference="A-1", moved_by="tests", now=NOON) == [
        Demand("north", sku, 5)
    ]
    assert await level(db, sku) == (5, 2, 0)
    moved = await db.fetch("SELECT delta, reason, reference FROM stock_movement WHERE sku = $1", sku)
    assert [tuple(row) for row in moved] == [(-5, "SALE", "A-1")]
    assert await holds.sell(db, holder, reference="A-1", moved_by="tests", now=NOON) == []
    assert await holds.release(db, holder, now=NOON) == []


@pytest.mark.parametrize(("moment", "short"), [(LATER - timedelta(microseconds=1), True), (LATER, False)])
async def test_a_hold_ends_at_its_moment(db: Connection, sku: str, moment: datetime, short: bool) -> None:
    assert await reserve(db, ("north", sku, 7)) == []
    again = await reserve(db, ("north", sku, 7), now=moment, until=LATER + timedelta(hours=1))
    assert bool(again) is short
    assert await level(db, sku) == (10, 9, 0)


async def test_what_expired_goes_back_to_its_allotment_before_others_are_refused(
    db: Connection, sku: str
) -> None:
    await make_allotment(db, "jd", "north", sku, 4)
    assert await reserve(db, ("north", sku, 6), channel="jd", policy=BORROW) == []
    assert await reserve(db, ("north", sku, 4), now=LATER) == [Shortage("north", sku, 4, 3)]
    assert await level(db, sku) == (10, 8, 0)  # who is refused changes nothing
    assert await reserve(db, ("north", sku, 3), now=LATER, holder=(rival := uuid4())) == []
    assert (await level(db, sku), await remaining(db, sku, "jd")) == ((10, 5, 4), 4)
    assert await holds.release(db, rival, now=LATER) == [Demand("north", sku, 3)]
    assert await reserve(db, ("north", sku, 7), channel="jd", policy=BORROW, now=LATER) == []
    assert (await level(db, sku), await remaining(db, sku, "jd")) == ((10, 9, 0), 0)


async def test_who_pays_late_has_it_while_nobody_else_asked(db: Connection, sku: str) -> None:
    holder = uuid4()
    assert await reserve(db, ("north", sku, 5), holder=holder) == []
    sold = await holds.sell(db, holder, reference="A-2", moved_by="tests", now=LATER + timedelta(days=1))
    assert sold == [Demand("north", sku, 5)]


async def test_who_pays_after_others_asked_reserves_anew(db: Connection, sku: str) -> None:
    other = (await make_product(db)).skus[0]
    await make_stock(db, "east", other, 3)
    holder, lines = uuid4(), (("north", sku, 5), ("east", other, 3))
    assert await reserve(db, *lines, holder=holder) == []
    rival = uuid4()
    assert (
        await reserve(db, ("north", sku, 4), holder=rival, now=LATER, until=LATER + timedelta(hours=1)) == []
    )
    # One of the two holds went to somebody else: neither is sold.
    assert await holds.sell(db, holder, reference="A-3", moved_by="tests", now=LATER) == []
    assert not await holds.extend(db, holder, LATER + timedelta(hours=1))
    again = {"holder": holder, "now": LATER, "until": LATER + timedelta(hours=1)}
    assert await reserve(db, *lines, **again) == [Shortage("north", sku, 5, 3)]
    assert await holds.release(db, rival, now=LATER) == [Demand("north", sku, 4)]
    assert await reserve(db, *lines, **again) == []
    sold = await holds.sell(db, holder, reference="A-3", moved_by="tests", now=LATER)
    assert sorted(sold) == sorted(Demand(*line) for line in lines)
    assert (await level(db, sku), await level(db, other, "east")) == ((5, 2, 0), (0, 0, 0))


async def test_a_hold_is_extended_and_never_shortened(db: Connection, sku: str) -> None:
    holder = uuid4()
    assert not await holds.extend(db, holder, LATER)
    assert await reserve(db, ("north", sku, 7), holder=holder) == []
    longer = LATER + timedelta(hours=1)
    assert await holds.extend(db, holder, longer)
    assert await holds.extend(db, holder, LATER)
    assert await reserve(db, ("north", sku, 1), now=longer - timedelta(seconds=1)) != []
    assert await reserve(db, ("north", sku, 1), now=longer) == []


# ------------------------------------------------------------------ many at once


@asynccontextmanager
async def _pool(dsn: str, size: int) -> AsyncIterator[Database]:
    async with Database(dsn, size=size, patience_seconds=60) as pool:
        yield pool


async def test_a_hundred_buyers_of_ten_get_ten(mall: asyncpg.Connection, fresh_database: str) -> None:
    sku = (await make_product(mall)).skus[0]
    await make_stock(mall, "north", sku, 10)

    async with _pool(fresh_database, 50) as pool:

        async def buy() -> bool:
            async with pool.transaction() as own:
                return not await reserve(own, ("north", sku, 1))

        bought = await asyncio.gather(*(buy() for _ in range(100)))
    assert sum(bought) == 10
    assert await level(mall, sku) == (10, 10, 0)
    assert await mall.fetchval("SELECT count(*) FROM stock_hold WHERE sku = $1", sku) == 10


async def test_many_lines_in_any_order_never_lock_each_other_out(
    mall: asyncpg.Connection, fresh_database: str
) -> None:
    skus = (await make_product(mall, skus=[f"MANY-{number}" for number in range(12)])).skus
    places = [(store, sku) for store in ("east", "north", "west") for sku in skus]
    for store, sku in places:
        await make_stock(mall, store, sku, 40)
        await make_allotment(mall, "jd", store, sku, 10)
    chance = random.Random(7)

    async with _pool(fresh_database, 30) as pool:

        async def trade(number: int) -> None:
            holder, ends_at = uuid4(), NOON + timedelta(minutes=chance.randrange(10))
            lines = [(*place, chance.randint(1, 3)) for place in chance.sample(places, 20)]
            policy = chance.choice([SHARED, ALLOTTED, BORROW])
            now = NOON + timedelta(minutes=chance.randrange(10))
            what = chance.randrange(4)
            async with pool.transaction() as own:
                await reserve(own, *lines, channel="jd", policy=policy, holder=holder, until=ends_at, now=now)
            async with pool.transaction() as own:
                if what == 0:
                    await holds.release(own, holder, now=now)
                elif what == 1:
                    await holds.sell(own, holder, reference=str(number), moved_by="tests", now=now)

        async with asyncio.TaskGroup() as traders:
            for number in range(200):
                traders.create_task(trade(number))
    wrong = await mall.fetch(
        """
        SELECT level.store, level.sku FROM stock_level level
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(quantity), 0) AS held FROM stock_hold hold
            WHERE hold.sku = level.sku AND hold.store = level.store AND hold.state = 'HELD'
        ) held ON true
        LEFT JOIN LATERAL (
            SELECT sum(remaining) AS allotted FROM stock_allotment own
            WHERE own.sku = level.sku AND own.store = level.store
        ) own ON true
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(delta), 0) AS moved FROM stock_movement moved
            WHERE moved.sku = level.sku AND moved.store = level.store
        ) moved ON true
        WHERE level.sku = ANY($1)
            AND (level.reserved, level.allotted, level.on_hand) <> (held, own.allotted, 40 + moved)
        """,
        skus,
    )
    assert wrong == []
    assert await mall.fetchval("SELECT count(*) FROM stock_hold WHERE sku = ANY($1)", skus) > 100


async def test_expired_holds_are_told_once_whoever_looks(
    mall: asyncpg.Connection, fresh_database: str
) -> None:
    sku = (await make_product(mall)).skus[0]
    await make_stock(mall, "north", sku, 5)
    await make_allotment(mall, "jd", "north", sku, 2)
    assert await reserve(mall, ("north", sku, 1), until=datetime.now(UTC) + timedelta(days=1)) == []
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    for units in (2, 1):
        late = {"until": long_ago + timedelta(minutes=1), "now": long_ago}
        assert await reserve(mall, ("north", sku, units), channel="jd", policy=BORROW, **late) == []

    others = [await connect(fresh_database) for _ in range(3)]
    try:
        worker = HoldBoundaries(fresh_database, Hub(fresh_database))
        told = await asyncio.gather(*(worker.tell_expired(other) for other in others))
    finally:
        for other in others:
            await other.close()
    assert sum(told) == 1
    assert (
        await mall.fetchval("SELECT count(*) FROM outbox WHERE sku = $1 AND cause = 'holdExpired'", sku) == 1
    )
    assert (await level(mall, sku), await remaining(mall, sku, "jd")) == ((5, 1, 2), 2)
