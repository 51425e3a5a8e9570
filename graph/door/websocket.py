"""GraphQL over a WebSocket, by the protocol graphql-transport-ws."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

import orjson
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect
from structlog.contextvars import bind_contextvars

from domain.refusals import RequestCode, RequestError
from graph.door import requests
from graph.door.caller import Caller, Standing, TokenExpired
from graph.door.errors import Told
from graph.door.execution import Answer
from graph.door.frames import EXTENSION, Frames, SocketListener
from graph.door.guard import Guard
from graph.door.http import address_of, request_id_from
from graph.door.inside import Inside
from graph.door.operations import Operations, Over, WireClosed
from graph.live.listener import Listener

PROTOCOL = "graphql-transport-ws"

BAD_REQUEST = 4400
UNAUTHORIZED = 4401
EXPIRED = 4403
BAD_PROTOCOL = 4406
INIT_TIMEOUT = 4408
ID_TAKEN = 4409
TOO_MANY_INITS = 4429
INTERNAL = 4500
MESSAGE_TOO_BIG = 1009
RESTARTING = 1012
TRY_LATER = 1013

_log = structlog.get_logger("graph.door")
_PONG = '{"type":"pong"}'
_ACK = '{"type":"connection_ack"}'


class Socket:
    """One connection, from its handshake to its close code."""

    # There are ten thousand of them.
    __slots__ = (
        "_acknowledged",
        "_closed",
        "_door",
        "_initialised",
        "_operations",
        "_standing",
        "_ws",
    )

    def __init__(self, door: Inside, ws: WebSocket) -> None:
        self._door = door
        self._ws = ws
        self._initialised = False
        self._acknowledged = False
        self._standing: Standing | None = None
        self._closed = False
        self._operations = Operations(door, self, _caller_of(ws))

    async def serve(self, *, draining: bool) -> None:
        """Runs the connection until it is closed and everything it started has ended."""
        bind_contextvars(request_id=self._operations.caller.request_id)
        spoken = PROTOCOL in self._ws.scope["subprotocols"]
        await self._ws.accept(subprotocol=PROTOCOL if spoken else None)
        if not spoken:
            await self.close(BAD_PROTOCOL, f"Speak {PROTOCOL}")
            return
        if draining:
            await self.restart()
            return
        timer = asyncio.get_running_loop().call_later(
            self._door.limits.socket_init_seconds, self._init_is_late
        )
        try:
            await self._count_in()
            while not self._closed:
                await self._on_message(await self._ws.receive())
        except (WireClosed, WebSocketDisconnect):
            pass
        except Exception as error:  # noqa: BLE001 - the last place where a bug can be masked
            _log.error("socket_failed", exc_info=error)
            await self.close(INTERNAL, "Internal server error")
        finally:
            timer.cancel()
            self._closed = True
            self._door.connections.leave(self)
            await self._operations.end()

    async def restart(self) -> None:
        """Closes the socket as clients of the reference kind want it to connect again."""
        await self.close(RESTARTING, "Service restart")

    async def close(self, code: int, reason: str) -> None:
        """Closes the socket, once; what runs on it ends with it."""
        if self._closed:
            return
        self._closed = True
        self._operations.cancel()
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(self._door.limits.socket_send_seconds):
                await self._ws.send({"type": "websocket.close", "code": code, "reason": reason})

    # What the client says ------------------------------------------------

    async def _on_message(self, message: MutableMapping[str, object]) -> None:
        if message["type"] == "websocket.disconnect":
            raise WireClosed
        text = message.get("text")
        if not isinstance(text, str):
            await self._fail(BAD_REQUEST, "Messages are text")
        if len(text) > self._door.limits.socket_message_bytes:
            await self._fail(MESSAGE_TOO_BIG, "Message too big")
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            await self._fail(BAD_REQUEST, "Messages are JSON")
        kind = value.get("type") if isinstance(value, dict) else None
        answer = _ANSWERS.get(kind) if isinstance(kind, str) else None
        if answer is None:
            await self._fail(BAD_REQUEST, "Unknown message type")
        await answer(self, value)

    async def _on_ping(self, message: dict[str, object]) -> None:
        payload = await self._payload(message)
        if self._acknowledged and _credentials(payload):
            await self._renew(payload)
        else:
            await self._send(_pong(payload) if payload else _PONG)

    async def _on_pong(self, message: dict[str, object]) -> None:
        await self._payload(message)

    async def _on_init(self, message: dict[str, object]) -> None:
        payload = await self._payload(message)
        if self._initialised:
            await self._fail(TOO_MANY_INITS, "Too many initialisation requests")
        self._initialised = True
        caller = await self._introduced(payload)
        self._operations.introduce(caller)
        self._standing = await self._let_in(caller)
        self._acknowledged = True
        await self._send(_ACK)

    async def _renew(self, payload: dict[str, object]) -> None:
        """A newer token for the same caller keeps what runs running; for another one it starts anew."""
        caller = await self._introduced(payload)
        before, self._standing = self._standing, await self._let_in(caller)
        if (before and before.principal) != (self._standing and self._standing.principal):
            await self._fail(EXPIRED, "Signed in as somebody else")
        self._operations.introduce(caller)
        await self._send(_pong({"authorization": "renewed"}))

    async def _introduced(self, payload: dict[str, object]) -> Caller:
        try:
            return _introduced(self._operations.caller, payload)
        except ValueError:
            await self._fail(UNAUTHORIZED, "Unauthorized")

    async def _let_in(self, caller: Caller) -> Standing | None:
        try:
            with Guard(self._door.limits.operation_seconds):
                context = await self._door.open_context(caller)
            context.abandon()
            self._door.connections.sign_in(self, context.standing)
        except Exception as error:  # noqa: BLE001 - every failure has its close code
            await self._fail(*self._close_code(error))
        return context.standing

    async def _count_in(self) -> None:
        try:
            self._door.connections.admit(self)
        except RequestError as error:
            await self._fail(*self._close_code(error))

    def _close_code(self, error: Exception) -> tuple[int, str]:
        """How a socket is closed whose caller could not be recognised."""
        if isinstance(error, TokenExpired):
            return EXPIRED, "Token expired"
        answer = error if isinstance(error, RequestError) else self._door.translate(error)
        if answer is None:
            self._operations.errors().of_exception(error)
            return INTERNAL, "Internal server error"
        if answer.code in (RequestCode.UNAUTHENTICATED, RequestCode.FORBIDDEN):
            return UNAUTHORIZED, "Unauthorized"
        if answer.code is RequestCode.RATE_LIMITED:
            return TRY_LATER, "Too many connections"
        return TRY_LATER, "Try again later"

    async def _on_complete(self, message: dict[str, object]) -> None:
        self._operations.complete(await self._id(message))

    async def _on_subscribe(self, message: dict[str, object]) -> None:
        if not self._acknowledged:
            await self._fail(UNAUTHORIZED, "Unauthorized")
        id_ = await self._id(message)
        payload = message.get("payload")
        try:
            if not isinstance(payload, dict):
                raise RequestError.bad_input(en="payload", zh="payload")
            asked = requests.from_mapping(payload)
        except RequestError:
            await self._fail(BAD_REQUEST, "Invalid subscribe message")
        if id_ in self._operations:
            await self._fail(ID_TAKEN, f"Subscriber for {id_} already exists"[:120])
        try:
            self._operations.begin(id_, asked)
        except RequestError as error:
            await self.send_errors(id_, [self._operations.errors().of_exception(error)])

    # What the server says ------------------------------------------------

    async def send_next(self, id_: str, answer: Answer) -> None:
        """One answer of an operation that goes on."""
        await self._send(b'{"id":%b,"type":"next","payload":%b}' % (orjson.dumps(id_), answer.payload))

    async def send_errors(self, id_: str, errors: list[Told]) -> None:
        """The operation is over: it failed as a whole."""
        await self._send(orjson.dumps({"id": id_, "type": "error", "payload": errors}))

    async def send_complete(self, id_: str) -> None:
        """The operation is over: everything was answered."""
        await self._send(b'{"id":%b,"type":"complete"}' % orjson.dumps(id_))

    def listener(self, id_: str, over: Over) -> Listener | None:
        """Writes what a live operation tells below the server, where the server lets us."""
        frames: Frames | None = self._ws.scope.get("extensions", {}).get(EXTENSION)
        if frames is None:
            return None
        frames.on_room = self._operations.flow
        frames.on_stuck = self._is_stuck
        frames.stuck_seconds = self._door.limits.socket_send_seconds
        return SocketListener(frames, id_, over)

    async def dismiss(self, because: RequestError) -> None:
        """Closes the socket because its sign-in counts no more."""
        await self.close(*self._close_code(because))

    async def _send(self, message: str | bytes) -> None:
        """Hands a message to the transport; a client that stopped reading is closed with 1013."""
        if self._closed:
            raise WireClosed
        text = message if isinstance(message, str) else message.decode()
        try:
            async with asyncio.timeout(self._door.limits.socket_send_seconds) as time:
                await self._ws.send({"type": "websocket.send", "text": text})
        except TimeoutError:
            if time.expired():
                await self.close(TRY_LATER, "Too slow")
            raise WireClosed from None
        except RuntimeError:
            raise WireClosed from None

    async def _fail(self, code: int, reason: str) -> NoReturn:
        await self.close(code, reason)
        raise WireClosed

    def _init_is_late(self) -> None:
        if not self._initialised:
            self._close_soon(INIT_TIMEOUT, "Connection initialisation timeout")

    def _is_stuck(self) -> None:
        self._close_soon(TRY_LATER, "Too slow")

    def _close_soon(self, code: int, reason: str) -> None:
        self._door.let_finish(asyncio.get_running_loop().create_task(self.close(code, reason)))

    async def _payload(self, message: dict[str, object]) -> dict[str, object]:
        payload = message.get("payload")
        if payload is None:
            return {}
        if not isinstance(payload, dict):
            await self._fail(BAD_REQUEST, "A payload is an object")
        return payload

    async def _id(self, message: dict[str, object]) -> str:
        id_ = message.get("id")
        if not isinstance(id_, str) or not id_:
            await self._fail(BAD_REQUEST, "An operation has an id")
        return id_


_ANSWERS: dict[str, Callable[[Socket, dict[str, object]], Awaitable[None]]] = {
    "connection_init": Socket._on_init,
    "ping": Socket._on_ping,
    "pong": Socket._on_pong,
    "subscribe": Socket._on_subscribe,
    "complete": Socket._on_complete,
}


def _caller_of(ws: WebSocket) -> Caller:
    """What the handshake says; a browser can set none of it but the language."""
    headers = ws.headers
    return Caller(
        headers.get("authorization"),
        headers.get("x-api-key"),
        headers.get("accept-language"),
        request_id_from(headers.get("x-request-id")),
        address_of(ws.scope),
        headers.get("x-client-name"),
    )


_CREDENTIALS = frozenset({"authorization", "apikey", "x-api-key"})


def _credentials(payload: dict[str, object]) -> dict[str, object]:
    """What a payload signs in with, whatever it is; the case of its keys does not matter."""
    return {key.lower(): value for key, value in payload.items() if key.lower() in _CREDENTIALS}


def _introduced(caller: Caller, payload: dict[str, object]) -> Caller:
    """The caller with what a payload adds; its credentials take the place of all the caller had.

    Raises ValueError for credentials that are no text: a client that means to be somebody must not be taken
    for a visitor.
    """
    given = _credentials(payload)
    if not all(isinstance(value, str) for value in given.values()):
        raise ValueError("credentials are texts")
    said = {key.lower(): value for key, value in payload.items() if isinstance(value, str)}
    language = said.get("acceptlanguage", said.get("accept-language", said.get("locale")))
    return replace(
        caller,
        authorization=said.get("authorization") if given else caller.authorization,
        api_key=said.get("apikey", said.get("x-api-key")) if given else caller.api_key,
        accept_language=language or caller.accept_language,
        client=said.get("clientname", said.get("x-client-name")) or caller.client,
    )


def _pong(payload: dict[str, object]) -> bytes:
    return orjson.dumps({"type": "pong", "payload": payload})
