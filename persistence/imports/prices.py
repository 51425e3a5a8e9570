"""Price records, many at once: checked, numbered, projected and announced inside one transaction."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from persistence.database import Connection
from persistence.imports.public_prices import refresh_public_prices
from persistence.imports.references import references_held
from persistence.imports.staging import BadRow, Merged, Rows, Tell, no_one, row_count, stage


class PriceImportRow(NamedTuple):
    """One price to be recorded, the columns of the staging table in order.

    Without `source` the row is compared with what its slot holds and gets a source when it is new; without
    `recorded_at` it is recorded now. `ended` tells that `valid_until` is not a plan but an end that was seen.
    """

    line: int
    sku: str
    kind: str
    amount_minor: int
    currency_code: str
    channel: str | None = None
    store: str | None = None
    tier: str | None = None
    campaign: str | None = None
    min_quantity: int = 1
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    source: str | None = None
    recorded_at: datetime | None = None
    ended: bool = False


_COLUMNS = """
    line int, sku text, kind text, amount_minor bigint, currency_code text, channel text, store text,
    tier text, campaign text, min_quantity int, valid_from timestamptz, valid_until timestamptz, source text,
    recorded_at timestamptz, ended boolean
"""


async def stage_prices(db: Connection, rows: Rows[PriceImportRow], tell: Tell = no_one) -> int:
    """How many prices now stand in a temporary table, to be checked and merged by what stands below."""
    return await stage(db, "staged_price", _COLUMNS, rows, tell)


async def problems_of_prices(db: Connection, recorded_by: str) -> list[BadRow]:
    """What is wrong with the staged prices beside one another and beside what is in the database.

    The overlap is that of `domain.pricing.rules.overlapping_slots`, for more rows than fit into memory.
    """
    rows = await db.fetch(
        """
        SELECT s.line, 'sku' AS "column", 'There is no sku "' || s.sku || '".' AS reason
        FROM staged_price s LEFT JOIN variant v USING (sku) WHERE v.sku IS NULL
        UNION ALL
        SELECT s.line, 'channel', 'There is no channel "' || s.channel || '".'
        FROM staged_price s LEFT JOIN channel c ON c.code = s.channel
        WHERE s.channel IS NOT NULL AND c.code IS NULL
        UNION ALL
        SELECT s.line, 'currency',
               'Channel "' || c.code || '" sells in ' || c.currency_code
               || ', not in ' || s.currency_code || '.'
        FROM staged_price s JOIN channel c ON c.code = s.channel WHERE c.currency_code <> s.currency_code
        UNION ALL
        SELECT s.line, 'store', 'There is no store "' || s.store || '".'
        FROM staged_price s LEFT JOIN store t ON t.code = s.store
        WHERE s.store IS NOT NULL AND t.code IS NULL
        UNION ALL
        SELECT s.line, 'tier', 'There is no tier "' || s.tier || '".'
        FROM staged_price s LEFT JOIN tier t ON t.code = s.tier AND t.active
        WHERE s.tier IS NOT NULL AND t.code IS NULL
        UNION ALL
        SELECT s.line, 'source', 'Line ' || s.first || ' has the same source.'
        FROM (
            SELECT line, source, min(line) OVER (PARTITION BY source) AS first
            FROM staged_price WHERE source IS NOT NULL
        ) s WHERE s.line > s.first
        UNION ALL
        SELECT s.line, 'source', 'This source already stands for another price.'
        FROM staged_price s JOIN price_record p ON p.recorded_by = $1 AND p.source = s.source
        WHERE (p.sku, p.kind, p.amount_minor, p.currency_code, p.channel, p.store, p.tier, p.campaign,
               p.min_quantity, p.valid_from)
              IS DISTINCT FROM
              (s.sku, s.kind, s.amount_minor, s.currency_code, s.channel, s.store, s.tier, s.campaign,
               s.min_quantity, s.valid_from)
        UNION ALL
        SELECT s.line, 'valid_from', 'Line ' || s.before || ' sets the same price for a time that overlaps.'
        FROM (
            SELECT line, coalesce(valid_from, '-infinity') AS starts,
                   max(coalesce(valid_until, 'infinity')) OVER earlier AS ends,
                   lag(line) OVER earlier_line AS before
            FROM staged_price
            WHERE recorded_at IS NULL
            WINDOW earlier_line AS (
                PARTITION BY sku, kind, currency_code, channel, store, tier, campaign, min_quantity
                ORDER BY coalesce(valid_from, '-infinity'), line
            ), earlier AS (earlier_line ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ) s WHERE s.starts < s.ends
        ORDER BY 1, 2
        """,
        recorded_by,
    )
    return [BadRow(*row) for row in rows]


async def merge_prices(
    db: Connection, *, recorded_by: str, now: datetime, announce: bool, tell: Tell = no_one
) -> Merged:
    """What became of the staged prices: recorded, ended, or there already.

    Sequences rise by moment and then by line within a variant, whose row is locked. `announce` writes news
    for whoever listens; without it nobody hears of these prices.
    """
    staged = int(await db.fetchval("SELECT count(*) FROM staged_price"))
    await db.execute(_TOUCHED)
    await db.fetchval(
        """
        SELECT count(*) FROM (
            SELECT FROM variant WHERE sku IN (SELECT sku FROM staged_price) ORDER BY sku FOR NO KEY UPDATE
        ) locked
        """
    )
    ended = row_count(await db.execute(_END, recorded_by))
    await db.execute(_LEAVE_WHAT_IS_THERE, recorded_by)
    await db.execute(_LEAVE_WHAT_IS_IN_FORCE)
    await db.execute("ANALYZE staged_price")
    async with references_held(db, "staged_price", "sku", "store", "channel"):
        added = row_count(await db.execute(_RECORD, recorded_by, now))
    if added or ended:
        await db.execute(_MOVE_VARIANTS)
        await db.execute("ANALYZE touched_price")
        if announce:
            await db.execute(_ANNOUNCE, now)
        # Last, so that the clock has hardly moved between the projection and the commit.
        await refresh_public_prices(db, now=now, tell=tell)
        await db.execute(_RISE_ABOVE_WHAT_PASSED, now)
    return Merged(added, ended, staged - added - ended)


_TOUCHED = """
    DROP TABLE IF EXISTS pg_temp.touched_price;
    CREATE TEMPORARY TABLE touched_price (
        sku text, channel text, store text, sequence bigint, moment timestamptz, valid_until timestamptz
    ) ON COMMIT DROP
"""
# An end that was seen after the price had been recorded by an earlier import.
_END = """
    WITH ended AS (
        UPDATE price_record p SET valid_until = s.valid_until
        FROM staged_price s
        WHERE s.ended AND s.source IS NOT NULL AND p.recorded_by = $1 AND p.source = s.source
          AND p.valid_until IS NULL AND s.valid_until IS NOT NULL
        RETURNING p.sku, p.channel, p.store, p.valid_until
    )
    INSERT INTO touched_price SELECT sku, channel, store, NULL, valid_until, NULL FROM ended
"""
_LEAVE_WHAT_IS_THERE = """
    DELETE FROM staged_price s USING price_record p WHERE p.recorded_by = $1 AND p.source = s.source
"""
# A row without a source is there already when its slot holds just this price for just this time, and nothing
# set later overlaps it; with a moment of its own it is there when that moment agrees too.
_LEAVE_WHAT_IS_IN_FORCE = """
    DELETE FROM staged_price s USING price_record p
    WHERE s.source IS NULL
      AND p.sku = s.sku AND p.kind = s.kind AND p.currency_code = s.currency_code
      AND p.min_quantity = s.min_quantity AND p.amount_minor = s.amount_minor
      AND p.channel IS NOT DISTINCT FROM s.channel AND p.store IS NOT DISTINCT FROM s.store
      AND p.tier IS NOT DISTINCT FROM s.tier AND p.campaign IS NOT DISTINCT FROM s.campaign
      AND p.valid_from IS NOT DISTINCT FROM s.valid_from AND p.valid_until IS NOT DISTINCT FROM s.valid_until
      AND (
          s.recorded_at = p.recorded_at
          OR s.recorded_at IS NULL AND NOT EXISTS (
              SELECT FROM price_record later
              WHERE later.sku = p.sku AND later.kind = p.kind AND later.currency_code = p.currency_code
                AND later.min_quantity = p.min_quantity AND later.sequence > p.sequence
                AND later.channel IS NOT DISTINCT FROM p.channel AND later.store IS NOT DISTINCT FROM p.store
                AND later.tier IS NOT DISTINCT FROM p.tier AND later.campaign IS NOT DISTINCT FROM p.campaign
                AND coalesce(later.valid_from, '-infinity') < coalesce(p.valid_until, 'infinity')
                AND coalesce(later.valid_until, 'infinity') > coalesce(p.valid_from, '-infinity')
          )
      )
"""
_RECORD = """
    WITH numbered AS (
        SELECT s.*,
               coalesce(s.recorded_at, greatest($2, v.price_changed_at + interval '1 microsecond')) AS moment,
               v.price_sequence
                   + row_number() OVER (PARTITION BY s.sku ORDER BY s.recorded_at, s.line) AS sequence
        FROM staged_price s JOIN variant v USING (sku)
    ), recorded AS (
        INSERT INTO price_record (
            sku, kind, amount_minor, currency_code, channel, store, tier, campaign, min_quantity,
            valid_from, valid_until, source, sequence, recorded_at, recorded_by
        )
        SELECT sku, kind, amount_minor, currency_code, channel, store, tier, campaign, min_quantity,
               valid_from, valid_until, coalesce(source, 'import/' || sku || '/' || sequence),
               sequence, moment, $1
        FROM numbered
        RETURNING sku, channel, store, sequence, recorded_at, valid_until
    )
    INSERT INTO touched_price SELECT * FROM recorded
"""
_MOVE_VARIANTS = """
    WITH moved AS (
        SELECT t.sku, max(t.sequence) AS sequence, max(t.moment) AS moment FROM touched_price t GROUP BY t.sku
    ), seen AS (
        SELECT sku, max(valid_until) AS moment FROM staged_price WHERE ended GROUP BY sku
    )
    UPDATE variant v
    SET price_sequence = greatest(v.price_sequence, m.sequence),
        price_changed_at = greatest(v.price_changed_at, m.moment, e.moment)
    FROM moved m LEFT JOIN seen e USING (sku)
    WHERE v.sku = m.sku
"""
# An import takes its time, and what the clock changed meanwhile was told with the prices from before it. Its
# versions have to lie above those; 100 ms ahead, for the commit takes time too.
_RISE_ABOVE_WHAT_PASSED = """
    UPDATE variant v SET price_changed_at = passed.moment + interval '1 microsecond'
    FROM (
        SELECT t.sku, max(boundary.moment) AS moment
        FROM (SELECT DISTINCT sku FROM touched_price) t CROSS JOIN LATERAL (
            SELECT valid_from AS moment FROM price_record p
            WHERE p.sku = t.sku AND valid_from > $1 AND valid_from <= clock_timestamp() + interval '100 ms'
            UNION ALL
            SELECT valid_until FROM price_record p
            WHERE p.sku = t.sku AND coalesce(valid_until, 'infinity'::timestamptz) > $1
              AND coalesce(valid_until, 'infinity'::timestamptz) <= clock_timestamp() + interval '100 ms'
        ) boundary
        GROUP BY t.sku
    ) passed
    WHERE v.sku = passed.sku AND v.price_changed_at <= passed.moment
"""
# Who listens wants to know of what is or will be, not of history.
_ANNOUNCE = """
    INSERT INTO outbox (topic, sku, store, channel, cause, occurred_at)
    SELECT DISTINCT 'price', sku, store, channel, 'import', $1::timestamptz
    FROM touched_price WHERE valid_until IS NULL OR valid_until > $1
    ORDER BY sku, store, channel
"""
