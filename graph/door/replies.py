"""Answers of HTTP: their statuses, their headers, and the refusals that HTTP has its own words for."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from starlette.responses import Response

from domain.refusals import RequestCode, RequestError, Text

STATUS = {
    RequestCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    RequestCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    RequestCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    RequestCode.BUDGET_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
    RequestCode.TIMEOUT: HTTPStatus.GATEWAY_TIMEOUT,
    RequestCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    RequestCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Of a request that failed as a whole; every other code is 400."""

STATUS_OF_NOTHING = {
    code: STATUS[code]
    for code in (
        RequestCode.RATE_LIMITED,
        RequestCode.BUDGET_EXHAUSTED,
        RequestCode.TIMEOUT,
        RequestCode.UNAVAILABLE,
    )
}
"""Of an operation that was run and could answer none of its fields: what a proxy or a retry should know."""

_UNAVAILABLE_SECONDS = 5
"""When to come back where whoever raised UNAVAILABLE does not say."""


class Refuse(Exception):  # noqa: N818 - an answer of HTTP itself
    """A request that HTTP has its own status for."""

    def __init__(self, status: HTTPStatus, text: Text, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(text.en)
        self.status = status
        self.error = RequestError(RequestCode.BAD_USER_INPUT, text)
        self.headers = headers


class Reply(Response):
    """A response whose headers are ready to be sent; what Starlette would otherwise work out for each."""

    def __init__(self, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [(b"content-length", b"%d" % len(body)), *headers]


def advice(error: RequestError) -> list[tuple[bytes, bytes]]:
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
