"""The operations of one connection: told apart by their ids, counted, and ended with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial
from typing import Protocol

from graphql import OperationType
from starlette.websockets import WebSocketDisconnect
from structlog.contextvars import bind_contextvars

from domain.refusals import RequestCode, RequestError, Text
from graph.door import requests
from graph.door.caller import Caller, OperationContext, TokenExpired
from graph.door.documents import Operation
from graph.door.errors import Errors, Rejected, Told
from graph.door.execution import Answer, SharedAnswers, SourceFailed
from graph.door.guard import Guard
from graph.door.inside import Inside
from graph.door.requests import Asked
from graph.live.listener import Listener


class WireClosed(Exception):  # noqa: N818 - the end of a connection is no error
    """Nothing can be said any more, whichever side ended it."""


Over = Callable[[Exception | None], None]
"""Called when a live operation ends by itself, with what it failed of."""


class Wire(Protocol):
    """The way to one client, in the words of its protocol; raises WireClosed once that has ended."""

    async def send_next(self, id_: str, answer: Answer) -> None:
        """One answer of an operation that goes on."""

    async def send_errors(self, id_: str, errors: list[Told]) -> None:
        """The operation is over: it failed as a whole."""

    async def send_complete(self, id_: str) -> None:
        """The operation is over: everything was answered."""

    def listener(self, id_: str, over: Over) -> Listener | None:
        """Takes the answers of a live operation to the client, without a task; None where that can't be."""
        return None

    async def dismiss(self, because: RequestError) -> None:
        """What the connection was let in with counts no more; it ends."""


