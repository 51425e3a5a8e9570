"""The graph as a device sees it: signed in, asked over HTTP, heard over graphql-transport-ws."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpx2
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI, WebSocketException
from websockets.typing import Subprotocol

from devices.control.documents import SIGN_IN

_PROTOCOL = Subprotocol("graphql-transport-ws")
_TOKEN_REFUSED = (4401, 4403)
_UNAUTHENTICATED = "UNAUTHENTICATED"

# They write down every call.
for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)

TokenProvider = Callable[[], Awaitable[str | None]]
Json = dict[str, Any]


class GraphAway(Exception):  # noqa: N818 - an event in a device's life, not a fault of the caller
    """The graph did not answer, or broke off: try again."""


class GraphRefused(Exception):  # noqa: N818 - an answer
    """The graph said no, for good unless something changes there; `code` is from the schema's closed sets."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a device waits, in seconds.

    Between calls it waits `first_wait`, doubled with each failure up to `longest_wait`, less up to half by
    chance, so that a thousand gateways don't return at once. `silence` is three bookmark intervals.
    """

    answer: float = 10.0
    silence: float = 45.0
    first_wait: float = 0.25
    longest_wait: float = 15.0

    def wait(self, failures: int, chance: random.Random) -> float:
        """Seconds before the call that follows so many failures in a row (1 and more)."""
        full = min(self.longest_wait, self.first_wait * 2.0 ** min(failures - 1, 30))
        return full * chance.uniform(0.5, 1.0)


class Graph:
    """One principal's view of the graph at `url` (http or https, up to and with `/graphql`).

    `token` is asked before each connection and again whenever the one it gave is refused.
    """

    def __init__(self, url: str, token: TokenProvider, patience: Patience | None = None) -> None:
        self._url, self._token = url, token
        self._patience = patience or Patience()
        self._held: str | None = None
        # The graph is called directly; a proxy of the environment is meant for browsers.
        self._http = httpx2.AsyncClient(timeout=self._patience.answer, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ask(self, document: str, **variables: Any) -> Json:
        """The data of a query or mutation. Raises GraphAway, and GraphRefused with a top-level code."""
        errors: list[Json] = []
        for _ in range(2):
            answer = await self._post({"query": document, "variables": variables})
            errors = answer.get("errors") or []
            if not errors:
                data: Json = answer["data"]
                return data
            if errors[0].get("extensions", {}).get("code") != _UNAUTHENTICATED:
                break
            self._held = None
        raise _refusal(errors[0])

    async def change(self, document: str, **variables: Any) -> Json:
        """The payload of a mutation's only field. Raises GraphRefused for its first user error too."""
        (payload,) = (await self.ask(document, **variables)).values()
        for error in payload["userErrors"]:
            raise GraphRefused(error["code"], error["message"])
        return dict(payload)

    async def fetch(self, address: str) -> bytes:
        """What lies at an address the graph named, which may leave out its own host."""
        where = urljoin(self._url, address)
        ours = urlsplit(where).netloc == urlsplit(self._url).netloc
        try:
            response = await self._http.get(where, headers=await self._headers() if ours else {})
        except httpx2.HTTPError as error:
            raise GraphAway(f"{type(error).__name__} of {where}") from error
        if response.status_code != 200:
            raise GraphAway(f"{response.status_code} of {where}")
        return response.content

    def hear(self, document: str, **variables: Any) -> AbstractAsyncContextManager[AsyncIterator[Json]]:
        """The data of each event of a subscription, on a socket of its own.

        Raises GraphAway when it breaks off or falls silent, GraphRefused when it is refused.
        """
        return self._heard(document, variables)

    @asynccontextmanager
    async def _heard(self, document: str, variables: Json) -> AsyncIterator[AsyncIterator[Json]]:
        parts = urlsplit(self._url)
        url = urlunsplit(parts._replace(scheme="wss" if parts.scheme == "https" else "ws"))
        try:
            async with connect(
                url,
                subprotocols=[_PROTOCOL],
                open_timeout=self._patience.answer,
                close_timeout=1,
                max_size=2**22,
                proxy=None,
            ) as socket:
                await self._greet(socket)
                payload = {"query": document, "variables": variables}
                await _send(socket, {"id": "1", "type": "subscribe", "payload": payload})
                yield self._events(socket)
        except (OSError, TimeoutError, WebSocketException) as lost:
            if isinstance(lost, ConnectionClosed) and lost.rcvd and lost.rcvd.code in _TOKEN_REFUSED:
                self._held = None
            raise GraphAway(_reason(lost)) from lost

    async def _greet(self, socket: ClientConnection) -> None:
        if socket.subprotocol != _PROTOCOL:
            raise GraphAway("the server does not speak graphql-transport-ws")
        headers = await self._headers()
        greeting = {"authorization": headers["authorization"]} if headers else {}
        await _send(socket, {"type": "connection_init", "payload": greeting})
        async with asyncio.timeout(self._patience.answer):
            while (await _next(socket)).get("type") != "connection_ack":
                pass

    async def _events(self, socket: ClientConnection) -> AsyncIterator[Json]:
        while True:
            async with asyncio.timeout(self._patience.silence):
                message = await _next(socket)
            payload = message.get("payload")
            match message.get("type"):
                case "next" if isinstance(payload, dict):
                    for error in payload.get("errors") or []:
                        raise _refusal(error)
                    yield payload["data"]
                case "error" if isinstance(payload, list) and payload:
                    raise _refusal(payload[0])
                case "pong":
                    continue
                case kind:
                    raise GraphAway(f"the stream ended: {kind}")

    async def _post(self, body: Json) -> Json:
        headers = {"content-type": "application/json", **await self._headers()}
        try:
            response = await self._http.post(self._url, content=orjson.dumps(body), headers=headers)
            answer = orjson.loads(response.content)
        except (httpx2.HTTPError, orjson.JSONDecodeError) as error:
            raise GraphAway(f"{type(error).__name__} of {self._url}") from error
        if response.status_code >= 500 or response.status_code == 429 or not isinstance(answer, dict):
            raise GraphAway(f"{response.status_code} of {self._url}")
        return answer

    async def _headers(self) -> dict[str, str]:
        if self._held is None:
            self._held = await self._token()
        return {"authorization": f"Bearer {self._held}"} if self._held else {}


async def _send(socket: ClientConnection, message: Json) -> None:
    await socket.send(orjson.dumps(message).decode())


async def _next(socket: ClientConnection) -> Json:
    """The next message that is not a ping; pings are answered here."""
    while True:
        try:
            message = orjson.loads(await socket.recv())
        except orjson.JSONDecodeError as fault:
            raise GraphAway("a message is not JSON") from fault
        if not isinstance(message, dict):
            raise GraphAway("a message is not an object")
        if message.get("type") != "ping":
            return message
        await _send(socket, {"type": "pong"})


def _refusal(error: Json) -> GraphRefused:
    return GraphRefused(error.get("extensions", {}).get("code", "INTERNAL"), error.get("message", ""))


def _reason(lost: Exception) -> str:
    if isinstance(lost, InvalidHandshake | InvalidURI):
        return f"no WebSocket there: {lost}"
    return str(lost)[:300] or type(lost).__name__


def signed_in(url: str, code: str, secret: str, patience: Patience | None = None) -> TokenProvider:
    """What signs a device in by its secret, whenever a token is needed."""

    async def token() -> str:
        async with Graph(url, _nobody, patience) as visitor:
            payload = await visitor.change(SIGN_IN, code=code, secret=secret)
        access: str = payload["accessToken"]
        return access

    return token


async def _nobody() -> None:
    return None
