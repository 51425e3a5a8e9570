"""One operation, run on the schema: queries and mutations to an answer, subscriptions to a stream of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeGuard, cast

import orjson
from graphql import (
    ExecutionResult,
    Executor,
    GraphQLSchema,
    create_source_event_stream,
    execute_subscription_event,
)
from strawberry.execution import optimized_is_awaitable

from domain.news import Cursor
from domain.refusals import RequestCode, RequestError
from graph.door.caller import OperationContext
from graph.door.documents import Documents, Operation
from graph.door.errors import Errors, Rejected, Told
from graph.door.guard import Guard
from graph.door.limits import Limits, TooCostly, actual_points, points
from graph.door.policy import AnythingGoes, Policy
from graph.door.requests import Asked
from graph.door.resuming import resumed
from graph.live.listener import Listener, Reader
from graph.live.operations import LiveOperations
from graph.live.shared import Run
from resolvers.live_stream import LiveStream

HouseExecutor = Executor[OperationContext]

_is_awaitable = cast("Callable[[object], TypeGuard[Awaitable[object]]]", optimized_is_awaitable)
_ENCODING = (
    orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS
)
"""Scalars say how they are written; what reaches the encoder otherwise is a bug and is not papered over."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An encoded GraphQL response; `nothing_because` is the reason when it holds no data at all.

    `resume_from` is the cursor of an event after which its stream may be resumed.
    """

    payload: bytes
    nothing_because: RequestError | None = None
    resume_from: str | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """An operation whose variables were read and found cheap enough; nothing of it has run yet."""

    executor: HouseExecutor
    operation: Operation
    points: int


class Execution:
    """Runs the operations of one schema under its limits."""

    def __init__(
        self,
        schema: GraphQLSchema,
        documents: Documents,
        limits: Limits,
        *,
        hide_suggestions: bool,
        policy: Policy | None = None,
        executor_class: type[HouseExecutor] = Executor,
    ) -> None:
        self._schema = schema
        self._documents = documents
        self._limits = limits
        self._hide_suggestions = hide_suggestions
        self._policy = policy or AnythingGoes()
        self._executor_class = executor_class
        self._live = LiveOperations()

    async def operation(self, asked: Asked, context: OperationContext) -> Operation:
        """The valid operation a caller means.

        Raises Rejected, TooCostly, or RequestError with PERSISTED_QUERY_NOT_FOUND, PERSISTED_QUERY_REQUIRED.
        """
        source = await self._policy.document(asked, context)
        return self._documents.operation(source, asked.operation_name)

    def resumed(
        self, operation: Operation, variables: dict[str, object], after: str
    ) -> tuple[Operation, dict[str, object]]:
        """A subscription and its variables as if `after` had been given; unchanged when it takes no such."""
        return resumed(self._schema, operation, variables, after)

    def start(
        self, operation: Operation, variables: Mapping[str, object], context: OperationContext
    ) -> Started:
        """The operation with its variables read and its cost compared; nothing of it has run yet.

        Raises Rejected with BAD_USER_INPUT for variables that don't fit, TooCostly for their sizes.
        """
        executor = self._executor_class.build(
            self._schema,
            operation.document,
            context_value=context,
            raw_variable_values=dict(variables),
            operation_name=operation.name,
            is_awaitable=_is_awaitable,
            hide_suggestions=self._hide_suggestions,
        )
        if isinstance(executor, list):
            raise Rejected(RequestCode.BAD_USER_INPUT, executor)
        cost = operation.fixed_cost
        if cost is None:
            cost = points(operation.cost, executor.variable_values.coerced, self._limits)
        if cost > self._limits.cost:
            raise TooCostly("points", cost, self._limits.cost)
        return Started(executor, operation, cost)

    async def answer(self, started: Started, errors: Errors) -> Answer:
        """The answer of a query or a mutation. Raises RequestError when the policy does not let it run."""
        executor, operation = started.executor, started.operation
        charge = await self._policy.admit(operation, started.points, executor.context_value)
        result = await _settled(executor.execute_operation())
        extensions = dict(executor.context_value.extensions)
        if charge is not None:
            actual = actual_points(operation.type, result.data)
            extensions["cost"] = await charge.settle(actual)
        return encoded(result, errors, extensions)

    async def subscribed(
        self,
        operation: Operation,
        variables: Mapping[str, object],
        context: OperationContext,
        errors: Callable[[], Errors],
    ) -> SharedAnswers | AsyncGenerator[Answer, None]:
        """The answers of a subscription, one for every event of its source.

        A live stream is executed once for all who ask for the same. Any other is read for this caller,
        each event with a context of its own; one with an attribute `resume_from` says from which cursor on
        its stream goes on without it. Closing the answers closes the source.

        Raises Rejected, TooCostly, or RequestError when the source says no.
        """
        key = _sharing(operation, variables, context, errors)
        shared = self._live.find(key)
        if shared is not None:
            # Whoever came before had the same rights, and asked what is valid and not too costly.
            after = _left_off(operation, variables)
            if not isinstance(after, _Unknown):
                asked = points(operation.cost, variables, self._limits)
                await self._policy.admit(operation, asked, context)
                context.abandon()
                return SharedAnswers(partial(shared.join, after=after))
        started = self.start(operation, variables, context)
        executor = started.executor
        await self._policy.admit(operation, started.points, context)
        with Guard(self._limits.operation_seconds):
            source: object = create_source_event_stream(executor)
            if _is_awaitable(source):
                source = await source
        if not isinstance(source, AsyncIterable):
            raise SourceFailed(errors().of_fields(getattr(source, "errors", None) or [])[0])
        if not isinstance(source, LiveStream):
            return self._alone(executor, source, errors)
        context.abandon()
        executor.context_value = context.for_everyone()
        run = self._runner(executor, errors())
        return SharedAnswers(partial(self._live.join, key, source, run))

    async def _alone(
        self, executor: HouseExecutor, source: AsyncIterable[object], errors: Callable[[], Errors]
    ) -> AsyncGenerator[Answer, None]:
        context = executor.context_value
        try:
            async for payload in source:
                event = executor.build_per_event_executor(payload)
                event.context_value = fresh = context.for_event()
                try:
                    with Guard(self._limits.operation_seconds):
                        result = await _settled(execute_subscription_event(event))
                except BaseException:
                    fresh.abandon()
                    raise
                answer = encoded(result, errors())
                cursor = getattr(payload, "resume_from", None)
                yield answer if cursor is None else replace(answer, resume_from=cursor)
        finally:
            context.abandon()
            close = getattr(source, "aclose", None)
            if close is not None:
                await close()

    def _runner(self, executor: HouseExecutor, words: Errors) -> Run:
        """Executes events of one stream for everybody who shares the executor's view."""

        async def run(events: Sequence[object]) -> list[bytes]:
            seen = executor.context_value.for_event()
            try:
                with Guard(self._limits.operation_seconds):
                    results = await asyncio.gather(*(result(event, seen) for event in events))
            except BaseException:
                seen.abandon()
                raise
            for each in results:
                if (away := words.outage(each.errors)) is not None:
                    raise away
            return [encoded(each, words.anew()).payload for each in results]

        async def result(event: object, seen: OperationContext) -> ExecutionResult:
            one = executor.build_per_event_executor(event)
            one.context_value = seen
            return await _settled(execute_subscription_event(one))

        return run


