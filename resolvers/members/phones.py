"""Telephone numbers: one way to write each, however people type it."""

from __future__ import annotations

from collections.abc import Sequence

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

LONGEST_TYPED = 40


class Phones:
    """Reads numbers as they are dialled in some regions (ISO 3166, the likeliest first) or anywhere by +."""

    def __init__(self, regions: Sequence[str]) -> None:
        self._regions = tuple(regions)

    def normalised(self, typed: str) -> str | None:
        """The number as E.164 writes it, such as +85291234567; None for what is no number."""
        if len(typed) > LONGEST_TYPED:
            return None
        if typed.strip().startswith(("+", "＋")):
            number = _parsed(typed, None)
            # Numbering plans grow: what is long enough may be given out by now.
            possible = phonenumbers.is_possible_number_with_reason
            fits = number is not None and possible(number) == ValidationResult.IS_POSSIBLE
            return _written(number) if number is not None and fits else None
        for region in self._regions:
            number = _parsed(typed, region)
            if number is not None and phonenumbers.is_valid_number_for_region(number, region):
                return _written(number)
        return None

    def national(self, normalised: str) -> str:
        """The number without its country's code, digits only: 91234567."""
        number = _parsed(normalised, None)
        return "" if number is None else phonenumbers.national_significant_number(number)


def _parsed(typed: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(typed, region)
    except NumberParseException:
        return None


def _written(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
