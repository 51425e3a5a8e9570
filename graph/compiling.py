"""How the house's operations are compiled: what its resolvers have in common, told to the compiler."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from graphql import GraphQLSchema

from domain.access import Rule
from graph.compiled.compiler import Compiler
from graph.compiled.executor import CompiledExecutor, executor_class
from graph.compiled.insight import Call, Check
from graph.compiled.seeing_strawberry import StrawberryInsight
from resolvers.access import must_allow
from resolvers.context import Context
from resolvers.fields import GUARDED, Guarded

_OURS = "resolvers."


def compiled_executor(schema: GraphQLSchema) -> type[CompiledExecutor[Any]]:
    """The class of executors for a schema of the house, with a compiler of its own."""
    return executor_class(house_compiler(schema))


def house_compiler(schema: GraphQLSchema) -> Compiler:
    """A compiler for a schema of the house, with nothing compiled yet."""
    return Compiler(schema, StrawberryInsight(schema, _through))


def _through(function: Callable[..., Any]) -> Call | None:
    """How a resolver of ours is called: none looks at its own field, none changes its arguments."""
    guarded = getattr(function, GUARDED, None)
    if isinstance(guarded, Guarded):
        check = _check(guarded.rule)
        return Call(guarded.resolver, check=check, shares_info=True, keeps_arguments=True)
    if function.__module__.startswith(_OURS):
        return Call(function, shares_info=True, keeps_arguments=True)
    return None


@cache
def _check(rule: Rule) -> Check:
    def check(context: Context) -> None:
        must_allow(rule, context.viewer)

    return check
