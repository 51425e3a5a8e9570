"""By what a member is named: an id in carts, orders and tokens, and the number a clerk scans."""

from __future__ import annotations

from uuid import UUID

from domain.orders.numbers import number_of, serial_of

_PREFIX = "M"


def member_key(text: str | None) -> UUID | None:
    """The id of a member as carts, orders and tokens name one; None for what is no member's."""
    try:
        return None if text is None else UUID(text)
    except ValueError:
        return None


def member_number(serial: int) -> str:
    """The number of the member with this serial (1, 2, 3 …): `M4029137755`."""
    return f"{_PREFIX}{number_of(serial)}"


def member_serial(number: str) -> int | None:
    """The serial behind a number as somebody typed it; None when it is mistyped, or is none."""
    digits = number.strip().upper()
    return serial_of(digits.removeprefix(_PREFIX)) if digits.startswith(_PREFIX) else None
