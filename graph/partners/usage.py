"""How much published documents, keys and fields are used: counted in memory, written every few seconds."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import structlog

from domain.refusals import RequestError
from graph.door.documents import Operation
from graph.partners.keys import KeyRing, utc_now
from persistence.database import AWAY_AT_FIRST, Database
from persistence.partners import book, operations
from persistence.partners.operations import Calls

_WRITE_SECONDS = 10.0
_MOST_KEPT = 50_000

_log = structlog.stdlib.get_logger("shelfgraph.partners")


class _Called(NamedTuple):
    fields: frozenset[str]
    client: str
    published: UUID | None


class Usage:
    """Counts the operations of one process; a call costs one addition."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys
        self._called: Counter[_Called] = Counter()

    def count(self, operation: Operation, client: str, published: UUID | None) -> None:
        """One more call of an operation by a client."""
        if len(self._called) < _MOST_KEPT:
            self._called[_Called(operation.fields, client, published)] += 1

    async def keep_writing(self) -> None:
        """Writes every few seconds, and once more when it is cancelled."""
        try:
            while True:
                await asyncio.sleep(_WRITE_SECONDS)
                try:
                    await self.write()
                except (RequestError, *AWAY_AT_FIRST) as away:
                    _log.warning("usage cannot be written", reason=str(away) or type(away).__name__)
        finally:
            with suppress(RequestError, *AWAY_AT_FIRST):
                await self.write()

    async def write(self) -> None:
        """Writes what was counted since it was last written. Raises UNAVAILABLE, and loses it then."""
        called, self._called = self._called, Counter()
        used, now = self._keys.used_since(), utc_now()
        if not (called or used):
            return
        async with self._database.connection() as db:
            if used:
                await book.keys_used(db, sorted(used), now=now)
            if calls := _calls(called, now):
                await operations.count_calls(db, calls)
            if fields := _fields(called, now.date()):
                await operations.count_fields(db, fields)


def _calls(called: Counter[_Called], now: datetime) -> dict[UUID, Calls]:
    calls: Counter[UUID] = Counter()
    for one, number in called.items():
        if one.published is not None:
            calls[one.published] += number
    return {key: Calls(number, now) for key, number in calls.items()}


def _fields(called: Counter[_Called], day: date) -> dict[tuple[str, str, date], int]:
    fields: Counter[tuple[str, str, date]] = Counter()
    for one, number in called.items():
        for field in one.fields:
            fields[field, one.client, day] += number
    return dict(fields)
