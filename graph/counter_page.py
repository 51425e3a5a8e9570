"""The page at `/counter`: a store's pickup queue, live, and the codes it hands over for."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graph.own_pages import file, page

_FILES = frozenset({"counter.css", "counter.js", "graph.js", "words.js", "icon.svg"})


def counter_routes() -> list[Route]:
    """The page and its files; everything else it asks of the graph, as the clerk who has signed in."""

    async def shown(request: Request) -> Response:
        return page(request, "counter")

    async def part(request: Request) -> Response:
        return file(request, "counter", _FILES)

    return [
        Route("/counter", shown, methods=["GET"]),
        Route("/counter/static/{name}", part, methods=["GET"]),
    ]
