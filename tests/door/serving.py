"""A real server on a loopback port, and clients that talk to it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import httpx
import orjson
import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute

from domain.refusals import RequestCode, RequestError, Text
from graph.door import Door, Limits
from graph.door.caller import OperationContext
from graph.door.policy import AnythingGoes
from graph.door.requests import Asked
from graph.door.server import GraphServer, server_config
from tests.door.schema import SCHEMA, Opening, Shop

METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"]


async def page(_: Request) -> Response:
    return PlainTextResponse("a page for people", media_type="text/html")


def translate(error: BaseException) -> RequestError | None:
    """As the house would say it: a connection that was refused is a database that is away."""
    if isinstance(error, ConnectionRefusedError):
        return RequestError(RequestCode.UNAVAILABLE, Text(en="Back soon.", zh="稍后恢复。"))
    return None


class Published(AnythingGoes):
    """Knows one published document, and lets everybody send others."""

    async def document(self, asked: Asked, context: OperationContext) -> str:
        if asked.query is None and asked.document_id == "sha256:known":
            return "{ hello }"
        return await super().document(asked, context)


class Speaker:
    """A WebSocket client that says and hears JSON."""

    def __init__(self, connection: websockets.ClientConnection) -> None:
        self.connection = connection

    async def say(self, **message: object) -> None:
        await self.connection.send(orjson.dumps(message).decode())

    async def hear(self) -> dict[str, object]:
        async with asyncio.timeout(5):
            return orjson.loads(await self.connection.recv())

    async def init(self, **payload: object) -> None:
        await self.say(type="connection_init", payload=payload)
        assert await self.hear() == {"type": "connection_ack"}

    async def ask(self, query: str, id_: str = "1", **payload: object) -> None:
        await self.say(type="subscribe", id=id_, payload={"query": query, **payload})

    async def closed(self) -> tuple[int | None, str]:
        """Code and reason of the close frame; whatever comes before it is read over."""
        async with asyncio.timeout(8):
            try:
                while True:
                    await self.connection.recv()
            except websockets.ConnectionClosed as closed:
                return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")


@dataclass
class Running:
    """A door on a port, and what happened behind it."""

    door: Door
    shop: Shop
    port: int
    http: httpx.AsyncClient
    server: GraphServer
    limits: Limits = field(default_factory=Limits)

    async def ask(self, query: str, **members: object) -> httpx.Response:
        return await self.http.post("/graphql", json={"query": query, **members})

    @asynccontextmanager
    async def speak(self, *protocols: str, accept_language: str = "en") -> AsyncIterator[Speaker]:
        async with websockets.connect(
            f"ws://127.0.0.1:{self.port}/graphql",
            subprotocols=list(protocols or ("graphql-transport-ws",)),
            max_size=None,
            additional_headers={"accept-language": accept_language},
        ) as connection:
            yield Speaker(connection)


Serve = Callable[..., "asyncio.Future[Running]"]


@asynccontextmanager
async def served(**options: object) -> AsyncIterator[Running]:
    shop = Shop()
    limits = replace(Limits(), **options.pop("limits", {}))
    ping_seconds = options.pop("ping_seconds", 15.0)
    settings = {"page": page, "translate": translate, "policy": Published(), **options}
    door = Door(SCHEMA._schema, Opening(shop), limits=limits, **settings)
    async with serve_door(door, shop, limits, ping_seconds=ping_seconds) as running:
        yield running


@asynccontextmanager
async def serve_door(
    door: Door, shop: Shop, limits: Limits, *, ping_seconds: float = 15.0
) -> AsyncIterator[Running]:
    """A real server in front of a door."""
    app = Starlette(
        routes=[
            Route("/graphql", door.http, methods=METHODS),
            WebSocketRoute("/graphql", door.websocket),
        ]
    )
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    config = server_config(app, limits=limits, grace_seconds=3, lifespan=False, ping_seconds=ping_seconds)
    server = GraphServer(config, door.drain)
    serving = asyncio.create_task(server._serve(sockets=[listener]))
    await until(lambda: server.started)
    # Plain HTTP: an empty TLS context saves reading every authority once per server.
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with httpx.AsyncClient(verify=tls, base_url=f"http://127.0.0.1:{port}") as http:
        yield Running(door, shop, port, http, server, limits)
    server.should_exit = True
    await serving


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    """Waits for something to become true."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)
