"""A small graph on a real socket: `priceChanged` over graphql-transport-ws, with replay and cuts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from graphql import build_schema, parse, validate
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from devices.price_news import PRICE_CHANGED

# The part of the public contract that a shelf needs; the document a gateway sends is checked against it.
SCHEMA = build_schema("""
    scalar DateTime scalar Decimal scalar BigInt scalar EventCursor scalar CurrencyCode scalar Locale
    enum LiveKind { SNAPSHOT CHANGE BOOKMARK RESYNC }
    enum PriceKind { LIST SALE MEMBER STORE LIVE GROUP_BUY BARGAIN CLEARANCE }
    enum ContentUnit { GRAM KILOGRAM MILLILITRE LITRE METRE PIECE }
    input SalesContext { channel: String! store: String campaign: String at: DateTime }
    type Money { amount: Decimal! currencyCode: CurrencyCode! minorUnits: BigInt! }
    type UnitPrice { amount: Money! per: Decimal! unit: ContentUnit! }
    type Price { amount: Money! compareAt: Money unitPrice: UnitPrice memberAmount: Money kind: PriceKind!
      version: BigInt! }
    type Product { brand(locale: Locale): String }
    type ProductVariant { sku: String! gtin: String name(locale: Locale): String! product: Product!
      netContent: Decimal netContentUnit: ContentUnit origin: String }
    type PriceEvent { kind: LiveKind! cursor: EventCursor! occurredAt: DateTime! cause: String! sku: String
      price: Price variant: ProductVariant }
    type Query { nothing: String }
    type Subscription {
      priceChanged(context: SalesContext!, skus: [String!], after: EventCursor): PriceEvent! }
""")


def hkd(minor: int) -> dict[str, str]:
    return {"amount": f"{minor / 100:.2f}", "currencyCode": "HKD", "minorUnits": str(minor)}


def price(minor: int, version: int, *, was: int | None = None, member: int | None = None) -> dict[str, Any]:
    return {
        "amount": hkd(minor),
        "compareAt": hkd(was) if was else None,
        "unitPrice": {"amount": hkd(minor // 10), "per": "100", "unit": "MILLILITRE"},
        "memberAmount": hkd(member) if member else None,
        "kind": "SALE" if was else "STORE",
        "version": str(version),
    }


def variant(
    sku: str, *, zh: str = "初榨橄欖油 1公升", en: str = "Olive Oil 1L", brand: str = "純一"
) -> dict[str, Any]:
    return {
        "sku": sku,
        "gtin": None,
        "origin": "意大利",
        "netContent": "1",
        "netContentUnit": "LITRE",
        "zh": zh,
        "en": en,
        "product": {"brand": brand},
    }


@dataclass
class PriceGraph:
    """The prices of one store; `prices` is the state, `log` what happened, positions count from 1."""

    prices: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    forgotten: int = 0
    greetings: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[tuple[ServerConnection, str], set[str]] = field(default_factory=dict)
    silent_after_ack: bool = False
    refusal: list[dict[str, Any]] | None = None
    port: int = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    def cursor(self, position: int | None = None) -> str:
        return f"1.{len(self.log) if position is None else position:012d}"

    def event(self, kind: str, cursor: str, sku: str | None = None, cause: str = "test") -> dict[str, Any]:
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return {
            "kind": kind,
            "cursor": cursor,
            "occurredAt": at,
            "cause": cause,
            "sku": sku,
            "price": self.prices.get(sku) if sku else None,
            "variant": self.variants.get(sku) or variant(sku) if sku else None,
        }

    async def change(self, sku: str, new: dict[str, Any] | None) -> None:
        """Set a price (None: no longer sold) and tell those who hear it."""
        self.prices[sku] = new
        event = self.event("CHANGE", self.cursor(len(self.log) + 1), sku)
        self.log.append(event)
        await self.tell(event)

    async def tell(self, event: dict[str, Any]) -> None:
        for (socket, name), skus in list(self.answers.items()):
            if event["sku"] is None or event["sku"] in skus:
                await send_next(socket, name, event)

    async def cut(self) -> None:
        """Lose every connection without a word."""
        for socket in {socket for socket, _ in self.answers}:
            socket.transport.abort()
        self.answers.clear()
        await asyncio.sleep(0)

    async def serve_one(self, socket: ServerConnection) -> None:
        try:
            async for text in socket:
                await self._answer(socket, json.loads(text))
        except ConnectionClosed:
            pass
        finally:
            for key in [key for key in self.answers if key[0] is socket]:
                del self.answers[key]

    async def _answer(self, socket: ServerConnection, message: dict[str, Any]) -> None:
        if message["type"] == "connection_init":
            self.greetings.append(message["payload"])
            await socket.send(json.dumps({"type": "ping"}))
            await socket.send(json.dumps({"type": "connection_ack"}))
        elif message["type"] == "subscribe" and not self.silent_after_ack:
            assert message["payload"]["query"] == PRICE_CHANGED
            variables = message["payload"]["variables"]
            self.asked.append(variables)
            if self.refusal is not None:
                refused = {"id": message["id"], "type": "error", "payload": self.refusal}
                await socket.send(json.dumps(refused))
                return
            await self._open(socket, message["id"], variables)

    async def _open(self, socket: ServerConnection, name: str, variables: dict[str, Any]) -> None:
        skus, after = set(variables["skus"]), variables.get("after")
        position = int(after.split(".")[1]) if after else None
        if position is not None and position < self.forgotten:
            await send_next(socket, name, self.event("RESYNC", self.cursor()))
            position = None
        if position is None:
            for sku in variables["skus"]:
                await send_next(socket, name, self.event("SNAPSHOT", self.cursor(), sku))
        else:
            for event in self.log[position:]:
                if event["sku"] in skus:
                    now = {"price": self.prices[event["sku"]]}
                    await send_next(socket, name, event | now)
        await send_next(socket, name, self.event("BOOKMARK", self.cursor()))
        self.answers[socket, name] = skus


async def send_next(socket: ServerConnection, name: str, event: dict[str, Any]) -> None:
    payload = {"data": {"priceChanged": event}}
    await socket.send(json.dumps({"id": name, "type": "next", "payload": payload}))


@asynccontextmanager
async def price_graph(graph: PriceGraph) -> AsyncIterator[PriceGraph]:
    """Serve the graph on a free port."""
    assert validate(SCHEMA, parse(PRICE_CHANGED)) == []
    server: Server = await serve(
        graph.serve_one, "127.0.0.1", graph.port, subprotocols=["graphql-transport-ws"]
    )
    graph.port = next(iter(server.sockets)).getsockname()[1]
    try:
        yield graph
    finally:
        server.close()
        await server.wait_closed()
