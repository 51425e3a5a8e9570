"""The QR of a pickup: its code, signed so that a store without network can tell that it is genuine."""

from __future__ import annotations

import base64
import binascii
import struct
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from typing import NamedTuple
from uuid import UUID

import segno
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PREFIX = "SGP1:"
# The pickup, its rotation, until when it is kept (seconds since 1970), its code; then the store's code.
_FIXED = struct.Struct(">16sIq8s")
_SIGNATURE_BYTES = 64


class Ticket(NamedTuple):
    """What the QR of a pickup says."""

    pickup_id: UUID
    rotation: int
    held_until: datetime
    code: str
    store: str


@lru_cache(4)
def _key(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_key(seed: bytes) -> bytes:
    """The 32 bytes by which a store tells, on its own, what this house signed (RFC 8032)."""
    return _key(seed).public_key().public_bytes_raw()


def text_of(ticket: Ticket, seed: bytes) -> str:
    """What the QR holds: `SGP1:`, then in base32 the ticket and its Ed25519 signature.

    Capitals and digits alone, which a QR holds in the least room and every scanner types alike.
    """
    fixed = _FIXED.pack(
        ticket.pickup_id.bytes, ticket.rotation, int(ticket.held_until.timestamp()), ticket.code.encode()
    )
    told = fixed + ticket.store.encode()
    return _PREFIX + base64.b32encode(told + _key(seed).sign(told)).decode().rstrip("=")


def is_ticket(text: str) -> bool:
    """Whether a text means to be a QR's, and no code that somebody typed."""
    return text.upper().startswith(_PREFIX)


def read(text: str, seed: bytes) -> Ticket | None:
    """The ticket in the text of a QR; None for one that this house never signed."""
    body = text.strip().upper().removeprefix(_PREFIX)
    try:
        raw = base64.b32decode(body + "=" * (-len(body) % 8))
    except binascii.Error:
        return None
    told, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
    if len(told) < _FIXED.size:
        return None
    try:
        _key(seed).public_key().verify(signature, told)
    except InvalidSignature:
        return None
    pickup, rotation, until, code = _FIXED.unpack(told[: _FIXED.size])
    return Ticket(
        UUID(bytes=pickup),
        rotation,
        datetime.fromtimestamp(until, UTC),
        code.decode(),
        told[_FIXED.size :].decode(),
    )


def svg(text: str) -> str:
    """A picture of a text as a QR, scalable, without an XML declaration: it stands in a page as it is."""
    picture = BytesIO()
    segno.make(text, error="m", micro=False).save(
        picture, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=4
    )
    return picture.getvalue().decode()
