"""GraphQL over HTTP: POST with JSON, GET for queries, one operation per request."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

from graphql import OperationType
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope
from structlog.contextvars import bind_contextvars

from domain.refusals import RequestCode, RequestError, Text
from graph.door import negotiation, requests
from graph.door.bodies import json_body
from graph.door.caller import Caller, OperationContext
from graph.door.documents import Operation
from graph.door.errors import Errors, Rejected
from graph.door.event_stream import DistinctStream
from graph.door.execution import Answer, refusal
from graph.door.guard import Guard, HungUp
from graph.door.inside import Inside
from graph.door.replies import STATUS, STATUS_OF_NOTHING, Refuse, Reply, advice
from graph.door.requests import Asked
from graph.door.single_connection import (
    OPERATION_PARAMETER,
    TOKEN_HEADER,
    TOKEN_PARAMETER,
    SingleConnections,
)

Page = Callable[[Request], Awaitable[Response]]
"""Answers a person's browser that navigates to the door."""

_CONTENT_TYPE = {
    name: (b"content-type", f"{name}; charset=utf-8".encode())
    for name in (negotiation.JSON, negotiation.GRAPHQL_RESPONSE)
}
_NO_STORE = (b"cache-control", b"no-store")
_ERRORS_FIRST = b'{"errors"'
_READ = frozenset(
    {
        b"authorization",
        b"x-api-key",
        b"accept",
        b"accept-language",
        b"content-type",
        b"content-length",
        b"content-encoding",
        b"if-none-match",
        b"x-client-name",
        b"x-request-id",
        b"last-event-id",
        TOKEN_HEADER,
    }
)
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


@dataclass(frozen=True, slots=True)
class _Asking:
    """One request while it is answered."""

    request: Request
    headers: dict[bytes, str]
    caller: Caller
    errors: Errors
    method: str
    accept: str | None
    common: list[tuple[bytes, bytes]]
    reads_json: bool

    @property
    def is_get(self) -> bool:
        """Whether it may only ask, and change nothing."""
        return self.method == "GET"

    @property
    def stream_token(self) -> str | None:
        """The event stream that was reserved for it; where no header can be set, a parameter names it."""
        if TOKEN_HEADER in self.headers:
            return self.headers[TOKEN_HEADER]
        if not self.request.scope["query_string"]:
            return None
        return self.request.query_params.get(TOKEN_PARAMETER)


