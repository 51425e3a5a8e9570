"""The demo mall: what stands in it, and that it is always the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from domain.labels import LABEL_MODELS
from domain.stores import OpeningHours, is_open
from graph.demo.loader import chains, load_demo
from graph.demo.mall import CHANNELS, ONLINE, median
from graph.examples import EXAMPLES
from persistence.database import Connection, connect
from tests.databases import created
from tests.imports.contents import contents

# What the server makes up anew each time: keys, and the moment of the load where no other is meant.
MADE_UP = (
    "id", "product_id", "created_at", "updated_at", "record_id", "registered_at", "bound_at", "parted_at",
)  # fmt: skip


@pytest.fixture(scope="module")
def mall(mall_database: str) -> str:
    return mall_database


@pytest.fixture
async def db(mall: str) -> AsyncIterator[Connection]:
    connection = await connect(mall)
    yield connection
    await connection.close()


async def test_every_table_has_what_the_mall_shows(db: Connection) -> None:
    async def count(what: str) -> int:
        return int(await db.fetchval(f"SELECT count(*) FROM {what}"))  # noqa: S608 - ours

    assert await count("channel") == len(CHANNELS) == 8
    assert await count("store WHERE till_channel = 'pos'") == 10
    assert await count("product") == await count("variant") == 3193
    assert await count("variant WHERE net_content IS NOT NULL") > 3000
    assert await count("category WHERE parent IS NULL") == 10
    assert await count("category WHERE cardinality(path) = 3") == 365
    assert await count("price_record WHERE kind = 'STORE' AND valid_until IS NULL") == 6469
    assert await count("offer_text WHERE until IS NULL") == 1878
    assert await count("stock_level") == 6469
    assert await count("stock_level WHERE on_hand = 0") > 200
    assert await count("stock_level WHERE on_hand BETWEEN 1 AND 5") > 400
    assert await count("device WHERE kind = 'GATEWAY'") == 3
    assert await count("label") == 336
    assert await count("outbox") == 0


async def test_online_channels_sell_at_the_median_and_tills_at_their_own_price(db: Connection) -> None:
    rows = await db.fetch(
        """
        SELECT sku, array_agg(amount_minor) FILTER (WHERE kind = 'STORE') AS shown,
               array_agg(DISTINCT amount_minor) FILTER (WHERE kind = 'LIST') AS listed,
               array_agg(channel ORDER BY channel) FILTER (WHERE kind = 'LIST') AS channels
        FROM price_record WHERE valid_until IS NULL GROUP BY sku
        """
    )
    assert len(rows) > 2000
    for row in rows:
        assert row["listed"] == [median(row["shown"])]
        assert row["channels"] == sorted(ONLINE)
    assert await db.fetchval("SELECT count(*) FROM price_record WHERE kind = 'LIST' AND channel IS NULL") == 0


@pytest.mark.parametrize(
    ("amounts", "middle"),
    [
        ([1000], 1000),
        ([1000, 1001], 1001),
        ([1000, 1002], 1001),
        ([3, 1, 2], 2),
        ([1, 2, 2, 4], 2),
        ([1, 4], 3),
    ],
)
def test_the_median_of_two_in_the_middle_is_rounded_half_up(amounts: list[int], middle: int) -> None:
    assert median(amounts) == middle


async def test_stock_stands_where_an_article_is_sold_and_is_explained_by_its_movements(
    db: Connection,
) -> None:
    sold = await db.fetch("SELECT sku, store FROM price_record WHERE kind = 'STORE' AND valid_until IS NULL")
    kept = await db.fetch("SELECT sku, store FROM stock_level")
    assert {tuple(row) for row in kept} == {tuple(row) for row in sold}
    unexplained = await db.fetch(
        """
        SELECT l.sku FROM stock_level l LEFT JOIN (
            SELECT store, sku, sum(delta) AS moved FROM stock_movement
            WHERE reason = 'RECEIPT' GROUP BY store, sku
        ) m USING (store, sku) WHERE l.on_hand <> coalesce(m.moved, 0)
        """
    )
    assert unexplained == []


async def test_labels_hang_on_articles_their_store_sells(db: Connection) -> None:
    rows = await db.fetch(
        """
        SELECT l.code, l.model, l.position, g.store, p.sku IS NOT NULL AS sold
        FROM label l JOIN device g ON g.code = l.gateway LEFT JOIN price_record p
            ON p.sku = l.sku AND p.store = g.store AND p.valid_until IS NULL
        WHERE l.sku IS NOT NULL
        """
    )
    assert len(rows) == 324
    assert all(row["sold"] for row in rows)
    assert {row["store"] for row in rows} == {"parknshop", "wellcome"}
    assert {row["model"] for row in rows} < set(LABEL_MODELS)
    places = [(row["store"], row["position"]) for row in rows]
    assert len(set(places)) == len(places)
    assert ("parknshop", "A03-2-05") in places


async def test_what_the_examples_change_hangs_on_the_shelf(db: Connection) -> None:
    examples = {example.name: example.variables for example in EXAMPLES}
    changed = examples["SetPrices"]["input"]["prices"][0]
    watched = examples["WatchTillPrices"]
    assert (changed["store"], changed["sku"]) == (watched["till"]["store"], watched["skus"][0])
    assert await db.fetchval(
        "SELECT count(*) FROM label l JOIN device g ON g.code = l.gateway WHERE g.store = $1 AND l.sku = $2",
        changed["store"],
        changed["sku"],
    )


async def test_a_second_start_finds_the_mall_and_changes_nothing(mall: str, db: Connection) -> None:
    before = await contents(db)
    assert await load_demo(mall) is None
    assert await contents(db) == before


async def test_the_same_start_gives_the_same_mall(
    db: Connection, database_server: str, database_template: str
) -> None:
    async with created(database_server, template=database_template) as other:
        await load_demo(other)
        second = await connect(other)
        try:
            assert await contents(second, without=MADE_UP) == await contents(db, without=MADE_UP)
        finally:
            await second.close()


def test_the_ten_stores_lie_in_hong_kong_and_open() -> None:
    noon = datetime.fromisoformat("2026-01-07T12:00:00+08:00")
    assert len(chains()) == 10
    for store in chains():
        assert 22.15 < store.latitude < 22.56, store.code
        assert 113.83 < store.longitude < 114.44, store.code
        assert {"en", "zh-HK", "zh-CN"} <= set(store.names) & set(store.addresses)
        assert is_open([OpeningHours(**span) for span in store.opening_hours], store.time_zone, noon)
