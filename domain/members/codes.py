"""By what a member is named: an id in carts, orders and tokens, and what a clerk scans.

A fresh code is made whenever the member's own screen shows it, and is good for two minutes, once: whoever
shows it is the member. A number stays the same, on a card or in a letter, and proves nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from domain.orders.numbers import number_of, serial_of

FRESH_FOR = timedelta(seconds=120)
NONCE_BYTES = 5
_NUMBER, _FRESH = "M", "C"
_PAYLOAD_BYTES, _TAG_BYTES = 15, 10  # together 40 characters of base 32


def member_key(text: str | None) -> UUID | None:
    """The id of a member as carts, orders and tokens name one; None for what is no member's."""
    try:
        return None if text is None else UUID(text)
    except ValueError:
        return None


def member_number(serial: int) -> str:
    """The number of the member with this serial (1, 2, 3 …): `M4029137755`."""
    return f"{_NUMBER}{number_of(serial)}"


def member_serial(number: str) -> int | None:
    """The serial behind a number as somebody typed it; None when it is mistyped, or is none."""
    digits = number.strip().upper()
    return serial_of(digits.removeprefix(_NUMBER)) if digits.startswith(_NUMBER) else None


class FreshCode(NamedTuple):
    """Whose code it is, by serial, and until when; `nonce` tells it from the member's others."""

    serial: int
    expires_at: datetime
    nonce: bytes


def fresh_code(serial: int, *, now: datetime, nonce: bytes, secret: bytes) -> str:
    """A code that shows who has it to be the member, for two minutes from now."""
    expires = int((now + FRESH_FOR).timestamp())
    payload = serial.to_bytes(6) + expires.to_bytes(4) + nonce
    return _FRESH + base64.b32encode(payload + _tag(payload, secret)).decode()


def read_fresh_code(code: str, *, secret: bytes) -> FreshCode | None:
    """What a code says, however old it is; None for what we never made."""
    text = code.strip().upper()
    if not text.startswith(_FRESH):
        return None
    try:
        raw = base64.b32decode(text.removeprefix(_FRESH))
    except (binascii.Error, ValueError):
        return None
    payload, tag = raw[:_PAYLOAD_BYTES], raw[_PAYLOAD_BYTES:]
    if len(raw) != _PAYLOAD_BYTES + _TAG_BYTES or not hmac.compare_digest(tag, _tag(payload, secret)):
        return None
    expires_at = datetime.fromtimestamp(int.from_bytes(payload[6:10]), UTC)
    return FreshCode(int.from_bytes(payload[:6]), expires_at, payload[10:])


def _tag(payload: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, payload, hashlib.sha256)[:_TAG_BYTES]
