"""Readings of sensors, kept once each, and what they add up to by the hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel, col

from domain.footfall import SensorReading as Reading
from domain.footfall import SensorReadingKind, Totals, counted_at, flow
from persistence import columns
from persistence.database import Connection, given, param, statement

_MOMENT = sa.DateTime(timezone=True)


class SensorReading(SQLModel, table=True):
    """One reading, under the number its device gave it. Of a counter, `entered` and `departed` are what it
    counted since its reading before, and `total_*` what it showed.
    """

    __tablename__ = "sensor_reading"

    device: str = columns.code(primary=True, refers_to="device.code")
    sequence: int = Field(sa_type=sa.BigInteger, primary_key=True)
    store: str = columns.code(refers_to="store.code")
    zone: str = columns.text()
    kind: SensorReadingKind = columns.choice(SensorReadingKind)
    counted_at: datetime = columns.moment()
    ended_at: datetime = columns.moment()
    seconds: int = columns.whole()
    entered: int = columns.long()
    departed: int = columns.long()
    people: int = columns.whole()
    dwell_seconds: int = columns.long()
    total_entered: int | None = columns.long(nullable=True)
    total_departed: int | None = columns.long(nullable=True)

    __table_args__ = (
        # A bin that is sent again under another number is still the same bin.
        sa.Index(
            "sensor_reading_bin",
            "device",
            "kind",
            "zone",
            "ended_at",
            unique=True,
            postgresql_where=sa.text("seconds > 0"),
        ),
        sa.Index(
            "sensor_reading_counter",
            "device",
            "zone",
            "sequence",
            postgresql_where=sa.text("kind = 'COUNTER_READ'"),
        ),
        sa.Index("sensor_reading_store", "store", "counted_at"),
    )


class HourInZone(NamedTuple):
    """What was counted in a zone in the hour from a moment on; the zone "" is the store's door.

    `people` stayed `dwell_seconds` together; `present` is the most that were seen there at once.
    """

    hour: datetime
    zone: str
    entered: int
    departed: int
    people: int
    dwell_seconds: int
    present: int | None


class ZoneTotals(NamedTuple):
    """What a counter of a zone showed under a number."""

    zone: str
    sequence: int
    entered: int
    departed: int


_new = given(
    "new",
    sequence=sa.BigInteger,
    zone=sa.Text,
    kind=sa.Text,
    counted_at=_MOMENT,
    ended_at=_MOMENT,
    seconds=sa.Integer,
    entered=sa.BigInteger,
    departed=sa.BigInteger,
    people=sa.Integer,
    dwell_seconds=sa.BigInteger,
    total_entered=sa.BigInteger,
    total_departed=sa.BigInteger,
)
_ADD = statement(
    insert(SensorReading)
    .from_select(
        ["device", "store", *_new.c.keys()],
        sa.select(param("device", sa.Text), param("store", sa.Text), *_new.c).order_by(_new.c.sequence),
    )
    .on_conflict_do_nothing()
    .returning(col(SensorReading.sequence))
)


async def add(db: Connection, device: str, store: str, readings: Sequence[Reading]) -> set[int]:
    """The numbers of the readings that are new; a number or a bin that was there stays as it was."""
    columns_of_counters = [
        (one.entered, one.departed) if one.kind is SensorReadingKind.COUNTER_READ else (None, None)
        for one in readings
    ]
    flows = [flow(one) for one in readings]
    added = await _ADD.all(
        db,
        device=device,
        store=store,
        sequence=[one.sequence for one in readings],
        zone=[one.zone for one in readings],
        kind=[one.kind.value for one in readings],
        counted_at=[counted_at(one) for one in readings],
        ended_at=[one.at for one in readings],
        seconds=[one.seconds for one in readings],
        entered=[entered for entered, _ in flows],
        departed=[departed for _, departed in flows],
        people=[one.people for one in readings],
        dwell_seconds=[one.dwell_seconds for one in readings],
        total_entered=[entered for entered, _ in columns_of_counters],
        total_departed=[departed for _, departed in columns_of_counters],
    )
    return {sequence for (sequence,) in added}


_zones = given("asked", zone=sa.Text)
_of_counter = (
    col(SensorReading.device) == param("device"),
    col(SensorReading.zone) == _zones.c.zone,
    sa.text("sensor_reading.kind = 'COUNTER_READ'"),
)
_totals: tuple[Any, ...] = (
    col(SensorReading.sequence),
    col(SensorReading.total_entered).label("entered"),
    col(SensorReading.total_departed).label("departed"),
)
_before = (
    sa.select(*_totals)
    .where(*_of_counter, col(SensorReading.sequence) < param("least"))
    .order_by(col(SensorReading.sequence).desc())
    .limit(sa.literal_column("1"))
    .lateral("before")
)
_BEFORE = statement(
    sa.select(_zones.c.zone, *_before.c).select_from(_zones.join(_before, sa.true())), ZoneTotals
)
_SINCE = statement(
    sa.select(_zones.c.zone, *_totals)
    .select_from(_zones.join(SensorReading, sa.and_(*_of_counter)))
    .where(col(SensorReading.sequence) >= param("least"))
    .order_by(_zones.c.zone, col(SensorReading.sequence)),
    ZoneTotals,
)


async def totals_around(
    db: Connection, device: str, zones: Sequence[str], least: int
) -> dict[str, list[Totals]]:
    """By zone: what its counter showed from a number on, after the last reading before that; in order."""
    found: dict[str, list[Totals]] = {zone: [] for zone in zones}
    for query in (_BEFORE, _SINCE):
        for zone, sequence, entered, departed in await query.all(
            db, device=device, zone=list(zones), least=least
        ):
            found[zone].append(Totals(sequence, entered, departed))
    return found


_counted = given("counted", sequence=sa.BigInteger, entered=sa.BigInteger, departed=sa.BigInteger)
_COUNT = statement(
    sa.update(SensorReading)
    .values(entered=_counted.c.entered, departed=_counted.c.departed)
    .where(col(SensorReading.device) == param("device"), col(SensorReading.sequence) == _counted.c.sequence)
)


async def count_anew(db: Connection, device: str, counted: Sequence[tuple[int, int, int]]) -> None:
    """Notes what counters counted under these numbers: (sequence, entered, departed)."""
    sequences, entered, departed = zip(*counted, strict=True)
    await _COUNT.run(
        db, device=device, sequence=list(sequences), entered=list(entered), departed=list(departed)
    )


_hour = sa.func.date_trunc(
    sa.literal_column("'hour'"), col(SensorReading.counted_at), param("time_zone", sa.Text)
)
_HOURS = statement(
    sa.select(
        _hour.label("hour"),
        col(SensorReading.zone),
        sa.cast(sa.func.sum(col(SensorReading.entered)), sa.BigInteger).label("entered"),
        sa.cast(sa.func.sum(col(SensorReading.departed)), sa.BigInteger).label("departed"),
        sa.literal_column("coalesce(sum(people) FILTER (WHERE kind = 'DWELLED'), 0)::bigint").label("people"),
        sa.cast(sa.func.sum(col(SensorReading.dwell_seconds)), sa.BigInteger).label("dwell_seconds"),
        sa.literal_column("max(people) FILTER (WHERE kind = 'COUNTED')").label("present"),
    )
    .where(
        col(SensorReading.store) == param("store"),
        col(SensorReading.counted_at) >= param("begins", _MOMENT),
        col(SensorReading.counted_at) < param("ends", _MOMENT),
    )
    .group_by(sa.text("1"), sa.text("2"))
    .order_by(sa.text("1"), sa.text("2")),
    HourInZone,
)


async def hours(
    db: Connection, store: str, *, begins: datetime, ends: datetime, time_zone: str
) -> list[HourInZone]:
    """What was counted in a store, by hour and zone, in order; hours with nothing are left out."""
    return await _HOURS.all(db, store=store, begins=begins, ends=ends, time_zone=time_zone)