class HttpDoor:
    """The HTTP endpoint."""

    def __init__(self, inside: Inside, *, page: Page | None) -> None:
        self._inside = inside
        self._page = page
        self._single = SingleConnections(inside)
        self.draining = False

    async def answer(self, request: Request) -> Response:
        """The response to one request, whatever stood in it."""
        headers = _headers_read(request)
        request_id = request_id_from(headers.get(b"x-request-id"))
        bind_contextvars(request_id=request_id)
        method = request.method
        accept = headers.get(b"accept")
        if method == "GET" and self._page is not None and negotiation.wants_page(accept):
            return await self._page(request)
        accept_language = headers.get(b"accept-language")
        errors = self._inside.errors(accept_language)
        caller = Caller(
            headers.get(b"authorization"),
            headers.get(b"x-api-key"),
            accept_language,
            request_id,
            address_of(request.scope),
            headers.get(b"x-client-name"),
        )
        media_type = negotiation.media_type(accept)
        common = [
            _CONTENT_TYPE[media_type or negotiation.JSON],
            (b"x-request-id", request_id.encode()),
            _NO_STORE,
        ]
        asking = _Asking(request, headers, caller, errors, method, accept, common, media_type is not None)
        try:
            if self.draining:
                raise restarting()
            return await self._answered(asking)
        except Refuse as refuse:
            told = [errors.of_exception(refuse.error)]
            return Reply(refuse.status, refusal(told), (*common, *refuse.headers))
        except Rejected as rejected:
            # In plain JSON whatever GraphQL itself answered is 200: an old client takes all else for the word
            # of a proxy. Beside a reserved stream the status is all there is.
            is_plain = media_type == negotiation.JSON and asking.stream_token is None
            status = HTTPStatus.OK if is_plain else HTTPStatus.BAD_REQUEST
            return Reply(status, refusal(errors.of_rejected(rejected)), common)
        except RequestError as error:
            status = STATUS.get(error.code, HTTPStatus.BAD_REQUEST)
            return Reply(status, refusal([errors.of_exception(error)]), (*common, *advice(error)))
        except HungUp:
            return Reply(HTTPStatus.BAD_REQUEST, b"", common)
        except Exception as error:  # noqa: BLE001 - the last place where a bug can be masked
            translated = self._inside.translate(error)
            told = [errors.of_exception(translated or error)]
            if translated is None:
                return Reply(HTTPStatus.INTERNAL_SERVER_ERROR, refusal(told), common)
            status = STATUS.get(translated.code, HTTPStatus.BAD_REQUEST)
            return Reply(status, refusal(told), (*common, *advice(translated)))

    async def _answered(self, asking: _Asking) -> Response:
        if asking.method == "PUT":
            token = self._single.reserve(asking.caller, (await self._opened(asking)).standing)
            return Reply(HTTPStatus.CREATED, token.encode(), [_TEXT, *asking.common[1:]])
        if (token_given := asking.stream_token) is not None:
            return await self._on_reserved(asking, token_given)
        if not asking.reads_json and not negotiation.accepts_stream(asking.accept):
            raise _not_acceptable()
        asked = await self._asked(asking)
        context = await self._opened(asking)
        if (streamed := await self._streamed(asking, asked, context)) is not None:
            return streamed
        operation = await self._inside.execution.operation(asked, context)
        if operation.type is OperationType.SUBSCRIPTION:
            raise RequestError.bad_input(
                en="Subscriptions are answered as text/event-stream (graphql-sse), when Accept names it, or "
                "over a WebSocket (graphql-transport-ws).",
                zh="订阅请在 Accept 中指明 text/event-stream（graphql-sse），"
                "或通过 WebSocket（graphql-transport-ws）进行。",
            )
        if asking.is_get and operation.type is not OperationType.QUERY:
            raise _only_queries_by_get()
        answer = await self._run(asking, operation, asked.variables, context)
        if answer.nothing_because is None:
            if asking.is_get and asked.query is None and not answer.payload.startswith(_ERRORS_FIRST):
                return _kept(asking, answer.payload, is_private=context.standing is not None)
            return Reply(HTTPStatus.OK, answer.payload, asking.common)
        because = answer.nothing_because
        status = STATUS_OF_NOTHING.get(because.code, HTTPStatus.OK)
        return Reply(status, answer.payload, (*asking.common, *advice(because)))

    async def _asked(self, asking: _Asking) -> Asked:
        if asking.is_get:
            return requests.from_query_string(asking.request.query_params)
        if asking.method != "POST":
            raise Refuse(
                HTTPStatus.METHOD_NOT_ALLOWED,
                Text(en="The graph answers GET and POST.", zh="接口只接受 GET 和 POST。"),
                (b"allow", b"GET, POST"),
            )
        return requests.from_json(
            await json_body(asking.request.receive, asking.headers, self._inside.limits)
        )

    # Event streams ---------------------------------------------------------

    async def _streamed(self, asking: _Asking, asked: Asked, context: OperationContext) -> Response | None:
        """An event stream, where the client would rather have one; None where it is answered in JSON.

        What is wrong with the operation itself is told in the stream, as the protocol wants it: who reads
        streams with a browser's EventSource sees nothing of a response that is none.
        """
        prefers = negotiation.prefers_stream(asking.accept)
        if not prefers and not negotiation.accepts_stream(asking.accept):
            return None
        try:
            kind = (await self._inside.execution.operation(asked, context)).type
        except (Rejected, RequestError):
            if not prefers:
                raise
        else:
            if not prefers and kind is not OperationType.SUBSCRIPTION:
                return None
            if asking.is_get and kind is OperationType.MUTATION:
                raise _only_queries_by_get()
        after = asking.headers.get(b"last-event-id") or None
        return DistinctStream(self._inside, asking.caller, context.standing, asked, after=after)

    async def _on_reserved(self, asking: _Asking, token: str) -> Response:
        """The answer to a request about a reserved stream: it is opened, fed, or an operation of it ended."""
        context = await self._opened(asking)
        standing = context.standing
        if asking.is_get:
            if not negotiation.accepts_stream(asking.accept):
                raise _not_acceptable()
            return self._single.open(token, standing)
        if asking.method == "DELETE":
            id_ = asking.request.query_params.get(OPERATION_PARAMETER)
            self._single.complete(token, standing, id_)
            return Reply(HTTPStatus.OK, b"", asking.common[1:])
        asked = await self._asked(asking)
        await self._single.begin(token, asking.caller, context, asked)
        return Reply(HTTPStatus.ACCEPTED, b"", asking.common[1:])

    async def _opened(self, asking: _Asking) -> OperationContext:
        """A context for the caller. Raises RequestError with UNAUTHENTICATED."""
        with Guard(self._inside.limits.operation_seconds, asking.request.receive):
            return await self._inside.open_context(asking.caller)

    # Answers in JSON -------------------------------------------------------

    async def _run(
        self,
        asking: _Asking,
        operation: Operation,
        variables: dict[str, object],
        context: OperationContext,
    ) -> Answer:
        """The answer of an operation, within its time and as long as the client listens.

        A mutation is finished even when the client has left: its idempotency key has the answer for the
        client that comes back, and a provider's call is not cut off in the middle.
        """
        is_mutation = operation.type is OperationType.MUTATION
        receive = None if is_mutation else asking.request.receive
        try:
            with Guard(self._inside.limits.operation_seconds, receive):
                started = self._inside.execution.start(operation, variables, context)
                return await self._inside.execution.answer(started, asking.errors)
        except BaseException:
            context.abandon()
            raise


