"""The application: one process's house, its doors and pages, and how they open and close."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime, timedelta

import structlog
from graphql import Executor
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from domain.news import Topic
from domain.refusals import RequestError
from graph.compiling import compiled_executor
from graph.counter_page import counter_routes
from graph.dev_token import DEV_TOKEN_PATH, dev_token_route
from graph.door.door import Door
from graph.door.limits import Limits
from graph.explorer_files import explorer_files
from graph.explorer_page import examples_route, explorer_page
from graph.face_files import face_files
from graph.household import household, utc_now
from graph.jwks import jwks_route
from graph.logs import RequestLog
from graph.newcomers import Newcomers
from graph.partners.documents import examiner
from graph.partners.entrance import Entrance
from graph.request import Reception
from graph.revoked import RevokedTokens
from graph.schema import build_schema
from graph.settings import Settings
from graph.shelf_page import shelf_routes
from graph.simulation import hang_up
from graph.tokens import Tokens, principal_for, with_an_id
from graph.workers import Workers
from persistence import migrate
from persistence.database import AWAY, Database, unavailable
from resolvers.house import House

_log = structlog.stdlib.get_logger("shelfgraph.app")
_DEVELOPMENT_TOKEN = timedelta(hours=12)
# The door itself says 405 for those it does not take, in the words of the protocol.
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def build_app(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> Starlette:
    """The application on the database that the settings name, which need not be there yet."""
    dsn = settings.database_url
    if dsn is None:
        raise ValueError("the application is built on a database that runs; settings name none")
    home = household(settings, clock)
    house, tokens, hub = home.house, home.tokens, home.house.hub
    # Looked up beside all requests, and never instead of one.
    revocations = Database(dsn, size=1)
    revoked = RevokedTokens(revocations, hub)
    entrance = Entrance(home, revocations, settings)
    house.desk.revoked = revoked.look
    development = settings.is_development
    limits = Limits(
        connections=settings.connections,
        caller_connections=settings.connections_per_caller,
        connection_operations=settings.operations_per_connection,
    )
    schema = build_schema()
    door = Door(
        schema,
        Reception(house, tokens, revoked, entrance.keys, Newcomers(house.database) if development else None),
        limits=limits,
        introspection=settings.tells_schema,
        default_locale=settings.default_locale,
        translate=_translate,
        page=_explorer if development else None,
        policy=entrance.policy,
        executor_class=compiled_executor(schema) if settings.compiled_operations else Executor,
    )
    house.partners.examine = examiner(door.documents, limits)
    workers = Workers(dsn, settings.database_direct_url or dsn, hub, settings, home.work)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for database in home.databases:
                await stack.enter_async_context(database)
            await stack.enter_async_context(revocations)
            await hub.start()
            stack.push_async_callback(hub.stop)
            stack.push_async_callback(home.till_room.stop)
            await workers.start()
            stack.push_async_callback(workers.stop)
            await stack.enter_async_context(_beside(_drain_when_told(app, door)))
            await stack.enter_async_context(_beside(_follow_directory(house)))
            with suppress(RequestError):
                await revoked.ready()
            await stack.enter_async_context(_beside(revoked.follow(door.check_sign_ins)))
            await stack.enter_async_context(_beside(entrance.keys.follow(door.check_sign_ins)))
            stack.push_async_callback(entrance.counters.close)
            await stack.enter_async_context(_beside(entrance.usage.keep_writing()))
            if development:
                await stack.enter_async_context(_shelf(app, house, tokens, settings))
            yield

    app = Starlette(
        routes=[
            *_routes(door, house),
            home.till_room.route(),
            jwks_route(tokens.keys),
            face_files(house),
            *counter_routes(),
        ],
        middleware=[Middleware(RequestLog)],
        lifespan=lifespan,
    )
    if development:
        app.router.routes += [examples_route(), explorer_files(), dev_token_route(_issuer(house, tokens))]
    app.state.house = house
    app.state.tokens = tokens
    app.state.revoked = revoked
    app.state.door = door
    app.state.keys = entrance.keys
    app.state.usage = entrance.usage
    return app


@asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Runs something beside the server, and ends it with the server."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _drain_when_told(app: Starlette, door: Door) -> None:
    """Closes the door when the server begins to end; requests under way are finished by the server."""
    draining: asyncio.Event | None = getattr(app.state, "draining", None)
    if draining is not None:
        await draining.wait()
        await door.drain()


async def _follow_directory(house: House) -> None:
    """Forgets the directory whenever a channel or store has changed, here or in another process."""
    topics = frozenset({Topic.DIRECTORY})
    async with house.hub.subscribe(lambda _: True, topics=topics, key=None) as news:
        async for _ in news:
            house.directory.forget()


@asynccontextmanager
async def _shelf(app: Starlette, house: House, tokens: Tokens, settings: Settings) -> AsyncIterator[None]:
    """The simulated shelf and its page; without them when the database is away at the start."""
    try:
        shelf = await hang_up(house, tokens, settings)
    except RequestError as away:
        _log.warning("no simulated shelf: the database is away", reason=str(away))
        yield
        return
    app.router.routes += shelf_routes(shelf)
    async with _beside(shelf.run()):
        yield


def _issuer(house: House, tokens: Tokens) -> Callable[[str, str | None], str]:
    def issue(kind: str, store: str | None) -> str:
        principal = with_an_id(principal_for(kind, store=store))
        return tokens.issue(principal, now=house.clock(), lifetime=_DEVELOPMENT_TOKEN)

    return issue


async def _explorer(request: Request) -> Response:
    return await explorer_page(request, sign_in_path=DEV_TOKEN_PATH)


def _routes(door: Door, house: House) -> list[BaseRoute]:
    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:
        """Ready when the database answers at this release's schema, and we are not about to end."""
        draining: asyncio.Event | None = getattr(request.app.state, "draining", None)
        if draining is not None and draining.is_set():
            return _not_ready("draining")
        try:
            async with house.database.connection() as db:
                stands_at = await migrate.current(db)
        except RequestError:
            return _not_ready("database away")
        if stands_at != migrate.head():
            return _not_ready("database not migrated")
        return JSONResponse({"status": "ready"})

    async def home(_: Request) -> Response:
        return RedirectResponse("/graphql")

    return [
        Route("/", home),
        Route("/graphql", door.http, methods=list(_METHODS)),
        WebSocketRoute("/graphql", door.websocket),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
    ]


def _not_ready(reason: str) -> Response:
    return JSONResponse({"status": reason}, status_code=503, headers={"Retry-After": "2"})


def _translate(error: BaseException) -> RequestError | None:
    """A database that goes away is no bug of ours, wherever that is noticed."""
    return unavailable() if isinstance(error, AWAY) else None
