"""The graph's own scalars: how each is written on the wire, and what it takes in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import NewType, cast

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from domain.moments import kept

BigInt = NewType("BigInt", int)
EventCursor = NewType("EventCursor", str)
Locale = NewType("Locale", str)
CurrencyCode = NewType("CurrencyCode", str)

_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_CURRENCY = re.compile(r"[A-Z]{3}")
_INTEGER = re.compile(r"-?[0-9]{1,19}")
# RFC 3339, section 5.6: the date, the time to the second at least, and the offset.
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")


def _write_moment(value: datetime) -> str:
    utc = value.astimezone(UTC)
    precision = "milliseconds" if utc.microsecond % 1000 == 0 else "microseconds"
    return utc.isoformat(timespec=precision).replace("+00:00", "Z")


def _read_moment(value: object) -> datetime:
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        try:
            moment = datetime.fromisoformat(value.upper())
        except ValueError:  # the 31st of June, or hour 24
            pass
        else:
            utc = kept(moment)
            if utc is not None:
                return utc
            raise GraphQLError("A DateTime lies between the years 1900 and 9999.")
    raise GraphQLError('A DateTime is an RFC 3339 text with its offset, such as "2026-11-22T09:18:00Z".')


def _read_decimal(value: object) -> Decimal:
    # A JSON number has been through a binary float: what the caller meant is gone, so only texts are taken.
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        try:
            return Decimal(value)
        except InvalidOperation:
            pass
    raise GraphQLError('A Decimal is a text of digits, such as "12.50".')


def _read_big_int(value: object) -> BigInt:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63:
        return BigInt(value)
    raise GraphQLError('A BigInt is a whole number of 64 bits, as a text such as "42" or as a number.')


def _read_text(pattern: re.Pattern[str], what: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if isinstance(value, str) and len(value) <= 40 and pattern.fullmatch(value):
            return value
        raise GraphQLError(what)

    return read


def _read_cursor(value: object) -> EventCursor:
    if isinstance(value, str) and len(value) <= 100:
        return EventCursor(value)
    raise GraphQLError("An EventCursor is the text that an event carried.")


SCALARS = cast(
    "Mapping[object, ScalarDefinition]",
    {
        datetime: strawberry.scalar(
            name="DateTime",
            description="RFC 3339, UTC, e.g. 2026-11-22T09:18:00.123Z",
            serialize=_write_moment,
            parse_value=_read_moment,
        ),
        Decimal: strawberry.scalar(
            name="Decimal",
            description='Exact decimal as a string, e.g. "12.50". Never a float.',
            serialize=lambda value: format(value, "f"),
            parse_value=_read_decimal,
        ),
        BigInt: strawberry.scalar(
            name="BigInt",
            description="64-bit integer; always a JSON string going out, a string or a number coming in",
            serialize=str,
            parse_value=_read_big_int,
        ),
        EventCursor: strawberry.scalar(
            name="EventCursor",
            description="Resume position of a live stream. Opaque, but sorts as a plain string in stream "
            "order (epoch.position, zero-padded); clients store it and hand it back.",
            serialize=str,
            parse_value=_read_cursor,
        ),
        Locale: strawberry.scalar(
            name="Locale",
            description="BCP 47, e.g. zh-CN, zh-HK, en. Left out: from Accept-Language, else the shop's "
            "default; a missing translation falls back, never to null.",
            serialize=str,
            parse_value=_read_text(_LOCALE, 'A Locale is a BCP 47 tag such as "zh-HK".'),
        ),
        CurrencyCode: strawberry.scalar(
            name="CurrencyCode",
            description="ISO 4217, e.g. CNY",
            serialize=str,
            parse_value=_read_text(_CURRENCY, 'A CurrencyCode is three capital letters, such as "HKD".'),
        ),
    },
)
