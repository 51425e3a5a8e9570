"""The page at `/labels`: a wall of e-paper labels that redraws as prices change."""

from __future__ import annotations

import asyncio

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devices.shelf import Shelf
from graph.own_pages import HEADERS, file, page, tagged
from graph.shelf_events import ShelfEvents
from graph.shelf_state import shelf_state

_FILES = frozenset({"shelf.css", "shelf.js", "words.js", "icon.svg"})


def shelf_routes(shelf: Shelf) -> list[Route]:
    """The page, its files, the labels' pictures, their state as JSON and their redraws as a stream.

    `shelf.run()` is kept running by whoever made it; `app.state.draining`, where it is, ends the streams.
    """

    async def picture(request: Request) -> Response:
        found = shelf.find(request.path_params["code"])
        face = found[0].shown(found[1].code) if found else None
        if face is None:
            return Response(status_code=404, headers=HEADERS | {"cache-control": "no-store"})
        return tagged(request, face.png, "image/png", face.hash)

    async def state(_: Request) -> Response:
        headers = HEADERS | {"cache-control": "no-store"}
        return Response(orjson.dumps(shelf_state(shelf)), media_type="application/json", headers=headers)

    async def events(request: Request) -> Response:
        draining: asyncio.Event = getattr(request.app.state, "draining", None) or asyncio.Event()
        # A proxy that collects the answer first would hold every redraw back.
        headers = HEADERS | {"cache-control": "no-store", "x-accel-buffering": "no"}
        return ShelfEvents(shelf, draining, headers)

    return [
        Route("/labels", _page, methods=["GET"]),
        Route("/labels/state.json", state, methods=["GET"]),
        Route("/labels/events", events, methods=["GET"]),
        Route("/labels/static/{name}", _file, methods=["GET"]),
        Route("/labels/{code}.png", picture, methods=["GET"]),
    ]


async def _page(request: Request) -> Response:
    return page(request, "labels")


async def _file(request: Request) -> Response:
    return file(request, "labels", _FILES)
