"""Every bound label with the gateway that drives it, for the simulated shelf of development."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import col

from persistence.database import Connection, statement
from persistence.labels.tables import Label
from persistence.stores import Store


class Hung(NamedTuple):
    """A bound label with the gateway that drives it."""

    gateway: str
    store: str
    store_names: dict[str, str]
    label: str
    model: str
    sku: str
    position: str | None


_HUNG = statement(
    sa.select(
        col(Label.gateway),
        col(Label.store),
        col(Store.names).label("store_names"),
        col(Label.code).label("label"),
        col(Label.model),
        col(Label.sku),
        col(Label.position),
    )
    .join(Store, col(Store.code) == col(Label.store))
    .where(col(Label.sku).is_not(None), col(Label.gateway).is_not(None))
    .order_by(col(Label.gateway), col(Label.code)),
    Hung,
)


async def hung_labels(db: Connection) -> list[Hung]:
    """Every bound label, by gateway and code."""
    return await _HUNG.all(db)
