"""What the database keeps of prices."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlmodel import SQLModel

from persistence import migrate
from persistence.database import connect
from persistence.imports.files.prices import import_prices
from persistence.imports.files.run import Job
from persistence.pricing.reads import Place, StoredPrice, current_prices
from tests.makers import make_price, make_product

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 2, 1, tzinfo=UTC)


async def test_prices_that_were_kept_with_endless_moments_are_mended(bare_database: str) -> None:
    """Open windows stay open, bounded ones as they are, and what could never count still never does."""
    await asyncio.to_thread(command.upgrade, migrate.alembic_config(bare_database), "0002")
    db = await connect(bare_database)
    try:
        product = await db.fetchval(
            "INSERT INTO product (handle, names, words) VALUES ('milk', '{}', '') RETURNING id"
        )
        await db.execute("INSERT INTO variant (sku, product_id) VALUES ('milk', $1)", product)
        windows = [
            ("-infinity", "infinity"),
            ("-infinity", None),
            (None, "infinity"),
            (None, None),
            ("2026-02-01Z", "infinity"),
            ("-infinity", "2026-02-01Z"),
            ("infinity", "infinity"),
            ("-infinity", "-infinity"),
            (None, "-infinity"),
        ]
        for number, window in enumerate(windows):
            await db.execute(
                "INSERT INTO price_record (sku, kind, amount_minor, currency_code, source, sequence, "
                "recorded_at, recorded_by, valid_from, valid_until) "
                "VALUES ('milk', 'LIST', 1, 'HKD', $1, $2, $3, 'tests', "
                "$4::text::timestamptz, $5::text::timestamptz)",
                str(number),
                number,
                WHEN,
                *window,
            )
        await migrate.upgrade(bare_database)
        rows = await db.fetch("SELECT valid_from, valid_until FROM price_record ORDER BY sequence")
    finally:
        await db.close()
    never = (WHEN, WHEN)
    assert [tuple(row) for row in rows] == [
        *[(None, None)] * 4,
        (LATER, None),
        (None, LATER),
        *[never] * 3,
    ]


@pytest.mark.parametrize("window", ["valid_from", "valid_until"])
async def test_an_import_that_a_boundary_overtook_has_a_version_of_its_own(
    fresh_database: str, tmp_path: Path, window: str
) -> None:
    file = tmp_path / "prices.csv"
    db = await connect(fresh_database)
    try:
        sku = (await make_product(db)).skus[0]
        began = datetime.now(UTC) - timedelta(seconds=60)
        passed = began + timedelta(seconds=30)
        await db.execute("UPDATE variant SET price_changed_at = $1 WHERE sku = $2", WHEN, sku)
        await make_price(db, sku, 2000, recorded_at=WHEN)
        await make_price(db, sku, 1500, recorded_at=WHEN, tier="gold", **{window: passed})
        place = Place("app", None, datetime.now(UTC), now=True)
        before = (await current_prices(db, [sku], place))[sku]
        file.write_text(f"sku,amount\n{sku},25.00\n")
        outcome = await import_prices(db, Job(path=file, now=began))
        after = (await current_prices(db, [sku], place))[sku]
    finally:
        await db.close()
    assert (outcome.written, before.changed_at) == (True, passed)
    assert after.changed_at is not None
    assert after.changed_at > passed


def test_one_index_carries_all_that_the_engine_reads() -> None:
    """Else every record costs a page of the table, and a lookup three times its time among a million."""
    (index,) = (
        index
        for index in SQLModel.metadata.tables["price_record"].indexes
        if index.name == "price_record_until"
    )
    of_the_variant = ("sku", "at", "changed_at")
    carried = index.dialect_options["postgresql"]["include"]
    assert [*of_the_variant, *carried] == list(StoredPrice._fields)
