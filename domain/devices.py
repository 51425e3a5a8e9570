"""Devices of a store: what they are, where they stand in their life, and whether they are heard of."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from domain.refusals import RefusalCode, Refused

BATTERY_LOW_MILLIVOLTS = 2_400
"""Below it a coin cell of 3 V is about to fail a redraw, which draws most."""
LOST_AFTER = timedelta(days=1)
LATE_AFTER = timedelta(minutes=15)
"""For devices that never say when they will be heard of next."""


class DeviceKind(StrEnum):
    """What a device is."""

    LABEL = "LABEL"
    GATEWAY = "GATEWAY"
    SCANNER = "SCANNER"
    CAMERA = "CAMERA"
    KIOSK = "KIOSK"


class DeviceLifecycle(StrEnum):
    """Where a device stands in its life, whatever it shows and whether it is heard of.

    QUARANTINED: it was heard of, but nobody registered it. BOUND and UNBOUND are for labels.
    """

    REGISTERED = "REGISTERED"
    BOUND = "BOUND"
    UNBOUND = "UNBOUND"
    FAULTY = "FAULTY"
    RETIRED = "RETIRED"
    QUARANTINED = "QUARANTINED"


IN_SERVICE = frozenset({DeviceLifecycle.REGISTERED, DeviceLifecycle.BOUND, DeviceLifecycle.UNBOUND})
"""The lifecycles in which a device takes part in the trade."""


class DeviceContact(StrEnum):
    """Whether a device is heard of.

    LATE: past its expected check-in; LOST: a day silent; ASLEEP: told to be quiet.
    """

    ONLINE = "ONLINE"
    LATE = "LATE"
    LOST = "LOST"
    ASLEEP = "ASLEEP"
    NEVER_SEEN = "NEVER_SEEN"


def contact_at(
    now: datetime, *, last_seen_at: datetime | None, next_check_in_at: datetime | None, asleep: bool
) -> DeviceContact:
    """How a device stands at a moment that was last heard of then and is expected then; times are UTC."""
    if last_seen_at is None:
        return DeviceContact.NEVER_SEEN
    if asleep:
        return DeviceContact.ASLEEP
    if now - last_seen_at >= LOST_AFTER:
        return DeviceContact.LOST
    if now > (next_check_in_at or last_seen_at + LATE_AFTER):
        return DeviceContact.LATE
    return DeviceContact.ONLINE


def must_be_bindable(lifecycle: DeviceLifecycle, sku: str | None, wanted: str) -> None:
    """Passes a label that may be bound to a sku: one in service that is bound to none, or to that one.

    Refuses DEVICE_UNKNOWN for hardware nobody registered and for what is out of service, LABEL_ALREADY_BOUND
    for a label that hangs at another article.
    """
    if lifecycle not in IN_SERVICE:
        raise unknown_device(("input", "label"))
    if sku is not None and sku != wanted:
        raise Refused.because(
            RefusalCode.LABEL_ALREADY_BOUND,
            en=f"This label is bound to {sku}; unbind it first.",
            zh=f"该价签已绑定 {sku}，请先解绑。",
            field=("input", "label"),
        )


def unknown_device(field: tuple[str, ...]) -> Refused:
    """What is heard of a device that is not there, not registered, or not the caller's."""
    return Refused.because(
        RefusalCode.DEVICE_UNKNOWN,
        en="There is no such device in service here.",
        zh="此处没有这台在用的设备。",
        field=field,
    )
