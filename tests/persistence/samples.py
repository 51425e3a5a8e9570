"""Rows with something telling in every column, made from the tables themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

from persistence.database import Statement, param, statement
from persistence.tables import METADATA

_TEXT = "Oat \"milk\" 'B' \\n, 燕麥奶 🥛 {NULL}"
# One value per type of column, with whatever a careless way through would bend: quotes, the last digit,
# the microsecond, the last bit. A type that is not here fails the test that asks for it.
SAMPLES: dict[type[sa.types.TypeEngine[object]], object] = {
    sa.Text: _TEXT,
    sa.Uuid: UUID("0199d1b8-5f00-7abc-8def-0123456789ab"),
    sa.SmallInteger: 2**15 - 1,
    sa.Integer: 2**31 - 1,
    sa.BigInteger: 2**63 - 1,
    sa.Numeric: Decimal("123456789012345678901234.05678901234567890"),
    sa.Double: 0.1 + 0.2,
    sa.Boolean: False,
    sa.Date: date(2028, 2, 29),
    sa.DateTime: datetime(2027, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    sa.LargeBinary: bytes(range(256)),
    ARRAY: ["", "NULL", _TEXT, "{a,b}"],
    JSONB: {"en": _TEXT, "deep": [{"a": None, "b": [True, 1.5, -(2**53)]}], "": []},
    TSVECTOR: "'milk':2A 'oat':1A",
}
# What a CHECK of the table wants instead.
INSTEAD: dict[str, object] = {
    "stream.id": 1,
    "member.erased_at": None,
    "stock_level.allotted": 0,
    "order_line.quantity": 1,
    "order_line.returned": 1,
    "order_line.discount_minor": 0,
    "points_lot.expired": 0,
    "points_lot.reversed": 0,
    "coupon_campaign.basis_points": None,
    "coupon_campaign.promotion": None,
}
# Null is allowed here, but only where another column says it instead.
NEVER_BARE = {"coupon_campaign.amount_minor"}


def written(table: sa.Table) -> list[sa.Column[object]]:
    """The columns an INSERT names; the server alone makes the others."""
    return [column for column in table.columns if column.identity is None and column.computed is None]


def sample(column: sa.Column[object], round_: int = 0) -> object:
    """A value for a column; each round takes the next member of a closed set."""
    if str(column) in INSTEAD:
        return INSTEAD[str(column)]
    kind = column.type
    if isinstance(kind, sa.Enum):
        members = list(kind.enum_class or ())
        return members[round_ % len(members)]
    if isinstance(kind, sa.DateTime):
        assert kind.timezone, f"{column} would forget the time zone"
    if isinstance(kind, ARRAY):
        assert isinstance(kind.item_type, sa.Text), f"{column} holds a list of what no sample is for"
    if type(kind) not in SAMPLES:
        raise AssertionError(f"{column} is of {kind!r}: give tests/persistence/samples.py a value for it")
    return SAMPLES[type(kind)]


def rounds() -> int:
    """How many rounds show every member of every closed set."""
    sizes = [
        len(column.type.enums)
        for table in METADATA.tables.values()
        for column in table.columns
        if isinstance(column.type, sa.Enum)
    ]
    return max(sizes)


def chain(round_: int, *, bare: bool = False) -> Iterator[tuple[sa.Table, dict[str, object]]]:
    """A row for every table, referred-to tables first; `bare` rows have null wherever that is allowed."""
    made: dict[str, dict[str, object]] = {}
    for table in METADATA.sorted_tables:
        row: dict[str, object] = {}
        for column in written(table):
            if bare and column.nullable and str(column) not in NEVER_BARE:
                row[column.name] = None
                continue
            row[column.name] = sample(column, round_)
            for key in column.foreign_keys:
                if key.column.table is not table:
                    row[column.name] = made[key.column.table.name][key.column.name]
        made[table.name] = row
        yield table, row


def insertion(table: sa.Table) -> Statement[object]:
    """An INSERT of every column of a table that may be written."""
    values = {column.name: _place(column) for column in written(table)}
    return statement(sa.insert(table).values(values))


def _place(column: sa.Column[object]) -> object:
    if isinstance(column.type, TSVECTOR):
        return sa.cast(param(column.name, sa.Text), TSVECTOR)
    return param(column.name)
