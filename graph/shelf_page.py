"""The page at `/labels`: a wall of e-paper labels that redraws as prices change."""

from __future__ import annotations

import asyncio
import hashlib
from functools import lru_cache
from importlib.resources import files

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devices.shelf import Shelf
from domain.locales import preferred
from graph.shelf_events import ShelfEvents
from graph.shelf_state import shelf_state

_MEDIA_TYPES = {
    "shelf.css": "text/css; charset=utf-8",
    "shelf.js": "text/javascript; charset=utf-8",
    "words.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
# Only our own files: no script or style within the page, no frame around it, nothing from another host.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def shelf_routes(shelf: Shelf) -> list[Route]:
    """The page, its files, the labels' pictures, their state as JSON and their redraws as a stream.

    `shelf.run()` is kept running by whoever made it; `app.state.draining`, where it is, ends the streams.
    """

    async def picture(request: Request) -> Response:
        found = shelf.find(request.path_params["code"])
        face = found[0].shown(found[1].code) if found else None
        if face is None:
            return Response(status_code=404, headers=_HEADERS | {"cache-control": "no-store"})
        return _tagged(request, face.png, "image/png", face.hash)

    async def state(_: Request) -> Response:
        headers = _HEADERS | {"cache-control": "no-store"}
        return Response(orjson.dumps(shelf_state(shelf)), media_type="application/json", headers=headers)

    async def events(request: Request) -> Response:
        draining: asyncio.Event = getattr(request.app.state, "draining", None) or asyncio.Event()
        # A proxy that collects the answer first would hold every redraw back.
        headers = _HEADERS | {"cache-control": "no-store", "x-accel-buffering": "no"}
        return ShelfEvents(shelf, draining, headers)

    return [
        Route("/labels", _page, methods=["GET"]),
        Route("/labels/state.json", state, methods=["GET"]),
        Route("/labels/events", events, methods=["GET"]),
        Route("/labels/static/{name}", _file, methods=["GET"]),
        Route("/labels/{code}.png", picture, methods=["GET"]),
    ]


async def _page(request: Request) -> Response:
    language = preferred(request.headers.get("accept-language"), "zh-CN")
    body = _read("page.html")[0]
    if not language.startswith("zh"):
        body = body.replace(b'<html lang="zh-CN">', b'<html lang="en">')
    return _tagged(
        request, body, "text/html; charset=utf-8", hashlib.sha256(body).hexdigest(), vary="Accept-Language"
    )


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _MEDIA_TYPES:
        return Response(status_code=404, headers=_HEADERS)
    body, tag = _read(name)
    return _tagged(request, body, _MEDIA_TYPES[name], tag)


@lru_cache
def _read(name: str) -> tuple[bytes, str]:
    """A file of the package and its tag; read once per process."""
    body = files("graph").joinpath("static", "labels", name).read_bytes()
    return body, hashlib.sha256(body).hexdigest()


def _tagged(request: Request, body: bytes, media_type: str, tag: str, *, vary: str | None = None) -> Response:
    """The body, or 304 for a browser that has it already."""
    headers = _HEADERS | {"etag": f'"{tag}"'} | ({"vary": vary} if vary else {})
    held = {part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")}
    if headers["etag"] in held or "*" in held:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers | {"content-type": media_type})