class SharedAnswers:
    """The answers of a live operation: told to a listener, or read one after another."""

    def __init__(self, join: Callable[[Listener], None]) -> None:
        self.tell = join

    async def read(self) -> AsyncGenerator[Answer, None]:
        """The answers as they come, at the reader's pace."""
        reader = Reader()
        self.tell(reader)
        try:
            async for notice in reader:
                yield Answer(notice.payload, resume_from=notice.resume_from)
        finally:
            reader.leave()


def _sharing(
    operation: Operation,
    variables: Mapping[str, object],
    context: OperationContext,
    errors: Callable[[], Errors],
) -> Hashable:
    """What two callers must have in common to be told the same; where each left off is its own."""
    given = {name: value for name, value in variables.items() if name != operation.resumes_by}
    return (
        operation.identity,
        orjson.dumps(given, option=orjson.OPT_SORT_KEYS),
        context.view,
        errors().locale,
    )


class _Unknown:
    """Where a stream's reader left off has to be read from the document, or is no cursor."""


def _left_off(operation: Operation, variables: Mapping[str, object]) -> Cursor | _Unknown | None:
    """Where a reader of a stream left off, as far as the variables alone can tell."""
    if operation.resumes_by is None:
        return _Unknown()
    given = variables.get(operation.resumes_by)
    if given is None:
        return None
    return (Cursor.parse(given) if isinstance(given, str) else None) or _Unknown()


class SourceFailed(Exception):  # noqa: N818 - an answer, already worded
    """A subscription whose source could not be made; `errors` is what the client is told."""

    def __init__(self, errors: list[Told]) -> None:
        super().__init__(str(errors))
        self.errors = errors


async def _settled(result: object) -> ExecutionResult:
    """A result, awaited when it is still under way. Ours is never incremental: no executor of ours is."""
    return cast("ExecutionResult", await result if _is_awaitable(result) else result)


def encoded(result: ExecutionResult, errors: Errors, extensions: dict[str, object] | None = None) -> Answer:
    """A result as JSON; data that cannot be encoded is a bug and answered as one."""
    data = result.data
    because = None
    response: dict[str, object] = {}
    if result.errors:
        response["errors"], first = errors.of_fields(result.errors)
        if first is not None and (data is None or all(value is None for value in data.values())):
            because = first
    response["data"] = data
    if extensions:
        response["extensions"] = extensions
    try:
        return Answer(orjson.dumps(response, option=_ENCODING), because)
    except TypeError as error:
        return Answer(orjson.dumps({"errors": [errors.of_exception(error)], "data": None}))


def refusal(told: list[Told]) -> bytes:
    """A response without data, for a request that was never run."""
    return orjson.dumps({"errors": told})
