"""What a compiler may know of a schema's resolvers and classes beyond what graphql-core does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from graphql import GraphQLAbstractType, GraphQLField, GraphQLNamedType, GraphQLObjectType

Check: TypeAlias = Callable[[Any], None]
"""Raises when the context it is given may not go on; passed once, it is passed for the whole operation."""

Convert: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns arguments as graphql-core coerces them into a resolver's own."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A field that is an attribute of its object, and nothing else."""

    name: str


class Same:
    """A field that answers the very object it is asked of, as the root of a subscription's event does."""


@dataclass(frozen=True, slots=True)
class Call:
    """A field that a function answers, called without what usually stands between.

    `source` is whether the function gets the object first; `info` the name of the parameter for what it is
    told of its field. `shares_info` says that it looks at nothing there but the context and the schema, so
    that all may be told the same. `keeps_arguments` says that it changes none of its arguments, so that equal
    calls may be given the same.
    """

    function: Callable[..., Any]
    source: bool = True
    info: str | None = None
    convert: Convert | None = None
    check: Check | None = None
    shares_info: bool = False
    keeps_arguments: bool = False
    wrap_info: Callable[[Any], Any] | None = None
    """Makes of graphql-core's info what the function expects, unless that is shared."""


class Insight(Protocol):
    """Sees through a schema's resolvers and types; None wherever that is not certain."""

    def field(self, field: GraphQLField) -> Attribute | Same | Call | None:
        """How a field may be answered instead of by its resolver."""
        ...

    def python_class(self, type_: GraphQLObjectType) -> type | None:
        """A class whose direct instances are of this object type, unless they say otherwise in `marks`."""
        ...

    def goes_by_class(self, type_: GraphQLAbstractType) -> bool:
        """Whether an object's class alone says which of an abstract type's types it is of."""
        ...

    @property
    def marks(self) -> str | None:
        """The attribute by which an instance says that it is of another type than its class."""
        ...

    def enum_class(self, type_: GraphQLNamedType) -> tuple[type, Mapping[str, str]] | None:
        """The Enum whose members an enum type writes, and how, by the names of the members."""
        ...


class NoInsight:
    """Nothing is known but what graphql-core knows: every resolver is called as it calls them."""

    marks: str | None = None

    def field(self, _: GraphQLField) -> Attribute | Same | Call | None:
        """None, always."""
        return None

    def python_class(self, _: GraphQLObjectType) -> type | None:
        """None, always."""
        return None

    def goes_by_class(self, _: GraphQLAbstractType) -> bool:
        """False, always."""
        return False

    def enum_class(self, _: GraphQLNamedType) -> tuple[type, Mapping[str, str]] | None:
        """None, always."""
        return None
