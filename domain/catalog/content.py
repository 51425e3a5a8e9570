"""The units net content is measured in."""

from __future__ import annotations

from enum import StrEnum


class ContentUnit(StrEnum):
    """What a net content counts."""

    GRAM = "GRAM"
    KILOGRAM = "KILOGRAM"
    MILLILITRE = "MILLILITRE"
    LITRE = "LITRE"
    METRE = "METRE"
    PIECE = "PIECE"
