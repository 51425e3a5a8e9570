"""Compiled operations, each kept as long as its parsed document is."""

from __future__ import annotations

import logging
import weakref
from collections import Counter
from collections.abc import Awaitable, Collection, Sequence
from typing import Any

from graphql import (
    ArgumentNode,
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.collect_fields import FragmentDetails

from graph.compiled.arguments import Arguments
from graph.compiled.insight import Insight, NoInsight
from graph.compiled.run import Request, Run
from graph.compiled.strands import weave
from graph.compiled.writing import CannotCompile, Writer, Written

_log = logging.getLogger(__name__)
MOST_OUTCOMES = 16
"""So many combinations of a document's conditions are compiled; the others are left to graphql-core."""


class Program:
    """One operation, compiled for one outcome of its conditions."""

    def __init__(self, written: Written, templates: Sequence[Arguments], *, is_serial: bool) -> None:
        self.source = written.source
        self._roots = written.roots
        self._templates = templates
        self._is_serial = is_serial

    def execute(self, request: Request) -> ExecutionResult | Awaitable[ExecutionResult]:
        """The answer, or what to await for it when a resolver has to be awaited."""
        run = Run(request, self._templates)
        if self._is_serial:
            return self._serially(run, 0)
        self._begin(run, 0)
        return _woven(run) if run.new else run.result

    def _begin(self, run: Run, number: int) -> None:
        try:
            self._roots[number](run, run.request.root, None)
        except GraphQLError as error:
            run.fail(error)

    def _serially(self, run: Run, number: int) -> ExecutionResult | Awaitable[ExecutionResult]:
        while number < len(self._roots) and not run.is_nulled:
            self._begin(run, number)
            number += 1
            if run.new:
                return self._rest(run, number)
        return run.result

    async def _rest(self, run: Run, number: int) -> ExecutionResult:
        await weave(run)
        result = self._serially(run, number)
        return result if isinstance(result, ExecutionResult) else await result


async def _woven(run: Run) -> ExecutionResult:
    await weave(run)
    return run.result


class _Unknown:
    """Nobody has asked yet."""


_UNKNOWN = _Unknown()


class _Operation:
    """What is known of one operation of a document."""

    def __init__(self, operation: OperationDefinitionNode, fragments: dict[str, FragmentDetails]) -> None:
        asked = _Conditions()
        visit(operation, asked)
        for fragment in fragments.values():
            visit(fragment.definition, asked)
        self.conditions = tuple(asked.found)
        self.outcomes: dict[tuple[bool, ...], Program | None] = {}
        self.hindrance = asked.hindrance
        if any(fragment.variable_signatures for fragment in fragments.values()):
            self.hindrance = "a fragment with variables"


class Compiler:
    """Compiles the operations of a schema as they come.

    `counts` tells how many were compiled and executed, and why the others were left to graphql-core.
    """

    def __init__(self, schema: GraphQLSchema, insight: Insight | None = None) -> None:
        self._schema = schema
        self._insight: Insight = insight or NoInsight()
        self._operations: dict[int, tuple[weakref.ref[OperationDefinitionNode], _Operation]] = {}
        self.counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._operations)

    def program(
        self,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDetails],
        variables: dict[str, Any],
    ) -> Program | None:
        """An operation compiled for the values of its variables; None when it is left to graphql-core.

        The operation stands in a document that is valid for the schema.
        """
        known = self._known(operation, fragments)
        program, why = self._found(known, operation, fragments, variables)
        self.counts["executed" if program is not None else f"left: {why}"] += 1
        return program

    def _found(
        self,
        known: _Operation,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDetails],
        variables: dict[str, Any],
    ) -> tuple[Program | None, str]:
        if known.hindrance is not None:
            return None, known.hindrance
        outcome: tuple[Any, ...] = tuple([variables.get(name) for name in known.conditions])
        program = known.outcomes.get(outcome, _UNKNOWN)
        if not isinstance(program, _Unknown):
            return program, "it could not be compiled"
        if any(value.__class__ is not bool for value in outcome):
            return None, "a condition without a value"
        if len(known.outcomes) >= MOST_OUTCOMES:
            return None, "too many outcomes of its conditions"
        program = known.outcomes[outcome] = self._compiled(known, operation, fragments, outcome)
        return program, "it could not be compiled"

    def written(
        self, document: DocumentNode, name: str | None = None, *, off: Collection[str] = ()
    ) -> Written:
        """An operation of a valid document as it is compiled when every condition holds that is not `off`.

        Raises CannotCompile for what is left to graphql-core, LookupError when there is no such operation.
        """
        fragments = {
            one.name.value: FragmentDetails(one)
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        for operation in document.definitions:
            if isinstance(operation, OperationDefinitionNode) and (
                name is None or (operation.name is not None and operation.name.value == name)
            ):
                known = _Operation(operation, fragments)
                if known.hindrance is not None:
                    raise CannotCompile(known.hindrance)
                conditions = {condition: condition not in off for condition in known.conditions}
                return Writer(self._schema, self._insight, operation, fragments, conditions).write()
        raise LookupError(name)

    def _known(self, operation: OperationDefinitionNode, fragments: dict[str, FragmentDetails]) -> _Operation:
        # Documents compare by what stands in them, which takes longer than to execute them: so by identity.
        number = id(operation)
        known = self._operations.get(number)
        if known is None:
            reference = weakref.ref(operation, lambda _: self._operations.pop(number, None))
            known = self._operations[number] = (reference, _Operation(operation, fragments))
        return known[1]

    def _compiled(
        self,
        known: _Operation,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDetails],
        outcome: tuple[bool, ...],
    ) -> Program | None:
        conditions = dict(zip(known.conditions, outcome, strict=True))
        writer = Writer(self._schema, self._insight, operation, fragments, conditions)
        try:
            written = writer.write()
        except CannotCompile as why:
            self.counts[f"could not be compiled: {why}"] += 1
            return None
        except Exception:  # noqa: BLE001 - whatever it is, there is another way
            # A fault of the compiler is no reason not to answer.
            _log.exception("an operation could not be compiled")
            self.counts["could not be compiled: a fault"] += 1
            return None
        self.counts["compiled"] += 1
        return Program(written, writer.templates, is_serial=writer.is_serial)


class _Conditions(Visitor):
    """Finds the variables that decide what is selected."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, None] = {}
        self.hindrance: str | None = None

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        if node.name.value in ("defer", "stream"):
            self.hindrance = f"@{node.name.value}"
        if node.name.value not in ("skip", "include"):
            return
        for argument in node.arguments or ():
            self._condition(argument)

    def _condition(self, argument: ArgumentNode) -> None:
        if isinstance(argument.value, VariableNode):
            self.found[argument.value.name.value] = None
        elif not isinstance(argument.value, BooleanValueNode):
            self.hindrance = "a condition that is no Boolean"
