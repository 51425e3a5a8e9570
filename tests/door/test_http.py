"""GraphQL over HTTP, as a client meets it: each row is one request and what it gets back."""

from __future__ import annotations

import asyncio
import hashlib
import json

import httpx
import pytest
from structlog.testing import capture_logs

from domain.refusals import RequestCode, RequestError, Text
from graph.door.negotiation import GRAPHQL_RESPONSE, JSON
from tests.door.serving import Running, Serve, until

HELLO = {"query": "{ hello }"}
HELLO_YOU = {"data": {"hello": "Hello you"}}
ITEMS = b'{"query": "query ($n: Int!) { items(first: $n) { totalCount } }", "variables": %b}'
HASH = hashlib.sha256(b"{ hello }").hexdigest()
TWO = 'query A { hello } mutation B { put(item: {sku: "got"}) }'
PUT = 'mutation { put(item: {sku: "got"}) }'
OF_GRAPHQL = ("GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED")
OF_VARIABLES = [
    b'{"query": "query A { hello }", "operationName": "C"}',
    *(ITEMS % given for given in (b"null", b"{}", b'{"n": "x"}', b'{"n": 3000000000}')),
]


def code_of(answer: httpx.Response) -> str:
    body = answer.json()
    assert "data" not in body
    assert all(error["message"] for error in body["errors"])
    return str(body["errors"][0]["extensions"]["code"])


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", JSON),
        (JSON, JSON),
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE};q=0.5, {JSON};q=0.9", JSON),
    ],
)
async def test_a_query_is_answered_in_the_type_asked_for(
    running: Running, accept: str, content_type: str
) -> None:
    answer = await running.http.post("/graphql", json=HELLO, headers={"accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{content_type}; charset=utf-8"
    assert answer.json() == HELLO_YOU


@pytest.mark.parametrize(
    "content_type", [JSON, "Application/JSON;charset=UTF-8", 'application/json; charset="utf-8"']
)
async def test_json_is_taken(running: Running, content_type: str) -> None:
    answer = await running.http.post(
        "/graphql", content=json.dumps(HELLO), headers={"content-type": content_type}
    )
    assert answer.json() == HELLO_YOU


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/graphql"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
async def test_what_a_foreign_page_could_post_is_refused(running: Running, headers: dict[str, str]) -> None:
    started = list(running.shop.started)
    answer = await running.http.post("/graphql", content=json.dumps({"query": PUT}), headers=headers)
    assert answer.status_code == 415
    assert code_of(answer) == "BAD_USER_INPUT"
    assert running.shop.started == started


@pytest.mark.parametrize("accept", ["text/html", "text/plain", "application/xml", "*/*;q=0"])
async def test_nothing_else_can_be_answered(running: Running, accept: str) -> None:
    answer = await running.http.post("/graphql", json=HELLO, headers={"accept": accept})
    assert answer.status_code == 406
    assert code_of(answer) == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "BAD_USER_INPUT"),
        (b"7", "BAD_USER_INPUT"),
        (b'"x"', "BAD_USER_INPUT"),
        (b"null", "BAD_USER_INPUT"),
        (b"true", "BAD_USER_INPUT"),
        (b"[]", "BAD_USER_INPUT"),
        (b'[{"query": "{ hello }"}]', "BAD_USER_INPUT"),
        (b"{", "BAD_USER_INPUT"),
        (b'{"query": "\xff"}', "BAD_USER_INPUT"),
        (b"\xff\xfe{\x00}\x00", "BAD_USER_INPUT"),
        (b'{"query": "\\ud800"}', "BAD_USER_INPUT"),
        (b"1" * 5_000, "BAD_USER_INPUT"),
        (b'{"query": "{ hello }", "variables": {"a": ' + b"1" * 5_000 + b"}}", "BAD_USER_INPUT"),
        (b"[" * 100_000, "BAD_USER_INPUT"),
        (b'{"a":' * 100_000, "BAD_USER_INPUT"),
        (b'{"query": "{ hello }", "variables": NaN}', "BAD_USER_INPUT"),
        (b"{}", "BAD_USER_INPUT"),
        (b'{"query": null}', "BAD_USER_INPUT"),
        (b'{"query": 7}', "BAD_USER_INPUT"),
        (b'{"query": ["{ hello }"]}', "BAD_USER_INPUT"),
        (b'{"query": "{ hello }", "variables": []}', "BAD_USER_INPUT"),
        (b'{"query": "{ hello }", "variables": "{}"}', "BAD_USER_INPUT"),
        (b'{"query": "{ hello }", "variables": 7}', "BAD_USER_INPUT"),
        (b'{"query": "{ hello }", "operationName": 7}', "BAD_USER_INPUT"),
        (b'{"query": "{ hello }", "extensions": 7}', "BAD_USER_INPUT"),
        (b'{"query": "{ hello }", "extensions": {"persistedQuery": 7}}', "BAD_USER_INPUT"),
        (b'{"query": "{ hello }", "documentId": 7}', "BAD_USER_INPUT"),
        (b'{"query": "query A { hello } query B { hello }"}', "BAD_USER_INPUT"),
        (b'{"query": "query A { hello }", "operationName": "C"}', "BAD_USER_INPUT"),
        (ITEMS % b"null", "BAD_USER_INPUT"),
        (ITEMS % b"{}", "BAD_USER_INPUT"),
        (ITEMS % b'{"n": "x"}', "BAD_USER_INPUT"),
        (ITEMS % b'{"n": 3000000000}', "BAD_USER_INPUT"),
        (ITEMS % b'{"n": 1, "x": {"y": ["a\\u0000b"]}}', "BAD_USER_INPUT"),
        (b'{"query": "{ hello(name: \\"\\\\u0000\\") }"}', "BAD_USER_INPUT"),
        (b'{"query": "{ hello(name: \\"\\\\u{0}\\") }"}', "BAD_USER_INPUT"),
        (b'{"query": ""}', "GRAPHQL_PARSE_FAILED"),
        (b'{"query": "{ hello"}', "GRAPHQL_PARSE_FAILED"),
        (b'{"query": "{ hello(name: \\"}"}', "GRAPHQL_PARSE_FAILED"),
        (b'{"query": "{ nothing }"}', "GRAPHQL_VALIDATION_FAILED"),
        (b'{"query": "{ item }"}', "GRAPHQL_VALIDATION_FAILED"),
        (b'{"query": "{ items(first: ' + b"1" * 5_000 + b') { totalCount } }"}', "GRAPHQL_VALIDATION_FAILED"),
        (b'{"query": "fragment F on Query { hello }"}', "GRAPHQL_VALIDATION_FAILED"),
        (b'{"query": "type T { a: Int }"}', "GRAPHQL_VALIDATION_FAILED"),
        (b'{"query": "subscription { ticks { number } }"}', "BAD_USER_INPUT"),
        (b'{"query": "{ items(first: 2000000000) { nodes { name } } }"}', "OPERATION_TOO_COSTLY"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("accept", [JSON, GRAPHQL_RESPONSE])
async def test_every_bad_request_says_what_is_wrong_with_it(
    running: Running, body: bytes, code: str, accept: str
) -> None:
    answer = await running.http.post(
        "/graphql", content=body, headers={"content-type": JSON, "accept": accept}
    )
    # In plain JSON what GraphQL itself refuses is 200, as the audits of GraphQL over HTTP ask.
    of_graphql = code in OF_GRAPHQL or body in OF_VARIABLES
    status = 200 if of_graphql and accept == JSON else 400
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert answer.headers["content-type"].startswith(accept)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "members",
    [
        {"variables": None, "operationName": None, "extensions": None},
        {"variables": {"unused": 1}},
        {"operationName": ""},
        {"extensions": {"anything": 1}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": HASH}}},
    ],
)  # fmt: skip
async def test_members_that_may_be_empty(running: Running, members: dict[str, object]) -> None:
    answer = await running.ask("{ hello }", **members)
    assert (answer.status_code, answer.json()) == (200, HELLO_YOU)


async def test_variables_and_operation_name(running: Running) -> None:
    query = "query A { hello } query B($n: String) { hello(name: $n) }"
    answer = await running.ask(query, operationName="B", variables={"n": "世界"})
    assert answer.json() == {"data": {"hello": "Hello 世界"}}


@pytest.mark.parametrize(
    ("parameters", "status", "told"),
    [
        ({"query": "{ hello }"}, 200, HELLO_YOU),
        (
            {"query": "query ($n: String) { hello(name: $n) }", "variables": '{"n": "GET"}'},
            200,
            {"data": {"hello": "Hello GET"}},
        ),
        ({"query": "query A { hello } query B { x: hello }", "operationName": "A"}, 200, HELLO_YOU),
        ({"query": "{ hello }", "variables": "", "extensions": ""}, 200, HELLO_YOU),
        ({"query": "{ hello }", "variables": "{"}, 400, "BAD_USER_INPUT"),
        ({"query": "{ hello }", "variables": "[]"}, 400, "BAD_USER_INPUT"),
        ({"query": "{ hello }", "variables": '{"n": "\\u0000"}'}, 400, "BAD_USER_INPUT"),
        ({"query": "{ hello }", "variables": '{"n": "\\\\u0000"}'}, 200, HELLO_YOU),
        ({"query": "{ hello }", "extensions": "x"}, 400, "BAD_USER_INPUT"),
        ({}, 400, "BAD_USER_INPUT"),
        ({"query": "{"}, 200, "GRAPHQL_PARSE_FAILED"),
        ({"query": PUT}, 405, "BAD_USER_INPUT"),
        ({"query": TWO, "operationName": "B"}, 405, "BAD_USER_INPUT"),
        ({"query": "subscription { ticks { number } }"}, 400, "BAD_USER_INPUT"),
        ({"documentId": "sha256:known"}, 200, HELLO_YOU),
        ({"documentId": "sha256:other"}, 400, "PERSISTED_QUERY_NOT_FOUND"),
    ],
)  # fmt: skip
async def test_get_is_for_queries(
    running: Running, parameters: dict[str, str], status: int, told: object
) -> None:
    started = list(running.shop.started)
    answer = await running.http.get("/graphql", params=parameters)
    assert answer.status_code == status
    assert (code_of(answer) if isinstance(told, str) else answer.json()) == told
    assert answer.headers.get("allow") == ("POST" if status == 405 else None)
    assert running.shop.started == started


@pytest.mark.parametrize("method", ["DELETE", "OPTIONS"])
async def test_other_methods(running: Running, method: str) -> None:
    answer = await running.http.request(method, "/graphql", json=HELLO)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert code_of(answer) == "BAD_USER_INPUT"


async def test_head_has_no_body(running: Running) -> None:
    answer = await running.http.head("/graphql")
    assert (answer.status_code, answer.content) == (405, b"")


async def test_a_browser_gets_the_page_and_a_client_that_reads_everything_does_not(running: Running) -> None:
    page = await running.http.get("/graphql", headers={"accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.text) == (200, "a page for people")
    answer = await running.http.get("/graphql", params=HELLO, headers={"accept": "*/*"})
    assert answer.json() == HELLO_YOU


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({"documentId": "sha256:known"}, 200),
        ({"documentId": "sha256:other"}, 400),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "known"}}}, 200),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "OTHER"}}}, 400),
    ],
)
async def test_published_documents(running: Running, members: dict[str, object], status: int) -> None:
    answer = await running.http.post("/graphql", json=members)
    assert answer.status_code == status
    if status == 200:
        assert answer.json() == HELLO_YOU
    else:
        assert code_of(answer) == "PERSISTED_QUERY_NOT_FOUND"
        assert answer.headers["cache-control"] == "no-store"


