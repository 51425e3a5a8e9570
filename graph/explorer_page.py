"""GraphiQL at `/graphql`: the page, its example tabs, and the rules a browser holds it to."""

from __future__ import annotations

import hashlib
from html import escape

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graph.examples import EXAMPLES
from graph.explorer_files import PREFIX, has_tag, manifest

EXAMPLES_PATH = "/graphql/examples.json"

# Nothing from another host, no script but our files. Styles are inline too: the editor writes them.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "font-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    # The same address answers queries by GET.
    "vary": "Accept",
    "cache-control": "no-cache",
}

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Shelfgraph</title>
<link rel="icon" type="image/svg+xml" href="{files}/{icon}">
<link rel="stylesheet" href="{files}/{style}">
<script type="module" src="{files}/{script}"></script>
</head>
<body>
<header>
<a href="{root}/graphql"><img src="{files}/{icon}" alt="" width="22" height="22">Shelfgraph</a>
<div id="bar"></div>
</header>
<main id="explorer" data-examples="{root}{examples}" data-workers="{workers}"{sign_in}></main>
<noscript>This page needs JavaScript. Send queries by POST to this same address. \
本页需要 JavaScript;也可以直接向本地址 POST 查询。</noscript>
</body>
</html>
"""


async def explorer_page(request: Request, *, sign_in_path: str | None = None) -> Response:
    """The page that asks this very address; 304 when the browser has it.

    With `sign_in_path`, which exists in development only, it offers to sign in as staff, member or
    administrator, and keeps typed headers between visits.
    """
    names = manifest()
    root = escape(str(request.scope.get("root_path", "")).rstrip("/"), quote=True)
    body = _PAGE.format(
        root=root,
        files=f"{root}{PREFIX}",
        icon=names.icon,
        style=names.style,
        script=names.script,
        examples=EXAMPLES_PATH,
        workers=escape(orjson.dumps(names.workers).decode(), quote=True),
        sign_in=f' data-sign-in="{root}{escape(sign_in_path, quote=True)}"' if sign_in_path else "",
    ).encode()
    headers = {**_HEADERS, "etag": _tag(body)}
    if has_tag(request, headers["etag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="text/html", headers=headers)


async def serve_examples(request: Request) -> Response:
    """The example tabs as JSON: name, description in both languages, query, variables, headers."""
    body = orjson.dumps({"examples": [example.as_json() for example in EXAMPLES]})
    headers = {"cache-control": "no-cache", "etag": _tag(body), "x-content-type-options": "nosniff"}
    if has_tag(request, headers["etag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def examples_route() -> Route:
    """`GET /graphql/examples.json`."""
    return Route(EXAMPLES_PATH, serve_examples, methods=["GET"])


def _tag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'
