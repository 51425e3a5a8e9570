"""uvicorn as the house runs it: with deadlines and bounds where it has none of its own."""

from __future__ import annotations

import asyncio
import socket
from asyncio.transports import BaseTransport
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import cast

from starlette.types import ASGIApp
from uvicorn import Config, Server
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from graph.door.frames import EXTENSION
from graph.door.limits import Limits
from graph.door.pings import rounds_of

CUT_OFF = "shelfgraph.cut_off"
"""The ASGI extension by which a stream ends the connection of a client that has stopped reading."""


class HttpProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose request heads arrive in time and stay small.

    The deadline runs from the first byte of a head (on a new connection from its beginning) to its end;
    the body has its own, in the door. What comes too late is answered with 408, what is too large with 431.
    """

    head_seconds = 10.0
    head_bytes = 65_536

    _reading_head = True
    _head_size = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the deadline of the first head."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the deadline."""
        self._stop_timer()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Starts the deadline of the next head on a connection that is kept."""
        super().on_message_begin()
        self.scope["extensions"] = {CUT_OFF: {"now": self.transport.abort}}
        if self._head_timer is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._reading_head = False
        self._stop_timer()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Reads on, unless the head has become too large."""
        super().data_received(data)
        if self._reading_head:
            self._head_size += len(data)
            if self._head_size > self.head_bytes and not self.transport.is_closing():
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def timeout_keep_alive_handler(self) -> None:
        """Ends an idle connection, also one whose peer never took the last answer off it."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def _expect_head(self) -> None:
        self._reading_head = True
        self._head_size = 0
        self._head_timer = self.loop.call_later(self.head_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self.transport.is_closing():
            return
        if self._head_size:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: HTTPStatus) -> None:
        self._stop_timer()
        text = f"{status.phrase}.\n".encode()
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
            b"connection: close\r\n\r\n%b" % (status, status.phrase.encode(), len(text), text)
        )
        self.transport.close()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """A WebSocket that can be closed also when its peer has stopped reading.

    uvicorn waits for room before it writes a close frame, and then lets the transport flush for as long as
    the peer likes. Here the frame is queued at once, and whoever has not answered it in time is cut off.
    """

    close_seconds = 5.0
    high_water_bytes = 24_576
    """What waits in the transport before a reader counts as slow; what it has not read is kept elsewhere."""

    has_room = True
    on_room: Callable[[], None] | None = None
    on_stuck: Callable[[], None] | None = None
    stuck_seconds = 10.0
    _stuck_timer: asyncio.TimerHandle | None = None
    _wrote_at = float("-inf")

    def connection_made(self, transport: BaseTransport) -> None:
        """Bounds what may wait for the client."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=self.high_water_bytes)

    def handle_connect(self, event: Request) -> None:
        """Hands the application the way to write frames itself."""
        super().handle_connect(event)
        if not self.close_sent:
            extensions = cast("dict[str, object]", self.scope["extensions"])
            extensions[EXTENSION] = self

    def pause_writing(self) -> None:
        """The client takes less than it is told."""
        super().pause_writing()
        self.has_room = False
        if self.on_stuck is not None:
            self._stuck_timer = self.loop.call_later(self.stuck_seconds, self.on_stuck)

    def resume_writing(self) -> None:
        """The client has taken most of it."""
        super().resume_writing()
        self.has_room = True
        self._forget_timer()
        if self.on_room is not None:
            self.on_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets who wrote frames."""
        self._forget_timer()
        self.on_room = self.on_stuck = None
        super().connection_lost(exc)

    def write_frame(self, frame: bytes) -> None:
        """Writes an unmasked frame; on a socket that is closing it is dropped."""
        if not (self.close_sent or self.disconnected or self.transport.is_closing()):
            self.transport.write(frame)
            self._wrote_at = self.loop.time()

    def schedule_ping(self) -> None:
        """Takes its turn among all sockets of the server."""
        rounds_of(self.config, self.loop, self.ping_interval or 0).add(self)

    def send_keepalive_ping(self) -> None:
        """Pings a connection on which nothing was said for a while; what is said to others does as well."""
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        if self.loop.time() - self._wrote_at < (self.ping_interval or 0):
            self.schedule_ping()
        else:
            super().send_keepalive_ping()

    async def send(self, message: ASGISendEvent) -> None:
        """Sends one ASGI message."""
        closing = message["type"] == "websocket.close" and self.handshake_complete
        if closing:
            self.writable.set()
        await super().send(message)
        if closing and self.close_timer is not None:
            self.close_timer.cancel()
            self.close_timer = self.loop.call_later(self.close_seconds, self.transport.abort)

    def _forget_timer(self) -> None:
        if self._stuck_timer is not None:
            self._stuck_timer.cancel()
            self._stuck_timer = None

    def keepalive_timeout(self) -> None:
        """Ends a connection whose peer answers no pings, without waiting for it to read."""
        super().keepalive_timeout()
        self.loop.call_later(self.close_seconds, self.transport.abort)

    def shutdown(self) -> None:
        """Called when the server stops: what could not be flushed by then is let go."""
        super().shutdown()
        self.loop.call_later(self.close_seconds, self.transport.abort)


def server_config(
    app: ASGIApp,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: Limits | None = None,
    grace_seconds: int = 10,
    keep_alive_seconds: int = 75,
    ping_seconds: float = 15.0,
    lifespan: bool = True,
) -> Config:
    """The uvicorn settings of a server of the graph: uvloop, httptools, bounded heads and sockets.

    Requests under way get `grace_seconds` once it is told to stop. Sockets are pinged every `ping_seconds`.
    """
    limits = limits or Limits()
    return Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=HttpProtocol,
        ws=WebSocketProtocol,
        ws_max_size=limits.socket_message_bytes,
        ws_ping_interval=ping_seconds,
        ws_ping_timeout=20.0,
        # Messages are small; deflating each of them costs more than it saves, in memory as well.
        ws_per_message_deflate=False,
        lifespan="on" if lifespan else "off",
        log_config=None,
        access_log=False,
        server_header=False,
        # A load balancer's own idle time is usually 60 s: the client's side should be the one to close.
        timeout_keep_alive=keep_alive_seconds,
        timeout_graceful_shutdown=grace_seconds,
        backlog=2048,
    )


class GraphServer(Server):
    """A uvicorn server that lets the house say goodbye first: `drain` runs before connections are closed."""

    def __init__(self, config: Config, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drains, then stops listening and waits for the requests under way."""
        await self._drain()
        await super().shutdown(sockets)
