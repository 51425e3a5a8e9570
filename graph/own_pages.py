"""The house's own pages: files of the package, with a tag each and nothing from anywhere else."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from domain.locales import preferred

_MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
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
HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def page(request: Request, folder: str) -> Response:
    """The page of a folder, marked as English for whoever does not read Chinese first."""
    language = preferred(request.headers.get("accept-language"), "zh-CN")
    body = _read(folder, "page.html")[0]
    if not language.startswith("zh"):
        body = body.replace(b'<html lang="zh-CN">', b'<html lang="en">')
    return tagged(
        request, body, "text/html; charset=utf-8", hashlib.sha256(body).hexdigest(), vary="Accept-Language"
    )


def file(request: Request, folder: str, names: frozenset[str]) -> Response:
    """One of a page's files, which are those named and no others."""
    name = request.path_params["name"]
    if name not in names:
        return Response(status_code=404, headers=HEADERS)
    body, tag = _read(folder, name)
    return tagged(request, body, _MEDIA_TYPES[name.rpartition(".")[2]], tag)


@lru_cache
def _read(folder: str, name: str) -> tuple[bytes, str]:
    """A file of the package and its tag; read once per process."""
    body = files("graph").joinpath("static", folder, name).read_bytes()
    return body, hashlib.sha256(body).hexdigest()


def tagged(request: Request, body: bytes, media_type: str, tag: str, *, vary: str | None = None) -> Response:
    """The body, or 304 for a browser that has it already."""
    headers = HEADERS | {"etag": f'"{tag}"'} | ({"vary": vary} if vary else {})
    held = {part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")}
    if headers["etag"] in held or "*" in held:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers | {"content-type": media_type})