def address_of(scope: Scope) -> str | None:
    """Where a request comes from; behind a proxy that the server trusts, where that says it does."""
    client = scope.get("client")
    return None if client is None else str(client[0])


def request_id_from(sent: str | None) -> str:
    """The caller's own id for a request when it is harmless in a log, else a new one."""
    if sent is not None and _REQUEST_ID.fullmatch(sent):
        return sent
    return f"{random.getrandbits(128):032x}"


def restarting() -> RequestError:
    """The answer while the server goes down: another one is about to take over."""
    return RequestError(
        RequestCode.UNAVAILABLE,
        Text(en="The server is restarting.", zh="服务正在重启。"),
        retry_after_seconds=1,
    )


def _headers_read(request: Request) -> dict[bytes, str]:
    """The headers the door reads; a header sent twice counts as its values joined, as HTTP says."""
    headers: dict[bytes, str] = {}
    for name, value in request.scope["headers"]:
        if name in _READ:
            text = value.decode("latin-1")
            headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers


def _kept(asking: _Asking, payload: bytes, *, is_private: bool) -> Reply:
    """The answer to a published query by GET, which a client may keep, and asks about before it shows it.

    Prices and stock may change at any moment and no cache on the way hears of it: none answers by itself.
    """
    tag = b'"%b"' % hashlib.blake2b(payload, digest_size=16).hexdigest().encode()
    headers = [
        *asking.common[:2],
        (b"etag", tag),
        (b"cache-control", b"private, no-cache" if is_private else b"public, no-cache"),
        (b"vary", b"Accept, Accept-Language, Authorization, X-API-Key"),
    ]
    known = asking.headers.get(b"if-none-match", "")
    if tag.decode() in (one.strip().removeprefix("W/") for one in known.split(",")):
        return Reply(HTTPStatus.NOT_MODIFIED, b"", headers[1:])
    return Reply(HTTPStatus.OK, payload, headers)


def _not_acceptable() -> Refuse:
    ours = f"{negotiation.GRAPHQL_RESPONSE}, {negotiation.JSON}"
    return Refuse(
        HTTPStatus.NOT_ACCEPTABLE,
        Text(
            en=f"Answers are {ours} or {negotiation.EVENT_STREAM}.",
            zh=f"响应只提供 {ours} 或 {negotiation.EVENT_STREAM}。",
        ),
    )


def _only_queries_by_get() -> Refuse:
    return Refuse(
        HTTPStatus.METHOD_NOT_ALLOWED,
        Text(en="A GET may only query; send mutations by POST.", zh="GET 只能查询，变更请使用 POST。"),
        (b"allow", b"POST"),
    )
