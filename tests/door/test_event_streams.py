"""graphql-sse, one connection for each operation, against a client that reads every byte."""

from __future__ import annotations

import asyncio
import json
import ssl
from contextlib import AsyncExitStack

import httpx
import pytest

from tests.door.serving import Running, Serve, until
from tests.door.streams import Event, streamed

STEPS = "subscription ($after: String) { steps(after: $after, to: 5) { number } }"
JSON = "application/json"


def step(number: int) -> Event:
    """The event of one step."""
    id_ = str(number) if number % 2 else None
    return Event("next", {"data": {"steps": {"number": number}}}, id_)


async def test_a_subscription_from_its_first_event_to_its_last(serve: Serve) -> None:
    running = await serve()
    async with streamed(running.http, STEPS) as events:
        assert events.response.status_code == 200
        assert await events.rest() == [*map(step, range(1, 6)), Event("complete", None)]
    assert events.comments == 1, "the head is followed by something at once"
    assert running.shop.closed_streams == ["steps"]


async def test_the_head_keeps_proxies_from_holding_events_back(running: Running) -> None:
    async with streamed(running.http, STEPS) as events:
        headers = events.response.headers
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-cache, no-transform"
    assert headers["x-accel-buffering"] == "no"
    assert "content-length" not in headers
    assert headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "query", "data"),
    [
        ("POST", "{ hello }", {"hello": "Hello you"}),
        ("GET", "{ hello }", {"hello": "Hello you"}),
        ("POST", 'mutation { put(item: {sku: "m"}) }', {"put": "m"}),
    ],
)
async def test_queries_and_mutations(
    running: Running, method: str, query: str, data: dict[str, object]
) -> None:
    async with streamed(running.http, query, method=method) as events:
        assert await events.rest() == [Event("next", {"data": data}), Event("complete", None)]


async def test_a_subscription_by_get_as_a_browser_asks(running: Running) -> None:
    async with streamed(running.http, STEPS, method="GET") as events:
        assert (await events.rest())[0] == step(1)


@pytest.mark.parametrize(
    ("accept", "query", "kind"),
    [
        ("text/event-stream", "{ hello }", "text/event-stream"),
        ("text/event-stream, application/json;q=0.9", "{ hello }", "text/event-stream"),
        ("text/event-stream, application/json", "{ hello }", JSON),
        ("text/event-stream;q=0.5, application/json", "{ hello }", JSON),
        ("text/event-stream, */*;q=0.1", "{ hello }", "text/event-stream"),
        ("text/*", "{ hello }", "text/event-stream"),
        ("text/event-stream, application/json", STEPS, "text/event-stream"),
        ("text/event-stream;q=0.1, application/json", STEPS, "text/event-stream"),
        ("text/event-stream;q=0, application/json", STEPS, JSON),
        ("text/event-stream;q=x, application/json", STEPS, JSON),
        ("*/*", STEPS, JSON),
        ("application/json", STEPS, JSON),
        ("text/event-stream, application/json", "{ nothing }", JSON),
    ],
)
async def test_what_is_accepted_decides(running: Running, accept: str, query: str, kind: str) -> None:
    async with streamed(running.http, query, headers={"accept": accept}) as events:
        assert events.response.headers["content-type"].partition(";")[0] == kind


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": STEPS, "variables": {"after": 7}}, "BAD_USER_INPUT"),
        ({"query": "subscription { refused }"}, "BAD_USER_INPUT"),
        ({"query": "{ items(first: 2000000000) { nodes { name } } }"}, "OPERATION_TOO_COSTLY"),
        ({"documentId": "sha256:other"}, "PERSISTED_QUERY_NOT_FOUND"),
    ],
)
async def test_a_mistake_in_the_operation_is_told_in_the_stream(
    running: Running, body: dict[str, object], code: str
) -> None:
    async with streamed(running.http, json=body) as events:
        assert events.response.status_code == 200
        failed, complete = await events.rest()
    assert [error["extensions"]["code"] for error in failed.data["errors"]] == [code]
    assert complete == Event("complete", None)


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"content": b"{", "headers": {"content-type": JSON}}, 400),
        ({"json": {"query": 7}}, 400),
        ({"content": b"x", "headers": {"content-type": "text/plain"}}, 415),
        ({"json": {"query": STEPS}, "headers": {"authorization": "Bearer bad"}}, 401),
        ({"json": {"query": STEPS}, "headers": {"authorization": "Bearer expired"}}, 401),
        ({"method": "GET", "params": {"query": 'mutation { put(item: {sku: "m"}) }'}}, 405),
        ({"json": {"query": STEPS}, "headers": {"accept": "text/html"}}, 406),
    ],
)
async def test_a_mistake_in_the_request_is_an_answer_of_http(
    running: Running, options: dict[str, object], status: int
) -> None:
    async with streamed(running.http, **options) as events:
        assert events.response.status_code == status
        assert events.response.headers["content-type"].startswith(JSON)


