"""Promotions on a real PostgreSQL: what is written is read, budgets hold in a crowd, books are never old."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings

from domain.promotions.benefits import AmountOff, PercentOff
from domain.promotions.terms import Promotion
from persistence.database import Connection, Database
from persistence.promotions import budgets, reads, writes
from persistence.promotions.budgets import Use
from persistence.promotions.documents import (
    benefit_of,
    promotion_of,
    target_of,
    written_benefit,
    written_target,
)
from persistence.promotions.writes import Budget
from tests.chance import examples
from tests.promotions.making import NOON, promotion, promotions

NO_LIMIT = Budget(None, None)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
async def database(fresh_database: str) -> AsyncIterator[Database]:
    async with Database(fresh_database, size=20) as one:
        yield one


async def kept(database: Database, *many: Promotion, budget: Budget = NO_LIMIT) -> Sequence[str]:
    """The promotions written, in one transaction."""
    async with database.transaction() as db:
        await writes.take_turn(db)
        ids = await writes.set_promotions(db, [(one, budget) for one in many], recorded_by="tests")
    return [str(one) for one in ids]


@given(promotions())
def test_what_is_written_down_is_read_back(many: list[Promotion]) -> None:
    for one in many:
        assert benefit_of(one.benefit.kind, written_benefit(one.benefit)) == one.benefit
        assert target_of(written_target(one.target)) == one.target


@given(promotions())
@settings(
    max_examples=examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
async def test_a_stored_promotion_is_the_one_that_was_set(database: Database, many: list[Promotion]) -> None:
    if not many:
        return
    await kept(database, *many)
    async with database.connection() as db:
        rows = await reads.promotions_by_code(db, [one.code for one in many])
    assert [promotion_of(rows[one.code], has_budget=False) for one in many] == many


async def test_a_book_knows_every_committed_change_and_none_that_is_not(database: Database) -> None:
    known = reads.Promotions()

    async def codes(db: Connection) -> set[str]:
        return {one.code for one in await known.book(db, NOON) if one.code.startswith("BOOK")}

    await kept(
        database, promotion(AmountOff(1), "BOOK-1"), promotion(AmountOff(1), "BOOK-2", valid_until=NOON)
    )
    async with database.connection() as db:
        assert await codes(db) == {"BOOK-1"}
        async with database.transaction() as other:
            await writes.take_turn(other)
            await writes.set_promotions(
                other, [(promotion(AmountOff(1), "BOOK-3"), NO_LIMIT)], recorded_by="tests"
            )
            assert await codes(db) == {"BOOK-1"}
        assert await codes(db) == {"BOOK-1", "BOOK-3"}
        ids = [row.id for row in (await reads.promotions_by_code(db, ["BOOK-1"])).values()]
        async with database.transaction() as other:
            await writes.take_turn(other)
            await writes.end_promotions(other, ids, ends_at=NOON)
        assert await codes(db) == {"BOOK-3"}


async def test_a_book_that_is_known_costs_one_statement(database: Database) -> None:
    known = reads.Promotions()
    async with database.connection() as db:
        await known.book(db, NOON)
        seen: list[str] = []
        db.add_query_logger(lambda logged: seen.append(logged.query))
        first, second = await known.book(db, NOON), await known.book(db, NOON)
    assert first is second
    assert len(seen) == 2
    assert all("max(" in text for text in seen)


async def test_writers_take_turns_so_that_versions_rise_with_commits(database: Database) -> None:
    known = reads.Promotions()
    async with database.transaction() as first:
        await writes.take_turn(first)
        later = asyncio.create_task(kept(database, promotion(AmountOff(1), "TURN-2")))
        await writes.set_promotions(
            first, [(promotion(AmountOff(1), "TURN-1"), NO_LIMIT)], recorded_by="tests"
        )
        await asyncio.sleep(0.05)
        assert not later.done()
    await later
    async with database.connection() as db:
        versions = await reads.promotions_by_code(db, ["TURN-1", "TURN-2"])
        assert versions["TURN-1"].version < versions["TURN-2"].version
        assert {"TURN-1", "TURN-2"} <= {one.code for one in await known.book(db, NOON)}


async def test_a_thousand_takers_of_the_last_hundred(database: Database) -> None:
    await kept(database, promotion(AmountOff(500), "LAST-100"), budget=Budget(100, None))
    await kept(database, promotion(AmountOff(500), "LAST-CENTS"), budget=Budget(None, 60 * 500 + 499))
    # Every order names both, some the other way round: nobody waits for anybody who waits for them.
    names = ["LAST-100", "LAST-CENTS"]

    async def order(number: int) -> list[str]:
        chance = random.Random(number)
        uses = [Use(name, 500) for name in chance.sample(names, k=1 if number % 3 == 0 else 2)]
        try:
            async with database.transaction() as db:
                refused = await budgets.take(db, uses, None)
                if refused:
                    raise LookupError
        except LookupError:
            return []
        return [use.promotion for use in uses]

    many = asyncio.Semaphore(40)

    async def in_turn(number: int) -> list[str]:
        async with many:
            return await order(number)

    taken = [name for one in await asyncio.gather(*map(in_turn, range(1000))) for name in one]
    async with database.connection() as db:
        kept_of = await reads.budgets_by_code(db, names)
        gone = await budgets.used_up(db, names, None)
    assert taken.count("LAST-100") == kept_of["LAST-100"].uses == 100
    assert kept_of["LAST-100"].spent_minor == 100 * 500
    assert taken.count("LAST-CENTS") == kept_of["LAST-CENTS"].uses == 60
    assert gone == {"LAST-100"}  # what is left of the other is too little for one more, but not nothing


async def test_a_member_has_it_as_often_as_one_may(database: Database) -> None:
    await kept(database, promotion(PercentOff(1000), "TWICE", per_member=2))

    async def order(member: str | None) -> list[str]:
        async with database.transaction() as db:
            return await budgets.take(db, [Use("TWICE", 100)], member)

    answers = await asyncio.gather(*(order("ann") for _ in range(8)))
    assert sorted(answers) == [[], [], *([["TWICE"]] * 6)]
    assert await order("bob") == []
    assert await order(None) == ["TWICE"]  # visitors can't be counted
    async with database.transaction() as db:
        assert await budgets.used_up(db, ["TWICE"], "ann") == {"TWICE"}
        assert await budgets.used_up(db, ["TWICE"], "bob") == frozenset()
        await budgets.give_back(db, [Use("TWICE", 100)], "ann")
        assert await budgets.used_up(db, ["TWICE"], "ann") == frozenset()
    assert await order("ann") == []
    assert await order("ann") == ["TWICE"]


async def test_what_comes_to_nothing_is_given_back(database: Database) -> None:
    await kept(database, promotion(AmountOff(5), "BACK"), budget=Budget(1, 1000))
    use = [Use("BACK", 700)]
    async with database.transaction() as db:
        assert await budgets.take(db, use, None) == []
        assert await budgets.take(db, use, None) == ["BACK"]
    async with database.transaction() as db:
        await budgets.give_back(db, use, None)
        row = (await reads.budgets_by_code(db, ["BACK"]))["BACK"]
        assert (row.uses, row.spent_minor) == (0, 0)
        assert await budgets.take(db, [Use("BACK", 1001)], None) == ["BACK"]
        assert await budgets.take(db, [Use("BACK", 1000)], None) == []


async def test_a_refused_take_that_is_rolled_back_counts_nothing(database: Database) -> None:
    await kept(database, promotion(AmountOff(5), "HALF-A"), budget=Budget(5, None))
    await kept(database, promotion(AmountOff(5), "HALF-B"), budget=Budget(0, None))

    async def order() -> None:
        async with database.transaction() as db:
            assert await budgets.take(db, [Use("HALF-B", 1), Use("HALF-A", 1)], None) == ["HALF-B"]
            raise LookupError

    with pytest.raises(LookupError):
        await order()
    async with database.connection() as db:
        assert (await reads.budgets_by_code(db, ["HALF-A"]))["HALF-A"].uses == 0


async def test_what_has_no_limit_is_not_counted_and_keeps_nobody_waiting(database: Database) -> None:
    await kept(database, promotion(AmountOff(5), "FREE"))
    async with database.transaction() as one, database.transaction() as other:
        async with asyncio.timeout(5):
            assert await budgets.take(one, [Use("FREE", 5)], "ann") == []
            assert await budgets.take(other, [Use("FREE", 5)], "ann") == []
    async with database.connection() as db:
        assert (await reads.budgets_by_code(db, ["FREE"]))["FREE"].uses == 0


async def test_setting_anew_keeps_what_was_used_and_no_budget_falls_below_it(database: Database) -> None:
    first = promotion(AmountOff(5), "ANEW")
    ids = await kept(database, first, budget=Budget(10, None))
    async with database.transaction() as db:
        for _ in range(3):
            assert await budgets.take(db, [Use("ANEW", 5)], None) == []
    assert await kept(database, promotion(AmountOff(9), "ANEW"), budget=Budget(3, None)) == ids
    async with database.connection() as db:
        assert (await reads.budgets_by_code(db, ["ANEW"]))["ANEW"].uses == 3
        assert await budgets.used_up(db, ["ANEW"], None) == {"ANEW"}
    with pytest.raises(asyncpg.CheckViolationError):
        await kept(database, first, budget=Budget(2, None))


async def test_one_that_is_ended_before_it_begins_never_counts(database: Database) -> None:
    await kept(database, promotion(AmountOff(5), "LATER", valid_from=NOON + DAY))
    async with database.transaction() as db:
        await writes.take_turn(db)
        row = (await reads.promotions_by_code(db, ["LATER"]))["LATER"]
        await writes.end_promotions(db, [row.id], ends_at=NOON)
        ended = (await reads.promotions_by_code(db, ["LATER"]))["LATER"]
    assert ended.valid_until == ended.valid_from == NOON + DAY
    assert ended.version > row.version
