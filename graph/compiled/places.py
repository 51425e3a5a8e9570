"""Places of an operation: each field, and each item of a list, that a value can stand in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLOutputType
from graphql.pyutils import Path

if TYPE_CHECKING:
    from graph.compiled.run import Run

Complete: TypeAlias = "Callable[[Run, Any, At], object]"
"""Turns what was resolved for a place into what is answered there; raises what went wrong."""

At: TypeAlias = "tuple[At | None, str | int, Any, Place]"
"""Where in an answer a place was met: what that stands in, under which key, what holds it, and the place.

A plain tuple: one is made for every object and list of an answer.
"""


class Place:
    """One place of a compiled operation, in whatever object or list it is met."""

    __slots__ = ("complete", "field", "nodes", "nullable", "of_item", "parent", "type")

    def __init__(
        self,
        parent: GraphQLObjectType,
        field: GraphQLField,
        nodes: Sequence[FieldNode],
        type_: GraphQLOutputType,
        *,
        nullable: bool,
        of_item: bool = False,
    ) -> None:
        self.parent = parent
        self.field = field
        self.nodes = list(nodes)
        self.type = type_
        """What stands here when it is not null."""
        self.nullable = nullable
        self.of_item = of_item
        """Whether it is an item of the field's list."""
        self.complete: Complete

    @property
    def field_name(self) -> str:
        """The field's name in the schema."""
        return self.nodes[0].name.value

    def __str__(self) -> str:
        """The field as error messages name it."""
        return f"{self.parent.name}.{self.field_name}"


def keys(at: At) -> list[str | int]:
    """The keys from the root of the answer down to it."""
    found: list[str | int] = []
    here: At | None = at
    while here is not None:
        found.append(here[1])
        here = here[0]
    found.reverse()
    return found


def linked_path(at: At) -> Path:
    """The same as resolvers find it in `info.path`."""
    above, key, _, place = at
    return Path(
        None if above is None else linked_path(above), key, None if place.of_item else place.parent.name
    )
