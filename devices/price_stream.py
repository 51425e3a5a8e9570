"""A client of the graph's `priceChanged` that outlives its connection: it resumes where it was."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidURI, WebSocketException
from websockets.typing import Subprotocol

from devices.price_news import PRICE_CHANGED, PriceNews, read_news
from domain.news import LiveKind

MOST_SKUS = 500  # what one priceChanged takes
_PROTOCOL = Subprotocol("graphql-transport-ws")
_log = structlog.get_logger()

TokenProvider = Callable[[], Awaitable[str | None]]


class StreamState(StrEnum):
    """Where a stream stands: calling, hearing news, waiting to call again, or ended."""

    CONNECTING = "CONNECTING"
    LIVE = "LIVE"
    WAITING = "WAITING"
    STOPPED = "STOPPED"


class StreamBroken(Exception):  # noqa: N818 - an event in a stream's life, not a fault of the caller
    """This connection serves no more: call again."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a stream waits, in seconds.

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


@dataclass(slots=True)
class _Section:
    """Up to 500 skus with their own position in the stream."""

    name: str
    skus: Sequence[str]
    cursor: str | None = None


@dataclass(slots=True)
class PriceStream:
    """Hears the prices of many skus in one store and hands each event on, in order, to `on_news`.

    `on_news` is a plain function that returns at once. `token` is asked before each call.
    """

    url: str
    token: TokenProvider
    channel: str
    store: str
    skus: Sequence[str]
    on_news: Callable[[PriceNews], None]
    locale: str = "zh-HK"
    link_base: str = "https://shelf.example"
    patience: Patience = field(default_factory=Patience)
    chance: random.Random = field(default_factory=random.Random)
    state: StreamState = StreamState.STOPPED
    failures: int = 0
    _sections: dict[str, _Section] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for start in range(0, len(self.skus), MOST_SKUS):
            name = str(start // MOST_SKUS + 1)
            self._sections[name] = _Section(name, self.skus[start : start + MOST_SKUS])

    async def run(self) -> None:
        """Hear until cancelled; every lost connection is called again, after a wait. No skus, no call."""
        try:
            while self._sections:
                self.state = StreamState.CONNECTING
                try:
                    await self._hear_once()
                except (OSError, StreamBroken, TimeoutError, WebSocketException) as lost:
                    self.failures += 1
                    wait = self.patience.wait(self.failures, self.chance)
                    _log.info("shelf stream lost", store=self.store, reason=_reason(lost), wait_seconds=wait)
                    self.state = StreamState.WAITING
                    await asyncio.sleep(wait)
        finally:
            self.state = StreamState.STOPPED

    async def _hear_once(self) -> None:
        """One connection from greeting to loss; always ends by an exception."""
        token = await self.token()
        async with connect(
            self.url,
            subprotocols=[_PROTOCOL],
            open_timeout=self.patience.answer,
            close_timeout=1,
            # The graph is called directly; a proxy of the environment is meant for browsers.
            proxy=None,
        ) as socket:
            if socket.subprotocol != _PROTOCOL:
                raise StreamBroken("the server does not speak graphql-transport-ws")
            greeting = {"authorization": f"Bearer {token}"} if token else {}
            await _send(socket, {"type": "connection_init", "payload": greeting})
            async with asyncio.timeout(self.patience.answer):
                while (await self._next_message(socket)).get("type") != "connection_ack":
                    pass
            for section in self._sections.values():
                await self._subscribe(socket, section)
            while True:
                async with asyncio.timeout(self.patience.silence):
                    message = await self._next_message(socket)
                self._take(message)

    async def _subscribe(self, socket: ClientConnection, section: _Section) -> None:
        variables: dict[str, object] = {
            "context": {"channel": self.channel, "store": self.store},
            "skus": list(section.skus),
        }
        if section.cursor is not None:
            variables["after"] = section.cursor
        payload = {"query": PRICE_CHANGED, "operationName": "ShelfPrices", "variables": variables}
        await _send(socket, {"id": section.name, "type": "subscribe", "payload": payload})

    async def _next_message(self, socket: ClientConnection) -> dict[str, Any]:
        """The next message that is not a ping; pings are answered here."""
        while True:
            try:
                message = orjson.loads(await socket.recv())
            except orjson.JSONDecodeError as fault:
                raise StreamBroken("a message is not JSON") from fault
            if not isinstance(message, dict):
                raise StreamBroken("a message is not an object")
            if message.get("type") != "ping":
                return message
            await _send(socket, {"type": "pong"})

    def _take(self, message: dict[str, Any]) -> None:
        """Hand an event on and keep its position; anything that ends a subscription ends the connection."""
        kind = message.get("type")
        if kind == "pong":
            return
        section = self._sections.get(str(message.get("id")))
        if kind != "next" or section is None:
            raise StreamBroken(f"{kind}: {message.get('payload')}")
        try:
            news = read_news(
                message["payload"]["data"]["priceChanged"], locale=self.locale, link_base=self.link_base
            )
        except (KeyError, TypeError, ValueError) as fault:
            raise StreamBroken(f"an event can't be read: {message.get('payload')}") from fault
        if news.kind is LiveKind.RESYNC:
            section.cursor = None
        elif news.kind is not LiveKind.SNAPSHOT:
            # A snapshot may be resumed from only once its bookmark has come.
            section.cursor = news.cursor
        self.state, self.failures = StreamState.LIVE, 0
        self.on_news(news)


async def _send(socket: ClientConnection, message: dict[str, object]) -> None:
    await socket.send(orjson.dumps(message).decode())


def _reason(lost: Exception) -> str:
    if isinstance(lost, InvalidHandshake | InvalidURI):
        return f"no WebSocket there: {lost}"
    return str(lost)[:300] or type(lost).__name__


__all__ = ["MOST_SKUS", "Patience", "PriceStream", "StreamBroken", "StreamState", "TokenProvider"]
