"""One execution of a compiled operation: its state, and all that its source leaves to be looked up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from types import CoroutineType, FunctionType, GeneratorType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeGuard, TypeVar
from uuid import UUID

from graphql import (
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    located_error,
)
from graphql.execution import Executor, default_type_resolver
from graphql.execution.collect_fields import FieldDetails
from graphql.execution.executor import invalid_return_type_error
from graphql.pyutils import gather_with_cancel, inspect, is_iterable
from graphql.pyutils.is_awaitable import is_async_iterable
from graphql.type.definition import GraphQLAbstractType, GraphQLObjectType, GraphQLResolveInfoHelpers

from graph.compiled.places import At, Place, keys, linked_path

if TYPE_CHECKING:
    from graph.compiled.arguments import Arguments

ContextT = TypeVar("ContextT")
Objects = dict[str, Callable[..., object]]
"""The functions of a compiled operation that answer objects of a place, by the name of their type."""

PLAIN: set[type] = {
    *(str, int, float, bool, bytes, list, tuple, dict, set, frozenset),
    *(date, datetime, time, timedelta, Decimal, UUID),
}
"""Classes whose instances are values: none is an exception, and none can be awaited."""
_MOST_PLAIN = 10_000


class Typed(NamedTuple):
    """A value of an abstract type, once the name of its type was awaited."""

    value: object
    name: object


class Checked(NamedTuple):
    """A value of an object type, once its type's opinion was awaited."""

    value: object
    name: str


class SharedInfo(Generic[ContextT]):
    """What resolvers are told that look at nothing of their own field: one for all of an execution."""

    __slots__ = ("_schema", "context")

    def __init__(self, context: ContextT, schema: GraphQLSchema) -> None:
        self.context = context
        self._schema = schema

    @property
    def schema(self) -> Any:
        """The schema as resolvers know it: Strawberry's own, where it made the schema."""
        return getattr(self._schema, "_strawberry_schema", self._schema)


class Request(NamedTuple):
    """What an operation is executed with."""

    schema: GraphQLSchema
    fragments: dict[str, FragmentDefinitionNode]
    operation: OperationDefinitionNode
    root: Any
    variables: Any
    """graphql-core's VariableValues."""
    context: Any
    hide_suggestions: bool
    is_awaitable: Callable[[Any], TypeGuard[Awaitable[Any]]]


