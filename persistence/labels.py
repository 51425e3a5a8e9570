"""Shelf labels and their gateways: what hangs where, and which article it is bound to."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import SQLModel, col

from persistence import columns
from persistence.database import Connection, statement
from persistence.stores import Store


class Gateway(SQLModel, table=True):
    """A radio access point that drives the labels of a part of a store."""

    id: UUID = columns.key()
    code: str = columns.code(unique=True)
    store: str = columns.code(refers_to="store.code", index=True)


class Label(SQLModel, table=True):
    """An electronic shelf label, bound to at most one article."""

    id: UUID = columns.key()
    code: str = columns.code(unique=True)
    gateway: str = columns.code(refers_to="gateway.code")
    model: str = columns.text()
    sku: str | None = columns.optional_code(refers_to="variant.sku")
    position: str | None = columns.optional_text()

    __table_args__ = (sa.Index("label_gateway", "gateway"),)


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
        col(Gateway.code).label("gateway"),
        col(Gateway.store),
        col(Store.names).label("store_names"),
        col(Label.code).label("label"),
        col(Label.model),
        col(Label.sku),
        col(Label.position),
    )
    .join(Store, col(Store.code) == col(Gateway.store))
    .join(Label, col(Label.gateway) == col(Gateway.code))
    .where(col(Label.sku).is_not(None))
    .order_by(col(Gateway.code), col(Label.code)),
    Hung,
)


async def hung_labels(db: Connection) -> list[Hung]:
    """Every bound label, by gateway and code."""
    return await _HUNG.all(db)
