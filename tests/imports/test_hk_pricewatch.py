"""The Hong Kong log, folded and imported: the shipped sample, and under `make replay` all three years."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from graph.demo.loader import SAMPLE, chains
from persistence.database import Connection, connect
from persistence.imports import hk_pricewatch
from persistence.imports.hk_pricewatch_log import Folded, LogError, fold, moment_of
from tests.databases import created
from tests.imports.contents import contents

WHOLE = Path(__file__).parents[3] / "shared" / "data" / "hk_pricewatch"
NOW = datetime(2026, 1, 5, 4, tzinfo=UTC)
PUBLISHED_EVENTS = {"O": 263_214, "P": 227_944, "A": 63_992, "D": 57_523}
MADE_UP = ("id", "product_id", "created_at", "updated_at", "occurred_at")


@pytest.fixture
async def db(database_server: str, database_template: str) -> AsyncIterator[Connection]:
    async with created(database_server, template=database_template) as dsn:
        connection = await connect(dsn)
        yield connection
        await connection.close()


def published_days(folder: Path) -> dict[date, int]:
    with gzip.open(folder / "daily_counts.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return {
            date.fromisoformat(row["date"]): int(row["active_price_points"]) for row in csv.DictReader(file)
        }


def holds_the_published_state(log: Folded, folder: Path) -> None:
    assert len(log.points) == 6469
    assert sum(point.offer is not None for point in log.points.values()) == 1878
    days = published_days(folder)
    assert {day: log.active_on(day) for day in days} == days


async def load(db: Connection, folder: Path, now: datetime = NOW) -> hk_pricewatch.Loaded:
    async with db.transaction():
        return await hk_pricewatch.load(db, folder, chains(), now=now, announce=True)


def test_the_sample_ends_in_the_published_state() -> None:
    log = hk_pricewatch.read_log(SAMPLE / "price_events.csv.gz")
    holds_the_published_state(log, SAMPLE)
    assert log.last_day == date(2025, 12, 31)


async def test_the_sample_is_imported_exactly_and_once(db: Connection) -> None:
    await _is_imported_exactly_and_once(db, SAMPLE)


@pytest.mark.long
@pytest.mark.skipif(not WHOLE.is_dir(), reason=f"{WHOLE} is not there; the sample's test stands in.")
async def test_the_whole_log_is_imported_exactly_and_once(db: Connection) -> None:
    loaded = await _is_imported_exactly_and_once(db, WHOLE)
    assert loaded.log.events == Counter(PUBLISHED_EVENTS)
    assert loaded.prices.added == PUBLISHED_EVENTS["P"] + PUBLISHED_EVENTS["A"]


async def _is_imported_exactly_and_once(db: Connection, folder: Path) -> hk_pricewatch.Loaded:
    loaded = await load(db, folder)
    log = loaded.log
    holds_the_published_state(log, folder)
    assert loaded.articles == loaded.products.added == 3193

    points = {place: point.amount for place, point in log.points.items()}
    shown = await db.fetch("SELECT sku, store, amount_minor FROM price_record WHERE valid_until IS NULL")
    assert {(row[0], row[1]): row[2] for row in shown} == points
    assert await db.fetchval("SELECT count(*) FROM offer_text WHERE until IS NULL") == 1878
    public = await db.fetch("SELECT sku, store, amount_minor FROM public_price WHERE channel = ''")
    assert {(row[0], row[1]): row[2] for row in public} == points

    days = published_days(folder)
    for day in [*days][:: len(days) // 6]:
        active = await db.fetchval(
            """
            SELECT count(*) FROM price_record
            WHERE recorded_at <= $1 AND (valid_until IS NULL OR valid_until > $1)
            """,
            moment_of(day),
        )
        assert active == days[day], day
    await _history_is_in_order(db)
    assert await db.fetchval("SELECT count(*) FROM outbox WHERE topic = 'price' AND cause = 'import'") == 6469

    before = await contents(db)
    again = await load(db, folder, NOW.replace(day=9))
    assert (again.prices.added, again.prices.changed) == (0, 0)
    assert await contents(db) == before
    return loaded


async def _history_is_in_order(db: Connection) -> None:
    unnumbered = await db.fetch(
        """
        SELECT p.sku FROM price_record p JOIN variant v USING (sku) GROUP BY p.sku, v.price_sequence
        HAVING count(*) <> max(p.sequence) OR max(p.sequence) <> v.price_sequence
        """
    )
    assert unnumbered == [], "sequences number the records of a variant from 1 on"
    backwards = await db.fetchval(
        """
        SELECT count(*) FROM (
            SELECT recorded_at < lag(recorded_at) OVER (PARTITION BY sku ORDER BY sequence) AS back
            FROM price_record
        ) steps WHERE back
        """
    )
    assert backwards == 0, "what was recorded later has the higher sequence"
    assert await db.fetchval(
        """
        SELECT bool_and(v.price_changed_at = p.changed) FROM variant v JOIN (
            SELECT sku, max(greatest(recorded_at, valid_until)) AS changed FROM price_record GROUP BY sku
        ) p USING (sku)
        """
    )


async def test_a_log_that_grew_is_continued(db: Connection, tmp_path: Path) -> None:
    """A fifth of the sample's articles, up to November and then to its end, beside the same at once."""
    whole = _a_fifth_of_the_sample(tmp_path / "whole")
    early = _a_fifth_of_the_sample(tmp_path / "early", before=b"2025-11-22")

    await load(db, early)
    continued = await load(db, whole)
    assert continued.prices.changed > 200
    assert continued.prices.unchanged > 200
    in_two_steps = await contents(db, without=MADE_UP)

    await db.execute("TRUNCATE product, category, store, channel, outbox CASCADE")
    await load(db, whole)
    at_once = await contents(db, without=MADE_UP)
    for table in ("price_record", "offer_text", "public_price", "variant"):
        assert in_two_steps[table] == at_once[table], table


