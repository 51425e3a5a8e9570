"""A database with one folder of the log, and what there is to ask it about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from graph.demo.loader import chains
from persistence.database import Connection
from persistence.imports import hk_pricewatch
from tests.replay.log import days


@dataclass(frozen=True, slots=True)
class Mall:
    """The articles and stores of a log."""

    skus: list[str]
    stores: list[str]


async def load(db: Connection, folder: Path) -> Mall:
    """Imports the folder as `shelfgraph import hk-pricewatch` does, and says what it holds."""
    async with db.transaction():
        await hk_pricewatch.load(db, folder, chains(), now=datetime.now(UTC), announce=False)
    await db.execute("ANALYZE")
    points = {point for day in days(folder) for point in day.before}
    return Mall(sorted({sku for sku, _ in points}), sorted({store for _, store in points}))
