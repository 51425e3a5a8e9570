"""graphql-core's executor, with compiled operations in the place of its interpreter."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, ClassVar, TypeVar

from graphql import ExecutionResult, Executor, default_field_resolver
from graphql.execution import default_type_resolver

from graph.compiled.compiler import Compiler
from graph.compiled.run import Request

ContextT = TypeVar("ContextT")


class CompiledExecutor(Executor[ContextT]):
    """Executes compiled what can be, and the rest as graphql-core does; made by `executor_class`."""

    compiler: ClassVar[Compiler]

    def execute_operation(self, serially: bool | None = None) -> Any:
        """The result of the operation, or an awaitable of it."""
        if self._is_ordinary:
            program = self.compiler.program(self.operation, self.fragments, self.variable_values.coerced)
            if program is not None:
                return self._executed(program.execute(self._request()))
        return super().execute_operation(serially)

    def _executed(
        self, result: ExecutionResult | Awaitable[ExecutionResult]
    ) -> ExecutionResult | Awaitable[ExecutionResult]:
        return result

    @property
    def _is_ordinary(self) -> bool:
        """Whether nothing was asked for that only graphql-core does."""
        return (
            self.error_propagation
            and self.middleware_manager is None
            and self.abort_signal is None
            and self.hooks is None
            and self.field_resolver is default_field_resolver
            and self.type_resolver is default_type_resolver
        )

    def _request(self) -> Request:
        return Request(
            self.schema,
            self.fragment_definitions,
            self.operation,
            self.root_value,
            self.variable_values,
            self.context_value,
            self.hide_suggestions,
            self.is_awaitable,
        )


def executor_class(compiler: Compiler) -> type[CompiledExecutor[Any]]:
    """The class of executors that execute what this compiler compiles."""
    return type("CompiledExecutor", (CompiledExecutor,), {"compiler": compiler})
