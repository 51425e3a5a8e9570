"""GraphQL over HTTP: POST with JSON, GET for queries, one operation per request."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from graphql import OperationType
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive
from structlog.contextvars import bind_contextvars

from domain.refusals import RequestCode, RequestError, Text
from graph.door import negotiation, requests
from graph.door.caller import Caller, OpenContext, OperationContext
from graph.door.documents import Operation
from graph.door.errors import Errors, Rejected, Translate
from graph.door.execution import Answer, Execution, refusal
from graph.door.guard import Guard, HungUp
from graph.door.limits import Limits

Page = Callable[[Request], Awaitable[Response]]
"""Answers a person's browser that navigates to the door."""

_STATUS = {
    RequestCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    RequestCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    RequestCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    RequestCode.BUDGET_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
    RequestCode.TIMEOUT: HTTPStatus.GATEWAY_TIMEOUT,
    RequestCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    RequestCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Of a request that failed as a whole; every other code is 400."""

_STATUS_OF_NOTHING = {
    code: _STATUS[code]
    for code in (
        RequestCode.RATE_LIMITED,
        RequestCode.BUDGET_EXHAUSTED,
        RequestCode.TIMEOUT,
        RequestCode.UNAVAILABLE,
    )
}
"""Of an operation that was run and could answer none of its fields: what a proxy or a retry should know."""

_CONTENT_TYPE = {
    name: (b"content-type", f"{name}; charset=utf-8".encode())
    for name in (negotiation.JSON, negotiation.GRAPHQL_RESPONSE)
}
_NO_STORE = (b"cache-control", b"no-store")
_READ = frozenset(
    {
        b"authorization",
        b"x-api-key",
        b"accept",
        b"accept-language",
        b"content-type",
        b"content-length",
        b"content-encoding",
        b"x-request-id",
    }
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_LINGER_BYTES = 16_000_000
_LINGER_SECONDS = 2.0
_UNAVAILABLE_SECONDS = 5
"""When to come back where whoever raised UNAVAILABLE does not say."""


class _Refuse(Exception):  # noqa: N818 - an answer of HTTP itself
    """A request that HTTP has its own status for."""

    def __init__(self, status: HTTPStatus, text: Text, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(text.en)
        self.status = status
        self.error = RequestError(RequestCode.BAD_USER_INPUT, text)
        self.headers = headers


@dataclass(frozen=True, slots=True)
class _Asking:
    """One request while it is answered."""

    request: Request
    headers: dict[bytes, str]
    caller: Caller
    errors: Errors
    is_get: bool


class Reply(Response):
    """A response whose headers are ready to be sent; what Starlette would otherwise work out for each."""

    def __init__(self, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [(b"content-length", b"%d" % len(body)), *headers]


class HttpDoor:
    """The HTTP endpoint."""

    def __init__(
        self,
        execution: Execution,
        open_context: OpenContext,
        limits: Limits,
        *,
        default_locale: str,
        translate: Translate,
        page: Page | None,
    ) -> None:
        self._execution = execution
        self._open_context = open_context
        self._limits = limits
        self._default_locale = default_locale
        self._translate = translate
        self._page = page
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
        errors = Errors(negotiation.language(accept_language, self._default_locale), self._translate)
        caller = Caller(headers.get(b"authorization"), headers.get(b"x-api-key"), accept_language, request_id)
        media_type = negotiation.media_type(accept)
        common = [
            _CONTENT_TYPE[media_type or negotiation.JSON],
            (b"x-request-id", request_id.encode()),
            _NO_STORE,
        ]
        try:
            if media_type is None:
                raise _Refuse(
                    HTTPStatus.NOT_ACCEPTABLE,
                    Text(
                        en=f"Answers are {negotiation.GRAPHQL_RESPONSE} or {negotiation.JSON}.",
                        zh=f"响应只提供 {negotiation.GRAPHQL_RESPONSE} 或 {negotiation.JSON}。",
                    ),
                )
            if self.draining:
                raise restarting()
            return await self._answered(_Asking(request, headers, caller, errors, method == "GET"), common)
        except _Refuse as refuse:
            told = [errors.of_exception(refuse.error)]
            return Reply(refuse.status, refusal(told), (*common, *refuse.headers))
        except Rejected as rejected:
            return Reply(HTTPStatus.BAD_REQUEST, refusal(errors.of_rejected(rejected)), common)
        except RequestError as error:
            status = _STATUS.get(error.code, HTTPStatus.BAD_REQUEST)
            return Reply(status, refusal([errors.of_exception(error)]), (*common, *_advice(error)))
        except HungUp:
            return Reply(HTTPStatus.BAD_REQUEST, b"", common)
        except Exception as error:  # noqa: BLE001 - the last place where a bug can be masked
            translated = self._translate(error)
            told = [errors.of_exception(translated or error)]
            if translated is None:
                return Reply(HTTPStatus.INTERNAL_SERVER_ERROR, refusal(told), common)
            status = _STATUS.get(translated.code, HTTPStatus.BAD_REQUEST)
            return Reply(status, refusal(told), (*common, *_advice(translated)))

    async def _answered(self, asking: _Asking, common: list[tuple[bytes, bytes]]) -> Response:
        if asking.is_get:
            asked = requests.from_query_string(asking.request.query_params)
        else:
            asked = requests.from_json(await self._body(asking))
        operation = await self._execution.operation(asked)
        if operation.type is OperationType.SUBSCRIPTION:
            raise RequestError.bad_input(
                en="Subscriptions are answered over a WebSocket (graphql-transport-ws).",
                zh="订阅请通过 WebSocket（graphql-transport-ws）进行。",
            )
        if asking.is_get and operation.type is not OperationType.QUERY:
            raise _Refuse(
                HTTPStatus.METHOD_NOT_ALLOWED,
                Text(
                    en="A GET may only query; send mutations by POST.", zh="GET 只能查询，变更请使用 POST。"
                ),
                (b"allow", b"POST"),
            )
        answer = await self._run(asking, operation, asked.variables)
        if answer.nothing_because is None:
            return Reply(HTTPStatus.OK, answer.payload, common)
        because = answer.nothing_because
        status = _STATUS_OF_NOTHING.get(because.code, HTTPStatus.OK)
        return Reply(status, answer.payload, (*common, *_advice(because)))

    async def _run(self, asking: _Asking, operation: Operation, variables: dict[str, object]) -> Answer:
        """The answer of an operation, within its time and as long as the client listens.

        A mutation is finished even when the client has left: its idempotency key has the answer for the
        client that comes back, and a provider's call is not cut off in the middle.
        """
        context: OperationContext | None = None
        is_mutation = operation.type is OperationType.MUTATION
        receive = None if is_mutation else asking.request.receive
        try:
            with Guard(self._limits.operation_seconds, receive):
                context = await self._open_context(asking.caller)
                executor = self._execution.start(operation, variables, context)
                return await self._execution.answer(executor, asking.errors)
        except BaseException:
            if context is not None:
                context.abandon()
            raise

    async def _body(self, asking: _Asking) -> bytes | bytearray:
        """The body of a POST, within its size and time."""
        if asking.request.method != "POST":
            raise _Refuse(
                HTTPStatus.METHOD_NOT_ALLOWED,
                Text(en="The graph answers GET and POST.", zh="接口只接受 GET 和 POST。"),
                (b"allow", b"GET, POST"),
            )
        _must_be_json(asking.headers)
        most = self._limits.body_bytes
        receive = asking.request.receive
        length = asking.headers.get(b"content-length", "")
        if length.isdigit() and int(length[:20]) > most:
            if int(length[:20]) <= _LINGER_BYTES:
                await _discard_rest(receive)
            raise _too_large(most)
        body = bytearray()
        with Guard(self._limits.body_seconds, late=_body_is_late):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise HungUp
                chunk: bytes = message.get("body", b"")
                more: bool = message.get("more_body", False)
                if len(body) + len(chunk) > most:
                    if more:
                        await _discard_rest(receive)
                    raise _too_large(most)
                if not more and not body:
                    return chunk
                body += chunk
                if not more:
                    return body


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


def _must_be_json(headers: dict[bytes, str]) -> None:
    """Refuses what a form on a foreign page could send: a browser asks permission before it posts JSON."""
    sent = headers.get(b"content-type", "")
    if sent == negotiation.JSON and b"content-encoding" not in headers:
        return
    kind, _, parameters = sent.partition(";")
    charset = re.search(r'charset\s*=\s*"?([^";\s]+)', parameters, re.IGNORECASE)
    if kind.strip().lower() != negotiation.JSON or (
        charset is not None and charset[1].lower() not in ("utf-8", "utf8")
    ):
        raise _Refuse(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            Text(
                en="Send the request as application/json in UTF-8.",
                zh="请以 UTF-8 编码的 application/json 发送请求。",
            ),
            (b"accept-post", negotiation.JSON.encode()),
        )
    if headers.get(b"content-encoding", "identity").strip().lower() != "identity":
        raise _Refuse(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            Text(en="Send the body uncompressed.", zh="请求体请勿压缩。"),
            (b"accept-encoding", b"identity"),
        )


async def _discard_rest(receive: Receive) -> None:
    """Reads over what is left of a body that is refused, within bounds.

    Most clients read the answer only after they have sent everything; closing earlier resets the connection
    under them and the answer is lost.
    """
    left = _LINGER_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def _body_is_late() -> _Refuse:
    return _Refuse(
        HTTPStatus.REQUEST_TIMEOUT,
        Text(en="The body took too long to arrive.", zh="请求体接收超时。"),
        (b"connection", b"close"),
    )


def _too_large(most: int) -> _Refuse:
    return _Refuse(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        Text(en=f"The body is larger than {most} bytes.", zh=f"请求体超过 {most} 字节。"),
        # A rest of the body may be left unread: only a new connection starts at a request again.
        (b"connection", b"close"),
    )


def _advice(error: RequestError) -> list[tuple[bytes, bytes]]:
    """The headers that go with a refusal."""
    headers: list[tuple[bytes, bytes]] = []
    if error.code is RequestCode.UNAUTHENTICATED:
        headers.append((b"www-authenticate", b'Bearer realm="shelfgraph", error="invalid_token"'))
    seconds = error.retry_after_seconds
    if seconds is None and error.code is RequestCode.UNAVAILABLE:
        seconds = _UNAVAILABLE_SECONDS
    if seconds is not None:
        headers.append((b"retry-after", b"%d" % max(seconds, 0)))
    return headers
