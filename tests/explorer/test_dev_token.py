"""`POST /dev/token`: what is issued, what is refused, and who may not ask."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette

from domain.refusals import RequestError
from graph.dev_token import dev_token_route


async def _issue_later(kind: str, store: str | None) -> str:
    if kind == "nobody":
        raise RequestError.bad_input(en="There is no such principal.", zh="没有这种身份。")
    return f"{kind} of {store}"


@pytest.fixture
def client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=Starlette(routes=[dev_token_route(_issue_later)]))
    return httpx.AsyncClient(transport=transport, base_url="http://shelfgraph.test")


@pytest.mark.parametrize(
    ("body", "token"),
    [
        ({"kind": "staff", "store": "aeon"}, "staff of aeon"),
        ({"kind": "member", "store": None}, "member of None"),
        ({"kind": "admin"}, "admin of None"),
    ],
)
async def test_a_token_is_issued(client: httpx.AsyncClient, body: dict[str, str], token: str) -> None:
    answer = await client.post("/dev/token", json=body)
    assert (answer.status_code, answer.json()) == (200, {"token": token})
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"7",
        b"null",
        b"{",
        b'{"kind": 7}',
        b'{"kind": "staff", "store": 7}',
        b"\xff",
        b'"' + b"x" * 5000 + b'"',
    ],
)
async def test_other_bodies_are_refused(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await client.post("/dev/token", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("language", "message"), [("en", "There is no such principal."), ("zh-HK", "没有这种身份。")]
)
async def test_what_the_issuer_refuses_is_said_in_the_callers_language(
    client: httpx.AsyncClient, language: str, message: str
) -> None:
    answer = await client.post("/dev/token", json={"kind": "nobody"}, headers={"accept-language": language})
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)


@pytest.mark.parametrize(
    ("site", "status"), [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403)]
)
async def test_pages_of_other_origins_may_not_ask(client: httpx.AsyncClient, site: str, status: int) -> None:
    answer = await client.post("/dev/token", json={"kind": "admin"}, headers={"sec-fetch-site": site})
    assert answer.status_code == status


async def test_a_form_which_any_page_may_send_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/dev/token", content=b'{"kind": "admin"}', headers={"content-type": "text/plain"}
    )
    assert answer.status_code == 400