async def test_a_published_query_by_get_is_asked_about_again(running: Running) -> None:
    asked = {"documentId": "sha256:known"}
    answer = await running.http.get("/graphql", params=asked)
    tag = answer.headers["etag"]
    assert answer.headers["cache-control"] == "public, no-cache"
    assert answer.headers["vary"] == "Accept, Accept-Language, Authorization, X-API-Key"
    for known, status in ((tag, 304), (f'"x", W/{tag}', 304), ('"x"', 200), ("", 200)):
        again = await running.http.get("/graphql", params=asked, headers={"if-none-match": known})
        assert (again.status_code, again.headers["etag"]) == (status, tag)
        assert again.content == (b"" if status == 304 else answer.content)
    signed_in = await running.http.get("/graphql", params=asked, headers={"authorization": "Bearer good"})
    assert signed_in.headers["cache-control"] == "private, no-cache"
    # Only what was published, and only what went well.
    for parameters in (HELLO, {"documentId": "sha256:other"}):
        other = await running.http.get("/graphql", params=parameters)
        assert (other.headers.get("etag"), other.headers["cache-control"]) == (None, "no-store")


async def test_a_hash_that_is_not_the_querys(running: Running) -> None:
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
    answer = await running.ask("{ hello }", extensions=extensions)
    assert (answer.status_code, code_of(answer)) == (400, "BAD_USER_INPUT")


