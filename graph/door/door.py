"""The door itself: one schema, its HTTP and WebSocket endpoints, and its closing."""

from __future__ import annotations

import asyncio

from graphql import Executor, GraphQLSchema
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from graph.door.caller import OpenContext
from graph.door.connections import Connections
from graph.door.documents import Documents
from graph.door.errors import Translate, no_translation
from graph.door.execution import Execution, HouseExecutor
from graph.door.http import HttpDoor, Page
from graph.door.inside import Inside
from graph.door.limits import Limits
from graph.door.policy import Policy
from graph.door.websocket import Socket


class Door:
    """Answers GraphQL on a schema.

    `open_context` finds out who asks; `translate` says which foreign exceptions are an answer (a database
    that is away is UNAVAILABLE); `page` answers browsers that navigate here; `policy` knows the
    documents that were published, and who may run what. Without introspection the schema is neither told
    nor guessed at in suggestions. Middleware around it must pass `receive` through untouched: a hang-up is
    read from it.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        open_context: OpenContext,
        *,
        limits: Limits | None = None,
        introspection: bool = True,
        default_locale: str = "en",
        translate: Translate = no_translation,
        page: Page | None = None,
        policy: Policy | None = None,
        executor_class: type[HouseExecutor] = Executor,
    ) -> None:
        limits = limits or Limits()
        self.documents = Documents(schema, limits, introspection=introspection)
        execution = Execution(
            schema,
            self.documents,
            limits,
            hide_suggestions=not introspection,
            policy=policy,
            executor_class=executor_class,
        )
        self._connections = Connections(limits, open_context.must_stand)
        self._inside = Inside(execution, open_context, limits, default_locale, translate, self._connections)
        self._http = HttpDoor(self._inside, page=page)

    async def http(self, request: Request) -> Response:
        """The Starlette endpoint for every method of `/graphql`."""
        return await self._http.answer(request)

    async def websocket(self, ws: WebSocket) -> None:
        """The Starlette endpoint for `/graphql` over a WebSocket."""
        await Socket(self._inside, ws).serve(draining=self._http.draining)

    @property
    def connections(self) -> int:
        """How many sockets and event streams are open."""
        return len(self._connections)

    def check_sign_ins(self) -> None:
        """Ends every connection whose sign-in counts no more; to be called when something was revoked."""
        self._connections.check()

    async def restart_connections(self) -> None:
        """Ends every stream (sockets with 1012) so that its client opens it again, here or elsewhere."""
        await self._connections.restart()

    async def drain(self, *, seconds: float = 10.0) -> None:
        """Takes no new operation from now on, ends every stream (sockets with 1012) and lets the rest finish.

        What clients of the reference kind do then is to connect again, to whoever listens next. Requests
        under way are the server's to wait for; mutations whose socket left are waited for here, so long.
        """
        self._http.draining = True
        await self.restart_connections()
        if self._inside.finishing:
            await asyncio.wait(tuple(self._inside.finishing), timeout=seconds)
