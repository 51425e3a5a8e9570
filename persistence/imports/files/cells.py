"""One cell of a file as a value; every function raises BadCell with the reason."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stdnum import ean

from domain.moments import kept
from persistence.catalog.gtin import LENGTHS as GTIN_LENGTHS
from persistence.catalog.gtin import is_gtin
from persistence.stores import Hours

E = TypeVar("E", bound=StrEnum)

LONGEST_CODE = 100
LARGEST_WHOLE = 2**31 - 1
_CURRENCY = re.compile(r"[A-Z]{3}")
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SPAN = re.compile(r"(\w{3})(?:\s*-\s*(\w{3}))?\s+(\d{2}:\d{2})\s*-\s*(\d{2}:\d{2})")


class BadCell(Exception):  # noqa: N818 - what it says is for the person who wrote the file
    """The cell cannot be what its column asks for."""


def code(text: str) -> str:
    """A sku, handle or code: 1 to 100 characters without spaces."""
    if not text:
        raise BadCell("A value is needed here.")
    if len(text) > LONGEST_CODE:
        raise BadCell(f"A code has at most {LONGEST_CODE} characters; this has {len(text)}.")
    if len(text.split(maxsplit=1)) > 1 or text != text.strip():
        raise BadCell(f"A code has no spaces in it: {text!r}.")
    return text


def optional_code(text: str) -> str | None:
    """A code, or None for an empty cell."""
    return code(text) if text else None


def gtin(text: str) -> str | None:
    """A GTIN-8, 12, 13 or 14 with the right check digit (GS1 General Specifications, 7.9), or None."""
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise BadCell(f"A GTIN is made of digits: {text!r}.")
    if len(text) not in GTIN_LENGTHS:
        raise BadCell(f"A GTIN has 8, 12, 13 or 14 digits; {text} has {len(text)}.")
    if not is_gtin(text):
        right = ean.calc_check_digit(text[:-1])
        raise BadCell(f"The check digit of {text} is wrong: {right} would be right.")
    return text


def whole(text: str, *, least: int = 0) -> int:
    """A whole number from `least` on that fits into 32 bits."""
    if not _WHOLE.fullmatch(text) or not text.isascii():
        raise BadCell(f"{text!r} is not a whole number.")
    number = int(text)
    if number < least:
        raise BadCell(f"{number} is below {least}.")
    if number > LARGEST_WHOLE:
        raise BadCell(f"{number} is too large.")
    return number


def decimal(text: str) -> Decimal:
    """An exact number with a point, such as 12.50; no thousands separators, no exponent."""
    if not re.fullmatch(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", text, re.ASCII):
        raise BadCell(f"{text!r} is not a number such as 12.50.")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise BadCell(f"{text!r} is not a number such as 12.50.") from None


def moment(text: str) -> datetime | None:
    """An instant with its offset (2026-11-22T09:00:00+08:00) in UTC, or None for an empty cell."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadCell(f"{text!r} is not a moment such as 2026-11-22T09:00:00+08:00.") from None
    if found.tzinfo is None:
        raise BadCell(f"{text!r} does not say in which time zone: end it with Z or +08:00.")
    utc = kept(found)
    if utc is None:
        raise BadCell(f"{text!r} is out of range: from 1900 on, and before the end of 9999.")
    return utc


def choice(text: str, kind: type[E]) -> E:
    """One value of a closed set, in any letter case."""
    try:
        return kind(text.upper())
    except ValueError:
        raise BadCell(f"{text!r} is none of {', '.join(kind)}.") from None


def choices(text: str, kind: type[E]) -> list[str]:
    """Values of a closed set, separated by spaces, each once and in the set's order."""
    found = {choice(part, kind) for part in re.split(r"[\s|;]+", text) if part}
    return [member.value for member in kind if member in found]


def degrees(text: str, largest: int) -> float:
    """A latitude (largest 90) or longitude (largest 180)."""
    number = float(decimal(text))
    if abs(number) > largest:
        raise BadCell(f"{text} is not between -{largest} and {largest}.")
    return number


def time_zone(text: str) -> str:
    """A name of the IANA time zone database, such as Asia/Hong_Kong."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadCell(f"{text!r} is not a time zone such as Asia/Hong_Kong.") from None
    return text


def opening_hours(text: str) -> list[Hours]:
    """Spans such as "Mon-Fri 08:00-22:00; Sat 09:00-21:00", a weekday each; empty when nothing is said."""
    hours: list[Hours] = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        match = _SPAN.fullmatch(part)
        if match is None:
            raise BadCell(f"{part!r} is not a span such as Mon-Fri 08:00-22:00.")
        first, last = _weekday(match[1]), _weekday(match[2] or match[1])
        opens, closes = _clock(match[3]), _clock(match[4])
        days = range(first, last + 1) if first <= last else (*range(first, 7), *range(last + 1))
        hours += (Hours(weekday=day, opens=opens, closes=closes) for day in days)
    return sorted(hours, key=lambda span: (span["weekday"], span["opens"]))


def currency(text: str, default: str) -> str:
    """Three letters of ISO 4217 in any letter case; the default for an empty cell."""
    if text and not _CURRENCY.fullmatch(text.upper()):
        raise BadCell(f"{text!r} is not a currency such as HKD.")
    return text.upper() or default


def yes_or_no(text: str) -> bool:
    """Whether it says yes, which an empty cell does."""
    if text.lower() in ("", "yes", "true", "1"):
        return True
    if text.lower() in ("no", "false", "0"):
        return False
    raise BadCell(f"{text!r} is neither yes nor no.")


def _weekday(text: str) -> int:
    try:
        return _DAYS.index(text.title())
    except ValueError:
        raise BadCell(f"{text!r} is none of {', '.join(_DAYS)}.") from None


def _clock(text: str) -> str:
    hours, minutes = map(int, text.split(":"))
    if minutes > 59 or hours > 24 or (hours == 24 and minutes):
        raise BadCell(f"{text!r} is not a time of day.")
    return text