@pytest.mark.parametrize(
    ("size", "status"), [(999, 200), (1_000, 200), (1_001, 413), (100_000, 413), (3_000_000, 413)]
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_has_a_size(serve: Serve, size: int, status: int, chunked: bool) -> None:
    running = await serve(limits={"body_bytes": 1_000})
    body = json.dumps(HELLO).encode().ljust(size)

    async def pieces():
        for at in range(0, len(body), 65_536):
            yield body[at : at + 65_536]

    answer = await running.http.post(
        "/graphql", content=pieces() if chunked else body, headers={"content-type": JSON}
    )
    assert answer.status_code == status
    assert answer.headers.get("connection") == ("close" if status == 413 else None)


@pytest.mark.parametrize(
    ("failure", "status", "headers"),
    [
        (None, 401, {"www-authenticate": 'Bearer realm="shelfgraph", error="invalid_token"'}),
        (RequestCode.UNAVAILABLE, 503, {"retry-after": "5"}),
        (RequestCode.RATE_LIMITED, 429, {"retry-after": "3"}),
        (RequestCode.BUDGET_EXHAUSTED, 429, {"retry-after": "3"}),
        (RequestCode.FORBIDDEN, 403, {}),
        (RequestCode.PERSISTED_QUERY_REQUIRED, 400, {}),
        (ConnectionRefusedError("10.0.0.1"), 503, {"retry-after": "5"}),
    ],
)
async def test_a_caller_who_is_turned_away(
    serve: Serve, failure: RequestCode | Exception | None, status: int, headers: dict[str, str]
) -> None:
    running = await serve()
    if isinstance(failure, RequestCode):
        seconds = 3 if status == 429 else None
        failure = RequestError(failure, Text(en="No.", zh="不。"), retry_after_seconds=seconds)
    running.shop.context_failure = failure
    token = {"authorization": "Bearer bad"} if failure is None else {}
    answer = await running.http.post("/graphql", json=HELLO, headers=token)
    assert answer.status_code == status
    assert {name: answer.headers[name] for name in headers} == headers
    assert "10.0.0.1" not in answer.text
    assert "data" not in answer.json()


async def test_what_the_caller_says_reaches_the_house(serve: Serve) -> None:
    running = await serve()
    said = {
        "authorization": "Bearer good",
        "x-api-key": "key",
        "accept-language": "zh-CN",
        "x-request-id": "till-7:42",
    }
    answer = await running.http.post("/graphql", json=HELLO, headers=said)
    (caller,) = running.shop.callers
    assert (caller.authorization, caller.api_key) == ("Bearer good", "key")
    assert (caller.accept_language, caller.request_id) == ("zh-CN", "till-7:42")
    assert answer.headers["x-request-id"] == "till-7:42"


@pytest.mark.parametrize("sent", ["a b", "x" * 129, "é", "", "{}", 'a"b'])
async def test_a_request_id_that_would_spoil_a_log_is_replaced(running: Running, sent: str) -> None:
    headers = {"x-request-id": sent.encode("latin-1")}
    answer = await running.http.post("/graphql", json=HELLO, headers=headers)
    assert len(answer.headers["x-request-id"]) == 32
    other = await running.http.post("/graphql", json=HELLO, headers=headers)
    assert other.headers["x-request-id"] != answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("query", "status", "retry_after"),
    [
        ("{ away }", 503, "7"),
        ("{ a: away b: away }", 503, "7"),
        ("{ away hello }", 200, None),
        ("{ foreign }", 503, "5"),
        ("{ wrongInput }", 200, None),
        ("{ bug }", 200, None),
    ],
)
async def test_an_operation_that_could_answer_nothing(
    running: Running, query: str, status: int, retry_after: str | None
) -> None:
    with capture_logs():
        answer = await running.ask(query)
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, retry_after)
    assert "data" in answer.json()


