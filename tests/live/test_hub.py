"""The hub on real PostgreSQL: every subscriber, in order, without gaps."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from domain.news import Cursor, Happening, News, Topic
from domain.refusals import RequestError
from persistence.news import outbox
from persistence.news.hub import Hub, Idle, Resync
from tests.live.conftest import Live, both_ways, happenings_of, next_of, price, skus, until

pytestmark = both_ways


def everything(_: Happening) -> bool:
    return True


def by_sku(happening: Happening) -> str | None:
    return happening.sku


async def test_news_arrives_with_its_cursor_topic_place_cause_and_moment(live: Live) -> None:
    await live.relay()
    hub = await live.hub()
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    async with hub.subscribe(everything) as news:
        outbox_id = await live.write(
            News(Topic.STOCK, "stockAdjust", sku="a", store="aeon", channel="app", occurred_at=noon)
        )
        hub.nudge()
        assert await next_of(news, 1) == [
            Happening(Cursor(1, 1), Topic.STOCK, "a", "aeon", "app", "stockAdjust", noon)
        ]
        assert hub.cursor == news.cursor == Cursor(1, 1)
        assert await hub.position_of(outbox_id) == Cursor(1, 1)


async def test_a_nudge_is_quicker_than_the_relays_own_look(live: Live) -> None:
    relay = await live.relay(poll_seconds=30)
    await until(lambda: relay.is_leading)
    hub = await live.hub()
    async with hub.subscribe(everything) as news:
        for sku in "abc":
            await live.write(price(sku))
            hub.nudge()
            assert skus(await next_of(news, 1, seconds=3)) == [sku]


async def test_every_process_hears_the_same_in_the_same_order(live: Live) -> None:
    await live.relay()
    hubs = [await live.hub(), await live.hub()]
    writers = [await live.connection() for _ in range(4)]
    async with hubs[0].subscribe(everything) as here, hubs[1].subscribe(everything) as there:

        async def write_on(place: int) -> None:
            for step in range(50):
                await live.write(price(f"{place}-{step}"), db=writers[place])

        _, heard_here, heard_there = await asyncio.gather(
            asyncio.gather(*(write_on(place) for place in range(4))),
            happenings_of(here, 200),
            happenings_of(there, 200),
        )
    assert heard_here == heard_there
    assert [happening.cursor.position for happening in heard_here] == list(range(1, 201))
    for place in range(4):
        own = [sku for sku in skus(heard_here) if sku and sku.startswith(f"{place}-")]
        assert own == [f"{place}-{step}" for step in range(50)]


async def test_subscribers_hear_of_what_they_named_and_of_what_names_nothing(live: Live) -> None:
    await live.relay()
    hub = await live.hub()
    prices = frozenset({Topic.PRICE})
    async with (
        hub.subscribe(everything, topics=prices, skus=frozenset({"a", "b"})) as two_skus,
        hub.subscribe(everything, topics=prices, stores=frozenset({"aeon"})) as one_store,
        hub.subscribe(lambda each: each.channel == "app", topics=prices) as one_channel,
        hub.subscribe(
            everything, topics=prices, skus=frozenset({"a"}), stores=frozenset({"aeon"})
        ) as sku_in_store,
    ):
        await live.write(
            News(Topic.STOCK, "stockAdjust", sku="a", store="aeon"),
            price("a", store="aeon", channel="app"),
            price("c", store="aeon"),
            price("b", store="wellcome"),
            price("a", store="wellcome", channel="app"),
            price("b"),
            News(Topic.PRICE, "import"),
        )
        heard = {
            "two_skus": [h.cursor.position for h in await happenings_of(two_skus, 5)],
            "one_store": [h.cursor.position for h in await happenings_of(one_store, 4)],
            "one_channel": [h.cursor.position for h in await happenings_of(one_channel, 2)],
            "sku_in_store": [h.cursor.position for h in await happenings_of(sku_in_store, 2)],
        }
    assert heard == {
        "two_skus": [2, 4, 5, 6, 7],
        "one_store": [2, 3, 6, 7],
        "one_channel": [2, 5],
        "sku_in_store": [2, 7],
    }


async def test_with_a_key_the_last_value_wins_in_the_place_of_the_last(live: Live) -> None:
    await live.relay()
    hub = await live.hub()
    async with hub.subscribe(everything, key=by_sku) as prices, hub.subscribe(everything) as each:
        await live.write(price("a"), price("b"), price("a"), price("c"), price("b"), price("a"))
        await until(lambda: hub.cursor.position == 6)
        kept = await happenings_of(prices, 3)
        assert [(h.sku, h.cursor.position) for h in kept] == [("c", 4), ("b", 5), ("a", 6)]
        assert skus(await happenings_of(each, 6)) == ["a", "b", "a", "c", "b", "a"]


@pytest.mark.parametrize(("written", "overflows"), [(4, False), (5, True)])
async def test_more_keys_than_the_queue_holds_are_a_resync(live: Live, written: int, overflows: bool) -> None:
    await live.relay()
    hub = await live.hub()
    async with hub.subscribe(everything, key=by_sku, limit=4) as news:
        await live.write(*(price(str(place)) for place in range(written)))
        await until(lambda: hub.cursor.position == written)
        if overflows:
            assert await next_of(news, 1) == [Resync(Cursor(1, written))]
        else:
            assert skus(await next_of(news, written)) == [str(place) for place in range(written)]
        await live.write(price("later"))
        assert skus(await next_of(news, 1)) == ["later"]


async def test_without_a_key_a_slow_reader_gets_every_single_one(live: Live) -> None:
    await live.relay()
    hub = await live.hub(remember=20)  # most has to come from the outbox
    async with hub.subscribe(everything, limit=10) as news:
        for start in range(0, 300, 50):
            await live.write(*(price("same") for _ in range(start, start + 50)))
        await until(lambda: hub.cursor.position == 300)
        heard = await happenings_of(news, 300)
        assert [each.cursor.position for each in heard] == list(range(1, 301))
        await live.write(price("live again"))
        assert skus(await happenings_of(news, 1)) == ["live again"]


async def test_a_patient_reader_of_many_keys_is_spared_values_but_no_key(live: Live) -> None:
    await live.relay()
    hub = await live.hub()
    async with hub.subscribe(everything, key=by_sku, limit=10, patient=True) as news:
        for round_ in range(3):
            await live.write(*(price(str(place)) for place in range(100)))
            await until(lambda reached=(round_ + 1) * 100: hub.cursor.position == reached)
        heard = []
        while not heard or heard[-1].cursor.position < 300:
            heard += await happenings_of(news, 1)
    positions = [each.cursor.position for each in heard]
    assert positions == sorted(set(positions))
    assert {each.sku for each in heard[-100:]} == {str(place) for place in range(100)}


async def test_what_waits_can_be_taken_at_once(live: Live) -> None:
    await live.relay()
    hub = await live.hub()
    async with hub.subscribe(everything) as news:
        await live.write(*(price(str(place)) for place in range(5)))
        await until(lambda: hub.cursor.position == 5)
        first = await anext(news)
        assert isinstance(first, Happening)
        assert skus([first, *news.take(3)]) == ["0", "1", "2", "3"]
        assert news.cursor == Cursor(1, 4)
        assert skus(list(news.take(9))) == ["4"]
        assert news.take(9) == []


async def test_silence_is_told_with_a_cursor_that_moves_on(live: Live) -> None:
    await live.relay()
    hub = await live.hub()
    async with hub.subscribe(everything, skus=frozenset({"a"}), idle_seconds=0.2) as news:
        assert await next_of(news, 1) == [Idle(Cursor(1, 0))]
        await live.write(price("b"))
        await until(lambda: hub.cursor.position == 1)
        began = asyncio.get_running_loop().time()
        assert await next_of(news, 2) == [Idle(Cursor(1, 1))] * 2
        assert 0.2 < asyncio.get_running_loop().time() - began < 2
        await live.write(price("a"))
        assert skus(await next_of(news, 2)) == ["a", None]


@pytest.mark.parametrize("remember", [5, 10_000])
async def test_what_was_missed_comes_first_and_joins_what_happens(live: Live, remember: int) -> None:
    await live.relay()
    await live.write(*(price("a" if place % 3 else "b") for place in range(60)))
    await live.reaches(60)
    hub = await live.hub(remember=remember)
    async with hub.subscribe(
        everything, topics=frozenset({Topic.PRICE}), skus=frozenset({"b"}), after=Cursor(1, 30), limit=4
    ) as news:
        missed = await happenings_of(news, 9)  # positions 31, 34 ... 58 and 55 are told
        missed += await happenings_of(news, 1)
        assert [each.cursor.position for each in missed] == list(range(31, 60, 3))
        assert await next_of(news, 1) == [Idle(Cursor(1, 60))]
        await live.write(price("b"))
        assert [each.cursor.position for each in await happenings_of(news, 1)] == [61]


async def test_missed_values_of_one_key_may_be_spared(live: Live) -> None:
    await live.relay()
    await live.write(*(price("ab"[place % 2]) for place in range(50)))
    await live.reaches(50)
    hub = await live.hub()
    async with hub.subscribe(everything, key=by_sku, after=Cursor(1, 0)) as news:
        items = await next_of(news, 3)
    assert [item.cursor.position for item in items] == [49, 50, 50]
    assert items[2] == Idle(Cursor(1, 50))


async def test_a_cursor_of_another_epoch_or_out_of_reach_is_a_resync(live: Live) -> None:
    await live.relay()
    hub = await live.hub()
    await live.write(price("a"))
    await until(lambda: hub.cursor.position == 1)
    for after in (Cursor(0, 1), Cursor(2, 0), Cursor(1, 2**63 - 1)):
        async with hub.subscribe(everything, after=after) as news:
            assert await next_of(news, 1, seconds=4) == [Resync(Cursor(1, 1))]


async def test_a_cursor_that_another_process_gave_out_is_waited_for(live: Live) -> None:
    await live.relay()
    hub = await live.hub()
    async with hub.subscribe(everything, after=Cursor(1, 2)) as news:
        waiting = asyncio.create_task(happenings_of(news, 1))
        await asyncio.sleep(0.3)
        await live.write(price("a"), price("b"))
        await asyncio.sleep(0.3)
        await live.write(price("c"))
        assert [(each.sku, each.cursor.position) for each in await waiting] == [("c", 3)]


async def test_a_cursor_older_than_what_is_kept_is_a_resync(live: Live) -> None:
    old = datetime.now(UTC) - timedelta(days=2)
    await live.write(*(price(str(place), occurred_at=old) for place in range(20)))
    await live.relay(keep_at_least=5, prune_seconds=0.05)

    async def forgotten() -> bool:
        return (await outbox.oldest(live.db)).position == 15

    await until(forgotten)
    hub = await live.hub(remember=2)
    async with hub.subscribe(everything, after=Cursor(1, 14)) as news:
        assert await next_of(news, 1) == [Resync(Cursor(1, 20))]
    async with hub.subscribe(everything, after=Cursor(1, 15)) as news:
        assert skus(await happenings_of(news, 5)) == ["15", "16", "17", "18", "19"]


async def test_snapshot_and_watch_meet_without_a_hole(live: Live) -> None:
    """Whenever a snapshot is taken among commits, it and what follows its cursor end in what is committed."""
    await live.relay(batch=7)
    hub = await live.hub(remember=30)
    await live.db.execute("CREATE TABLE truth (sku text PRIMARY KEY, version int)")
    writers = [await live.connection() for _ in range(3)]
    reader = await live.connection()
    chance = random.Random(7)
    steps, watchers = 80, 12
    done = asyncio.Event()

    async def write_on(place: int) -> None:
        db = writers[place]
        for _ in range(steps):
            sku = str(chance.randrange(6))
            async with db.transaction():
                await db.execute(
                    "INSERT INTO truth VALUES ($1, 1) "
                    "ON CONFLICT (sku) DO UPDATE SET version = truth.version + 1",
                    sku,
                )
                await live.write(price(sku), db=db)
            hub.nudge()

    reading = asyncio.Lock()

    async def read() -> dict[str, int]:
        async with reading:
            return dict(await reader.fetch("SELECT * FROM truth"))

    async def watch(place: int) -> tuple[dict[str, int], list[int]]:
        await until(lambda: hub.cursor.position >= place * 18, seconds=50)
        cursor = hub.cursor
        known = await read()
        positions = []
        subscription = hub.subscribe(everything, after=cursor, idle_seconds=0.5, limit=5)
        if place % 2:  # the other way: enter first, and read then
            subscription = hub.subscribe(everything, idle_seconds=0.5, limit=5)
        async with subscription as news:
            if place % 2:
                cursor, known = news.cursor, await read()
            first = cursor.position
            async for item in news:
                if isinstance(item, Happening):
                    positions.append(item.cursor.position - first)
                    assert item.sku is not None
                    current = (await read())[item.sku]
                    assert current >= known.get(item.sku, 0)
                    known[item.sku] = current
                elif done.is_set() and item.cursor.position == steps * 3:
                    break
                assert not isinstance(item, Resync)
        return known, positions

    async def write_all() -> None:
        await asyncio.gather(*(write_on(place) for place in range(3)))
        done.set()

    async with asyncio.timeout(60):
        _, *watched = await asyncio.gather(write_all(), *(watch(place) for place in range(watchers)))
    truth = await read()
    assert sum(truth.values()) == steps * 3
    for known, positions in watched:
        assert known == truth
        assert positions == list(range(1, len(positions) + 1))
    assert len({len(positions) for _, positions in watched}) > 6  # they did begin at different points


async def test_nothing_is_missed_when_the_hubs_connection_is_cut_off(live: Live) -> None:
    await live.relay()
    hub = await live.hub(poll_seconds=0.2)
    async with hub.subscribe(everything) as news:
        for step in range(30):
            await live.write(price(str(step)))
            if step % 10 == 5:
                assert await live.cut("shelfgraph hub") == 1
            await asyncio.sleep(0.02)
        assert skus(await happenings_of(news, 30)) == [str(step) for step in range(30)]


async def test_a_hub_starts_without_a_database_and_finds_it_later(live: Live) -> None:
    gate = await live.gate()
    await gate.shut()
    starting = asyncio.create_task(live.hub(gate.dsn))
    await asyncio.sleep(0.3)
    hub = Hub(gate.dsn)
    with pytest.raises(RequestError, match="UNAVAILABLE"):
        _ = hub.cursor
    assert not starting.done()
    await gate.open()
    assert (await starting).cursor == Cursor(1, 0)


async def test_the_stream_goes_on_without_a_gap_after_the_database_was_away(live: Live) -> None:
    await live.relay()
    gate = await live.gate()
    hub = await live.hub(gate.dsn, remember=3)
    async with hub.subscribe(everything) as news, hub.subscribe(everything, after=Cursor(1, 0)) as replay:
        await live.write(price("before"))
        assert skus(await happenings_of(news, 1)) == ["before"]
        await gate.shut()
        last = await live.write(*(price(str(step)) for step in range(20)))
        assert await hub.position_of(last, 0.3) is None
        hub.nudge()
        await asyncio.sleep(0.5)
        assert hub.cursor == Cursor(1, 1)
        await gate.open()
        expected = [str(step) for step in range(20)]
        assert skus(await happenings_of(news, 20)) == expected
        assert skus(await happenings_of(replay, 21)) == ["before", *expected]
        assert await hub.position_of(last) == Cursor(1, 21)


async def test_a_restored_backup_is_a_resync_for_everybody(live: Live) -> None:
    await live.relay()
    hub = await live.hub(poll_seconds=0.1)
    await live.write(price("a"), price("b"))
    async with hub.subscribe(everything) as news, hub.subscribe(everything, after=Cursor(1, 0)) as replay:
        assert skus(await happenings_of(news, 2)) == ["a", "b"]
        assert skus(await happenings_of(replay, 1)) == ["a"]
        assert await outbox.raise_epoch(live.db) == 2
        await until(lambda: hub.cursor == Cursor(2, 2))
        assert await next_of(news, 1) == [Resync(Cursor(2, 2))]
        await live.write(price("c"))
        assert [each.cursor for each in await happenings_of(news, 1)] == [Cursor(2, 3)]
        rest = await next_of(replay, 2)
        assert Resync in map(type, rest)


async def test_a_subject_of_a_later_release_is_passed_over(live: Live) -> None:
    await live.relay()
    hub = await live.hub()
    async with hub.subscribe(everything) as news:
        await live.db.execute("INSERT INTO outbox (topic, cause) VALUES ('drone', 'landed')")
        await live.write(price("a"))
        assert [each.cursor for each in await happenings_of(news, 1)] == [Cursor(1, 2)]
    async with hub.subscribe(everything, after=Cursor(1, 0)) as news:
        assert [each.cursor for each in await happenings_of(news, 1)] == [Cursor(1, 2)]


async def test_one_subscribers_mistake_ends_only_its_own_stream(live: Live) -> None:
    await live.relay()
    hub = await live.hub()

    def mistaken(happening: Happening) -> bool:
        raise ZeroDivisionError

    async with hub.subscribe(mistaken) as broken, hub.subscribe(everything) as whole:
        await live.write(price("a"))
        assert skus(await happenings_of(whole, 1)) == ["a"]
        with pytest.raises(ZeroDivisionError):
            await anext(broken)


async def test_stopping_ends_every_subscription_cleanly(live: Live) -> None:
    await live.relay()
    hub = await live.hub()

    async def listen(after: Cursor | None) -> int:
        count = 0
        async with hub.subscribe(everything, after=after) as news:
            async for _ in news:
                count += 1
        return count

    listeners = [asyncio.create_task(listen(after)) for after in (None, Cursor(1, 0), Cursor(1, 99))]
    await asyncio.sleep(0.2)
    began = asyncio.get_running_loop().time()
    await hub.stop()
    assert await asyncio.gather(*listeners) == [0, 1, 0]
    assert asyncio.get_running_loop().time() - began < 1.5


async def test_the_position_of_news_is_told_when_it_has_one(live: Live) -> None:
    hub = await live.hub()
    outbox_id = await live.write(price("a"))
    assert await hub.position_of(outbox_id, 0.2) is None
    asking = [asyncio.create_task(hub.position_of(outbox_id, 5)) for _ in range(2)]
    await asyncio.sleep(0.1)
    await live.relay()
    assert await asyncio.gather(*asking) == [Cursor(1, 1)] * 2
    assert await hub.position_of(outbox_id + 1, 0.1) is None
