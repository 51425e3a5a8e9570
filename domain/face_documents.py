"""The fields of a face as a small JSON document, and back: how a face is kept."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.catalog.content import ContentUnit
from domain.labels import FaceFields
from domain.money import Money
from domain.pricing.unit_price import UnitPrice

_MONEY = frozenset({"amount", "compare_at", "member_amount"})


def written(face: FaceFields) -> dict[str, Any]:
    """The document of a face's fields; what is not said is left out."""
    return {
        part.name: _written(value)
        for part in fields(FaceFields)
        if part.name != "price_version" and (value := getattr(face, part.name)) is not None
    }


def read(document: dict[str, Any]) -> FaceFields:
    """The fields a document was written from; `price_version` is not among them."""
    said: dict[str, Any] = {name: _read(name, value) for name, value in document.items()}
    return FaceFields(**{"amount": None, **said})


def _written(value: object) -> object:
    if isinstance(value, Money):
        return [value.minor_units, value.currency_code]
    if isinstance(value, UnitPrice):
        return [_written(value.amount), format(value.per, "f"), value.unit.value]
    return value.isoformat() if isinstance(value, datetime) else value


def _read(name: str, value: Any) -> object:
    if name in _MONEY:
        return Money(value[0], value[1])
    if name == "unit_price":
        amount, per, unit = value
        return UnitPrice(Money(amount[0], amount[1]), Decimal(per), ContentUnit(unit))
    return datetime.fromisoformat(value) if name == "ends_at" else value
