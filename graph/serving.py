"""One server process: started in the order that fails early, ended in the order that loses nothing."""

from __future__ import annotations

import asyncio
import errno
import gc
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import structlog
from starlette.applications import Starlette

from graph.door.server import GraphServer, server_config
from graph.ground import migrated_database
from graph.settings import Settings

_log = structlog.stdlib.get_logger("shelfgraph.server")
_LAST_WORDS_SECONDS = 5.0
_COLLECT_AFTER = (20_000, 10, 50)
"""Ten thousand sockets are a million objects that live on; to look at them all the time costs a tenth."""
_UNHEARD_MS = 35_000
"""A peer that acknowledges nothing for so long is gone, also when it is never asked whether it is there."""


class CannotListen(Exception):  # noqa: N818 - what it says is for whoever started the process
    """The address and port can't be had; the message is one line."""


def listen(settings: Settings) -> socket.socket:
    """A socket that listens on the settings' address: taken first, so that a clash is told at once.

    Raises CannotListen.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        taken = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(f"Cannot listen on {settings.host}: {error.strerror}.") from error
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it
            taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNHEARD_MS)
        taken.bind(address)
        taken.listen(2048)  # SO_REUSEADDR lets two bind; only one may listen
    except OSError as error:
        taken.close()
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had: {error.strerror}"
        raise CannotListen(
            f"Port {settings.port} on {settings.host} {reason}: "
            "stop what holds it, or set another SHELFGRAPH_PORT."
        ) from error
    taken.setblocking(False)
    return taken


def serve(
    settings: Settings,
    build: Callable[[Settings], Starlette],
    *,
    prepare: Callable[[Settings], Awaitable[None]] | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Returns once the server was told to end by SIGINT or SIGTERM and has answered, closed and stopped all.

    `prepare` and then `build` get settings whose database_url is the one that runs, migrated; `on_ready` gets
    the address once it answers. `app.state.draining`, an asyncio.Event, is set when the end begins: streams
    end themselves then, `/readyz` says no. A second SIGINT waits for nobody.
    """
    with listen(settings) as taken, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings, build, prepare, taken, on_ready))


async def _serve(
    settings: Settings,
    build: Callable[[Settings], Starlette],
    prepare: Callable[[Settings], Awaitable[None]] | None,
    taken: socket.socket,
    on_ready: Callable[[str], None] | None,
) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - we run in one
    server: _Server | None = None

    def end(number: signal.Signals) -> None:
        if server is None:
            task.cancel()
        elif server.should_exit and number is signal.SIGINT:
            server.force_exit = True
        else:
            server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end, number)
    try:
        async with migrated_database(settings) as dsn:
            told = settings.model_copy(update={"database_url": dsn})
            if prepare is not None:
                await prepare(told)
            app = build(told)
            app.state.draining = asyncio.Event()
            server = _Server(app, settings, on_ready, _address(taken))
            await server.serve(sockets=[taken])
    except asyncio.CancelledError:
        _log.info("told to end before it was ready")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


class _Server(GraphServer):
    def __init__(
        self, app: Starlette, settings: Settings, on_ready: Callable[[str], None] | None, address: str
    ) -> None:
        config = server_config(app, host=settings.host, port=settings.port)
        grace: Any = settings.shutdown_grace_seconds  # uvicorn says int and takes any number
        config.timeout_graceful_shutdown = grace
        super().__init__(config, self._drain_app)
        self._draining: asyncio.Event = app.state.draining
        self._on_ready = on_ready
        self._address = address

    async def _drain_app(self) -> None:
        for listener in self.servers:
            listener.close()
        self._draining.set()
        await asyncio.sleep(0)  # whoever waits for it goes first

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # ours are set already, and hold while the database starts and ends, too

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.set_threshold(*_COLLECT_AFTER)
        gc.freeze()  # what was made by now stays; looking at it again and again is most of a pause
        _log.info("ready", address=self._address)
        if self._on_ready is not None:
            self._on_ready(self._address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        _log.info("ending", grace_seconds=self.config.timeout_graceful_shutdown)
        lifespan_end = self.lifespan.shutdown

        async def bounded() -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS_SECONDS):
                    await lifespan_end()

        self.lifespan.shutdown = bounded
        await super().shutdown(sockets)
        _log.info("ended")


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _address(taken: socket.socket) -> str:
    host, port = taken.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - everywhere includes here
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
