"""Documents drawn at random: with fragments, aliases, variables, conditions, and fields that are merged."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
)

Known = Callable[[str, str, Random], object]
"""A value for an argument or a field of an input, by its name and its type's name."""


def _anything(_: str, type_name: str, chance: Random) -> object:
    return {
        "Int": chance.choice([0, 1, 2, 3, 5]),
        "Float": chance.random(),
        "Boolean": chance.random() < 0.5,
    }.get(type_name, chance.choice(["one", "two", "three"]))


class Drawing:
    """Draws one document, and the variables it is asked with."""

    def __init__(
        self, schema: GraphQLSchema, chance: Random, *, known: Known = _anything, depth: int = 4
    ) -> None:
        self._schema = schema
        self._chance = chance
        self._known = known
        self._depth = depth
        self._fragments: dict[str, str] = {}
        self._declared: dict[str, str] = {}
        self.variables: dict[str, Any] = {}

    def draw(self, operation: str = "query") -> str:
        """The document's text; it is not sure to be valid."""
        roots = {
            "query": self._schema.query_type,
            "mutation": self._schema.mutation_type,
            "subscription": self._schema.subscription_type,
        }
        root = roots[operation]
        assert root is not None
        selected = self._selection(root, self._depth)
        body = "\n".join([selected, *self._fragments.values()])
        # What was drawn for an argument may have fallen away since.
        used = {name: type_ for name, type_ in self._declared.items() if re.search(rf"\${name}\b", body)}
        self.variables = {name: value for name, value in self.variables.items() if name in used}
        declared = ", ".join(f"${name}: {type_}" for name, type_ in used.items())
        return f"{operation} Drawn({declared}) {body}" if declared else f"{operation} Drawn {body}"

    def _selection(self, type_: Any, depth: int) -> str:
        chance = self._chance
        parts: list[str] = []
        for _ in range(chance.randint(1, 5)):
            draw = chance.random()
            if draw < 0.12 and depth > 0:
                parts.append(self._spread(type_, depth - 1))
            elif draw < 0.22 and depth > 0:
                parts.append(self._inline(type_, depth - 1))
            elif draw < 0.3:
                parts.append("__typename")
            else:
                parts += self._field(type_, depth)
        return "{ " + (" ".join(part for part in parts if part) or "__typename") + " }"

    def _field(self, type_: Any, depth: int) -> list[str]:
        chance = self._chance
        fields = getattr(type_, "fields", {})
        if not fields:
            return ["__typename"]
        name = chance.choice(list(fields))
        field: GraphQLField = fields[name]
        inner = get_named_type(field.type)
        alias = f"{chance.choice('abc')}_{name}: " if chance.random() < 0.2 else ""
        head = f"{alias}{name}{self._arguments(field)}{self._condition()}"
        if not is_composite_type(inner):
            return [head]
        if depth <= 0:
            return ["__typename"]
        drawn = [f"{head} {self._selection(inner, depth - 1)}"]
        if chance.random() < 0.1:
            # The same once more, to be merged.
            drawn.append(f"{head} {self._selection(inner, depth - 1)}")
        return drawn

    def _spread(self, type_: Any, depth: int) -> str:
        on = self._overlapping(type_)
        others = [
            name
            for name, text in self._fragments.items()
            if text.startswith(f"fragment {name} on {on.name} ")
        ]
        if others and self._chance.random() < 0.4:
            name = self._chance.choice(others)
        else:
            name = f"F{len(self._fragments)}"
            # First its name, so that what stands inside cannot take it.
            self._fragments[name] = ""
            self._fragments[name] = f"fragment {name} on {on.name} {self._selection(on, depth)}"
        return f"...{name}{self._condition()}"

    def _inline(self, type_: Any, depth: int) -> str:
        on = self._overlapping(type_)
        condition = f" on {on.name}" if self._chance.random() < 0.8 else ""
        return f"...{condition}{self._condition()} {self._selection(on if condition else type_, depth)}"

    def _overlapping(self, type_: Any) -> Any:
        if is_abstract_type(type_):
            return self._chance.choice([type_, *self._schema.get_possible_types(type_)])
        interfaces = list(getattr(type_, "interfaces", ()))
        return self._chance.choice([type_, *interfaces])

    def _condition(self) -> str:
        chance = self._chance
        if chance.random() > 0.12:
            return ""
        directive = chance.choice(["skip", "include"])
        if chance.random() < 0.3:
            return f" @{directive}(if: {chance.choice(['true', 'false'])})"
        name = f"when{chance.randint(1, 3)}"
        self._declared[name] = "Boolean!"
        self.variables[name] = self.variables.get(name, chance.random() < 0.6)
        return f" @{directive}(if: ${name})"

    def _arguments(self, field: GraphQLField) -> str:
        parts: list[str] = []
        for name, argument in field.args.items():
            optional = not isinstance(argument.type, GraphQLNonNull) or argument.default_value is not None
            if optional and not isinstance(argument.type, GraphQLNonNull) and self._chance.random() < 0.4:
                continue
            if self._chance.random() < 0.4:
                variable = f"v{len(self._declared)}"
                self._declared[variable] = str(argument.type)
                if isinstance(argument.type, GraphQLNonNull) or self._chance.random() < 0.7:
                    self.variables[variable] = self._value(name, argument.type)
                parts.append(f"{name}: ${variable}")
            else:
                parts.append(f"{name}: {_literal(self._value(name, argument.type), argument.type)}")
        return f"({', '.join(parts)})" if parts else ""

    def _value(self, name: str, type_: GraphQLInputType, depth: int = 2) -> Any:
        chance = self._chance
        if isinstance(type_, GraphQLNonNull):
            return self._value(name, type_.of_type, depth)
        if isinstance(type_, GraphQLList):
            return [self._value(name, type_.of_type, depth) for _ in range(chance.randint(0, 3))]
        if isinstance(type_, GraphQLEnumType):
            return chance.choice(list(type_.values))
        if isinstance(type_, GraphQLInputObjectType):
            required = {key for key, field in type_.fields.items() if isinstance(field.type, GraphQLNonNull)}
            names = list(type_.fields)
            if type_.is_one_of:
                names = [chance.choice(names)]
            return {
                key: self._value(key, type_.fields[key].type, depth - 1)
                for key in names
                if key in required or type_.is_one_of or (depth > 0 and chance.random() < 0.5)
            }
        return self._known(name, type_.name, chance)


def _literal(value: Any, type_: GraphQLInputType) -> str:
    if isinstance(type_, GraphQLNonNull):
        return _literal(value, type_.of_type)
    if isinstance(type_, GraphQLList) and isinstance(value, list):
        return f"[{', '.join(_literal(item, type_.of_type) for item in value)}]"
    if isinstance(type_, GraphQLInputObjectType):
        fields = (f"{key}: {_literal(item, type_.fields[key].type)}" for key, item in value.items())
        return "{" + ", ".join(fields) + "}"
    if isinstance(type_, GraphQLEnumType):
        return str(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else f'"{value}"'