# Resuming ---------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        STEPS,
        "subscription { steps(to: 5) { number } }",
        'subscription { steps(after: "1", to: 5) { number } }',
        "subscription { ...F } fragment F on Subscription { ... { steps(to: 5) { number } } }",
        "query Q { hello } subscription S { steps(to: 5) { number } }",
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_who_comes_back_goes_on_after_the_last_id(running: Running, query: str, method: str) -> None:
    body = {"operationName": "S"} if "query Q" in query else {}
    headers = {"last-event-id": "3"}
    async with streamed(running.http, query, method=method, body=body, headers=headers) as events:
        assert await events.rest() == [step(4), step(5), Event("complete", None)]
    async with streamed(running.http, query, method=method, body=body) as events:
        assert step(3) in await events.rest(), "the document itself is as it was"


async def test_the_last_id_overrides_the_cursor_of_the_beginning(running: Running) -> None:
    body = {"variables": {"after": "1"}}
    async with streamed(running.http, STEPS, body=body, headers={"last-event-id": "4"}) as events:
        assert await events.rest() == [step(5), Event("complete", None)]


@pytest.mark.parametrize("query", ["{ hello }", "subscription { ticks(to: 1) { number } }"])
async def test_what_cannot_resume_begins_anew(running: Running, query: str) -> None:
    async with streamed(running.http, query, headers={"last-event-id": "3"}) as events:
        assert [event.kind for event in await events.rest()] == ["next", "complete"]


# Endings ----------------------------------------------------------------


async def test_a_silent_stream_is_kept_alive(serve: Serve) -> None:
    running = await serve(limits={"keep_alive_seconds": 0.05})
    async with streamed(running.http, "{ slow(seconds: 0.6) }") as events:
        assert [event.kind for event in await events.rest()] == ["next", "complete"]
    assert events.comments >= 3


@pytest.mark.parametrize(
    "query", ["subscription { steps { number } }", "subscription { ticks(to: 0) { number } }", "{ slow }"]
)
async def test_a_client_that_hangs_up_stops_the_work(serve: Serve, query: str) -> None:
    running = await serve()
    shop = running.shop
    async with streamed(running.http, query) as events:
        assert events.response.status_code == 200
        await until(lambda: shop.callers)
        await asyncio.sleep(0.05)
        assert not shop.closed_streams + shop.cancelled
    await until(lambda: shop.closed_streams + shop.cancelled)


async def test_a_mutation_is_finished_without_its_client(serve: Serve) -> None:
    running = await serve()
    async with streamed(running.http, 'mutation { put(item: {sku: "m"}, seconds: 0.3) }'):
        await until(lambda: running.shop.started)
    await until(lambda: running.shop.finished == ["m"])


