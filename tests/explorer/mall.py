"""A mall of one article behind the contract's own schema and the house's own door, for the explorer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from graphql import GraphQLResolveInfo, GraphQLSchema, build_schema
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from domain.refusals import RequestError
from graph.dev_token import DEV_TOKEN_PATH, dev_token_route
from graph.door import Caller, Door
from graph.explorer_files import explorer_files
from graph.explorer_page import examples_route, explorer_page

SKU = "P000000003"


@dataclass(frozen=True)
class Context:
    """Who asks."""

    caller: Caller
    standing = None
    extensions: ClassVar[dict[str, object]] = {}

    @property
    def view(self) -> str | None:
        return self.caller.authorization

    def for_everyone(self) -> Context:
        return self

    def for_event(self) -> Context:
        return self

    def abandon(self) -> None:
        """Nothing is under way."""


class Mall:
    """The article's till price, who watches it, and as whom every caller came."""

    def __init__(self, *, development: bool = True) -> None:
        self.amount = "38.00"
        self.development = development
        self.authorizations: list[str | None] = []
        self.watched_as: list[str | None] = []
        self.idempotency_keys: list[str] = []
        self.watchers: set[asyncio.Queue[str]] = set()

    def app(self) -> Starlette:
        """The explorer's routes beside the door."""
        sign_in_path = DEV_TOKEN_PATH if self.development else None
        door = Door(self.schema(), self, page=partial(explorer_page, sign_in_path=sign_in_path))
        routes = [
            Route("/graphql", door.http, methods=["GET", "POST"]),
            WebSocketRoute("/graphql", door.websocket),
            examples_route(),
            explorer_files(),
        ]
        return Starlette(routes=[*routes, dev_token_route(issue)] if self.development else routes)

    def must_stand(self, standing: object) -> None:
        """Everybody may stay."""

    async def __call__(self, caller: Caller) -> Context:
        self.authorizations.append(caller.authorization)
        return Context(caller)

    def schema(self) -> GraphQLSchema:
        schema = build_schema((Path(__file__).parents[1] / "contract.graphql").read_text())
        assert schema.query_type
        assert schema.mutation_type
        assert schema.subscription_type
        answers: dict[str, Callable[[], object]] = {
            "stores": lambda: {"nodes": [_store("wellcome", "Wellcome"), _store("aeon", "AEON")]},
            "products": lambda: {
                "nodes": [{"handle": "ham", "name": "Chopped Ham", "variants": [self.variant()]}],
                "pageInfo": {"hasNextPage": False},
            },
            "variant": self.variant,
        }
        for name, answer in answers.items():
            schema.query_type.fields[name].resolve = lambda _root, _info, answer=answer, **_: answer()
        schema.mutation_type.fields["pricesSet"].resolve = self.prices_set
        schema.subscription_type.fields["priceChanged"].subscribe = self.price_changed
        return schema

    def variant(self) -> dict[str, object]:
        return {
            "sku": SKU,
            "name": "Chopped Ham 340g",
            "price": self.price(),
            "priceTrace": {"at": "2026-01-01T00:00:00Z", "charged": _money(self.amount), "candidates": []},
            "availability": {"status": "IN_STOCK", "available": 9, "pickupToday": True},
        }

    def price(self) -> dict[str, object]:
        return {"amount": _money(self.amount), "kind": "STORE", "version": "1"}

    def prices_set(
        self, _root: object, _info: GraphQLResolveInfo, input: dict[str, Any]
    ) -> dict[str, object]:
        self.idempotency_keys.append(input["idempotencyKey"])
        self.set_price(input["prices"][0]["amount"])
        return {"prices": [], "userErrors": []}

    def set_price(self, amount: str) -> None:
        self.amount = amount
        self.tell("CHANGE")

    def tell(self, kind: str) -> None:
        for watcher in self.watchers:
            watcher.put_nowait(kind)

    async def price_changed(
        self, _root: object, info: GraphQLResolveInfo, **_: object
    ) -> AsyncIterator[object]:
        self.watched_as.append(info.context.caller.authorization)
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


def _store(code: str, name: str) -> dict[str, object]:
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
