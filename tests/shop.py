"""A whole shop for tests: the application on a database of its own, asked as clients ask it."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
import websockets
from starlette.applications import Starlette

from domain.access import Principal
from graph import logs
from graph.app import build_app
from graph.door.server import server_config
from graph.settings import Environment, Settings
from graph.tokens import Tokens, principal_for
from persistence.database import Connection
from resolvers.house import House
from tests.door.serving import Speaker

_numbers = itertools.count(1)
_TRANSACTIONS = ("BEGIN", "COMMIT", "ROLLBACK")


@dataclass
class Answer:
    """What came back: the data, the errors' codes and messages, and the statements it took."""

    status: int
    body: dict[str, Any]
    statements: list[str] = field(default_factory=list)

    @property
    def data(self) -> dict[str, Any]:
        """The data of an answer without errors; fails the test otherwise."""
        assert "errors" not in self.body, self.body["errors"]
        data: dict[str, Any] = self.body["data"]
        return data

    @property
    def codes(self) -> list[str]:
        """The codes of the top-level errors."""
        return [error["extensions"]["code"] for error in self.body.get("errors", [])]


class Clock:
    """The wall clock, unless a test says what time it is."""

    def __init__(self) -> None:
        self.at: datetime | None = None

    def __call__(self) -> datetime:
        return self.at or datetime.now(UTC)


class Shop:
    """The application and everything a test wants of it."""

    def __init__(self, app: Starlette, client: httpx.AsyncClient, clock: Clock, dsn: str) -> None:
        self.app = app
        self.client = client
        self.clock = clock
        self.dsn = dsn
        self.house: House = app.state.house
        self.tokens: Tokens = app.state.tokens
        self.listeners: dict[int, list[str]] = {}
        self.house.database.watch = self._note

    def _note(self, text: str) -> None:
        if not text.startswith(_TRANSACTIONS):
            for seen in self.listeners.values():
                seen.append(text)

    def token(self, kind: str, **more: Any) -> str:
        """A token of a development principal: "admin", "staff", "member", "device", "partner"."""
        principal = principal_for(kind, **more)
        return self.token_of(principal)

    def token_of(self, principal: Principal) -> str:
        """A token of a principal, good for an hour."""
        return self.tokens.issue(principal, now=self.clock(), lifetime=timedelta(hours=1))

    async def ask(
        self, document: str, *, token: str | None = None, locale: str = "en", **variables: Any
    ) -> Answer:
        """The answer to a document, asked over HTTP in a language, with the statements it ran."""
        headers = {"Accept-Language": locale}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        async with self.watched() as statements:
            response = await self.client.post(
                "/graphql", json={"query": document, "variables": variables}, headers=headers
            )
        return Answer(response.status_code, response.json(), statements)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[list[str]]:
        """The statements that requests run meanwhile, transactions' own left out."""
        seen: list[str] = []
        number = next(_numbers)
        self.listeners[number] = seen
        try:
            yield seen
        finally:
            del self.listeners[number]

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Connection]:
        """A connection to make rows with."""
        async with self.house.database.connection() as db:
            yield db


@asynccontextmanager
async def opened(dsn: str, folder: Path, **more: Any) -> AsyncIterator[Shop]:
    """A shop on a migrated database, its workers running; `more` are settings."""
    settings = Settings(env=Environment.TEST, database_url=dsn, data_dir=folder, **more)
    # Without it a bug's traceback is drawn with every local in it, for seconds.
    logs.set_up(env=settings.env, level=settings.log_level, format=settings.log_format)
    clock = Clock()
    app = build_app(settings, clock=clock)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        shop = Shop(app, client, clock, dsn)
        async with app.router.lifespan_context(app):
            yield shop


@pytest.fixture(scope="module")
async def shop(fresh_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """The shop of a module's tests, empty at first."""
    async with opened(fresh_database, tmp_path_factory.mktemp("shop")) as one:
        yield one


@asynccontextmanager
async def socket_to(shop: Shop, *, token: str | None = None) -> AsyncIterator[Speaker]:
    """A graphql-transport-ws client that has said who it is, on a real server in front of the shop."""
    async with (
        served_app(shop.app) as port,
        websockets.connect(
            f"ws://127.0.0.1:{port}/graphql", subprotocols=[websockets.Subprotocol("graphql-transport-ws")]
        ) as connection,
    ):
        speaker = Speaker(connection)
        await speaker.init(**({} if token is None else {"authorization": f"Bearer {token}"}))
        yield speaker


@asynccontextmanager
async def served_app(app: Starlette) -> AsyncIterator[int]:
    """The port of a real server in front of an application whose lifespan is somebody else's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        server = uvicorn.Server(server_config(app, lifespan=False))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            async with asyncio.timeout(10):
                while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                    await asyncio.sleep(0.01)
            yield port
        finally:
            server.should_exit = True
            await serving
