"""The graph's scalars: what each takes in, on both sides of its border, and how it is written."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from graphql import GraphQLError

from resolvers.scalars import SCALARS, BigInt, CurrencyCode, Locale


def _reads(kind: object, value: object) -> object:
    reader = SCALARS[kind].parse_value
    assert reader is not None
    return reader(value)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22T09:18:00Z", datetime(2026, 11, 22, 9, 18, tzinfo=UTC)),
        ("2026-11-22t09:18:00z", datetime(2026, 11, 22, 9, 18, tzinfo=UTC)),
        ("2026-11-22 17:18:00+08:00", datetime(2026, 11, 22, 9, 18, tzinfo=UTC)),
        ("2026-11-22T09:18:00.5-00:30", datetime(2026, 11, 22, 9, 48, 0, 500_000, tzinfo=UTC)),
        ("2026-11-22T09:18:00.123456789Z", datetime(2026, 11, 22, 9, 18, 0, 123_456, tzinfo=UTC)),
        ("2024-02-29T23:59:59Z", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_as_utc(text: str, moment: datetime) -> None:
    assert _reads(datetime, text) == moment


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-22T09:18:00",  # of no offset
        "2026-11-22T09:18Z",  # not to the second
        "2026-11-22",
        "20261122T091800Z",
        "2026-W47-7T09:18:00Z",
        "2026-11-22T09:18:00,5Z",
        "2026-11-22T09:18:00.Z",
        "2026-11-22T09:18:00+0800",
        "2026-11-22T09:18:00.1234567890Z",
        "2023-02-29T00:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T09:18:00Z\n",
        "1899-12-31T23:59:59Z",
        1763803080,
        None,
    ],
)
def test_what_is_no_moment_of_rfc_3339_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError, match="A DateTime"):
        _reads(datetime, value)


@pytest.mark.parametrize(
    ("kind", "taken", "value"),
    [
        (Decimal, "12.50", Decimal("12.50")),
        (Decimal, "-0.1", Decimal("-0.1")),
        (BigInt, "9223372036854775807", 2**63 - 1),
        (BigInt, -(2**63), -(2**63)),
        (Locale, "zh-Hant-HK", "zh-Hant-HK"),
        (CurrencyCode, "HKD", "HKD"),
    ],
)
def test_other_scalars_take_their_own_form(kind: object, taken: object, value: object) -> None:
    assert _reads(kind, taken) == value


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        (Decimal, 12.5),
        (Decimal, "1e3"),
        (Decimal, ".5"),
        (Decimal, "NaN"),
        (BigInt, "9223372036854775808"),
        (BigInt, True),
        (BigInt, 1.0),
        (BigInt, "+1"),
        (Locale, "zh_CN"),
        (Locale, "中文"),
        (CurrencyCode, "hkd"),
        (CurrencyCode, "HKDX"),
    ],
)
def test_other_scalars_refuse_what_only_looks_like_them(kind: object, refused: object) -> None:
    with pytest.raises(GraphQLError):
        _reads(kind, refused)


def test_a_moment_is_written_to_the_millisecond_unless_it_has_more() -> None:
    write = SCALARS[datetime].serialize
    assert write is not None
    assert write(datetime(2026, 11, 22, 9, 18, tzinfo=UTC)) == "2026-11-22T09:18:00.000Z"
    assert write(datetime(2026, 11, 22, 9, 18, 0, 1, tzinfo=UTC)) == "2026-11-22T09:18:00.000001Z"
