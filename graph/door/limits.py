"""How much one operation may ask for, weighed before anything of it is validated or run.

One walk over the document weighs depth, aliases, fields and cost together. A fragment is weighed once,
however often it is spread, and its weight is added wherever it is: a document of fragments that double
each other is weighed in the time it takes to read it, and refused for what it would have become.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    is_leaf_type,
)

from domain.refusals import RequestCode, RequestError, Text

_LARGEST_TOLD = 2**53 - 1
"""The largest number that every JSON reader keeps exact; bombs weigh more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may weigh. Sizes are per operation, times in seconds."""

    tokens: int = 3_000
    characters: int = 100_000
    definitions: int = 100
    variables: int = 100
    directives: int = 50
    repeats: int = 50
    """How often fields of one name may be asked for in one place: validation compares them in pairs."""
    depth: int = 15
    root_fields: int = 30
    aliases: int = 100
    fields: int = 1_000
    cost: int = 20_000
    """Points: one for an object, ten for a mutation, times the length of every list around it."""
    list_size: int = 5
    """How long a list is taken to be when no argument says."""
    size_arguments: frozenset[str] = frozenset({"first", "last", "ids", "skus"})
    field_costs: Mapping[str, int] = field(default_factory=dict)
    """Points of single fields that cost more than their selection shows, by `Type.field`."""
    body_bytes: int = 1_000_000
    body_seconds: float = 10.0
    operation_seconds: float = 10.0
    connections: int = 20_000
    """Sockets and event streams that one process holds open."""
    caller_connections: int = 100
    """Of these, for one signed-in caller."""
    connection_operations: int = 50
    sign_in_check_seconds: float = 5.0
    """How long a connection may stay open after its token has run out."""
    socket_init_seconds: float = 10.0
    socket_message_bytes: int = 1_000_000
    socket_send_seconds: float = 10.0
    keep_alive_seconds: float = 12.0
    """How long an event stream may be silent before a comment keeps proxies from ending it."""
    reservation_seconds: float = 30.0
    """How long an event stream that was reserved waits for its client."""


class TooCostly(RequestError):  # noqa: N818 - like the refusals it is one of
    """OPERATION_TOO_COSTLY, with what was measured, what was found and what is allowed."""

    def __init__(self, measure: str, found: int | None, limit: int) -> None:
        said = f" {min(found, _LARGEST_TOLD)}" if found is not None else ""
        super().__init__(
            RequestCode.OPERATION_TOO_COSTLY,
            Text(
                en=f"The operation is too costly: {measure}{said}, at most {limit} allowed.",
                zh=f"该操作开销过大：{measure}{said}，上限为 {limit}。",
            ),
        )
        self.extensions: dict[str, object] = {"measure": measure, "limit": limit}
        if found is not None:
            self.extensions["cost"] = min(found, _LARGEST_TOLD)


Cost = dict[tuple[str, ...], int]
"""A sum of points, each times the sizes that the named variables turn out to have; `()` is the fixed part."""


def points(cost: Cost, variables: Mapping[str, object], limits: Limits) -> int:
    """The points of an operation under the variables it was called with."""
    total = 0
    for names, coefficient in cost.items():
        for name in names:
            coefficient *= _size_of(variables.get(name), limits)
        total += coefficient
    return total


def _size_of(value: object, limits: Limits) -> int:
    if isinstance(value, list | tuple):
        return len(value)
    if isinstance(value, int):
        return max(value, 0)
    return limits.list_size


def actual_points(operation: OperationType, data: object) -> int:
    """What an answer came to: one for each object in it, and for a mutation ten for each of its fields."""
    if not isinstance(data, dict):
        return 0
    if operation is OperationType.MUTATION:
        return sum(_MUTATION_POINTS + max(_objects(value) - 1, 0) for value in data.values())
    return sum(map(_objects, data.values()))


def _objects(value: object) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_objects, value.values()))
    if isinstance(value, list):
        return sum(map(_objects, value))
    return 0


@dataclass(slots=True)
class _Weight:
    """What a selection set weighs; `paged` is the part that counts once per item of the page around it."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0
    directives: int = 0
    roots: int = 0
    cost: Cost = field(default_factory=dict)
    paged: Cost = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the schema says about a field, as far as weighing goes."""

    type: GraphQLNamedType | None
    is_list: bool
    size_arguments: tuple[str, ...]
    points: int


_MUTATION_POINTS = 10
_UNKNOWN = _Shape(None, False, (), 1)
_PAGE_ITEMS = frozenset({"edges", "nodes"})
_META = frozenset({"__schema", "__type"})


class Scales:
    """Weighs documents of one schema."""

    def __init__(self, schema: GraphQLSchema, limits: Limits) -> None:
        self._schema = schema
        self._limits = limits
        self._shapes: dict[tuple[str, str], _Shape] = {}

    def weigh(self, document: DocumentNode) -> dict[str, Cost]:
        """The cost of every operation by its name ("" when it has none).

        Raises TooCostly for depth, root fields, aliases or fields. Cost itself depends on the variables and
        is compared by whoever knows them. The document need not be valid: what the schema does not know
        weighs one point, and a fragment inside itself weighs nothing there.
        """
        walk = _Walk(self, document)
        costs: dict[str, Cost] = {}
        self._hold("definitions", len(document.definitions), self._limits.definitions)
        try:
            for definition in document.definitions:
                if isinstance(definition, OperationDefinitionNode):
                    variables = len(definition.variable_definitions or ())
                    self._hold("variables", variables, self._limits.variables)
                    weight = walk.operation(definition)
                    self._hold("root fields", weight.roots, self._limits.root_fields)
                    costs[definition.name.value if definition.name else ""] = weight.cost
        except RecursionError:
            raise TooCostly("depth", None, self._limits.depth) from None
        return costs

    @property
    def assumed_size(self) -> int:
        """How long a list is taken to be when no argument says."""
        return self._limits.list_size

    def check(self, weight: _Weight) -> None:
        """Refuses a selection that is already over a limit, before its weight is added to any other."""
        self._hold("depth", weight.depth, self._limits.depth)
        self._hold("aliases", weight.aliases, self._limits.aliases)
        self._hold("fields", weight.fields, self._limits.fields)
        self._hold("directives", weight.directives, self._limits.directives)

    def check_repeats(self, selections: SelectionSetNode) -> None:
        """Refuses fields that are asked for over and over in one place."""
        nodes = selections.selections
        if len(nodes) > self._limits.repeats:
            names = {(node.alias or node.name).value for node in nodes if isinstance(node, FieldNode)}
            others = sum(not isinstance(node, FieldNode) for node in nodes)
            self._hold("repeats", len(nodes) - others - len(names), self._limits.repeats)

    def _hold(self, measure: str, found: int, limit: int) -> None:
        if found > limit:
            raise TooCostly(measure, found, limit)

    def root(self, operation: OperationType) -> GraphQLNamedType | None:
        """The type at the root of an operation."""
        return self._schema.get_root_type(operation)

    def named(self, name: str) -> GraphQLNamedType | None:
        """The type a fragment says it is on."""
        return self._schema.type_map.get(name)

    def shape(self, parent: GraphQLNamedType | None, name: str) -> _Shape:
        """What is known of a field; introspection weighs like everything else."""
        if parent is None:
            return _UNKNOWN
        key = (parent.name, name)
        known = self._shapes.get(key)
        if known is None:
            known = self._read_shape(parent, name)
            if known is not _UNKNOWN:
                self._shapes[key] = known
        return known

    def _read_shape(self, parent: GraphQLNamedType, name: str) -> _Shape:
        if name == "__typename":
            return _Shape(None, False, (), 0)
        if name in _META:
            meta = "__Schema" if name == "__schema" else "__Type"
            return _Shape(self._schema.type_map.get(meta), False, (), 1)
        definition = getattr(parent, "fields", {}).get(name)
        if definition is None:
            return _UNKNOWN
        type_, is_list = _unwrap(definition.type)
        default = 0 if type_ is None or is_leaf_type(type_) else 1
        if parent is self._schema.mutation_type:
            default = _MUTATION_POINTS
        return _Shape(
            type_,
            is_list,
            tuple(argument for argument in definition.args if argument in self._limits.size_arguments),
            self._limits.field_costs.get(f"{parent.name}.{name}", default),
        )

    def sizes(self, shape: _Shape, node: FieldNode) -> tuple[int, tuple[str, ...]]:
        """How many items a field yields: a number, and the variables it is multiplied by."""
        if shape.size_arguments:
            for argument in node.arguments or ():
                if argument.name.value in shape.size_arguments:
                    value = argument.value
                    if isinstance(value, VariableNode):
                        return 1, (value.name.value,)
                    if isinstance(value, ListValueNode):
                        return len(value.values), ()
                    if isinstance(value, IntValueNode) and len(value.value) < 12:
                        return max(int(value.value), 0), ()
                    if not isinstance(value, NullValueNode):
                        return 1, ()
        return self._limits.list_size, ()


class _Walk:
    """One document being weighed."""

    def __init__(self, scales: Scales, document: DocumentNode) -> None:
        self._scales = scales
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._weighed: dict[str, _Weight] = {}

    def operation(self, definition: OperationDefinitionNode) -> _Weight:
        """The weight of an operation."""
        weight = self._selection(definition.selection_set, self._scales.root(definition.operation))
        _add(weight.cost, weight.paged)
        return weight

    def _selection(self, selections: SelectionSetNode, parent: GraphQLNamedType | None) -> _Weight:
        total = _Weight()
        self._scales.check_repeats(selections)
        for node in selections.selections:
            total.directives += len(node.directives or ())
            if isinstance(node, FieldNode):
                self._add_field(total, node, parent)
            elif isinstance(node, FragmentSpreadNode):
                _add_weight(total, self._fragment(node.name.value))
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                on = self._scales.named(condition.name.value) if condition else parent
                _add_weight(total, self._selection(node.selection_set, on))
            self._scales.check(total)
        return total

    def _fragment(self, name: str) -> _Weight:
        known = self._weighed.get(name)
        if known is None:
            # While it is being weighed it weighs nothing, which ends cycles; validation names them.
            self._weighed[name] = _Weight()
            definition = self._fragments.get(name)
            if definition is None:
                return self._weighed[name]
            known = self._selection(
                definition.selection_set, self._scales.named(definition.type_condition.name.value)
            )
            self._weighed[name] = known
        return known

    def _add_field(self, total: _Weight, node: FieldNode, parent: GraphQLNamedType | None) -> None:
        name = node.name.value
        shape = self._scales.shape(parent, name)
        total.fields += 1
        total.roots += 1
        if node.alias is not None and node.alias.value != name:
            total.aliases += 1
        cost: Cost = {(): shape.points}
        # Introspection goes as deep as the tools make it; validation bounds what it can multiply.
        depth = 0 if parent is not None and parent.name.startswith("__") else 1
        if node.selection_set is not None:
            inner = self._selection(node.selection_set, shape.type)
            total.fields += inner.fields
            total.aliases += inner.aliases
            total.directives += inner.directives
            depth += inner.depth
            times, variables = self._scales.sizes(shape, node)
            is_page_item = shape.is_list and not shape.size_arguments and name in _PAGE_ITEMS
            if shape.is_list and not is_page_item:
                _add(inner.cost, cost)
                cost = {}
                _add(cost, inner.cost, times, variables)
                _add(cost, inner.paged, times * self._scales.assumed_size, variables)
            else:
                _add(cost, inner.cost)
                _add(cost, inner.paged, times, variables)
            if is_page_item:
                # The field itself is answered once, its items once for each of the page around it.
                _add(total.paged, cost)
                cost = {}
        total.depth = max(total.depth, depth)
        _add(total.cost, cost)


def _add_weight(total: _Weight, other: _Weight) -> None:
    total.depth = max(total.depth, other.depth)
    total.aliases += other.aliases
    total.directives += other.directives
    total.fields += other.fields
    total.roots += other.roots
    _add(total.cost, other.cost)
    _add(total.paged, other.paged)


def _add(total: Cost, other: Cost, times: int = 1, variables: Iterable[str] = ()) -> None:
    """Adds a cost, times a number and the sizes of variables."""
    if times == 0:
        return
    for names, coefficient in other.items():
        key = tuple(sorted((*names, *variables))) if variables else names
        total[key] = total.get(key, 0) + coefficient * times


def _unwrap(type_: GraphQLOutputType) -> tuple[GraphQLNamedType | None, bool]:
    """The named type inside, and whether a list is around it."""
    is_list = False
    inner: object = type_
    while isinstance(inner, GraphQLList | GraphQLNonNull):
        is_list = is_list or isinstance(inner, GraphQLList)
        inner = inner.of_type
    return (inner if isinstance(inner, GraphQLNamedType) else None), is_list
