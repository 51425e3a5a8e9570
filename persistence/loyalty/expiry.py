"""Points that expire by the clock: written into the ledger within a second; reads never wait for it."""

from __future__ import annotations

import asyncio
from datetime import datetime

import asyncpg

from persistence.database import connect
from persistence.loyalty import ledger

_BATCH = 500
_SLEEP_SECONDS = 1.0


class PointsBoundaries:
    """The worker of one process; of any number of them one writes down that points have expired."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def run(self) -> None:
        """Runs until it is cancelled; raises when the database goes away, and may simply be run again."""
        db = await connect(self._dsn)
        try:
            await db.execute("SET application_name = 'shelfgraph points'")
            while True:
                await note_expired(db)
                await asyncio.sleep(_SLEEP_SECONDS)
        finally:
            if not db.is_closed():
                await db.close(timeout=1)


async def note_expired(db: asyncpg.Connection, *, batch: int = _BATCH) -> int:
    """How many members had points expire that nobody had written down yet."""
    noted = 0
    while True:
        now: datetime = await db.fetchval("SELECT clock_timestamp()")
        members = await ledger.due(db, now, batch)
        for member in members:
            async with db.transaction():
                # Opening the books does what the clock did; they are closed with it.
                await ledger.close(db, member, await ledger.books(db, member, now), now)
        noted += len(members)
        if not members:
            return noted
