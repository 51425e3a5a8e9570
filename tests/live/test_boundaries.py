"""The clock on real PostgreSQL: prices that begin and end are told once, and the projection follows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from domain.news import Happening, Topic
from domain.pricing.kinds import PriceKind
from persistence.news.boundaries import PriceBoundaries
from persistence.news.hub import Hub
from persistence.pricing.projection import refresh
from persistence.pricing.writes import NewPrice, end_prices, lock_variants, record_prices
from tests.live.conftest import Live, happenings_of, price, until

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
SKUS = [f"sku-{number}" for number in range(6)]


@pytest.fixture
async def mall(live: Live) -> Live:
    """Two channels, one store, six variants and no prices."""
    await live.db.execute(
        "TRUNCATE price_end, price_record, public_price, variant, product, store, channel CASCADE"
    )
    await live.db.execute(
        "INSERT INTO channel (code, names, kind, currency_code) "
        "VALUES ('app', '{}', 'APP', 'HKD'), ('pos', '{}', 'POS', 'HKD')"
    )
    await live.db.execute(
        "INSERT INTO store (code, names, addresses, city, latitude, longitude, time_zone, till_channel) "
        "VALUES ('aeon', '{}', '{}', 'Hong Kong', 22, 114, 'Asia/Hong_Kong', 'pos')"
    )
    product = await live.db.fetchval(
        "INSERT INTO product (handle, names, words) VALUES ('milk', '{}', '') RETURNING id"
    )
    await live.db.executemany(
        "INSERT INTO variant (sku, product_id) VALUES ($1, $2)", [(sku, product) for sku in SKUS]
    )
    return live


def listed(sku: str, amount_minor: int, **more: object) -> NewPrice:
    """A list price in the app, for ever unless said otherwise."""
    fields: dict[str, object] = {
        "kind": PriceKind.LIST,
        "currency_code": "HKD",
        "channel": "app",
        "store": None,
        "tier": None,
        "campaign": None,
        "min_quantity": 1,
        "valid_from": None,
        "valid_until": None,
        "source": f"{sku}-{amount_minor}-{more}",
    }
    return NewPrice(**{"sku": sku, "amount_minor": amount_minor, **fields, **more})  # type: ignore[arg-type]


async def record(db: asyncpg.Connection, *prices: NewPrice, now: datetime | None = None) -> None:
    """Records prices as a mutation does."""
    now = now or datetime.now(UTC)
    variants = await lock_variants(db, [price.sku for price in prices])
    await record_prices(db, prices, variants, recorded_by="tests", now=now)
    await refresh(db, variants, now)


async def public(live: Live) -> dict[tuple[str, str, str], int | None]:
    """The projection, by channel, store and sku."""
    rows = await live.db.fetch("SELECT channel, store, sku, amount_minor FROM public_price")
    return {(row[0], row[1], row[2]): row[3] for row in rows}


@asynccontextmanager
async def working(live: Live, hub: Hub) -> AsyncIterator[None]:
    """While entered, a boundary worker runs."""
    task = asyncio.create_task(PriceBoundaries(live.dsn, hub).run())
    try:

        async def began() -> bool:
            return bool(await live.db.fetchval("SELECT count(*) FROM watermark"))

        await until(began)
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def told(heard: list[Happening]) -> list[tuple[str | None, str | None, str | None, datetime]]:
    return [(each.sku, each.channel, each.store, each.occurred_at) for each in heard]


async def test_the_projection_follows_what_is_recorded_and_ended(mall: Live) -> None:
    db = mall.db
    async with db.transaction():
        await record(db, listed("sku-0", 1000), listed("sku-1", 2000, channel=None))
        await record(
            db, listed("sku-0", 900, kind=PriceKind.STORE, store="aeon"), listed("sku-1", 1, tier="gold")
        )
    assert await public(mall) == {
        ("app", "", "sku-0"): 1000,
        ("app", "aeon", "sku-0"): 900,
        ("app", "", "sku-1"): 2000,
        ("pos", "", "sku-1"): 2000,
    }
    now = datetime.now(UTC)
    ids = [row[0] for row in await db.fetch("SELECT id FROM price_record WHERE sku = 'sku-0'")]
    async with db.transaction():
        variants = await lock_variants(db, ["sku-0"])
        await end_prices(db, ids, variants, ends_at=None, ended_by="tests", now=now)
        assert await refresh(db, ["sku-0"], now) == 2
        assert await refresh(db, SKUS, now) == 0
    assert await public(mall) == {("app", "", "sku-1"): 2000, ("pos", "", "sku-1"): 2000}


async def test_only_active_channels_and_the_record_set_last_count(mall: Live) -> None:
    db = mall.db
    await db.execute("UPDATE channel SET active = false WHERE code = 'pos'")
    async with db.transaction():
        for amount in (500, 300, 400):
            await record(db, listed("sku-0", amount, channel=None))
    assert await public(mall) == {("app", "", "sku-0"): 400}


async def test_where_only_stores_changed_nothing_else_is_touched(mall: Live) -> None:
    db = mall.db
    async with db.transaction():
        await record(
            db,
            listed("sku-0", 1000, channel=None),
            listed("sku-0", 900, kind=PriceKind.STORE, store="aeon", channel=None),
            listed("sku-1", 500),
        )
    right = await public(mall)
    assert right["", "aeon", "sku-0"] == 900
    # Wrong on purpose, to see what is brought up again.
    await db.execute("UPDATE public_price SET amount_minor = 1")
    await db.execute("INSERT INTO public_price VALUES ('app', 'aeon', 'sku-0', 1)")
    async with db.transaction():
        changed = await refresh(db, ["sku-0", "sku-1"], LONG_AGO, stores={"sku-0": {"aeon"}})
    assert changed == 3
    assert await public(mall) == {
        ("", "aeon", "sku-0"): 900,
        ("app", "", "sku-0"): 1,
        ("pos", "", "sku-0"): 1,
        ("app", "", "sku-1"): 500,
    }


async def test_a_boundary_is_told_within_a_second_at_its_place_and_the_projection_has_moved(
    mall: Live,
) -> None:
    await mall.relay()
    hub = await mall.hub()
    async with hub.subscribe(lambda each: each.topic is Topic.PRICE) as news, working(mall, hub):
        begins = datetime.now(UTC) + timedelta(seconds=0.7)
        ends = begins + timedelta(seconds=0.6)
        async with mall.db.transaction():
            await record(
                mall.db,
                listed("sku-0", 1000),
                listed("sku-0", 800, kind=PriceKind.SALE, valid_from=begins, valid_until=ends),
                listed("sku-1", 700, store="aeon", kind=PriceKind.STORE, valid_until=ends),
            )
            await mall.write(price("sku-0"))
        assert (await happenings_of(news, 1))[0].cause == "pricesSet"
        assert (await public(mall))["app", "", "sku-0"] == 1000
        heard = await happenings_of(news, 1)
        assert timedelta() <= datetime.now(UTC) - begins < timedelta(seconds=1)
        assert told(heard) == [("sku-0", "app", None, begins)]
        assert heard[0].cause == "priceBoundary"
        assert await public(mall) == {("app", "", "sku-0"): 800, ("app", "aeon", "sku-1"): 700}
        heard = await happenings_of(news, 2)
        assert timedelta() <= datetime.now(UTC) - ends < timedelta(seconds=1)
        assert told(heard) == [("sku-0", "app", None, ends), ("sku-1", "app", "aeon", ends)]
        assert await public(mall) == {("app", "", "sku-0"): 1000}


async def test_what_passed_while_nobody_worked_is_told_at_the_next_start(mall: Live) -> None:
    hub = await mall.hub()
    now = datetime.now(UTC)
    await mall.db.execute(
        "INSERT INTO watermark (name, at) VALUES ('price-boundaries', $1)", now - timedelta(hours=1)
    )
    moments = [now - timedelta(minutes=minutes) for minutes in (90, 60, 30, 10, -10)]
    async with mall.db.transaction():
        prices = [listed(sku, 100, valid_from=moment) for sku, moment in zip(SKUS, moments, strict=False)]
        prices.append(listed("sku-5", 100, valid_from=moments[2], valid_until=moments[3], store="aeon"))
        await record(mall.db, *prices, now=LONG_AGO)
        await mall.db.execute("DELETE FROM public_price")
    await mall.relay()
    async with hub.subscribe(lambda each: True) as news, working(mall, hub):
        assert told(await happenings_of(news, 4)) == [
            ("sku-2", "app", None, moments[2]),
            ("sku-5", "app", "aeon", moments[2]),
            ("sku-3", "app", None, moments[3]),
            ("sku-5", "app", "aeon", moments[3]),
        ]
    assert await public(mall) == {("app", "", "sku-2"): 100, ("app", "", "sku-3"): 100}
    assert await mall.db.fetchval("SELECT count(*) FROM outbox") == 4


async def test_what_others_have_told_already_is_not_told_again(mall: Live) -> None:
    """Records that count from when they were recorded, never count, or were ended on the spot."""
    hub = await mall.hub()
    now = datetime.now(UTC)
    await mall.db.execute(
        "INSERT INTO watermark (name, at) VALUES ('price-boundaries', $1)", now - timedelta(hours=1)
    )
    before, later = now - timedelta(minutes=20), now - timedelta(minutes=5)
    async with mall.db.transaction():
        recorded = now - timedelta(minutes=10)
        await record(mall.db, listed("sku-0", 1, valid_from=before), now=recorded)
        await record(mall.db, listed("sku-1", 1, valid_until=before), now=recorded)
        await record(mall.db, listed("sku-2", 1), listed("sku-3", 1, valid_from=later), now=recorded)
        for sku in ("sku-2", "sku-3"):
            ids = [await mall.db.fetchval("SELECT id FROM price_record WHERE sku = $1", sku)]
            variants = await lock_variants(mall.db, [sku])
            moment = before + timedelta(minutes=12)
            await end_prices(mall.db, ids, variants, ends_at=None, ended_by="tests", now=moment)
    db = await mall.connection()
    assert await PriceBoundaries(mall.dsn, hub).tell_passed(db) == 0
    assert await mall.db.fetchval("SELECT at FROM watermark") > now


async def test_every_boundary_is_told_once_whoever_is_cut_off_meanwhile(mall: Live) -> None:
    """Three workers, tiny batches, and connections that die in the middle of an instant."""
    hub = await mall.hub()
    product = await mall.db.fetchval("SELECT id FROM product")
    count = 300
    await mall.db.executemany(
        "INSERT INTO variant (sku, product_id) VALUES ($1, $2)",
        [(f"many-{number:03}", product) for number in range(count)],
    )
    moment = datetime.now(UTC) + timedelta(seconds=1.5)
    async with mall.db.transaction():
        await record(mall.db, *(listed(f"many-{number:03}", 5, valid_from=moment) for number in range(count)))

    async def keep_working() -> None:
        while True:
            with suppress(Exception):  # what it is cut off with does not matter here
                await PriceBoundaries(mall.dsn, hub, batch=7).run()
            await asyncio.sleep(0.05)

    workers = [asyncio.create_task(keep_working()) for _ in range(3)]
    try:
        await until(lambda: datetime.now(UTC) > moment)
        cut = 0

        async def all_told() -> bool:
            nonlocal cut
            done = int(await mall.db.fetchval("SELECT count(*) FROM outbox"))
            if 20 * cut < done < count:
                cut += await mall.cut("shelfgraph boundaries")
            return done >= count

        await until(all_told, seconds=40)
        await asyncio.sleep(0.3)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    assert cut >= 3
    rows = await mall.db.fetch("SELECT sku, occurred_at FROM outbox ORDER BY id")
    assert [tuple(row) for row in rows] == [(f"many-{number:03}", moment) for number in range(count)]
    assert len(await public(mall)) == count


async def test_a_price_whose_recording_takes_longer_than_its_wait_is_projected(mall: Live) -> None:
    hub = await mall.hub()
    slow = await mall.connection()
    worker = PriceBoundaries(mall.dsn, hub)
    db = await mall.connection()
    async with working(mall, hub):
        pass
    recording = slow.transaction()
    await recording.start()
    moment = datetime.now(UTC) + timedelta(seconds=0.1)
    await record(slow, listed("sku-0", 5, valid_from=moment))
    await until(lambda: datetime.now(UTC) > moment)
    telling = asyncio.create_task(worker.tell_passed(db))
    await asyncio.sleep(0.1)
    assert not telling.done()  # it waits for those who are recording
    await recording.commit()
    assert await telling == 1
    assert await public(mall) == {("app", "", "sku-0"): 5}
