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

_SILENCE_SECONDS = 30.0  # twice as long as a server keeps silent
_PRICES = """subscription Prices($context: SalesContext!, $skus: [String!], $after: EventCursor) {
  priceChanged(context: $context, skus: $skus, after: $after) {
    kind cursor sku price { amount { amount } version } } }"""
_STOCK = """subscription Stock($context: SalesContext!, $skus: [String!], $after: EventCursor) {
  stockChanged(context: $context, skus: $skus, after: $after) {
    kind cursor sku availability { available } } }"""


class Watch(NamedTuple):
    """What is watched: the stream, where, and which skus (None: all, without an opening snapshot)."""

    field: str
    context: dict[str, str]
    skus: tuple[str, ...] | None


@dataclass
class Subscriber:
    """One client; `state` is what its screen shows at the end, `counts` and `wrongs` what it went through."""

    watch: Watch
    addresses: list[str]
    token: str
    chance: random.Random
    state: dict[str, str] = field(default_factory=dict)
    cursor: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    wrongs: list[str] = field(default_factory=list)
    _versions: dict[str, int] = field(default_factory=dict)
    _seen: set[tuple[str, str]] = field(default_factory=set)

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
            asked = {"context": self.watch.context, "skus": self.watch.skus, "after": self.cursor}
            query = _PRICES if self.watch.field == "priceChanged" else _STOCK
            await speaker.ask(query, variables=asked)
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
                last = self._note(payload["data"][self.watch.field], last)

    async def _hear(self, speaker: Speaker) -> Any:
        while True:
            async with asyncio.timeout(_SILENCE_SECONDS):
                message: Any = orjson.loads(await speaker.connection.recv())
            if message["type"] == "ping":
                await speaker.say(type="pong")
            else:
                return message

    def _note(self, event: dict[str, Any], last: str) -> str:
        """The cursor of the last CHANGE of this connection."""
        kind, cursor, sku = event["kind"], event["cursor"], event["sku"]
        self.counts[kind] += 1
        if sku is not None:
            self._show(sku, cursor, event)
        if kind == "CHANGE":
            if cursor <= last:
                self.wrongs.append(f"{self.watch.field} {cursor} after {last}")
            self.counts["twice"] += (cursor, sku) in self._seen
            self._seen.add((cursor, sku))
            last = cursor
        if kind in ("CHANGE", "BOOKMARK"):
            self.cursor = cursor
        return last

    def _show(self, sku: str, cursor: str, event: dict[str, Any]) -> None:
        if self.watch.field == "stockChanged":
            # Stock is only ever received here: less than before is older than before.
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
