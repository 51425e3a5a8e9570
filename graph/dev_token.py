"""`POST /dev/token`: the explorer's "signed in as". In development only: whoever reaches it can be anyone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.refusals import RequestCode, RequestError, Text

DEV_TOKEN_PATH = "/dev/token"  # noqa: S105 - an address, not a secret
_LARGEST_BODY = 4096

Issue = Callable[[str, str | None], str | Awaitable[str]]


def dev_token_route(issue: Issue) -> Route:
    """The route that answers `{"token": …}` for `{"kind", "store"}` with what `issue(kind, store)` gives.

    400 with `{"error": {"code", "message"}}` for any other body and for what `issue` refuses by RequestError.
    Pages of other origins get 403: they can neither send JSON without asking nor pass as this page.
    """

    async def serve(request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return _refusal(request, 403, _ELSEWHERE)
        try:
            kind, store = await _asked(request)
            issued = issue(kind, store)
            token = issued if isinstance(issued, str) else await issued
        except RequestError as error:
            return _refusal(request, 400, error)
        return _answer(200, {"token": token})

    return Route(DEV_TOKEN_PATH, serve, methods=["POST"])


_ELSEWHERE = RequestError(
    RequestCode.FORBIDDEN,
    Text(en="Only this server's own pages may ask.", zh="只有本服务器自己的页面可以请求。"),
)


async def _asked(request: Request) -> tuple[str, str | None]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RequestError.bad_input(en="Send application/json.", zh="请以 application/json 发送。")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise RequestError.bad_input(en="The body is too large.", zh="请求正文过大。")
    try:
        asked = orjson.loads(bytes(body))
    except orjson.JSONDecodeError:
        asked = None
    kind, store = (asked.get("kind"), asked.get("store")) if isinstance(asked, dict) else (None, None)
    if not isinstance(kind, str) or not (store is None or isinstance(store, str)):
        raise RequestError.bad_input(
            en='Send {"kind": "staff", "store": "wellcome"}; the store may be left out.',
            zh='请发送 {"kind": "staff", "store": "wellcome"};store 可省略。',
        )
    return kind, store


def _refusal(request: Request, status: int, error: RequestError) -> Response:
    message = error.text.in_language(request.headers.get("accept-language", "en"))
    return _answer(status, {"error": {"code": error.code.value, "message": message}})


def _answer(status: int, content: dict[str, object]) -> Response:
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(orjson.dumps(content), status, media_type="application/json", headers=headers)
