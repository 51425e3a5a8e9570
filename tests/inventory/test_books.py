"""The books of stock, and the command that checks them."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from persistence.database import connect
from tests.makers import make_product, make_stock, make_store


async def reconcile(dsn: str, folder: Path) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("shelfgraph")),
        "reconcile",
        "stock",
        env={**os.environ, "SHELFGRAPH_DATABASE_URL": dsn, "SHELFGRAPH_DATA_DIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_a_counter_that_nothing_explains_is_found(fresh_database: str, tmp_path: Path) -> None:
    db = await connect(fresh_database)
    try:
        store = await make_store(db)
        wrong = {"on_hand": 8, "reserved": 1, "allotted": 1}
        skus = {column: (await make_product(db)).skus[0] for column in wrong}
        for sku in skus.values():
            await make_stock(db, store, sku, 0)
            await db.execute(
                """
                INSERT INTO stock_movement (store, sku, delta, reason, moved_by)
                VALUES ($1, $2, 7, 'COUNT', 'tests')
                """,
                store,
                sku,
            )
            await db.execute("UPDATE stock_level SET on_hand = 7 WHERE sku = $1", sku)
        assert (await reconcile(fresh_database, tmp_path))[0] == 0
        for column, units in wrong.items():
            await db.execute(
                f"UPDATE stock_level SET {column} = $2 WHERE sku = $1",  # noqa: S608 - our own columns
                skus[column],
                units,
            )
        code, said = await reconcile(fresh_database, tmp_path)
        assert (code, [sku for sku in skus.values() if sku not in said]) == (1, [])
    finally:
        await db.close()
