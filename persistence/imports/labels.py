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
    await db.execute(
        """
        INSERT INTO gateway (code, store) SELECT * FROM unnest($1::text[], $2::text[])
        ON CONFLICT (code) DO NOTHING
        """,
        [box.code for box in boxes],
        [box.store for box in boxes],
    )
    added = await db.fetch(
        """
        INSERT INTO label (code, gateway, model, sku, position)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
        ON CONFLICT (code) DO NOTHING RETURNING code
        """,
        *([row[column] for row in hung] for column in range(5)),
    )
    return Merged(len(added), 0, len(hung) - len(added))
