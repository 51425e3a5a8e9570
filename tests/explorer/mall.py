"""A mall of one article behind the contract's own schema: what the explorer queries in its tests."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from graphql import ExecutionResult, GraphQLResolveInfo, build_schema, graphql, parse, subscribe
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from domain.refusals import RequestError
from graph.dev_token import DEV_TOKEN_PATH, dev_token_route
from graph.explorer_files import explorer_files
from graph.explorer_page import examples_route, explorer_page

SCHEMA = build_schema((Path(__file__).parents[1] / "contract.graphql").read_text())
SKU = "P000000003"


class Mall:
    """The article's till price, who watches it, and what every caller said about itself."""

    def __init__(self, *, development: bool = True) -> None:
        self.amount = "38.00"
        self.development = development
        self.http_authorization: list[str | None] = []
        self.idempotency_keys: list[str] = []
        self.sockets: list[dict[str, Any]] = []
        self.watchers: set[asyncio.Queue[str]] = set()

    def app(self) -> Starlette:
        """The explorer's routes beside a bare GraphQL endpoint."""
        routes = [
            Route("/graphql", self.graphql, methods=["GET", "POST"]),
            WebSocketRoute("/graphql", self.socket),
            examples_route(),
            explorer_files(),
        ]
        return Starlette(routes=[*routes, dev_token_route(issue)] if self.development else routes)

    async def graphql(self, request: Request) -> Response:
        if request.method == "GET":
            return explorer_page(request, sign_in_path=DEV_TOKEN_PATH if self.development else None)
        asked = await request.json()
        self.http_authorization.append(request.headers.get("authorization"))
        result = await graphql(
            SCHEMA, asked["query"], self.root(), None, asked.get("variables"), asked.get("operationName")
        )
        return JSONResponse(result.formatted)

    async def socket(self, socket: WebSocket) -> None:
        await socket.accept("graphql-transport-ws")
        running: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                message = await socket.receive_json()
                match message["type"]:
                    case "connection_init":
                        self.sockets.append(message.get("payload") or {})
                        await socket.send_json({"type": "connection_ack"})
                    case "subscribe":
                        task = asyncio.create_task(self.stream(socket, message["id"], message["payload"]))
                        running[message["id"]] = task
                    case "complete":
                        running.pop(message["id"]).cancel()
        except WebSocketDisconnect:
            for task in running.values():
                task.cancel()

    async def stream(self, socket: WebSocket, operation: str, asked: dict[str, Any]) -> None:
        results = subscribe(
            SCHEMA,
            parse(asked["query"]),
            self.root(),
            None,
            asked.get("variables"),
            asked.get("operationName"),
        )
        if inspect.isawaitable(results):
            results = await results
        assert not isinstance(results, ExecutionResult), results.errors
        async for result in results:
            await socket.send_json({"id": operation, "type": "next", "payload": result.formatted})

    def root(self) -> dict[str, Any]:
        return {
            "stores": lambda info, **_: {"nodes": [_store("wellcome", "Wellcome"), _store("aeon", "AEON")]},
            "products": lambda info, **_: {
                "nodes": [{"handle": "ham", "name": "Chopped Ham", "variants": [self.variant()]}],
                "pageInfo": {"hasNextPage": False},
            },
            "variant": lambda info, **_: self.variant(),
            "pricesSet": self.prices_set,
            "priceChanged": self.price_changed,
        }

    def variant(self) -> dict[str, Any]:
        trace = {"at": "2026-01-01T00:00:00Z", "charged": _money(self.amount), "candidates": []}
        return {
            "sku": SKU,
            "name": "Chopped Ham 340g",
            "price": lambda info, **_: self.price(),
            "priceTrace": lambda info, **_: trace,
            "availability": lambda info, **_: {"status": "IN_STOCK", "available": 9, "pickupToday": True},
        }

    def price(self) -> dict[str, Any]:
        return {"amount": _money(self.amount), "kind": "STORE", "version": "1"}

    def prices_set(self, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
        self.idempotency_keys.append(input["idempotencyKey"])
        self.set_price(input["prices"][0]["amount"])
        return {"prices": [], "cursor": None, "userErrors": []}

    def set_price(self, amount: str) -> None:
        self.amount = amount
        for watcher in self.watchers:
            watcher.put_nowait("CHANGE")

    async def price_changed(self, info: GraphQLResolveInfo, **_: Any) -> AsyncIterator[dict[str, Any]]:
        queue: asyncio.Queue[str] = asyncio.Queue()
        queue.put_nowait("SNAPSHOT")
        self.watchers.add(queue)
        try:
            while True:
                kind = await queue.get()
                event = {"kind": kind, "cursor": "1.1", "occurredAt": "2026-01-01T00:00:00Z", "cause": "test"}
                yield {"priceChanged": {**event, "sku": SKU, "price": self.price()}}
        finally:
            self.watchers.discard(queue)


def issue(kind: str, store: str | None) -> str:
    """A token that says whose it is; there is no admin in this mall."""
    if kind == "admin":
        raise RequestError.bad_input(en="No administrator here.", zh="这里没有管理员。")
    return json.dumps([kind, store], separators=(",", ":"))


def _store(code: str, name: str) -> dict[str, Any]:
    return {
        "code": code,
        "name": name,
        "address": "1 Test Street",
        "openNow": True,
        "openingHours": [],
        "services": [],
    }


def _money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currencyCode": "HKD"}
