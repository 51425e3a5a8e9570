"""What a process writes about itself: lines for eyes in development, JSON for a collector elsewhere."""

from __future__ import annotations

import logging
import re
import sys
import time
from typing import TYPE_CHECKING, Any, cast

import structlog
from structlog.contextvars import bound_contextvars, merge_contextvars

from graph.settings import Environment, LogFormat, LogLevel

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from structlog.typing import EventDict, Processor, WrappedLogger

_HIDDEN = "********"
_SECRET_NAME = re.compile(
    r"password|passwd|secret|token|authorization|api_?key|signing_?key|cookie|one_?time|dsn", re.IGNORECASE
)
_SECRET_TEXT = (
    (re.compile(r"(?<=://)([^/@\s:]*):([^/@\s]+)(?=@)"), rf"\1:{_HIDDEN}"),
    (re.compile(r"(?i)\b(bearer)\s+[\w.~+/=-]+"), rf"\1 {_HIDDEN}"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), _HIDDEN),
)
_WITH_HEADERS = {"http.response.start", "websocket.accept", "websocket.http.response.start"}


def set_up(*, env: Environment, level: LogLevel, format: LogFormat | None) -> None:
    """Every logger of the process, uvicorn's and the standard library's included, writes to stderr this way.

    Without a format, development gets lines for eyes and everything else JSON.
    """
    shared: list[Processor] = [
        merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    is_json = format is LogFormat.JSON or (format is None and env is not Environment.DEVELOPMENT)
    last: list[Processor]
    if is_json:
        last = [
            structlog.processors.format_exc_info,
            hide_secrets,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    else:
        # A plain traceback: the colourful one prints local variables, and those hold secrets.
        plain = structlog.dev.plain_traceback
        last = [
            hide_secrets,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain),
        ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(["request_id"])],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    # What it tells at its start and end is told better by ourselves.
    logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, root.level))
    for chatty in ("asyncio", "alembic", "httpx", "httpcore", "PIL", "websockets"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def hide_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """The event without passwords, tokens and keys: by their names, and by their looks inside any text."""
    return cast("EventDict", {name: _without_secrets(name, value) for name, value in event.items()})


def _without_secrets(name: str, value: Any) -> Any:
    if _SECRET_NAME.search(name) and value is not None:
        return _HIDDEN
    if isinstance(value, str):
        for looks, shown in _SECRET_TEXT:
            value = looks.sub(shown, value)
    elif isinstance(value, dict):
        value = {key: _without_secrets(str(key), inner) for key, inner in value.items()}
    elif isinstance(value, list | tuple):
        value = [_without_secrets("", inner) for inner in value]
    return value


class RequestLog:
    """An ASGI layer: gives each request an id, binds it to every log line, answers it, and logs the outcome.

    What lies below finds the id in `scope["state"]["request_id"]` and in the request's own headers.
    A caller's own `X-Request-ID` is kept when the door finds it harmless.
    Query strings are not logged: they may carry personal data.
    """

    def __init__(self, app: ASGIApp, *, quiet: frozenset[str] = frozenset({"/healthz", "/readyz"})) -> None:
        from graph.door.http import request_id_from  # here, so that commands can log without a server

        self._request_id_from = request_id_from
        self._app = app
        self._quiet = quiet
        self._log = structlog.stdlib.get_logger("shelfgraph.request")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), None)
        request_id = self._request_id_from(None if given is None else given.decode("latin-1"))
        scope.setdefault("state", {})["request_id"] = request_id
        header = (b"x-request-id", request_id.encode())
        scope["headers"] = [*(one for one in scope["headers"] if one[0] != header[0]), header]
        began = time.perf_counter()
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = int(message["status"])
            if message["type"] in _WITH_HEADERS:
                others = (one for one in message.get("headers", ()) if one[0].lower() != header[0])
                message["headers"] = [*others, header]
            elif message["type"] == "websocket.close":
                status = message.get("code", 1000)
            await send(message)

        with bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, answer)
            finally:
                milliseconds = round((time.perf_counter() - began) * 1000, 1)
                if scope["path"] not in self._quiet:
                    method = scope.get("method", "WEBSOCKET")
                    self._log.info(
                        "answered", method=method, path=scope["path"], status=status, ms=milliseconds
                    )
