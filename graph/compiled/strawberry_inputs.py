"""Arguments as Strawberry hands them to resolvers; how each type is converted is worked out once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING
from functools import partial
from typing import Any

from strawberry.relay.types import GlobalID
from strawberry.schema.compat import is_scalar
from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import StrawberryArgument, convert_argument
from strawberry.types.base import (
    StrawberryList,
    StrawberryMaybe,
    StrawberryOptional,
    has_object_definition,
)
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.lazy_type import LazyType
from strawberry.types.scalar import ScalarDefinition

from graph.compiled.insight import Convert

One = Callable[[Any], Any]
"""Converts one value that is not null."""


class Inputs:
    """Converters for the inputs of one schema; what is not known here is left to Strawberry."""

    def __init__(self, config: StrawberryConfig, scalars: Mapping[object, ScalarDefinition]) -> None:
        self._config = config
        self._scalars: Any = scalars
        self._known: dict[int, tuple[object, One | None]] = {}

    def of_arguments(self, arguments: Sequence[StrawberryArgument]) -> Convert:
        """What turns arguments by their names in the schema into a resolver's keyword arguments."""
        known = [
            (self._config.name_converter.from_argument(one), one.python_name, self._one(one.type))
            for one in arguments
        ]

        def convert(given: dict[str, Any]) -> dict[str, Any]:
            values: dict[str, Any] = {}
            for name, python_name, one in known:
                if name in given:
                    value = given[name]
                    values[python_name] = value if value is None or one is None else one(value)
            return values

        return convert

    def _one(self, type_: Any) -> One | None:
        """The converter of a type; None when values stay as they are."""
        if isinstance(type_, StrawberryMaybe):
            return self._foreign(type_)
        if isinstance(type_, StrawberryOptional):
            return self._one(type_.of_type)
        if isinstance(type_, LazyType):
            return self._foreign(type_)
        if type_ is GlobalID:
            return self._foreign(type_)
        is_enum = isinstance(type_, StrawberryEnumDefinition) or has_enum_definition(type_)
        if is_enum or is_scalar(type_, self._scalars):
            return None
        if isinstance(type_, StrawberryList):
            return self._list(type_)
        if has_object_definition(type_) and type_.__strawberry_definition__.from_input is None:
            return self._object(type_)
        return self._foreign(type_)

    def _foreign(self, type_: Any) -> One:
        return partial(convert_argument, type_=type_, scalar_registry=self._scalars, config=self._config)

    def _list(self, type_: StrawberryList) -> One:
        one = self._one(type_.of_type)
        if one is None:
            return list
        return lambda values: [None if value is None else one(value) for value in values]

    def _object(self, type_: Any) -> One:
        known = self._known.get(id(type_))
        if known is not None:
            # It contains itself, or another does.
            return known[1] or self._foreign(type_)
        self._known[id(type_)] = (type_, None)
        definition = type_.__strawberry_definition__
        nulls = {
            field.python_name: None
            for field in definition.fields
            if field.default_value is MISSING and field.default_factory is MISSING
        }
        fields: list[tuple[str, str, Any, One | None]] = []
        for field in definition.fields:
            kind = field.resolve_type(type_definition=definition)
            name = self._config.name_converter.from_field(field)
            fields.append((name, field.python_name, isinstance(kind, StrawberryMaybe), self._one(kind)))

        def convert(value: Mapping[str, Any]) -> object:
            values: dict[str, Any] = dict(nulls)
            for name, python_name, is_maybe, one in fields:
                if name in value:
                    given = value[name]
                    # A Maybe tells null from nothing.
                    keeps = one is None or (given is None and not is_maybe)
                    values[python_name] = given if keeps or one is None else one(given)
            return type_(**values)

        self._known[id(type_)] = (type_, convert)
        return convert
