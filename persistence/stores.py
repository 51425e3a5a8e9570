"""Stores: places with shelves, tills, stock and opening hours."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import SQLModel, col, select
from typing_extensions import TypedDict

from persistence import columns
from persistence.database import Connection, param, statement, texts


class Hours(TypedDict):
    """One span of opening hours, as stored."""

    weekday: int
    opens: str
    closes: str


class Store(SQLModel, table=True):
    """A store; its position is in degrees (WGS 84)."""

    id: UUID = columns.key()
    code: str = columns.code(unique=True)
    names: dict[str, str] = columns.document()
    addresses: dict[str, str] = columns.document()
    city: str = columns.text()
    latitude: float = columns.degrees()
    longitude: float = columns.degrees()
    time_zone: str = columns.text()
    opening_hours: list[Hours] = columns.document(default="[]")
    services: list[str] = columns.text_list()
    till_channel: str = columns.code(refers_to="channel.code")
    active: bool = columns.flag(default=True)

    # earthdistance: ll_to_earth puts a point on the sphere, so that a box search can use this index.
    __table_args__ = (
        sa.Index("store_position", sa.text("ll_to_earth(latitude, longitude)"), postgresql_using="gist"),
        sa.CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude"),
        sa.CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude"),
    )


_BY_ID = statement(select(Store).where(col(Store.id) == sa.any_(param("ids", sa.ARRAY(sa.Uuid)))))
_BY_CODE = statement(select(Store).where(col(Store.code) == sa.any_(texts("codes"))))


async def stores_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, Store]:
    """By id: the stores that are there, closed ones too."""
    return {row.id: row for row in await _BY_ID.all(db, ids=ids)}


async def stores_by_code(db: Connection, codes: Sequence[str]) -> dict[str, Store]:
    """By code: the stores that are there, closed ones too."""
    return {row.code: row for row in await _BY_CODE.all(db, codes=codes)}
