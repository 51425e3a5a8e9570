"""graphql-sse's single connection mode: a stream is reserved, opened once, and fed by requests beside it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from http import HTTPStatus

from starlette.types import Receive, Scope, Send

from domain.refusals import RequestCode, RequestError, Text
from graph.door.caller import Caller, OperationContext, Standing
from graph.door.event_stream import SharedStream
from graph.door.inside import Inside
from graph.door.replies import Refuse
from graph.door.requests import Asked

TOKEN_HEADER = b"x-graphql-event-stream-token"
TOKEN_PARAMETER = "token"  # noqa: S105 - the name of a parameter
OPERATION_PARAMETER = "operationId"


class ReservedStream(SharedStream):
    """A stream that waits for its client; `forget` is called once the client has left it."""

    def __init__(
        self,
        inside: Inside,
        caller: Caller,
        standing: Standing | None,
        forget: Callable[[ReservedStream], None],
    ) -> None:
        super().__init__(inside, caller, standing)
        self.token = secrets.token_urlsafe(24)
        self.standing = standing
        self.is_taken = False
        self._forget = forget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers the request with the stream; returns once it is over."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._forget(self)


class SingleConnections:
    """The reserved and the open streams of one process, by their tokens.

    A token is good in the process that gave it: balancers have to send a client's requests to one process.
    """

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self._streams: dict[str, ReservedStream] = {}

    def reserve(self, caller: Caller, standing: Standing | None) -> str:
        """The token of a new stream, to be opened within `reservation_seconds`. Raises RATE_LIMITED."""
        stream = ReservedStream(self._inside, caller, standing, self._forget)
        self._streams[stream.token] = stream
        asyncio.get_running_loop().call_later(self._inside.limits.reservation_seconds, self._is_late, stream)
        return stream.token

    def open(self, token: str, standing: Standing | None) -> ReservedStream:
        """The stream as the answer to a request. Raises Refuse when it is unknown or open already."""
        stream = self._of(token, standing)
        if stream.is_taken:
            raise Refuse(
                HTTPStatus.CONFLICT,
                Text(en="This event stream is open already.", zh="该事件流已经打开。"),
            )
        stream.is_taken = True
        return stream

    async def begin(self, token: str, caller: Caller, context: OperationContext, asked: Asked) -> None:
        """Begins an operation whose answers go to the stream, as whoever asks for it.

        Raises Refuse, and Rejected or RequestError for an operation that cannot be run.
        """
        stream = self._of(token, context.standing)
        id_ = asked.operation_id
        if not id_:
            raise RequestError.bad_input(
                en="extensions.operationId is missing: it names the operation in the event stream.",
                zh="缺少 extensions.operationId，事件流用它来区分操作。",
            )
        await self._inside.execution.operation(asked, context)
        if id_ in stream.operations:
            raise Refuse(
                HTTPStatus.CONFLICT,
                Text(en="An operation runs under this id already.", zh="已有操作使用此 operationId。"),
            )
        # Perhaps by a newer token than the stream was reserved with: it lives as long as that.
        self._inside.connections.sign_in(stream, context.standing)
        stream.operations.introduce(caller)
        stream.operations.begin(id_, asked)

    def complete(self, token: str, standing: Standing | None, id_: str | None) -> None:
        """Ends an operation of a stream; one that has ended already is as good."""
        if not id_:
            raise RequestError.bad_input(
                en="The parameter operationId is missing.", zh="缺少参数 operationId。"
            )
        self._of(token, standing).operations.complete(id_)

    def _of(self, token: str, standing: Standing | None) -> ReservedStream:
        stream = self._streams.get(token)
        if stream is None:
            raise Refuse(
                HTTPStatus.NOT_FOUND,
                Text(en="No event stream is reserved under this token.", zh="没有以此令牌预留的事件流。"),
            )
        if (standing and standing.principal) != (stream.standing and stream.standing.principal):
            raise RequestError(
                RequestCode.FORBIDDEN,
                Text(en="This event stream was reserved by somebody else.", zh="该事件流由他人预留。"),
            )
        return stream

    def _is_late(self, stream: ReservedStream) -> None:
        if not stream.is_taken:
            self._forget(stream)
            stream.end()
            self._inside.connections.leave(stream)
            self._inside.let_finish(asyncio.get_running_loop().create_task(stream.operations.end()))

    def _forget(self, stream: ReservedStream) -> None:
        self._streams.pop(stream.token, None)
