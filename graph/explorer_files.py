"""The built explorer: its manifest, and its files under `/static/graphiql`: gzipped, named by content."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

FOLDER = Path(__file__).parent / "static" / "graphiql"
PREFIX = "/static/graphiql"
# Said here, because a machine's own table may lack them or say text/plain for scripts.
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
    ".json": "application/json",
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """The names that the page's HTML needs: entry script, style sheet, icon, and the editor's workers."""

    script: str
    style: str
    icon: str
    workers: dict[str, str]


@cache
def manifest() -> Manifest:
    """The manifest of the build that ships with this version."""
    return Manifest(**orjson.loads((FOLDER / "manifest.json").read_bytes()))


@cache
def _stored() -> dict[str, bytes]:
    """Every file of the build by its public name, gzipped: about a megabyte, read once."""
    return {path.stem: path.read_bytes() for path in FOLDER.glob("*.gz")}


def accepts_gzip(headers: Headers) -> bool:
    """Whether Accept-Encoding takes gzip: named, or meant by `*`, and not with a quality of 0."""
    qualities: dict[str, float] = {}
    for part in ",".join(headers.getlist("accept-encoding")).split(","):
        coding, _, parameter = part.partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            qualities[coding.strip().lower()] = float(value) if name.strip().lower() == "q" else 1.0
        except ValueError:
            qualities[coding.strip().lower()] = 0.0
    return qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0.0))) > 0


async def serve_file(request: Request) -> Response:
    """One file of the build, for ever cacheable: another content has another name. 404 for any other name."""
    name = str(request.path_params["name"])
    packed = _stored().get(name)
    if packed is None:
        return PlainTextResponse("Not found", status_code=404)
    as_gzip = accepts_gzip(request.headers)
    headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "etag": f'"{name}{"-gz" if as_gzip else ""}"',
        "vary": "Accept-Encoding",
        "x-content-type-options": "nosniff",
    }
    if has_tag(request, headers["etag"]):
        return Response(status_code=304, headers=headers)
    if as_gzip:
        headers["content-encoding"] = "gzip"
    media_type = _TYPES.get(Path(name).suffix, "application/octet-stream")
    return Response(packed if as_gzip else gzip.decompress(packed), media_type=media_type, headers=headers)


def has_tag(request: Request, etag: str) -> bool:
    """Whether the client holds the answer with this ETag (`If-None-Match`, weak or strong, or `*`)."""
    held = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    return etag in held or "*" in held


def explorer_files() -> Route:
    """The route that serves the explorer's scripts, workers, styles and fonts."""
    return Route(f"{PREFIX}/{{name}}", serve_file, methods=["GET"])
