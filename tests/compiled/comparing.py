"""One document, executed compiled and by graphql-core, and what the specification lets them differ in."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from graphql import DocumentNode, ExecutionResult, Executor, GraphQLError, GraphQLSchema
from strawberry.execution import optimized_is_awaitable

from graph.compiled.executor import CompiledExecutor


async def executed(
    executor_class: type[Executor[Any]],
    schema: GraphQLSchema,
    document: DocumentNode,
    *,
    variables: dict[str, Any] | None = None,
    context: object = None,
    root: object = None,
    name: str | None = None,
) -> ExecutionResult:
    """The result of an operation; variables that don't fit are a result as well."""
    executor = executor_class.build(
        schema,
        document,
        root,
        context,
        raw_variable_values=variables or {},
        operation_name=name,
        is_awaitable=optimized_is_awaitable,
    )
    if isinstance(executor, list):
        return ExecutionResult(None, executor)
    result: Any = executor.execute_operation()
    answer: ExecutionResult = await result if optimized_is_awaitable(result) else result
    return answer


async def both(
    compiled: type[CompiledExecutor[Any]],
    schema: GraphQLSchema,
    document: DocumentNode,
    *,
    context: Callable[[], object],
    variables: dict[str, Any] | None = None,
    name: str | None = None,
) -> tuple[ExecutionResult, ExecutionResult]:
    """What graphql-core answers, and what the compiled operation does."""
    asked = {"variables": variables, "name": name}
    reference = await executed(Executor, schema, document, context=context(), **asked)
    return reference, await executed(compiled, schema, document, context=context(), **asked)


def exactly(result: ExecutionResult) -> tuple[str, list[object]]:
    """The whole of a result, in its order."""
    return _written(result.data), [_told(error) for error in result.errors or ()]


def within_the_specification(reference: ExecutionResult, other: ExecutionResult) -> str | None:
    """What sets two results apart that the specification does not leave open; None when nothing does.

    Left open: the order of errors, and, where an error made something above it null, which of several it was
    and what else is told of what is no part of the answer.
    """
    if _written(reference.data) != _written(other.data):
        return f"data:\n  {_written(reference.data)}\n  {_written(other.data)}"
    ours, theirs = _by_null(other), _by_null(reference)
    if ours.keys() != theirs.keys():
        return f"nulls with errors:\n  {sorted(map(str, theirs))}\n  {sorted(map(str, ours))}"
    for null, told in theirs.items():
        mine = ours[null]
        at_it = {path: error for path, error in told.items() if path == null}
        if at_it and at_it != {path: error for path, error in mine.items() if path == null}:
            return f"errors at {null}:\n  {told}\n  {mine}"
        for path in told.keys() & mine.keys():
            if told[path] != mine[path]:
                return f"errors at {path}:\n  {told[path]}\n  {mine[path]}"
    return None


def _by_null(result: ExecutionResult) -> dict[tuple[Any, ...] | None, dict[tuple[Any, ...], object]]:
    """The errors by the null in the answer that each one made."""
    found: dict[tuple[Any, ...] | None, dict[tuple[Any, ...], object]] = defaultdict(dict)
    for error in result.errors or ():
        path = tuple(error.path or ())
        found[_null_above(result.data, path)][path] = _told(error)
    return found


def _null_above(data: Any, path: tuple[Any, ...]) -> tuple[Any, ...] | None:
    if data is None:
        return None
    for depth, key in enumerate(path):
        data = data[key]
        if data is None:
            return path[: depth + 1]
    raise AssertionError(f"an error at {path}, where there is something")


def _told(error: GraphQLError) -> object:
    return error.message, [(at.line, at.column) for at in error.locations or ()], error.path


def _written(data: Any) -> str:
    return json.dumps(data)