class Run:
    """The state of one execution; the compiled source calls it `x`."""

    __slots__ = (
        "allowed",
        "arguments",
        "context",
        "data",
        "errors",
        "info",
        "is_nulled",
        "new",
        "nulled",
        "request",
        "templates",
    )

    def __init__(self, request: Request, templates: Sequence[Arguments]) -> None:
        self.request = request
        self.context = request.context
        self.info: Any = SharedInfo(request.context, request.schema)
        self.templates = templates
        self.arguments: list[dict[str, Any] | None] = [None] * len(templates)
        """By field, what its resolver is given; None until somebody asks, or where each call gets its own."""
        self.allowed: set[int] = set()
        """The checks that were passed."""
        self.new: list[tuple[Any, At]] = []
        """What was begun and has to be awaited, and where it belongs."""
        self.errors: list[GraphQLError] = []
        self.nulled: dict[int, At] = {}
        """What is null because of an error, by the identity of its At."""
        self.is_nulled = False
        """Whether the whole answer is."""
        self.data: dict[str, Any] = {}

    @property
    def result(self) -> ExecutionResult:
        """The answer as it stands."""
        return ExecutionResult(None if self.is_nulled else self.data, self.errors or None)

    # ------------------------------------------------------------ values

    def odd(self, value: Any, at: At) -> object:
        """What stands in a place for a value of no expected class; None until it was awaited."""
        cls = value.__class__
        if cls in PLAIN or value is None:
            return at[3].complete(self, value, at)
        if self.request.is_awaitable(value):
            self.new.append((value, at))
            return None
        value = settled(value)
        if value is not None:
            _learn(cls)
        return at[3].complete(self, value, at)

    def listed(self, value: Any, at: At) -> Iterable[Any] | None:
        """The items of whatever stands for a list; None when they have to be awaited first."""
        if is_async_iterable(value):
            self.new.append((_collected(value, at), at))
            return None
        if not is_iterable(value):
            raise GraphQLError(f"Expected Iterable, but did not find one for field '{at[3]}'.")
        return value

    # ------------------------------------------------------------ types

    def typed(self, value: Any, at: At, objects: Objects) -> object:
        """An object of an abstract type, completed as the type it turns out to be."""
        abstract: GraphQLAbstractType = at[3].type  # type: ignore[assignment]
        resolve = abstract.resolve_type or default_type_resolver
        name: Any = resolve(value, self.resolve_info(at), abstract)
        if self.request.is_awaitable(name):
            self.new.append((Then(name, partial(Typed, value)), at))
            return None
        return self.named(name, value, at, objects)

    def named(self, name: Any, value: Any, at: At, objects: Objects) -> object:
        """The same once the type's name is known; raises graphql-core's error for one that can't be."""
        answer = objects.get(name) if isinstance(name, str) else None
        if answer is not None:
            return answer(self, value, at)
        abstract: GraphQLAbstractType = at[3].type  # type: ignore[assignment]
        # It reads nothing of an executor but the schema, which a request has too.
        Executor.ensure_valid_runtime_type(
            self.request,  # type: ignore[arg-type]
            name,
            abstract,
            _details(at[3]),
            self.resolve_info(at),
            value,
        )
        raise AssertionError(f"unreachable: {name} is a possible type of {abstract}")

    def is_of(self, type_: GraphQLObjectType, value: Any, at: At) -> bool:
        """Whether a value is of an object type; False also while that has to be awaited.

        Raises graphql-core's error when it is not.
        """
        if type_.is_type_of is None:
            return True
        verdict: Any = type_.is_type_of(value, self.resolve_info(at))
        if self.request.is_awaitable(verdict):
            self.new.append((Then(verdict, partial(_checked, type_, value, at[3])), at))
            return False
        _checked(type_, value, at[3], verdict)
        return True

    # ------------------------------------------------------------ calls

    def given(self, number: int) -> dict[str, Any]:
        """The arguments of a field's resolver; raises what graphql-core raises about them."""
        template = self.templates[number]
        request = self.request
        values = template.values(request.variables, hide_suggestions=request.hide_suggestions)
        if template.may_be_kept(values):
            self.arguments[number] = values
        return values

    def resolve_info(self, at: At) -> GraphQLResolveInfo[Any]:
        """What graphql-core tells a resolver of its field."""
        while at[3].of_item and at[0] is not None:
            at = at[0]
        place = at[3]
        request = self.request
        return GraphQLResolveInfo(
            place.field_name,
            place.nodes,
            place.field.type,
            place.parent,
            linked_path(at),
            request.schema,
            request.fragments,
            request.root,
            request.operation,
            request.variables,
            request.context,
            request.is_awaitable,
            None,
            _HELPERS,
        )

    # ------------------------------------------------------------ errors

    def failed(self, error: Exception, at: At) -> None:
        """Tells an error of a place that becomes null; raises it, located, where that may not be null."""
        located = located_error(error, at[3].nodes, keys(at))
        if not at[3].nullable:
            raise located
        self._tell(located, at)

    def failed_item(self, error: Exception, at: At, others: Iterator[tuple[int, Any]]) -> None:
        """The same for an item that may not be null; those behind it are not awaited any more."""
        for _, other in others:
            close(other)
        self.failed(error, at)

    def failed_later(self, error: Exception, at: At) -> None:
        """The same for a place that was awaited: the nearest one above it that may be null becomes null."""
        located = located_error(error, at[3].nodes, keys(at))
        here: At | None = at
        while here is not None and not here[3].nullable:
            here = here[0]
        if here is None:
            self.fail(located)
        elif not self.is_dead(here):
            here[2][here[1]] = None
            self._tell(located, here)

    def fail(self, error: GraphQLError) -> None:
        """The whole answer is null."""
        if not self.is_nulled:
            self.errors.append(error)
            self.is_nulled = True

    def _tell(self, error: GraphQLError, at: At) -> None:
        # Nothing is told of what is no part of the answer any more.
        if not self.is_dead(at):
            self.nulled[id(at)] = at
            self.errors.append(error)

    def is_dead(self, at: At) -> bool:
        """Whether a place is no part of the answer any more."""
        if self.is_nulled:
            return True
        nulled = self.nulled
        here: At | None = at
        while here is not None:
            if id(here) in nulled:
                return True
            here = here[0]
        return False


