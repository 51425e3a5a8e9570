"""The projection of public prices, made anew for every variant an import touched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from domain.pricing.kinds import PriceKind
from domain.pricing.patterns import Patterns, PublicRecord
from persistence.database import Connection
from persistence.imports.staging import Tell, no_one, stage
from persistence.pricing import projection

_SKUS_AT_A_TIME = 5_000


async def refresh_public_prices(db: Connection, *, now: datetime, tell: Tell = no_one) -> None:
    """Makes the projection of every sku in `touched_price` what the rule says; equal rows stay untouched.

    The variants must be locked. "Now" is the database's clock where that is ahead, which it is of an import
    that has been reading for minutes. Boundaries of the staged prices that pass while this works are nobody
    else's to see before the commit, so their variants are looked at once more in the end.
    """
    await projection.mark_writer(db)
    moment: datetime = await db.fetchval(
        """
        SELECT greatest($1, clock_timestamp(), max(moment) FILTER (WHERE sequence IS NOT NULL))
        FROM touched_price
        """,
        now,
    )
    rows = await db.fetch("SELECT code, currency_code FROM channel WHERE active")
    patterns = Patterns(moment, {row["code"]: row["currency_code"] for row in rows})
    rows = await db.fetch("SELECT DISTINCT sku FROM touched_price ORDER BY sku")
    skus = [row["sku"] for row in rows]
    projected: list[tuple[str, str, str, int | None]] = []
    async for sku, records in _records_by_sku(db, skus, moment):
        projected += (
            (channel or "", store or "", sku, amount)
            for (channel, store), amount in patterns.project(records)
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
    passed = await db.fetch(
        """
        SELECT DISTINCT sku FROM staged_price, clock_timestamp() AS present
        WHERE (valid_from > $1 AND valid_from <= present) OR (valid_until > $1 AND valid_until <= present)
        """,
        moment,
    )
    await projection.refresh(db, [row["sku"] for row in passed], moment)


async def refresh_all_public_prices(db: Connection, *, now: datetime) -> int:
    """How many rows changed so that the projection tells every article's public prices in today's channels.

    To be called in the transaction that opened or closed a channel.
    """
    rows = await db.fetch("SELECT sku FROM variant WHERE price_changed_at IS NOT NULL ORDER BY sku")
    skus = [row["sku"] for row in rows]
    return sum(
        [
            await projection.refresh(db, skus[first : first + _SKUS_AT_A_TIME], now)
            for first in range(0, len(skus), _SKUS_AT_A_TIME)
        ]
    )


async def _records_by_sku(
    db: Connection, skus: Sequence[str], at: datetime
) -> AsyncIterator[tuple[str, list[PublicRecord]]]:
    """Every sku that has one with its public records that count at the moment."""
    for first in range(0, len(skus), _SKUS_AT_A_TIME):
        # An index scan per sku: (sku, end) finds what still counts without walking through its history.
        rows = await db.fetch(
            """
            SELECT p.sku, kind, amount_minor, currency_code, channel, store, sequence
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
        records = [PublicRecord(row[0], PriceKind(row[1]), *row[2:]) for row in map(tuple, rows)]
        for sku, found in groupby(records, key=attrgetter("sku")):
            yield sku, [*found]
