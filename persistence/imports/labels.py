"""Gateways and labels, many at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from persistence.database import Connection
from persistence.imports.staging import Merged


class GatewayRow(NamedTuple):
    """A gateway to be there, by code."""

    code: str
    store: str


class LabelRow(NamedTuple):
    """A label to be there, by code; without a sku it hangs unbound."""

    code: str
    gateway: str
    model: str
    sku: str | None
    position: str | None


async def add_labels(db: Connection, gateways: Iterable[GatewayRow], labels: Iterable[LabelRow]) -> Merged:
    """What became of the labels; gateways and labels that are there already stay as they are."""
    boxes, hung = [*gateways], [*labels]
    stores = {box.code: box.store for box in boxes}
    await db.execute(
        """
        INSERT INTO device (code, kind, store, lifecycle)
        SELECT code, 'GATEWAY', store, 'REGISTERED' FROM unnest($1::text[], $2::text[]) AS box (code, store)
        ON CONFLICT (code) DO NOTHING
        """,
        [box.code for box in boxes],
        [box.store for box in boxes],
    )
    added = await db.fetch(
        """
        WITH row AS (
            SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
                AS row (code, gateway, model, sku, position, store)
        ), registered AS (
            INSERT INTO device (code, kind, store, lifecycle, model, gateway)
            SELECT code, 'LABEL', store, CASE WHEN sku IS NULL THEN 'REGISTERED' ELSE 'BOUND' END,
                model, gateway
            FROM row
            ON CONFLICT (code) DO NOTHING RETURNING code
        ), remembered AS (
            INSERT INTO label_binding (label, store, sku, position, bound_by)
            SELECT code, store, sku, position, 'import' FROM row JOIN registered USING (code)
            WHERE sku IS NOT NULL
        )
        INSERT INTO label (code, store, gateway, model, sku, position, bound_at, parted_at)
        SELECT code, store, gateway, model, sku, position,
            CASE WHEN sku IS NOT NULL THEN clock_timestamp() END,
            CASE WHEN sku IS NOT NULL THEN clock_timestamp() END
        FROM row JOIN registered USING (code) RETURNING code
        """,
        *([row[column] for row in hung] for column in range(5)),
        [stores[row.gateway] for row in hung],
    )
    return Merged(len(added), 0, len(hung) - len(added))
