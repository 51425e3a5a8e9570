"""What a provider wrote, field by field: what we need is of its type, what we do not know does no harm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Self
from uuid import UUID

_LONGEST = 4000


class Garbled(ValueError):  # noqa: N818 - says what was read
    """Something is missing, or is not what it should be."""


class Fields:
    """The members of a JSON object, or of a form."""

    def __init__(self, members: Mapping[str, object]) -> None:
        self._members = members

    @classmethod
    def of_json(cls, text: str | bytes) -> Self:
        """The members of a JSON object; raises Garbled for anything else."""
        try:
            members = json.loads(text, parse_float=Decimal)
        except (ValueError, RecursionError) as error:
            raise Garbled("no JSON") from error
        if not isinstance(members, dict):
            raise Garbled("no object")
        return cls(members)

    def text(self, name: str, *, longest: int = _LONGEST) -> str:
        """A text that says something; raises Garbled."""
        value = self.maybe(name, longest=longest)
        if value is None:
            raise Garbled(name)
        return value

    def maybe(self, name: str, *, longest: int = _LONGEST) -> str | None:
        """A text, None where it is absent or empty; raises Garbled for what is no text or too long."""
        value = self._members.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str) or len(value) > longest or "\0" in value:
            raise Garbled(name)
        return value

    def whole(self, name: str) -> int:
        """A whole number; raises Garbled."""
        value = self._members.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise Garbled(name)
        return value

    def decimal(self, name: str) -> Decimal:
        """An exact number, written as text or as a number; raises Garbled."""
        value = self._members.get(name)
        if not isinstance(value, str | int | Decimal) or isinstance(value, bool):
            raise Garbled(name)
        try:
            return Decimal(value)
        except InvalidOperation as error:
            raise Garbled(name) from error

    def uuid(self, name: str) -> UUID:
        """One of our own numbers, 32 hex digits; raises Garbled for anybody else's."""
        value = self.text(name)
        try:
            found = UUID(hex=value)
        except ValueError as error:
            raise Garbled(name) from error
        if found.hex != value:
            raise Garbled(name)
        return found

    def inner(self, name: str) -> Fields:
        """The members of an object inside; raises Garbled."""
        value = self._members.get(name)
        if not isinstance(value, dict):
            raise Garbled(name)
        return Fields(value)
