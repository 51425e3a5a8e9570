"""What Strawberry puts between graphql-core and a resolver, and where nothing of it is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import Enum
from typing import Any

from graphql import (
    GraphQLAbstractType,
    GraphQLEnumType,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
)
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.cast import TYPE_CAST_ATTRIBUTE
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.info import Info

from graph.compiled.insight import Attribute, Call, NoInsight, Same
from graph.compiled.strawberry_inputs import Inputs

Through = Callable[[Callable[..., Any]], "Call | None"]
"""How a resolver's function may be called instead, when its owner says so; None when it does not."""

_BACK = "strawberry-definition"
_CONVERTER = "strawberry.schema.schema_converter"
_IN_RESOLVER = "GraphQLCoreConverter.from_resolver.<locals>."
_PLAIN_RESOLVERS = {f"{_IN_RESOLVER}{name}" for name in ("_get_basic_result", "_resolver", "_async_resolver")}
_EVENT_RESOLVER = "GraphQLCoreConverter.from_field.<locals>.<lambda>"
_BY_CLASS = {
    "GraphQLCoreConverter.from_interface.<locals>._get_resolve_type.<locals>.resolve_type",
    "StrawberryUnion.get_type_resolver.<locals>._resolve_union_type",
}
_IS_TYPE_OF = "GraphQLCoreConverter.from_object.<locals>._get_is_type_of.<locals>.is_type_of"


def _nothing(_: Callable[..., Any]) -> Call | None:
    return None


class StrawberryInsight(NoInsight):
    """Sees through the resolvers of a schema that Strawberry made.

    `through` is asked about each resolver's function; what it returns has to be called with the same
    keyword arguments, and says what else may be left out.
    """

    marks = TYPE_CAST_ATTRIBUTE

    def __init__(self, schema: GraphQLSchema, through: Through = _nothing) -> None:
        made_by = schema._strawberry_schema  # type: ignore[attr-defined]
        self._config = made_by.config
        self._inputs = Inputs(made_by.config, made_by.schema_converter.scalar_registry)
        self._through = through

    def field(self, field: GraphQLField) -> Attribute | Same | Call | None:
        """How a field may be answered, when its resolver is Strawberry's and does nothing beside."""
        known = field.extensions.get(_BACK)
        resolve: Any = field.resolve
        if not isinstance(known, StrawberryField) or getattr(resolve, "__module__", None) != _CONVERTER:
            return None
        if resolve.__qualname__ == _EVENT_RESOLVER:
            return Same()
        if resolve.__qualname__ not in _PLAIN_RESOLVERS or known.extensions:
            return None
        if type(known).get_result is not StrawberryField.get_result or _enclosed(resolve).get(
            "field_exception_handlers"
        ):
            return None
        if known.base_resolver is None:
            if self._config.default_resolver is not getattr or not known.python_name.isidentifier():
                return None
            return Attribute(known.python_name)
        return self._call(known)

    def _call(self, known: StrawberryField) -> Call | None:
        resolver = known.base_resolver
        if resolver is None or resolver.parent_parameter or resolver.root_parameter:
            return None
        function = resolver.wrapped_func
        if not callable(function) or self._config.info_class is not Info:
            return None
        call = self._through(function) or Call(function)
        return replace(
            call,
            source=resolver.self_parameter is not None,
            info=resolver.info_parameter.name if resolver.info_parameter else None,
            convert=self._inputs.of_arguments(known.arguments) if known.arguments else None,
            wrap_info=lambda raw: Info(_raw_info=raw, _field=known),
        )

    def python_class(self, type_: GraphQLObjectType) -> type | None:
        """The class that a type was declared on, when nothing but its instances are of the type."""
        known = type_.extensions.get(_BACK)
        if not isinstance(known, StrawberryObjectDefinition) or known.concrete_of or known.is_graphql_generic:
            return None
        check: Any = type_.is_type_of
        if check is not None and check.__qualname__ != _IS_TYPE_OF:
            return None
        if known.is_type_of is not None or any(one.resolve_type for one in known.interfaces):
            return None
        # Only where an instance keeps its attributes in a dict can it be seen whether it is marked.
        return known.origin if known.origin.__dictoffset__ else None

    def goes_by_class(self, type_: GraphQLAbstractType) -> bool:
        """Whether the type is resolved as Strawberry does it."""
        return getattr(type_.resolve_type, "__qualname__", None) in _BY_CLASS

    def enum_class(self, type_: GraphQLNamedType) -> tuple[type, Mapping[str, str]] | None:
        """The Enum behind an enum type."""
        known = type_.extensions.get(_BACK)
        if not isinstance(known, StrawberryEnumDefinition) or not isinstance(type_, GraphQLEnumType):
            return None
        members: Any = known.wrapped_cls
        if not issubclass(members, Enum):
            return None
        return members, {member.name: type_.coerce_output_value(member) for member in members}


def _enclosed(function: Any) -> dict[str, Any]:
    """The variables that a function sees around it."""
    cells = function.__closure__ or ()
    return dict(zip(function.__code__.co_freevars, (cell.cell_contents for cell in cells), strict=True))
