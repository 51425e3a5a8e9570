"""Sales that are over, goods that come back, and which store gives what."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from domain.inventory import Demand, Shortage, spread_over
from persistence.database import Connection
from persistence.inventory.counter import Returned, sell_offline, take_back
from persistence.inventory.promises import spread, stocks_by_sku
from tests.inventory.holding import ALLOTTED, BORROW, LATER, NOON, SHARED, level, reserve
from tests.makers import make_allotment, make_product, make_stock


async def oversold(db: Connection, sku: str) -> bool:
    return bool(
        await db.fetchval(
            "SELECT oversold_at IS NOT NULL FROM stock_level WHERE sku = $1 AND store = 'north'", sku
        )
    )


async def off(db: Connection, sku: str, units: int) -> list[Demand]:
    demand = Demand("north", sku, units)
    return await sell_offline(db, [demand], reference="till-7", moved_by="tests", now=NOON)


@pytest.mark.parametrize(("units", "left", "flagged"), [(8, 2, False), (9, 1, True), (12, -2, True)])
async def test_a_sale_that_is_over_is_never_refused_and_flagged_when_it_took_what_was_promised(
    db: asyncpg.Connection, sku: str, units: int, left: int, flagged: bool
) -> None:
    assert bool(await off(db, sku, units)) is flagged
    assert (await level(db, sku), await oversold(db, sku)) == ((left, 2, 0), flagged)


async def test_a_flag_stays_until_there_is_enough_again(db: asyncpg.Connection, sku: str) -> None:
    await off(db, sku, 12)
    for units, flagged in ((3, True), (1, False)):
        back = [Returned("north", sku, units, restock=True)]
        await take_back(db, back, reference="R-1", moved_by="tests", now=NOON)
        assert await oversold(db, sku) is flagged


async def test_a_till_may_sell_what_the_store_never_had(db: asyncpg.Connection) -> None:
    sku = (await make_product(db)).skus[0]
    assert await off(db, sku, 1) == [Demand("north", sku, 1)]
    assert await level(db, sku) == (-1, 0, 0)


async def test_what_comes_back_spoilt_is_written_down_and_off(db: asyncpg.Connection, sku: str) -> None:
    lines = [Returned("north", sku, 2, restock=True), Returned("north", sku, 1, restock=False)]
    assert await take_back(db, lines, reference="R-2", moved_by="tests", now=NOON) == [
        Demand("north", sku, 2)
    ]
    moved = await db.fetch("SELECT reason, delta FROM stock_movement WHERE sku = $1 ORDER BY reason", sku)
    assert [tuple(row) for row in moved] == [("DAMAGE", -1), ("RETURN", 3)]
    assert await level(db, sku) == (12, 2, 0)


@pytest.mark.parametrize(
    ("quantity", "there", "shares"),
    [
        (1, {"a": 1}, {"a": 1}),
        (2, {"a": 1}, None),
        (1, {"b": 3, "a": 3}, {"a": 1}),
        (5, {"a": 1, "b": 3, "c": 2}, {"b": 3, "c": 2}),
        (6, {"a": 1, "b": 3, "c": 2}, {"b": 3, "c": 2, "a": 1}),
        (7, {"a": 1, "b": 3, "c": 2}, None),
        (1, {}, None),
        (1, {"a": 0}, None),
    ],
)
def test_the_store_that_has_most_gives_first(
    quantity: int, there: dict[str, int], shares: dict[str, int] | None
) -> None:
    assert spread_over(quantity, there) == shares


async def test_a_quantity_is_spread_over_stores_by_what_the_channel_may_take(
    db: asyncpg.Connection, sku: str
) -> None:
    await make_stock(db, "east", sku, 9)
    await make_allotment(db, "jd", "east", sku, 6)
    stores, asked = ["east", "north"], {sku: 9}
    how = {"channel": "jd", "now": NOON}
    split = [Demand("north", sku, 7), Demand("east", sku, 2)]
    assert await spread(db, asked, stores, policy=SHARED, **how) == (split, [])
    assert await spread(db, asked, stores, policy=BORROW, **how) == ([Demand("east", sku, 9)], [])
    assert await spread(db, asked, stores, policy=ALLOTTED, **how) == ([], [Shortage(None, sku, 9, 6)])


@pytest.fixture
async def kept(db: asyncpg.Connection, sku: str) -> str:
    """The sku, six of it held for jd until LATER: four of its own and two of the pool."""
    await make_allotment(db, "jd", "north", sku, 4)
    assert await reserve(db, ("north", sku, 6), channel="jd", policy=BORROW) == []
    return sku


@pytest.mark.parametrize(
    ("moment", "reserved", "own"), [(LATER - timedelta(microseconds=1), 8, 0), (LATER, 2, 4)]
)
async def test_readers_leave_out_what_has_expired_though_nobody_noted_it(
    db: asyncpg.Connection, kept: str, moment: object, reserved: int, own: int
) -> None:
    stocks = await stocks_by_sku(db, [kept], ["north"], channel="jd", now=moment)
    stock = stocks[kept]["north"]
    assert (stock.reserved, stock.allotted, stock.allotted_all) == (reserved, own, own)
    assert await level(db, kept) == (10, 8, 0)


@pytest.mark.parametrize("change", ["UPDATE stock_movement SET delta = 0", "DELETE FROM stock_movement"])
async def test_nobody_rewrites_the_books(db: asyncpg.Connection, sku: str, change: str) -> None:
    await off(db, sku, 1)
    with pytest.raises(asyncpg.RaiseError, match="only ever added"):
        await db.execute(change)


async def test_a_flag_falls_when_what_was_promised_has_expired_and_somebody_reserves(
    db: asyncpg.Connection, sku: str
) -> None:
    assert await reserve(db, ("north", sku, 7)) == []
    assert await off(db, sku, 2) == [Demand("north", sku, 2)]
    assert await oversold(db, sku)
    assert await reserve(db, ("north", sku, 1), now=LATER, until=LATER + timedelta(hours=1)) == []
    assert (await level(db, sku), await oversold(db, sku)) == ((8, 3, 0), False)
