"""What a product must be like before it is taken in."""

from __future__ import annotations

import re
from decimal import Decimal

LONGEST_CODE = 100
LONGEST_TEXT = 10_000
_CODE = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?")
_FINEST_CONTENT = 6  # digits after the point: a microlitre, a microgram


def is_code(text: str) -> bool:
    """Whether a text can be a handle or sku: 1 to 100 characters, no control, no space at an end."""
    return len(text) <= LONGEST_CODE and _CODE.fullmatch(text) is not None


def is_content(amount: Decimal) -> bool:
    """Whether an amount can be a net content: above 0, below 10^12, not finer than 10^-6."""
    if not amount.is_finite() or not 0 < amount < Decimal(10) ** 12:
        return False
    exponent = amount.normalize().as_tuple().exponent
    return isinstance(exponent, int) and -exponent <= _FINEST_CONTENT


def is_address(text: str) -> bool:
    """Whether a text can be the address of a picture: http(s) or a path of this site."""
    return len(text) <= 2000 and text.startswith(("https://", "http://", "/"))
