"""The body of a request: JSON, within its size and its time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus

from starlette.types import Receive

from domain.refusals import Text
from graph.door import negotiation
from graph.door.guard import Guard, HungUp
from graph.door.limits import Limits
from graph.door.replies import Refuse

_LINGER_BYTES = 16_000_000
_LINGER_SECONDS = 2.0


async def json_body(receive: Receive, headers: Mapping[bytes, str], limits: Limits) -> bytes | bytearray:
    """The body of a request that brings JSON. Raises Refuse, or HungUp when the client left meanwhile."""
    _must_be_json(headers)
    most = limits.body_bytes
    length = headers.get(b"content-length", "")
    if length.isdigit() and int(length[:20]) > most:
        if int(length[:20]) <= _LINGER_BYTES:
            await _discard_rest(receive)
        raise _too_large(most)
    body = bytearray()
    with Guard(limits.body_seconds, late=_body_is_late):
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


def _must_be_json(headers: Mapping[bytes, str]) -> None:
    """Refuses what a form on a foreign page could send: a browser asks permission before it posts JSON."""
    sent = headers.get(b"content-type", "")
    if sent == negotiation.JSON and b"content-encoding" not in headers:
        return
    kind, _, parameters = sent.partition(";")
    charset = re.search(r'charset\s*=\s*"?([^";\s]+)', parameters, re.IGNORECASE)
    if kind.strip().lower() != negotiation.JSON or (
        charset is not None and charset[1].lower() not in ("utf-8", "utf8")
    ):
        raise Refuse(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            Text(
                en="Send the request as application/json in UTF-8.",
                zh="请以 UTF-8 编码的 application/json 发送请求。",
            ),
            (b"accept-post", negotiation.JSON.encode()),
        )
    if headers.get(b"content-encoding", "identity").strip().lower() != "identity":
        raise Refuse(
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


def _body_is_late() -> Refuse:
    return Refuse(
        HTTPStatus.REQUEST_TIMEOUT,
        Text(en="The body took too long to arrive.", zh="请求体接收超时。"),
        (b"connection", b"close"),
    )


def _too_large(most: int) -> Refuse:
    return Refuse(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        Text(en=f"The body is larger than {most} bytes.", zh=f"请求体超过 {most} 字节。"),
        # A rest of the body may be left unread: only a new connection starts at a request again.
        (b"connection", b"close"),
    )
