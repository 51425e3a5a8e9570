"""Footfall in the graph: sensors tell what they count, staff read what it adds up to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import strawberry

from domain.access import STAFF, STORE_WORKERS, PrincipalKind, Rule
from domain.devices import IN_SERVICE, DeviceKind, unknown_device
from domain.footfall import (
    SensorReading,
    SensorReadingKind,
    SensorReadingOutcome,
    average_dwell,
    differences,
    occupancies,
    refused,
    shown,
)
from domain.refusals import RefusalCode, Refused, RequestError
from persistence import footfall as footfall_db
from persistence.database import Connection
from persistence.footfall import HourInZone
from persistence.labels import registry as registry_db
from resolvers.context import Info
from resolvers.fields import mutation, query
from resolvers.scalars import BigInt
from resolvers.shapes import Payload, shape
from resolvers.stores.store import Store

_MOST_READINGS = 1_000
_LONGEST_PERIOD = timedelta(days=31)
_LONGEST_ZONE = 64
SENSORS = Rule("devices", frozenset({PrincipalKind.DEVICE}))

strawberry.enum(
    SensorReadingKind,
    description="LINE_CROSSED: people who came in and went out. ZONE_ENTERED, ZONE_LEFT: people who did. "
    "DWELLED: people who left a zone, with the seconds all of them together stayed. COUNTED: people who are "
    "there. COUNTER_READ: a counter's totals of in and out since it was started.",
)
strawberry.enum(
    SensorReadingOutcome,
    description="DUPLICATE: this number, or this bin, was taken before. TOO_LATE: older than a week. "
    "IMPLAUSIBLE: from the future, without what its kind needs, or with more than can be.",
)


@strawberry.input(description="Numbers of people; never pictures, never who they are.")
class SensorReadingInput:
    sequence: BigInt = strawberry.field(
        description="rises with each reading of the device and is never used twice, after a restart neither"
    )
    kind: SensorReadingKind
    at: datetime = strawberry.field(description="the end of what was looked at")
    seconds: int = strawberry.field(default=0, description="how long was looked, up to an hour; 0: a moment")
    zone: str | None = strawberry.field(default=None, description="left out: the store's door")
    entered: BigInt = strawberry.field(default=BigInt(0), description="of LINE_CROSSED and COUNTER_READ")
    departed: BigInt = strawberry.field(default=BigInt(0), description="of LINE_CROSSED and COUNTER_READ")
    people: int = strawberry.field(default=0, description="of the other kinds")
    dwell_seconds: BigInt = strawberry.field(default=BigInt(0), description="of DWELLED, all people together")

    def reading(self) -> SensorReading:
        """The reading as a plain value."""
        return SensorReading(
            sequence=self.sequence,
            kind=self.kind,
            at=self.at,
            seconds=self.seconds,
            zone=self.zone or "",
            entered=self.entered,
            departed=self.departed,
            people=self.people,
            dwell_seconds=self.dwell_seconds,
        )


@strawberry.input
class SensorReadingsReportInput:
    device: str
    readings: list[SensorReadingInput] = strawberry.field(description="1 to 1,000")


@shape(STORE_WORKERS)
class SensorReadingResult:
    sequence: BigInt
    outcome: SensorReadingOutcome


@shape(STORE_WORKERS)
class SensorReadingsReportPayload(Payload):
    results: list[SensorReadingResult] = strawberry.field(
        default_factory=list, description="in the order told"
    )


@mutation(
    SensorReadingsReportPayload,
    SENSORS,
    description="A sensor tells what it counted. Each number and each bin is taken once; late ones, up to a "
    "week, find their hour.",
)
async def sensor_readings_report(info: Info, input: SensorReadingsReportInput) -> SensorReadingsReportPayload:
    context = info.context
    if not 1 <= len(input.readings) <= _MOST_READINGS:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"A report has 1 to {_MOST_READINGS:,} readings.",
            zh=f"每次上报 1 到 {_MOST_READINGS} 条读数。",
            field=("input", "readings"),
        )
    if any(len(one.zone or "") > _LONGEST_ZONE for one in input.readings):
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"A zone's code has at most {_LONGEST_ZONE} characters.",
            zh=f"区域编码最多 {_LONGEST_ZONE} 个字符。",
            field=("input", "readings"),
        )
    readings = [one.reading() for one in input.readings]
    refusals = [refused(one, now=context.now) for one in readings]
    good = {one.sequence: one for one, why in zip(readings, refusals, strict=True) if why is None}
    async with context.house.database.transaction() as db:
        # Locked: two reports of one device at once would each miss what the other's counters showed.
        device = await registry_db.locked(db, input.device)
        if (
            device is None
            or device.lifecycle not in IN_SERVICE
            or device.kind is DeviceKind.LABEL
            or context.viewer.subject != device.code
            or not context.viewer.works_in(device.store)
        ):
            raise unknown_device(("input", "device"))
        new = await footfall_db.add(db, device.code, device.store, list(good.values())) if good else set()
        await _count(db, device.code, [one for sequence, one in good.items() if sequence in new])
        await registry_db.seen(db, device.code, context.now)
    return SensorReadingsReportPayload(results=_results(readings, refusals, new))


async def _count(db: Connection, device: str, new: list[SensorReading]) -> None:
    """What counters counted between their readings, also where a late one came in between."""
    counters = [one for one in new if one.kind is SensorReadingKind.COUNTER_READ]
    if not counters:
        return
    zones = sorted({one.zone for one in counters})
    totals = await footfall_db.totals_around(db, device, zones, min(one.sequence for one in counters))
    counted = [difference for zone in zones for difference in differences(totals[zone])]
    if counted:
        await footfall_db.count_anew(db, device, counted)


def _results(
    readings: list[SensorReading], refusals: list[SensorReadingOutcome | None], new: set[int]
) -> list[SensorReadingResult]:
    left = set(new)
    results = []
    for reading, refusal in zip(readings, refusals, strict=True):
        outcome = refusal or SensorReadingOutcome.DUPLICATE
        if refusal is None and reading.sequence in left:
            left.remove(reading.sequence)
            outcome = SensorReadingOutcome.ACCEPTED
        results.append(SensorReadingResult(sequence=BigInt(reading.sequence), outcome=outcome))
    return results


# ------------------------------------------------------------------ footfall


@shape(STAFF)
class FootfallHour:
    begins_at: datetime = strawberry.field(name="from")
    visitors: int = strawberry.field(description="people who came in by the store's door")
    departures: int
    occupancy: int = strawberry.field(description="people inside at the end of the hour")


@shape(STAFF, description="A zone in an hour.")
class HeatCell:
    zone: str
    begins_at: datetime = strawberry.field(name="from")
    people: int | None = strawberry.field(description="null where fewer than 10 came: they might be known")
    average_dwell_seconds: int | None = strawberry.field(description="null where fewer than 10 were timed")
    most_present: int | None = strawberry.field(description="at once; null where fewer than 10 were")


@shape(STAFF)
class Footfall:
    store: Store
    hours: list[FootfallHour] = strawberry.field(description="those with visitors, in order")
    heat: list[HeatCell] = strawberry.field(description="zones inside, by hour")


@query(
    STAFF,
    description="Who walked where in a store, by the hour, in up to 31 days. Null where the store is not the "
    "caller's.",
)
async def footfall(
    info: Info, store: str, begins_at: Annotated[datetime, strawberry.argument(name="from")], until: datetime
) -> Footfall | None:
    context = info.context
    if not timedelta() < until - begins_at <= _LONGEST_PERIOD:
        raise RequestError.bad_input(
            en="Ask for a period of up to 31 days that ends after it begins.",
            zh="时间段须在 31 天以内，且结束晚于开始。",
        )
    row = await context.loaders.store.load(store)
    if row is None or not context.viewer.works_in(store):
        return None
    zone = ZoneInfo(row.time_zone)
    # Who is inside is known from the day's first visitor on.
    midnight = begins_at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    async with context.house.database.connection() as db:
        cells = await footfall_db.hours(db, store, begins=midnight, ends=until, time_zone=row.time_zone)
    return Footfall(
        store=Store.of(row),
        hours=[one for one in _hours(cells, zone) if one.begins_at >= begins_at],
        heat=[_heat(cell) for cell in cells if cell.zone and cell.hour >= begins_at],
    )


def _hours(cells: list[HourInZone], zone: ZoneInfo) -> list[FootfallHour]:
    door = [cell for cell in cells if not cell.zone]
    inside = occupancies((cell.hour.astimezone(zone).date(), cell.entered, cell.departed) for cell in door)
    return [
        FootfallHour(
            begins_at=cell.hour, visitors=cell.entered, departures=cell.departed, occupancy=occupancy
        )
        for cell, occupancy in zip(door, inside, strict=True)
    ]


def _heat(cell: HourInZone) -> HeatCell:
    return HeatCell(
        zone=cell.zone,
        begins_at=cell.hour,
        people=shown(max(cell.entered, cell.people)),
        average_dwell_seconds=average_dwell(cell.people, cell.dwell_seconds),
        most_present=None if cell.present is None else shown(cell.present),
    )
