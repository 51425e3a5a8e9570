"""The kinds of column every table is built from; each fact about storage is said once, here."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlmodel import Field, SQLModel

# Constraints are named by rule, so that migrations can name them back.
SQLModel.metadata.naming_convention = {
    "ix": "%(table_name)s_%(column_0_N_name)s_index",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


def server_default(value: Any) -> dict[str, Any]:
    """A default that the server fills in and nobody else: SQLModel would have every INSERT bind it too."""
    return {"server_default": value, "default": None}


def key() -> Any:
    """A time-ordered UUIDv7 primary key, made by the server unless the writer needs it beforehand."""
    return Field(
        default=None,
        sa_type=sa.Uuid,
        primary_key=True,
        sa_column_kwargs={"server_default": sa.text("uuidv7()")},
    )


def code(
    *, unique: bool = False, refers_to: str | None = None, primary: bool = False, index: bool = False
) -> Any:
    """A natural key such as a sku, a store code or a channel code; `refers_to` is its home ("store.code")."""
    if refers_to is not None:
        return Field(sa_type=sa.Text, foreign_key=refers_to, primary_key=primary, index=index)
    return Field(sa_type=sa.Text, unique=unique, primary_key=primary, index=index)


def optional_code(*, refers_to: str | None = None, unique: bool = False) -> Any:
    """A natural key that may be missing; None reads as "any"."""
    if refers_to is not None:
        return Field(default=None, sa_type=sa.Text, foreign_key=refers_to)
    return Field(default=None, sa_type=sa.Text, unique=unique)


def text(*, default: str | None = None) -> Any:
    """Text of any length, never null."""
    if default is None:
        return Field(sa_type=sa.Text)
    return Field(default=default, sa_type=sa.Text, sa_column_kwargs=server_default(default))


def optional_text() -> Any:
    """Text of any length, or null."""
    return Field(default=None, sa_type=sa.Text)


def choice(kind: type[StrEnum], *, default: StrEnum | None = None, primary: bool = False) -> Any:
    """One value of a closed set, stored as its text and held by a CHECK."""
    column_type = sa.Enum(
        kind,
        native_enum=False,
        length=32,
        create_constraint=True,
        values_callable=lambda members: [member.value for member in members],
        name=kind.__name__.lower(),
    )
    if default is None:
        return Field(sa_type=column_type, primary_key=primary)
    return Field(default=default, sa_type=column_type, sa_column_kwargs=server_default(default.value))


def optional_choice(kind: type[StrEnum]) -> Any:
    """One value of a closed set, or null."""
    column_type = sa.Enum(
        kind,
        native_enum=False,
        length=32,
        create_constraint=True,
        values_callable=lambda members: [member.value for member in members],
        name=kind.__name__.lower(),
    )
    return Field(default=None, sa_type=column_type, nullable=True)


def whole(*, default: int | None = None) -> Any:
    """A 32-bit count."""
    if default is None:
        return Field(sa_type=sa.Integer)
    return Field(default=default, sa_type=sa.Integer, sa_column_kwargs=server_default(sa.text(str(default))))


def optional_whole() -> Any:
    """A 32-bit count, or null."""
    return Field(default=None, sa_type=sa.Integer, nullable=True)


def computed(expression: str, kind: type[sa.types.TypeEngine[Any]]) -> Any:
    """What the server reckons from the row's other columns whenever it is written."""
    return Field(default=None, sa_type=kind, sa_column_args=(sa.Computed(expression, persisted=True),))


def long(*, default: int | None = None, nullable: bool = False) -> Any:
    """A 64-bit whole number: minor units, positions, sequences."""
    if nullable:
        return Field(default=None, sa_type=sa.BigInteger, nullable=True)
    if default is None:
        return Field(sa_type=sa.BigInteger)
    return Field(
        default=default, sa_type=sa.BigInteger, sa_column_kwargs=server_default(sa.text(str(default)))
    )


def decimal() -> Any:
    """An exact decimal."""
    return Field(sa_type=sa.Numeric)


def optional_decimal() -> Any:
    """An exact decimal, or null."""
    return Field(default=None, sa_type=sa.Numeric, nullable=True)


def moment() -> Any:
    """An instant in UTC, the server's clock unless given."""
    return Field(
        default=None,
        sa_type=sa.DateTime(timezone=True),
        nullable=False,
        sa_column_kwargs={"server_default": sa.text("clock_timestamp()")},
    )


def optional_moment() -> Any:
    """An instant in UTC, or null."""
    return Field(default=None, sa_type=sa.DateTime(timezone=True), nullable=True)


def day(*, primary: bool = False) -> Any:
    """A calendar day."""
    return Field(sa_type=sa.Date, primary_key=primary)


def flag(*, default: bool) -> Any:
    """True or false."""
    return Field(
        default=default,
        sa_type=sa.Boolean,
        sa_column_kwargs=server_default(sa.true() if default else sa.false()),
    )


def document(*, default: str | None = None) -> Any:
    """A small JSON document (`default` is its text)."""
    if default is None:
        return Field(sa_type=JSONB)
    return Field(sa_type=JSONB, sa_column_kwargs={"server_default": sa.text(f"'{default}'::jsonb")})


def optional_document() -> Any:
    """A small JSON document, or null."""
    return Field(default=None, sa_type=JSONB(none_as_null=True), nullable=True)


def text_list() -> Any:
    """A list of texts, empty when nothing is known."""
    return Field(sa_type=ARRAY(sa.Text), sa_column_kwargs={"server_default": sa.text("'{}'")})


def degrees() -> Any:
    """A latitude or longitude."""
    return Field(sa_type=sa.Double)


def optional_degrees() -> Any:
    """A temperature or an angle, or null."""
    return Field(default=None, sa_type=sa.Double, nullable=True)


def search_vector() -> Any:
    """Words to find a row by, weighted; written by `to_tsvector` and never read back."""
    return Field(default=None, sa_type=TSVECTOR, nullable=False)


def digest() -> Any:
    """The bytes of a hash."""
    return Field(sa_type=sa.LargeBinary)


def optional_bytes() -> Any:
    """Bytes such as a sealed text, or null."""
    return Field(default=None, sa_type=sa.LargeBinary, nullable=True)
