"""GraphQL over Server-Sent Events: one response that goes on, by the protocol of graphql-sse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from domain.refusals import RequestError
from graph.door import negotiation
from graph.door.caller import Caller, Standing
from graph.door.errors import Told
from graph.door.execution import Answer, refusal
from graph.door.inside import Inside
from graph.door.operations import Operations, Wire, WireClosed
from graph.door.requests import Asked
from graph.door.server import CUT_OFF

_COMMENT = b":\n\n"
_HEADERS = [
    (b"content-type", f"{negotiation.EVENT_STREAM}; charset=utf-8".encode()),
    # A proxy that transforms, compresses or collects a response would keep the events to itself.
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
_CUT_OFF_SECONDS = 1.0


class EventStream(Response, Wire):
    """One stream of events, from its head to its end; what was begun on it ends with it.

    Making it counts it in, and raises RATE_LIMITED when there are too many. The client's hang-up is read from
    `receive`. A stream that ends without `complete` is one that clients
    open again: the server restarts, or the sign-in has expired.
    """

    def __init__(self, inside: Inside, caller: Caller, standing: Standing | None) -> None:
        inside.connections.admit(self, standing)
        self.status_code = 200
        self.background = None
        self.raw_headers = [*_HEADERS, (b"x-request-id", caller.request_id.encode())]
        self.operations = Operations(inside, self, caller)
        self._connections = inside.connections
        self._limits = inside.limits
        self._opened = asyncio.Event()
        self._ending = asyncio.Event()
        self._send: Send | None = None
        self._is_silent = False
        self._is_stuck = False

    @property
    def is_open(self) -> bool:
        """Whether a client reads it, or has done so."""
        return self._opened.is_set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers the request with the stream; returns once it is over."""
        try:
            await self._serve(scope, receive, send)
        finally:
            self._connections.leave(self)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        self._send = send
        self._opened.set()
        gone = asyncio.create_task(_until_gone(receive))
        ending = asyncio.create_task(self._ending.wait())
        try:
            # Some browsers take the head for arrived only once something follows it.
            await self._write(_COMMENT)
            self.begin()
            while not (gone.done() or ending.done()):
                self._is_silent = True
                await asyncio.wait(
                    (gone, ending),
                    timeout=self._limits.keep_alive_seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if self._is_silent:
                    await self._write(_COMMENT)
        except WireClosed:
            pass
        finally:
            self._ending.set()
            await self.operations.end()
            if self._is_stuck:
                _cut_off(scope)
                await asyncio.wait((gone,), timeout=_CUT_OFF_SECONDS)
            elif not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            gone.cancel()
            ending.cancel()

    def begin(self) -> None:
        """Called once the client reads."""

    def end(self) -> None:
        """Ends the stream without a `complete`, so that its client comes back."""
        self._ending.set()

    async def restart(self) -> None:
        """Ends the stream; its client opens another one, at whichever process takes over."""
        self.end()

    async def dismiss(self, because: RequestError) -> None:
        """Ends the stream: a client that has a new token by now opens another one."""
        self.end()

    async def say(self, event: bytes, data: bytes, *, cursor: str | None = None) -> None:
        """One event; `cursor` is its id. Raises WireClosed."""
        id_ = b"" if cursor is None else b"id: %b\n" % cursor.encode()
        await self._write(b"event: %b\n%bdata: %b\n\n" % (event, id_, data))

    async def _write(self, chunk: bytes) -> None:
        await self._opened.wait()
        if self._send is None or self._ending.is_set():
            raise WireClosed
        self._is_silent = False
        try:
            async with asyncio.timeout(self._limits.socket_send_seconds):
                await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        except TimeoutError:
            # It has stopped reading: what is not sent yet would wait with it for ever.
            self._is_stuck = True
            self._ending.set()
            raise WireClosed from None


class DistinctStream(EventStream):
    """A stream of one operation, whose id is its event's cursor, so that `Last-Event-ID` resumes it."""

    def __init__(
        self, inside: Inside, caller: Caller, standing: Standing | None, asked: Asked, *, after: str | None
    ) -> None:
        super().__init__(inside, caller, standing)
        self._asked = asked
        self._after = after

    def begin(self) -> None:
        """Begins the operation."""
        self.operations.begin("", self._asked, after=self._after)

    async def send_next(self, id_: str, answer: Answer) -> None:
        """One answer of the operation."""
        await self.say(b"next", answer.payload, cursor=answer.resume_from)

    async def send_errors(self, id_: str, errors: list[Told]) -> None:
        """The operation failed as a whole: here that is an answer like any other."""
        await self.say(b"next", refusal(errors))
        await self.send_complete(id_)

    async def send_complete(self, id_: str) -> None:
        """Everything was answered."""
        await self.say(b"complete", b"")
        self.end()


class SharedStream(EventStream):
    """A stream of many operations, each begun by a request of its own and told apart by its id."""

    async def send_next(self, id_: str, answer: Answer) -> None:
        """One answer of an operation."""
        await self.say(b"next", b'{"id":%b,"payload":%b}' % (orjson.dumps(id_), answer.payload))

    async def send_errors(self, id_: str, errors: list[Told]) -> None:
        """The operation failed as a whole: here that is an answer like any other."""
        await self.say(b"next", b'{"id":%b,"payload":%b}' % (orjson.dumps(id_), refusal(errors)))
        await self.send_complete(id_)

    async def send_complete(self, id_: str) -> None:
        """Everything of an operation was answered."""
        await self.say(b"complete", b'{"id":%b}' % orjson.dumps(id_))


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _cut_off(scope: Scope) -> None:
    extension = scope.get("extensions", {}).get(CUT_OFF)
    if extension is not None:
        now: Callable[[], None] = extension["now"]
        now()
