"""Offers in a shop's own words, many at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from persistence.database import Connection
from persistence.imports.staging import Merged, Tell, no_one, row_count, stage


class OfferRow(NamedTuple):
    """An offer as it stood on a shelf from one day to the day before another; None: it still stands."""

    sku: str
    store: str
    offer: int
    since: date
    until: date | None


async def merge_offers(
    db: Connection, texts: Mapping[int, Mapping[str, str]], rows: Iterable[OfferRow], tell: Tell = no_one
) -> Merged:
    """What became of the offers; `texts` has the words of every offer the rows name.

    The rows are the whole history of a place from the first day they tell of: what the database has for that
    place from then on and the rows have not is taken out.
    """
    await stage(db, "staged_text", "offer int, texts jsonb", texts.items())
    staged = await stage(
        db, "staged_offer", "sku text, store text, offer int, since date, until date", rows, tell
    )
    removed = row_count(
        await db.execute(
            """
            DELETE FROM offer_text held
            USING (SELECT store, sku, min(since) AS since FROM staged_offer GROUP BY store, sku) first
            WHERE held.store = first.store AND held.sku = first.sku AND held.since >= first.since
              AND NOT EXISTS (
                  SELECT FROM staged_offer s
                  WHERE s.store = held.store AND s.sku = held.sku AND s.since = held.since
              )
            """
        )
    )
    # What an earlier load wrote may never have been counted yet, and plans are made by counts.
    await db.execute("ANALYZE offer_text")
    # Compared by IS NOT DISTINCT FROM, which no plan can join by: thousands of rows share one text, and
    # joining them by it makes millions.
    await db.execute(
        """
        DELETE FROM staged_offer s USING staged_text t, offer_text held
        WHERE t.offer = s.offer AND held.store = s.store AND held.sku = s.sku AND held.since = s.since
          AND held.until IS NOT DISTINCT FROM s.until AND held.texts IS NOT DISTINCT FROM t.texts
        """
    )
    rows_written = await db.fetch(
        """
        WITH merged AS (
            INSERT INTO offer_text AS held (sku, store, texts, since, until)
            SELECT s.sku, s.store, t.texts, s.since, s.until
            FROM staged_offer s JOIN staged_text t USING (offer) ORDER BY s.store, s.sku, s.since
            ON CONFLICT (store, sku, since) DO UPDATE SET texts = excluded.texts, until = excluded.until
            RETURNING old.id IS NULL AS added
        )
        SELECT count(*), count(*) FILTER (WHERE added) FROM merged
        """
    )
    written, added = rows_written[0]
    return Merged(added, written - added + removed, staged - written)
