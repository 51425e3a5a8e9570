"""The redraws of a shelf as Server-Sent Events."""

from __future__ import annotations

import asyncio
import time
from collections import deque

import orjson
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from devices.shelf import Shelf
from devices.simulated import Redraw
from graph.shelf_state import Json, gateway_states, redraw_news

ALIVE_SECONDS = 10.0  # proxies and browsers give up on silence
_LOOK_SECONDS = 1.0
_MOST_WAITING = 500
_RECONNECT_MS = 1_500


class ShelfEvents(Response):
    """A stream of `redraw` and `gateways` events; `reload` when the reader fell behind and has to read anew.

    It ends when the reader hangs up and when `draining` is set: a server that stops waits for its answers.
    """

    def __init__(self, shelf: Shelf, draining: asyncio.Event, headers: dict[str, str]) -> None:
        super().__init__(headers=headers | {"content-type": "text/event-stream; charset=utf-8"})
        del self.headers["content-length"]
        self._shelf = shelf
        self._draining = draining
        self._waiting: deque[Redraw] = deque()
        self._behind = False
        self._gone = False
        self._news = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until one side ends it."""
        stop_listening = self._shelf.listen(self._keep)
        watchers = (asyncio.create_task(self._hang_up(receive)), asyncio.create_task(self._drain()))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await self._stream(send)
            await send(_body(b"", more=False))
        finally:
            stop_listening()
            for watcher in watchers:
                watcher.cancel()

    async def _stream(self, send: Send) -> None:
        gateways: list[Json] = []
        spoken = time.monotonic()
        await send(_body(f"retry: {_RECONNECT_MS}\n\n".encode()))
        while not self._gone:
            chunks = self._take()
            now = gateway_states(self._shelf)
            if now != gateways:
                gateways = now
                chunks.append(_event("gateways", {"gateways": now}))
            if not chunks and time.monotonic() - spoken >= ALIVE_SECONDS:
                chunks.append(b": alive\n\n")
            if chunks:
                await send(_body(b"".join(chunks)))
                spoken = time.monotonic()
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                continue
            self._news.clear()

    def _take(self) -> list[bytes]:
        chunks = [_event("redraw", redraw_news(self._shelf, redraw)) for redraw in self._waiting]
        self._waiting.clear()
        if self._behind:
            self._behind = False
            chunks.append(_event("reload", {}))
        return chunks

    def _keep(self, redraw: Redraw) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            # A reader this far behind is better off with the whole state once.
            self._waiting.clear()
            self._behind = True
        if not self._behind:
            self._waiting.append(redraw)
        self._news.set()

    async def _hang_up(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._end()

    async def _drain(self) -> None:
        await self._draining.wait()
        self._end()

    def _end(self) -> None:
        self._gone = True
        self._news.set()


def _event(name: str, data: Json) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


def _body(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}