def settled(value: Any) -> Any:
    """A value that is not to be awaited, or not again: None for Undefined; an exception is raised."""
    if isinstance(value, Exception):
        raise value
    return None if value is Undefined else value


def no_null(place: Place) -> TypeError:
    """The error of a place that may not be null."""
    return TypeError(f"Cannot return null for non-nullable field {place}.")


def unwritten(type_: object, value: object, written: object) -> TypeError:
    """The error of a leaf that its type wrote as nothing."""
    return TypeError(
        f"Expected `{inspect(type_)}.coerce_output_value({inspect(value)})` to return non-nullable value,"
        f" returned: {inspect(written)}"
    )


def _details(place: Place) -> list[FieldDetails]:
    return [FieldDetails(node, None) for node in place.nodes]


def _checked(type_: GraphQLObjectType, value: object, place: Place, verdict: object) -> Checked:
    """A value of which its type said what it thinks of it; raises graphql-core's error for a no."""
    if not verdict:
        raise invalid_return_type_error(type_, value, _details(place))
    return Checked(value, type_.name)


def is_plain(cls: type) -> bool:
    """Whether no instance of a class is an exception or can be awaited."""
    return not (
        issubclass(cls, BaseException | GeneratorType | CoroutineType)
        or hasattr(cls, "__await__")
        # These could answer to any name.
        or hasattr(cls, "__getattr__")
        or isinstance(cls.__getattribute__, FunctionType)
    )


def _learn(cls: type) -> None:
    """Remembers a class whose instances need not be looked at one by one."""
    if is_plain(cls):
        if len(PLAIN) > _MOST_PLAIN:
            PLAIN.clear()
        PLAIN.add(cls)


async def _collected(values: Any, at: At) -> list[Any]:
    """The items of an asynchronous iterable; what it raises is located at the list."""
    items: list[Any] = []
    try:
        async for item in values:
            items.append(item)  # noqa: PERF401 - what it yielded before it raised is closed with it
    except Exception as error:
        raise located_error(error, at[3].nodes, keys(at)) from error
    return items


class Then:
    """What follows once something was awaited: awaited, it gives what a function makes of the value."""

    __slots__ = ("_awaited", "_then")

    def __init__(self, awaited: Any, then: Callable[[Any], object]) -> None:
        self._awaited = awaited
        self._then = then

    def __await__(self) -> Generator[Any, None, object]:
        value = yield from _await(self._awaited).__await__()
        return self._then(value)

    def close(self) -> None:
        """It will not be awaited."""
        close(self._awaited)


async def _await(awaited: Awaitable[object]) -> object:
    return await awaited


def close(awaited: Any) -> None:
    """Ends what nobody is going to await."""
    if isinstance(awaited, CoroutineType | GeneratorType | Then):
        awaited.close()


def _gather(awaitables: Sequence[Awaitable[Any]]) -> Awaitable[list[Any]]:
    return gather_with_cancel(*awaitables)


_tracked: set[asyncio.Future[Any]] = set()


def _track(values: Sequence[Any]) -> None:
    """Lets what a resolver has begun and not awaited come to its end."""
    for value in values:
        task = asyncio.ensure_future(value)
        _tracked.add(task)
        task.add_done_callback(_untrack)


def _untrack(task: asyncio.Future[Any]) -> None:
    _tracked.discard(task)
    if not task.cancelled():
        task.exception()


_HELPERS = GraphQLResolveInfoHelpers(gather=_gather, track=_track)
