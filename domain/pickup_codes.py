"""Pickup codes: short enough to say aloud, told from a slip at once, and nobody's to guess."""

from __future__ import annotations

import hashlib
import hmac
from itertools import count
from uuid import UUID

# Douglas Crockford, "Base 32": no I, L, O or U, and a check symbol modulo 37.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_CHECKS = 37
_LETTERS = 7
_CODES = 32**_LETTERS
LONGEST = 400
"""No code, not even the text of a QR, has more characters."""


def code_of(secret: bytes, pickup_id: UUID, rotation: int) -> str:
    """The code of a pickup under the house's secret, eight letters and digits: `7KQW3M2X`.

    The same for the same rotation, whenever it is asked for. 35 bits of it are an HMAC's; the last one is a
    check. Five of the 37 check symbols can't be said aloud: codes that would end in one are passed over.
    """
    for turn in count():
        told = b"%b %d %d" % (pickup_id.bytes, rotation, turn)
        value = int.from_bytes(hmac.digest(secret, told, hashlib.sha256)[:8], "big") % _CODES
        if value % _CHECKS < len(ALPHABET):
            return _written(value)
    raise AssertionError("unreachable: most values have a check that can be said")


def _written(value: int) -> str:
    letters = "".join(ALPHABET[value >> 5 * place & 31] for place in reversed(range(_LETTERS)))
    return letters + ALPHABET[value % _CHECKS]


def code_typed(text: str) -> str | None:
    """The code somebody typed or said, in whatever case and grouping; None when it is mistyped.

    O is read as 0, I and L as 1. Every single wrong letter and every swap of two neighbours is found.
    """
    letters = text.upper().replace("-", "").replace(" ", "")
    values = [_VALUES.get(letter) for letter in letters]
    if len(values) != _LETTERS + 1 or None in values:
        return None
    number = 0
    for value in values[:-1]:
        number = number << 5 | (value or 0)
    return _written(number) if number % _CHECKS == values[-1] else None


def code_hash(secret: bytes, code: str) -> bytes:
    """What is stored of a code: without the secret it tells nothing, not even by trying every code."""
    return hmac.digest(secret, b"pickup code " + code.encode(), hashlib.sha256)


def spaced(code: str) -> str:
    """The code in two groups of four, as people read it."""
    return f"{code[:4]}-{code[4:]}"
