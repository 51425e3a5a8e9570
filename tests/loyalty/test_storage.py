"""The ledger and the coupons in PostgreSQL: races, the clock, and a batch of codes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from domain.loyalty.coupons import code_hash, coupon_code
from domain.loyalty.points import Line, PointsEntryKind
from persistence.database import Connection, Database
from persistence.loyalty import coupons, ledger
from persistence.loyalty.expiry import note_expired
from tests.loyalty.making import give_points

# Ahead of the clock: what a test is given counts by then, however late the test runs.
NOW = datetime.now(UTC) + timedelta(hours=1)
BURN = Line(PointsEntryKind.BURN, 0, "order")
CAMPAIGN = """INSERT INTO coupon_campaign
  (code, names, currency_code, amount_minor, stacking, valid_until, most, per_member, recorded_by)
  VALUES ($1, '{}', 'HKD', 100, 'WITH_PROMOTIONS', '2099-01-01', $2, $3, 'tests')"""


@pytest.fixture(scope="module")
async def database(fresh_database: str):
    async with Database(fresh_database, size=8, patience_seconds=600) as one:
        yield one


async def spend(database: Database, member: str, points: int) -> bool:
    """Whether so many points could be spent, in a transaction of its own."""
    async with database.transaction() as db:
        books = await ledger.books(db, member, NOW)
        if books.burn(points, BURN) is None:
            return False
        await ledger.close(db, member, books, NOW)
    return True


async def test_a_thousand_who_want_the_last_hundred_points_spend_a_hundred(database: Database) -> None:
    member = str(uuid4())
    async with database.connection() as db:
        for ends in (NOW + timedelta(days=9), None, NOW + timedelta(days=3)):
            await give_points(db, member, 40 if ends is None else 30, expires_at=ends)
    spent = await asyncio.gather(*(spend(database, member, 1) for _ in range(1000)))
    assert sum(spent) == 100
    async with database.connection() as db:
        assert (await ledger.accounts(db, [member]))[member] == ([], 0)
        lines = await db.fetch(
            "SELECT serial, balance_after FROM points_entry WHERE member = $1 ORDER BY serial", member
        )
        assert [row["serial"] for row in lines] == list(range(1, 104))
        assert [row["balance_after"] for row in lines[3:]] == list(reversed(range(100)))
        assert await ledger.differences(db, 10) == []


async def test_a_thousand_claims_keep_both_limits(database: Database) -> None:
    async with database.connection() as db:
        await db.execute(CAMPAIGN, "RUSH", 90, 1)

    async def claim(member: str) -> bool:
        async with database.transaction() as db:
            if not await coupons.count_of_member(db, "RUSH", member, 1):
                return False
            if await coupons.count(db, "RUSH"):
                return True
            raise _TakenBackError

    async def tried(member: str) -> bool:
        try:
            return await claim(member)
        except _TakenBackError:
            return False

    got = await asyncio.gather(*(tried(f"member-{number % 250}") for number in range(1000)))
    assert sum(got) == 90
    async with database.connection() as db:
        assert await db.fetchval("SELECT issued FROM coupon_campaign WHERE code = 'RUSH'") == 90
        assert await db.fetchval("SELECT max(coupons) FROM coupon_count WHERE campaign = 'RUSH'") == 1


class _TakenBackError(Exception):
    pass


async def test_expired_points_are_written_down_once_and_debts_come_first(database: Database) -> None:
    one, other = str(uuid4()), str(uuid4())
    past = NOW - timedelta(days=2)
    async with database.connection() as db:
        await give_points(db, one, 10, now=past, expires_at=NOW - timedelta(days=1))
        await give_points(db, other, 10, now=past, expires_at=NOW + timedelta(days=1))
        assert (await note_expired(db), await note_expired(db)) == (1, 0)
        lines = await ledger.history(db, one, 10, None)
        assert [(row.kind, row.points, row.balance_after) for row in lines.rows] == [
            (PointsEntryKind.EXPIRE, -10, 0),
            (PointsEntryKind.ADJUST, 10, 10),
        ]
        assert (await ledger.accounts(db, [other]))[other].lots[0].remaining == 10
        assert await ledger.differences(db, 10) == []


async def test_the_ledger_is_paged_by_its_lines(database: Database) -> None:
    member = str(uuid4())
    async with database.connection() as db:
        for points in range(1, 6):
            await give_points(db, member, points)
        first = await ledger.history(db, member, 2, None)
        second = await ledger.history(db, member, 3, first.cursors[-1])
    assert [row.points for row in (*first.rows, *second.rows)] == [5, 4, 3, 2, 1]
    assert (first.has_next, second.has_next, second.has_previous) == (True, False, True)


async def test_nobody_rewrites_the_ledger_and_a_wrong_account_is_found(database: Database) -> None:
    member = str(uuid4())
    async with database.connection() as db:
        await give_points(db, member, 7)
        for order in ("UPDATE points_entry SET points = 8", "DELETE FROM points_entry"):
            with pytest.raises(asyncpg.RaiseError, match="only ever added"):
                await db.execute(f"{order} WHERE member = $1", member)
        await db.execute("UPDATE points_account SET balance = 8 WHERE member = $1", member)
        assert await ledger.differences(db, 10) == [(member, 8, 7, 7, 0, 1, 1)]
        await db.execute("UPDATE points_account SET balance = 7 WHERE member = $1", member)


async def test_a_batch_of_codes_that_nobody_can_guess(database: Database) -> None:
    async with database.transaction() as db:
        await db.execute(CAMPAIGN, "BATCH", 100_000, None)
        codes = await a_batch(db, "BATCH", 3000)
        assert len(set(codes)) == 3000
        found = await coupons.by_code(db, codes[7].lower())
        assert found is not None
        assert (found.campaign, found.member, found.code_hash) == ("BATCH", None, code_hash(codes[7]))
        # What is stored does not tell the code.
        text = str(await db.fetchrow("SELECT * FROM coupon WHERE id = $1", found.id))
        assert codes[7] not in text
        assert codes[7].replace("-", "") not in text


async def a_batch(db: Connection, campaign: str, count: int) -> list[str]:
    made: list[str] = []
    ends = NOW + timedelta(days=30)
    issuing = coupons.issue_batch(
        db, campaign, count, code=lambda one: coupon_code(b"key", one), valid_until=ends, now=NOW
    )
    async for codes in issuing:
        made += codes
    return made
