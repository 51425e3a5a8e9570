"""Keys of rows that are named before they are written."""

from __future__ import annotations

import secrets
import time
from uuid import UUID


def new_key() -> UUID:
    """A UUID of version 7 (RFC 9562): milliseconds, and then 74 bits of chance."""
    milliseconds = time.time_ns() // 1_000_000
    chance = secrets.randbits(74)
    return UUID(
        int=(milliseconds & (1 << 48) - 1) << 80
        | 0x7 << 76
        | (chance >> 62) << 64
        | 0b10 << 62
        | chance & (1 << 62) - 1
    )
