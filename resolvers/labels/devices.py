"""Devices in the graph: what they are, whether they are heard of, and what they last said of themselves."""

from __future__ import annotations

from datetime import datetime

import strawberry

from domain.access import DEVICE_READERS
from domain.devices import (
    BATTERY_LOW_MILLIVOLTS,
    DeviceContact,
    DeviceKind,
    DeviceLifecycle,
    contact_at,
)
from persistence.labels.tables import Device as StoredDevice
from resolvers.context import Info
from resolvers.fields import field
from resolvers.shapes import FromRow, Node, shape
from resolvers.stores.store import Store, store_shape

strawberry.enum(DeviceKind)
strawberry.enum(
    DeviceLifecycle,
    description="Three separate state machines, never one enum: lifecycle, contact, content. QUARANTINED: "
    "heard of, and registered by nobody.",
)
strawberry.enum(
    DeviceContact,
    description="LATE: past its expected check-in; LOST: a day silent; ASLEEP: told to be quiet",
)


@shape(DEVICE_READERS)
class Telemetry:
    firmware: str | None
    battery_millivolts: int | None
    battery_low: bool
    rssi: int | None
    lqi: int | None
    temperature: float | None = strawberry.field(description="degrees Celsius")
    last_seen_at: datetime | None
    next_check_in_at: datetime | None

    @classmethod
    def of(cls, row: StoredDevice) -> Telemetry:
        """What a device last said of itself."""
        millivolts = row.battery_millivolts
        return cls(
            firmware=row.firmware,
            battery_millivolts=millivolts,
            battery_low=millivolts is not None and millivolts < BATTERY_LOW_MILLIVOLTS,
            rssi=row.rssi,
            lqi=row.lqi,
            temperature=row.temperature,
            last_seen_at=row.last_seen_at,
            next_check_in_at=row.next_check_in_at,
        )


@strawberry.interface
class Device(Node):
    row: strawberry.Private[StoredDevice]

    code: str = strawberry.field(description="printed on the hardware: MAC or serial")
    kind: DeviceKind
    lifecycle: DeviceLifecycle

    @field()
    async def store(self, info: Info) -> Store:
        return await store_shape(info, self.row.store)

    @field()
    def contact(self, info: Info) -> DeviceContact:
        return contact_at(
            info.context.now,
            last_seen_at=self.row.last_seen_at,
            next_check_in_at=self.row.next_check_in_at,
            asleep=self.row.asleep,
        )

    @field()
    def telemetry(self) -> Telemetry:
        return Telemetry.of(self.row)


@shape(DEVICE_READERS, description="A device that is neither a gateway nor a label.")
class PlainDevice(FromRow[StoredDevice], Device):
    tag = "Dv"
