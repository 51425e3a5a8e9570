"""The projection of public prices, made anew for every variant an import touched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from domain.pricing.kinds import PriceKind
from domain.pricing.public_prices import Place, project
from persistence.database import Connection
from persistence.imports.staging import Tell, no_one, stage

_SKUS_AT_A_TIME = 5_000
_NOBODY = UUID(int=0)


class _Record(NamedTuple):
    """A price that counts now, as the selection reads it."""

    sku: str
    kind: PriceKind
    amount_minor: int
    currency_code: str
    channel: str | None
    store: str | None
    sequence: int
    recorded_at: datetime
    id: UUID = _NOBODY
    source: str = ""
    tier: None = None
    campaign: None = None
    min_quantity: int = 1
    valid_from: None = None
    valid_until: None = None


class _Projections:
    """Projections by pattern: which place pays what depends on how amounts compare, not on how high they are.

    So records whose amounts and sequences rank alike share one run of the rule, and a hundred thousand
    variants with a single price each need it once.
    """

    def __init__(self, at: datetime, channels: Mapping[str, str]) -> None:
        self._at, self._channels = at, channels
        self._by_pattern: dict[tuple[tuple[object, ...], ...], dict[Place, int | None]] = {}

    def of(self, records: list[_Record]) -> Iterable[tuple[Place, int | None]]:
        amounts = sorted({record.amount_minor for record in records})
        rank = {amount: position for position, amount in enumerate(amounts)}
        ranked = [
            (
                record.kind,
                rank[record.amount_minor],
                record.currency_code,
                record.channel,
                record.store,
                position,
            )
            for position, record in enumerate(sorted(records, key=lambda record: record.sequence))
        ]
        pattern = tuple(ranked)
        found = self._by_pattern.get(pattern)
        if found is None:
            rows = [_Record("", *row, self._at) for row in ranked]
            found = self._by_pattern[pattern] = project(rows, self._at, self._channels)
        return ((place, None if at is None else amounts[at]) for place, at in found.items())


async def refresh_public_prices(db: Connection, *, now: datetime, tell: Tell = no_one) -> None:
    """Makes the projection of every sku in `touched_price` what the rule says; equal rows stay untouched."""
    at = await db.fetchval(
        "SELECT greatest($1, max(moment)) FROM touched_price WHERE sequence IS NOT NULL", now
    )
    moment = at or now
    rows = await db.fetch("SELECT code, currency_code FROM channel WHERE active")
    projections = _Projections(moment, {row["code"]: row["currency_code"] for row in rows})
    rows = await db.fetch("SELECT DISTINCT sku FROM touched_price ORDER BY sku")
    skus = [row["sku"] for row in rows]
    projected: list[tuple[str, str, str, int | None]] = []
    async for sku, records in _records_by_sku(db, skus, moment):
        projected += (
            (channel or "", store or "", sku, amount) for (channel, store), amount in projections.of(records)
        )
    await stage(
        db,
        "projected_price",
        "channel text, store text, sku text, amount_minor bigint",
        projected,
        tell,
    )
    await db.execute(
        """
        DELETE FROM public_price held
        WHERE held.sku = ANY($1::text[]) AND NOT EXISTS (
            SELECT FROM projected_price p
            WHERE p.sku = held.sku AND p.channel = held.channel AND p.store = held.store
        )
        """,
        skus,
    )
    await db.execute(
        """
        INSERT INTO public_price AS held (channel, store, sku, amount_minor)
        SELECT channel, store, sku, amount_minor FROM projected_price ORDER BY channel, store, sku
        ON CONFLICT (channel, store, sku) DO UPDATE SET amount_minor = excluded.amount_minor
        WHERE held.amount_minor IS DISTINCT FROM excluded.amount_minor
        """
    )


async def _records_by_sku(
    db: Connection, skus: Sequence[str], at: datetime
) -> AsyncIterator[tuple[str, list[_Record]]]:
    """Every sku that has one with its public records that count at the moment."""
    for first in range(0, len(skus), _SKUS_AT_A_TIME):
        # An index scan per sku: (sku, end) finds what still counts without walking through its history.
        rows = await db.fetch(
            """
            SELECT p.sku, kind, amount_minor, currency_code, channel, store, sequence, recorded_at
            FROM unnest($1::text[]) AS touched (sku) CROSS JOIN LATERAL (
                SELECT * FROM price_record p
                WHERE p.sku = touched.sku AND coalesce(valid_until, 'infinity') > $2
                  AND (valid_from IS NULL OR valid_from <= $2) AND recorded_at <= $2
                  AND tier IS NULL AND campaign IS NULL AND min_quantity = 1
                OFFSET 0
            ) p
            """,
            skus[first : first + _SKUS_AT_A_TIME],
            at,
        )
        records = [_Record(row[0], PriceKind(row[1]), *row[2:]) for row in map(tuple, rows)]
        for sku, found in groupby(records, key=attrgetter("sku")):
            yield sku, [*found]
