"""The relay on real PostgreSQL: one order, without holes, whoever leads and whoever dies."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from domain.news import News, Topic
from persistence.news import outbox
from persistence.news.channels import RELAY_LOCK
from tests.live.conftest import Live, both_ways, price, until

pytestmark = both_ways


async def test_news_is_written_in_its_order_with_all_it_says(live: Live) -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    first = await live.write(price("a"))
    last = await live.write(
        News(Topic.STOCK, "stockAdjust", sku="b", store="parknshop", channel="app", occurred_at=noon),
        News(Topic.DIRECTORY, "import"),
    )
    assert await outbox.write(live.db, []) is None
    assert last == first + 2
    await live.relay()
    await live.reaches(3)
    told, stock, directory = await outbox.since(live.db, 0, 10)
    assert (told.id, told.position, told.topic, told.sku) == (first, 1, "price", "a")
    assert stock[1:] == (2, "stock", "b", "parknshop", "app", "stockAdjust", noon)
    assert directory[1:7] == (3, "directory", None, None, None, "import")
    assert [row.position for row in await outbox.since(live.db, 1, 1)] == [2]
    assert str(await outbox.head(live.db)) == "0001.00000000000000000003"
    assert await outbox.position_of(live.db, last) == 3


async def test_what_is_committed_later_comes_later_whatever_was_written_first(live: Live) -> None:
    await live.relay()
    slow = await live.connection()
    transaction = slow.transaction()
    await transaction.start()
    early = await live.write(price("slow"), db=slow)
    late = await live.write(price("quick"))
    await live.reaches(1)
    await transaction.commit()
    await live.reaches(2)
    assert early < late
    assert await live.positions() == [(early, 2), (late, 1)]


async def test_what_is_rolled_back_leaves_no_hole(live: Live) -> None:
    await live.relay()
    doomed = live.db.transaction()
    await doomed.start()
    await live.write(price("never"))
    await doomed.rollback()
    await live.write(price("a"), price("b"))
    await live.reaches(2)
    assert [row.sku for row in await outbox.since(live.db, 0, 10)] == ["a", "b"]


async def test_one_of_two_leads_and_the_other_takes_over_at_once(live: Live) -> None:
    relays = [await live.relay(), await live.relay()]
    await until(lambda: any(relay.is_leading for relay in relays))
    await asyncio.sleep(0.6)
    assert [relay.is_leading for relay in relays].count(True) == 1
    cut_at = asyncio.get_running_loop().time()
    assert await live.cut("shelfgraph relay") == 2
    await live.write(price("a"))
    await live.reaches(1)
    assert asyncio.get_running_loop().time() - cut_at < 1.5


async def test_positions_stay_dense_while_leaders_are_cut_off_in_their_work(live: Live) -> None:
    relays = [await live.relay(batch=50), await live.relay(batch=50)]
    writer = await live.connection()
    cuts = written = 0
    while cuts < 5:
        for _ in range(8):
            await live.write(*(price(str(written + place)) for place in range(100)), db=writer)
            written += 100
        cuts += len(
            await live.db.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted "
                "AND classid = $1 AND objid = $2 AND database = "
                "(SELECT oid FROM pg_database WHERE datname = current_database())",
                *RELAY_LOCK,
            )
        )
    await live.reaches(written)
    positions = [position for _, position in await live.positions()]
    assert positions == list(range(1, written + 1))  # one writer: its own order
    assert (await outbox.head(live.db)).position == written
    assert [relay.is_leading for relay in relays].count(True) == 1


async def test_a_leader_whose_process_froze_is_replaced(live: Live) -> None:
    frozen = await live.connection()
    await frozen.execute("SET idle_session_timeout = '200ms'")
    await frozen.fetchval("SELECT pg_try_advisory_lock($1, $2)", *RELAY_LOCK)
    relay = await live.relay()
    await until(lambda: relay.is_leading, seconds=2)
    # What makes the server end a frozen leader's session is set on the relay's own.
    assert await live.db.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shelfgraph relay' "
        "AND datname = current_database()"
    )


async def test_the_relay_outlives_a_database_that_is_away(live: Live) -> None:
    gate = await live.gate()
    relay = await live.relay(gate.dsn)
    await until(lambda: relay.is_leading)
    await gate.shut()
    await live.write(price("a"))
    await asyncio.sleep(0.5)
    assert not relay.is_leading
    assert (await outbox.extent(live.db)).head == 0
    await gate.open()
    await live.reaches(1)


async def test_only_news_older_than_the_window_is_forgotten_and_in_order(live: Live) -> None:
    now = datetime.now(UTC)
    ages = [26, 25, 1, 30, 0]  # the 30 hours old one stands behind one that is kept
    await live.write(
        *(
            price(str(place), occurred_at=now - timedelta(hours=hours, minutes=1))
            for place, hours in enumerate(ages)
        )
    )
    await live.relay(keep=timedelta(hours=25), keep_at_least=0, prune_seconds=0.05)

    async def forgotten() -> bool:
        return (await outbox.oldest(live.db)).position == 2

    await until(forgotten)
    await asyncio.sleep(0.3)
    assert (await outbox.extent(live.db))[1:] == (5, 2)
    assert [row.position for row in await outbox.since(live.db, 0, 10)] == [3, 4, 5]


async def test_the_latest_news_is_kept_however_old(live: Live) -> None:
    old = datetime.now(UTC) - timedelta(days=9)
    await live.write(*(price(str(place), occurred_at=old) for place in range(100)))
    await live.relay(keep_at_least=40, batch=7, prune_seconds=0.05)

    async def forgotten() -> bool:
        return (await outbox.oldest(live.db)).position == 60

    await until(forgotten)
    await asyncio.sleep(0.2)
    assert [row.position for row in await outbox.since(live.db, 0, 200)] == list(range(61, 101))