async def test_an_operation_has_its_time(serve: Serve) -> None:
    running = await serve(limits={"operation_seconds": 0.2})
    assert (await running.ask("{ slow(seconds: 0.01) }")).json() == {"data": {"slow": "slow"}}
    answer = await running.ask("{ slow }")
    assert (answer.status_code, code_of(answer)) == (504, "TIMEOUT")
    assert running.shop.cancelled == ["slow"]
    assert running.shop.abandoned == 1


async def test_too_costly_says_by_how_much(running: Running) -> None:
    answer = await running.ask(
        "query ($n: Int!) { items(first: $n) { nodes { name } } }", variables={"n": 20_000}
    )
    assert answer.json()["errors"][0]["extensions"] == {
        "code": "OPERATION_TOO_COSTLY",
        "measure": "points",
        "cost": 20_001,
        "limit": 20_000,
    }
    fits = await running.ask("query ($n: Int!) { items(first: $n) { nodes { name } } }", variables={"n": 5})
    assert fits.status_code == 200


async def test_while_draining_nothing_new_begins_and_what_runs_is_finished(serve: Serve) -> None:
    running = await serve()
    under_way = asyncio.create_task(running.ask("{ slow(seconds: 0.4) }"))
    await until(lambda: running.shop.started)
    await running.door.drain()
    refused = await running.ask("{ hello }")
    assert (refused.status_code, code_of(refused)) == (503, "UNAVAILABLE")
    assert refused.headers["retry-after"] == "1"
    assert (await under_way).json() == {"data": {"slow": "slow"}}