def _a_fifth_of_the_sample(folder: Path, before: bytes = b"9999") -> Path:
    """A folder with every fifth article, and its events before a day."""
    folder.mkdir()
    (folder / "offers.csv.gz").write_bytes((SAMPLE / "offers.csv.gz").read_bytes())
    header, *articles = _lines("products.csv.gz")
    articles = articles[::5]
    codes = {article.split(b",", 1)[0] for article in articles}
    (folder / "products.csv.gz").write_bytes(gzip.compress(b"".join([header, *articles])))
    header, *events = _lines("price_events.csv.gz")
    events = [event for event in events if event < before and event.split(b",", 2)[1] in codes]
    (folder / "price_events.csv.gz").write_bytes(gzip.compress(b"".join([header, *events])))
    return folder


def _lines(name: str) -> list[bytes]:
    return gzip.decompress((SAMPLE / name).read_bytes()).splitlines(True)


EVENTS = [
    ["2025-01-01", "A1", "AEON", "A", "10.00", ""],
    ["2025-01-01", "A1", "SASA", "A", "12.00", "1"],
    ["2025-01-02", "A1", "AEON", "O", "10.00", "1"],
    ["2025-01-03", "A1", "AEON", "P", "9.00", "1"],
    ["2025-01-04", "A1", "AEON", "P", "8.50", ""],
    ["2025-01-05", "A1", "SASA", "D", "", ""],
    ["2025-01-06", "A1", "SASA", "A", "12.00", "2"],
    ["2025-01-07", "A1", "AEON", "D", "", ""],
]


def test_a_log_becomes_records_and_offers() -> None:
    log = fold(EVENTS)

    def day(number: int) -> datetime:
        return moment_of(date(2025, 1, number))

    assert day(1) == datetime(2024, 12, 31, 21, 10, tzinfo=UTC)
    assert [
        (row.store, row.amount_minor, row.recorded_at, row.valid_until, row.source) for row in log.prices
    ] == [
        ("aeon", 1000, day(1), day(3), "A1/aeon/2025-01-01"),
        ("aeon", 900, day(3), day(4), "A1/aeon/2025-01-03"),
        ("sasa", 1200, day(1), day(5), "A1/sasa/2025-01-01"),
        ("aeon", 850, day(4), day(7), "A1/aeon/2025-01-04"),
        ("sasa", 1200, day(6), None, "A1/sasa/2025-01-06"),
    ]
    assert [(row.store, row.offer, row.since.day, row.until and row.until.day) for row in log.offers] == [
        ("aeon", 1, 2, 4),
        ("sasa", 1, 1, 5),
        ("sasa", 2, 6, None),
    ]
    assert list(log.active_by_day.values()) == [2, 2, 2, 2, 1, 2, 1]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (["2025-01-01", "A1", "AEON", "X", "1.00", ""], "no event 'X'"),
        (["2025-01-01", "A1", "AEON", "A", "ten", ""], "line 2"),
        (["2025-01-01", "A1", "AEON", "A", "1.005", ""], "not a price"),
        (["2025-13-01", "A1", "AEON", "A", "1.00", ""], "line 2"),
        (["2025-01-01", "A1", "AEON"], "line 2"),
    ],
)
def test_a_log_that_cannot_be_read_names_the_line(event: list[str], said: str) -> None:
    with pytest.raises(LogError, match=said):
        fold([event])
