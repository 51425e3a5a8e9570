"""Stores: places with shelves, tills, stock and opening hours."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import SQLModel
from typing_extensions import TypedDict

from persistence import columns


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
