"""GTINs: the numbers on the pack, which check themselves."""

from __future__ import annotations

from stdnum import ean

LENGTHS = (8, 12, 13, 14)


def is_gtin(text: str) -> bool:
    """Whether a text is a GTIN-8, -12, -13 or -14 whose last digit checks the others (GS1's modulo 10)."""
    return len(text) in LENGTHS and text.isascii() and text.isdigit() and bool(ean.is_valid(text))