class Operations:
    """What runs on one connection, each under an id of the client's."""

    __slots__ = ("_asked", "_caller", "_door", "_heard", "_mutating", "_running", "_wire")

    def __init__(self, door: Inside, wire: Wire, caller: Caller) -> None:
        self._door = door
        self._wire = wire
        self._caller = caller
        self._running: dict[str, asyncio.Task[None]] = {}
        self._mutating: set[str] = set()
        self._heard: dict[str, Listener] = {}
        self._asked = 0

    def __contains__(self, id_: str) -> bool:
        return id_ in self._running or id_ in self._heard

    @property
    def caller(self) -> Caller:
        """As whom the next operation is begun."""
        return self._caller

    def introduce(self, caller: Caller) -> None:
        """The caller has said who it is, or in which language it reads."""
        self._caller = caller

    def errors(self) -> Errors:
        """Words for what goes wrong with one operation, in the caller's language."""
        return self._door.errors(self._caller.accept_language)

    def begin(self, id_: str, asked: Asked, *, after: str | None = None) -> None:
        """Begins an operation under an id that is free; `after` is the cursor that a subscription resumes at.

        Raises RATE_LIMITED when too many run already.
        """
        most = self._door.limits.connection_operations
        if len(self._running) + len(self._heard) >= most:
            raise RequestError(
                RequestCode.RATE_LIMITED,
                Text(
                    en=f"At most {most} operations run on one connection.",
                    zh=f"每个连接最多同时运行 {most} 个操作。",
                ),
            )
        self._asked += 1
        caller = replace(self._caller, request_id=f"{self._caller.request_id}.{self._asked}")
        self._running[id_] = asyncio.create_task(self._operate(id_, asked, caller, after))

    def complete(self, id_: str) -> None:
        """Ends an operation because its client has heard enough; a mutation runs to its end, unheard."""
        listener = self._heard.pop(id_, None)
        if listener is not None:
            listener.leave()
        task = self._running.pop(id_, None)
        if task is None:
            return
        if id_ in self._mutating:
            self._mutating.discard(id_)
            self._door.let_finish(task)
        else:
            task.cancel()

    def cancel(self) -> None:
        """Cancels what may be cut off, but for the operation that calls this."""
        self._hear_no_more()
        for task in self._cancellable():
            if task is not asyncio.current_task():
                task.cancel()

    async def end(self) -> None:
        """Returns once everything is cancelled that may be, and has cleaned up."""
        self._hear_no_more()
        ending = self._cancellable()
        for id_, task in self._running.items():
            if id_ in self._mutating:
                self._door.let_finish(task)
        self._running.clear()
        for task in ending:
            task.cancel()
        if ending:
            await asyncio.wait(ending)

    # One operation -------------------------------------------------------

    async def _operate(self, id_: str, asked: Asked, caller: Caller, after: str | None) -> None:
        bind_contextvars(request_id=caller.request_id)
        try:
            await self._answer(id_, asked, caller, after)
        except Rejected as rejected:
            await self._over(id_, self.errors().of_rejected(rejected))
        except SourceFailed as failed:
            await self._over(id_, failed.errors)
        except TokenExpired as expired:
            self._forget(id_)
            await self._wire.dismiss(expired)
        except (WireClosed, WebSocketDisconnect):
            pass
        except Exception as error:  # noqa: BLE001 - the last place where a bug can be masked
            await self._over(id_, [self.errors().of_exception(error)])

    async def _answer(self, id_: str, asked: Asked, caller: Caller, after: str | None) -> None:
        door = self._door
        requests.refuse_nul(asked)
        with Guard(door.limits.operation_seconds):
            context = await door.open_context(caller)
            operation = await door.execution.operation(asked, context)
        if operation.type is OperationType.SUBSCRIPTION:
            variables = asked.variables
            if after is not None:
                operation, variables = door.execution.resumed(operation, variables, after)
            answers = await door.execution.subscribed(operation, variables, context, self.errors)
            if isinstance(answers, SharedAnswers):
                if self._hear(id_, answers):
                    return
                answers = answers.read()
            async with aclosing(answers):
                async for answer in answers:
                    await self._next(id_, answer)
        else:
            if operation.type is OperationType.MUTATION:
                self._mutating.add(id_)
            await self._next(id_, await self._answer_once(operation, asked.variables, context))
        await self._over(id_)

    def _hear(self, id_: str, answers: SharedAnswers) -> bool:
        """Whether the answers go to the client by themselves from now on; this task is then done."""
        listener = self._wire.listener(id_, partial(self._ended, id_))
        if listener is None:
            return False
        if self._is_running(id_):
            del self._running[id_]
            self._heard[id_] = listener
            answers.tell(listener)
        return True

    def flow(self) -> None:
        """The connection has room again for what waits."""
        for listener in tuple(self._heard.values()):
            listener.flow()

    def _ended(self, id_: str, error: Exception | None) -> None:
        """A live operation has ended by itself."""
        if self._heard.pop(id_, None) is not None:
            told = None if error is None else [self.errors().of_exception(error)]
            self._door.let_finish(asyncio.get_running_loop().create_task(self._say_over(id_, told)))

    def _hear_no_more(self) -> None:
        heard, self._heard = self._heard, {}
        for listener in heard.values():
            listener.leave()

    async def _answer_once(
        self, operation: Operation, variables: dict[str, object], context: OperationContext
    ) -> Answer:
        try:
            with Guard(self._door.limits.operation_seconds):
                started = self._door.execution.start(operation, variables, context)
                return await self._door.execution.answer(started, self.errors())
        except BaseException:
            context.abandon()
            raise

    async def _next(self, id_: str, answer: Answer) -> None:
        if self._is_running(id_):
            await self._wire.send_next(id_, answer)

    async def _over(self, id_: str, errors: list[Told] | None = None) -> None:
        """Says that an operation is over, unless the client said so first."""
        if self._forget(id_):
            await self._say_over(id_, errors)

    async def _say_over(self, id_: str, errors: list[Told] | None) -> None:
        with suppress(WireClosed, WebSocketDisconnect):
            if errors is not None:
                await self._wire.send_errors(id_, errors)
            else:
                await self._wire.send_complete(id_)

    def _is_running(self, id_: str) -> bool:
        return self._running.get(id_) is asyncio.current_task()

    def _forget(self, id_: str) -> bool:
        """Frees the id of the operation that is ending; False when the client had ended it before."""
        if not self._is_running(id_):
            return False
        del self._running[id_]
        self._mutating.discard(id_)
        return True

    def _cancellable(self) -> list[asyncio.Task[None]]:
        return [task for id_, task in self._running.items() if id_ not in self._mutating]
