"""The arguments of a field: coerced once for all calls where nobody could tell the difference."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from graphql import FieldNode, GraphQLField
from graphql.execution import get_argument_values

_NEVER_CHANGED = (str, int, float, bool, bytes, Decimal, datetime, date, UUID, Enum, type(None))


class Arguments:
    """What one field is asked with, whatever the variables."""

    __slots__ = ("_convert", "_field", "_keeps", "_node")

    def __init__(
        self,
        field: GraphQLField,
        node: FieldNode,
        convert: Callable[[dict[str, Any]], dict[str, Any]] | None,
        *,
        keeps: bool,
    ) -> None:
        self._field = field
        self._node = node
        self._convert = convert
        self._keeps = keeps

    def values(self, variables: Any, *, hide_suggestions: bool) -> dict[str, Any]:
        """The resolver's keyword arguments; raises the GraphQLError for what does not fit."""
        values = get_argument_values(
            self._field, self._node, variables, None, hide_suggestions=hide_suggestions
        )
        return values if self._convert is None else self._convert(values)

    def may_be_kept(self, values: dict[str, Any]) -> bool:
        """Whether every call of an execution may be given these very values."""
        return self._keeps or all(isinstance(value, _NEVER_CHANGED) for value in values.values())
