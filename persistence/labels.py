"""Shelf labels and their gateways: what hangs where, and which article it is bound to."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import SQLModel

from persistence import columns


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