async def test_a_client_that_stops_reading_is_cut_off(serve: Serve) -> None:
    running = await serve(limits={"socket_send_seconds": 0.3})
    body = json.dumps({"query": "subscription { forever(size: 100000) }"}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(
        b"POST /graphql HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    )
    await reader.readline()
    writer.transport.pause_reading()
    await until(lambda: running.shop.closed_streams == ["forever"])
    await until(lambda: not running.server.server_state.connections)
    writer.transport.abort()


async def test_draining_ends_streams_so_that_their_clients_come_back(serve: Serve) -> None:
    running = await serve()
    async with streamed(running.http, "subscription { ticks(to: 0) { number } }") as events:
        await until(lambda: running.shop.started)
        await running.door.drain()
        assert await events.rest() == []
    async with streamed(running.http, STEPS) as events:
        assert events.response.status_code == 503
        assert events.response.headers["retry-after"] == "1"


# One connection for many operations ---------------------------------------


async def reserve(running: Running, **headers: str) -> httpx.AsyncClient:
    """A client whose requests carry the token of a stream it reserved."""
    reserved = await running.http.put("/graphql", headers=headers)
    assert reserved.status_code == 201
    assert reserved.headers["content-type"] == "text/plain; charset=utf-8"
    headers["x-graphql-event-stream-token"] = reserved.text
    # Plain HTTP: an empty TLS context saves reading every authority once per client.
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncClient(verify=tls, base_url=running.http.base_url, headers=headers)


async def post(client: httpx.AsyncClient, query: str, id_: str | None, **headers: str) -> httpx.Response:
    """The answer to an operation for a reserved stream."""
    extensions = {} if id_ is None else {"operationId": id_}
    body = {"query": query, "extensions": extensions}
    return await client.post("/graphql", json=body, headers=headers)


async def test_many_operations_share_a_reserved_stream(serve: Serve) -> None:
    running = await serve()
    async with await reserve(running) as client, AsyncExitStack() as stack:
        assert (await post(client, "{ hello }", "early")).status_code == 202
        events = await stack.enter_async_context(streamed(client, method="GET"))
        assert await events.next() == Event(
            "next", {"id": "early", "payload": {"data": {"hello": "Hello you"}}}
        )
        assert await events.next() == Event("complete", {"id": "early"})
        accepted = await post(client, "subscription { ticks(to: 0) { number } }", "waits")
        assert (accepted.status_code, accepted.content) == (202, b"")
        await until(lambda: running.shop.started == ["ticks"])
        assert (await post(client, "{ hello }", "waits")).status_code == 409
        assert (await post(client, 'mutation { put(item: {sku: "m"}) }', "m")).status_code == 202
        assert (await events.next()).data["payload"] == {"data": {"put": "m"}}
        assert await events.next() == Event("complete", {"id": "m"})
        assert (await client.delete("/graphql", params={"operationId": "waits"})).status_code == 200
        await until(lambda: running.shop.closed_streams == ["ticks"])
        assert (await post(client, "subscription { refused }", "waits")).status_code == 202
        assert (await events.next()).data["payload"]["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
        assert await events.next() == Event("complete", {"id": "waits"})


async def test_a_stream_is_opened_once_and_by_a_parameter_too(running: Running) -> None:
    token = (await running.http.put("/graphql")).text
    async with streamed(running.http, method="GET", params={"token": token}) as events:
        assert events.response.status_code == 200
        async with streamed(running.http, method="GET", params={"token": token}) as second:
            assert second.response.status_code == 409
    await until(lambda: not running.door.connections)
    gone = await post(running.http, "{ hello }", "1", **{"x-graphql-event-stream-token": token})
    assert gone.status_code == 404, "its client has left it"


@pytest.mark.parametrize(
    ("query", "id_", "status"),
    [
        ("{", "1", 400),
        ("{ nothing }", "1", 400),
        ("{ hello }", None, 400),
        ("{ hello }", "", 400),
        ("{ hello }", "1", 202),
    ],
)
async def test_mistakes_beside_a_shared_stream_are_answers_of_http(
    running: Running, query: str, id_: str | None, status: int
) -> None:
    async with await reserve(running) as client:
        assert (await post(client, query, id_)).status_code == status


async def test_a_token_nobody_gave_and_an_ending_without_an_id(running: Running) -> None:
    async with await reserve(running) as client:
        assert (await client.delete("/graphql")).status_code == 400
        assert (await client.delete("/graphql?operationId=unknown")).status_code == 200
        client.headers["x-graphql-event-stream-token"] = "nobody's"
        assert (await post(client, "{ hello }", "1")).status_code == 404
        assert (await client.delete("/graphql?operationId=1")).status_code == 404
        async with streamed(client, method="GET") as events:
            assert events.response.status_code == 404


async def test_a_stream_belongs_to_whoever_reserved_it(running: Running) -> None:
    async with await reserve(running, authorization="Bearer good") as client:
        assert (await post(client, "{ hello }", "1")).status_code == 202
        del client.headers["authorization"]
        assert (await post(client, "{ hello }", "2")).status_code == 403
        assert (await post(client, "{ hello }", "2", authorization="Bearer bad")).status_code == 401
        async with streamed(client, method="GET") as events:
            assert events.response.status_code == 403
    assert (await running.http.put("/graphql", headers={"authorization": "Bearer bad"})).status_code == 401


async def test_operations_of_one_stream_are_counted(serve: Serve) -> None:
    running = await serve(limits={"connection_operations": 1})
    async with await reserve(running) as client, streamed(client, method="GET"):
        assert (await post(client, "subscription { ticks(to: 0) { number } }", "1")).status_code == 202
        refused = await post(client, "{ hello }", "2")
        assert refused.status_code == 429
        assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_a_reservation_nobody_uses_is_forgotten_with_what_was_begun(serve: Serve) -> None:
    running = await serve(limits={"reservation_seconds": 1.0})
    async with await reserve(running) as client:
        assert (await post(client, "subscription { steps { number } }", "1")).status_code == 202
        await until(lambda: running.shop.closed_streams == ["steps"])
        assert (await post(client, "{ hello }", "2")).status_code == 404
