"""Subscribers as clients are: they watch a shop stream, reconnect from their last cursor, and keep a log."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
import websockets

from tests.door.serving import Speaker
from tests.soak.shop import SKUS

_SILENCE_SECONDS = 30.0  # twice as long as a server keeps silent
_PRICES = """subscription Prices($context: SalesContext!, $skus: [String!], $after: EventCursor) {
  priceChanged(context: $context, skus: $skus, after: $after) {
    kind cursor sku price { amount { amount } version } } }"""
_STOCK = """subscription Stock($context: SalesContext!, $skus: [String!], $after: EventCursor) {
  stockChanged(context: $context, skus: $skus, after: $after) {
    kind cursor sku availability { available } } }"""


_ORDER = """subscription Order($orderId: ID!, $after: EventCursor) {
  told: orderChanged(orderId: $orderId, after: $after) { kind cursor cause order { state } } }"""
_QUEUE = """subscription Queue($store: String!, $after: EventCursor) {
  told: pickupQueueChanged(store: $store, after: $after) { kind cursor cause pickup { state } } }"""


class Watch(NamedTuple):
    """What is watched: the stream, where, and which skus (None: all, without an opening snapshot)."""

    field: str
    context: dict[str, str]
    skus: tuple[str, ...] | None


@dataclass
class Client:
    """One client; `counts` and `wrongs` are what it went through, `cursor` is where it goes on."""

    addresses: list[str]
    token: str
    chance: random.Random
    cursor: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    wrongs: list[str] = field(default_factory=list)

    async def watch_on(self) -> None:
        """Never returns: connects to any server, and again to another when that one is gone."""
        while True:
            # A killed server breaks the line, one that ends closes it, one without its database says so.
            with suppress(OSError, TimeoutError, websockets.WebSocketException):
                await self._one_connection(self.chance.choice(self.addresses))
            self.counts["connections"] += 1
            await asyncio.sleep(self.chance.uniform(0.05, 0.3))

    async def _one_connection(self, address: str) -> None:
        async with websockets.connect(
            address.replace("http", "ws") + "/graphql",
            subprotocols=[websockets.Subprotocol("graphql-transport-ws")],
            open_timeout=5,
        ) as line:
            speaker = Speaker(line)
            await speaker.init(authorization=f"Bearer {self.token}")
            document, asked = self._asked()
            await speaker.ask(document, variables=asked | {"after": self.cursor})
            last = ""
            while True:
                message: Any = await self._hear(speaker)
                if message["type"] != "next":
                    self.counts[message["type"]] += 1
                    return
                payload = message["payload"]
                if "errors" in payload:
                    self.counts["errors"] += 1
                    return  # what it was about is asked for again, from the cursor before
                (event,) = payload["data"].values()
                last = self._note(event, last)

    async def _hear(self, speaker: Speaker) -> Any:
        while True:
            async with asyncio.timeout(_SILENCE_SECONDS):
                message: Any = orjson.loads(await speaker.connection.recv())
            if message["type"] == "ping":
                await speaker.say(type="pong")
            else:
                return message

    def _asked(self) -> tuple[str, dict[str, Any]]:
        """The subscription and its variables."""
        raise NotImplementedError

    def _note(self, event: dict[str, Any], last: str) -> str:
        """The cursor of the last CHANGE of this connection."""
        kind, cursor = event["kind"], event["cursor"]
        self.counts[kind] += 1
        if kind == "CHANGE":
            if cursor <= last:
                self.wrongs.append(f"{self} {cursor} after {last}")
            last = cursor
        if kind in ("CHANGE", "BOOKMARK"):
            self.cursor = cursor
        return last


@dataclass
class Screen(Client):
    """A client that shows the last value of everything: `state` is what it shows at the end."""

    watch: Watch = field(kw_only=True)
    state: dict[str, str] = field(default_factory=dict)
    _versions: dict[str, int] = field(default_factory=dict)
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def __str__(self) -> str:
        return f"{self.watch.field} {self.watch.context}"

    def _asked(self) -> tuple[str, dict[str, Any]]:
        document = _PRICES if self.watch.field == "priceChanged" else _STOCK
        return document, {"context": self.watch.context, "skus": self.watch.skus}

    def _note(self, event: dict[str, Any], last: str) -> str:
        sku = event["sku"]
        if sku in SKUS:
            self._show(sku, event["cursor"], event)
        if event["kind"] == "CHANGE":
            self.counts["twice"] += (event["cursor"], sku) in self._seen
            self._seen.add((event["cursor"], sku))
        return super()._note(event, last)

    def _show(self, sku: str, cursor: str, event: dict[str, Any]) -> None:
        if self.watch.field == "stockChanged":
            # Stock of these is only ever received here: less than before is older than before.
            number = int(event["availability"]["available"])
            shown = str(number)
        else:
            price = event["price"]
            number = int(price["version"]) if price else -1
            shown = price["amount"]["amount"] if price else "none"
        if number < self._versions.get(sku, -1):
            self.wrongs.append(f"{sku} went back from {self._versions[sku]} to {number} at {cursor}")
        self._versions[sku] = number
        self.state[sku] = shown


@dataclass
class Journal(Client):
    """A client that is promised every event, of an order or (`store`) of a store's pickups: its `log`.

    By cursor in the order they came, each once: what happened. `begun` is where its log begins.
    """

    order: str | None = None
    store: str | None = None
    log: dict[str, str] = field(default_factory=dict)
    begun: str | None = None

    def __str__(self) -> str:
        return f"pickupQueueChanged {self.store}" if self.store else f"orderChanged {self.order}"

    def _asked(self) -> tuple[str, dict[str, Any]]:
        return (_QUEUE, {"store": self.store}) if self.store else (_ORDER, {"orderId": self.order})

    def _note(self, event: dict[str, Any], last: str) -> str:
        cursor = event["cursor"]
        if event["kind"] == "BOOKMARK" and self.begun is None:
            self.begun = cursor
        if event["kind"] == "CHANGE":
            self.counts["twice"] += cursor in self.log
            self.log.setdefault(cursor, event["cause"])
        return super()._note(event, last)
