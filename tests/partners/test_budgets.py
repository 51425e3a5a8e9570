"""Budgets: what is charged, given back and refused, by one process's counters and by those all share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from domain.refusals import RequestCode, RequestError
from graph.door.limits import TooCostly
from graph.partners.budgets import Budgets, Overdrawn
from persistence.counters import Counters, OwnCounters, SharedCounters, Take
from tests.redis_servers import OwnRedis

MINUTE = timedelta(minutes=1)
# Not a moment of long ago: Redis forgets what has ended.
# Ahead of the clock, so that no counter in Redis runs out before its test has run.
NOW = datetime.now(UTC) + timedelta(hours=1)
NAMES = iter(f"caller-{number}" for number in range(1_000))


@pytest.fixture(params=["own", "shared"])
async def counters(request: pytest.FixtureRequest) -> AsyncIterator[Counters]:
    """Counters of one process, and of all."""
    own: Counters = (
        OwnCounters()
        if request.param == "own"
        else SharedCounters(request.getfixturevalue("shared_redis"), f"test-{NOW.timestamp()}")
    )
    yield own
    await own.close()


async def used(counters: Counters, take: Take, now: datetime = NOW) -> int | None:
    """What the counter stands at afterwards; None when it refused."""
    taken = await counters.take([take], now)
    return taken.used[0] if taken.refused is None else None


async def test_a_counter_goes_up_to_its_most_and_begins_anew(counters: Counters) -> None:
    name = next(NAMES)
    assert [await used(counters, Take(name, amount, 10, MINUTE)) for amount in (4, 6, 1, 0)] == [
        4,
        10,
        None,
        10,
    ]
    ends_at = Take(name, 1, 10, MINUTE).window(NOW).ends_at
    assert NOW < ends_at <= NOW + MINUTE
    assert await used(counters, Take(name, 1, 10, MINUTE), ends_at - timedelta(microseconds=1)) is None
    assert await used(counters, Take(name, 3, 10, MINUTE), ends_at) == 3


async def test_all_amounts_are_taken_or_none(counters: Counters) -> None:
    first, second = Take(next(NAMES), 1, 5, MINUTE), Take(next(NAMES), 4, 7, MINUTE)
    assert (await counters.take([first, second], NOW)).used == (1, 4)
    refused = await counters.take([first, second], NOW)
    assert (refused.refused, refused.used) == (1, (1, 4))
    assert await used(counters, first) == 2


async def test_what_is_given_back_can_be_taken_again(counters: Counters) -> None:
    take = Take(next(NAMES), 10, 10, MINUTE)
    taken = await counters.take([take], NOW)
    await counters.give_back(taken.windows[0], 3)
    assert await used(counters, Take(take.name, 3, 10, MINUTE)) == 10
    await counters.give_back(taken.windows[0], 999)
    assert await used(counters, Take(take.name, 1, 10, MINUTE)) == 1
    # What another period was charged is not given back to this one.
    later = NOW + MINUTE
    assert await used(counters, Take(take.name, 10, 10, MINUTE), later) == 10
    await counters.give_back(taken.windows[0], 5)
    assert await used(counters, Take(take.name, 1, 10, MINUTE), later) is None


async def test_a_budget_is_charged_settled_and_refused(counters: Counters) -> None:
    budgets, caller = Budgets(counters, requests_per_minute=None), next(NAMES)

    async def charge(points: int) -> dict[str, object]:
        spent = await budgets.charge(caller, points, budget=100, now=lambda: NOW)
        assert spent is not None
        return await spent.settle(points - 10)

    told = await charge(60)
    assert told == {"requested": 60, "actual": 50, "remaining": 50, "resetAt": told["resetAt"]}
    with pytest.raises(Overdrawn) as refused:
        await charge(51)
    error = refused.value
    assert error.code is RequestCode.BUDGET_EXHAUSTED
    assert error.extensions["cost"] == {
        "requested": 51,
        "actual": 0,
        "remaining": 50,
        "resetAt": told["resetAt"],
    }
    reset_at = datetime.fromisoformat(str(told["resetAt"]))
    assert error.retry_after_seconds is not None
    assert 0 <= error.retry_after_seconds - (reset_at - NOW).total_seconds() < 1
    assert (await charge(50))["remaining"] == 10
    # What no minute has points enough for is not worth coming back with.
    with pytest.raises(TooCostly):
        await charge(101)


async def test_requests_are_limited_apart_from_points(counters: Counters) -> None:
    budgets, caller = Budgets(counters, requests_per_minute=2), next(NAMES)
    for _ in range(2):
        assert await budgets.charge(caller, 5, budget=None, now=lambda: NOW) is None
    with pytest.raises(RequestError) as refused:
        await budgets.charge(caller, 5, budget=None, now=lambda: NOW)
    assert refused.value.code is RequestCode.RATE_LIMITED
    assert 1 <= (refused.value.retry_after_seconds or 0) <= 60
    assert await budgets.charge(next(NAMES), 5, budget=None, now=lambda: NOW) is None


async def test_all_processes_count_together_and_each_alone_while_redis_is_away(
    redis_server: OwnRedis,
) -> None:
    one, other = SharedCounters(redis_server.url, "house"), SharedCounters(redis_server.url, "house")
    apart = SharedCounters(redis_server.url, "another house")
    take = Take("together", 4, 10, MINUTE)
    assert [await used(each, take) for each in (one, other, one, apart)] == [4, 8, None, 4]
    with redis_server.away():
        assert [await used(each, take) for each in (one, other)] == [4, 4]
        assert await used(one, take) == 8
    later = NOW + timedelta(seconds=3)
    if Take("together", 4, 10, MINUTE).window(later) == take.window(NOW):
        assert [await used(each, take, later) for each in (one, other)] == [4, 8]
    for each in (one, other, apart):
        await each.close()
