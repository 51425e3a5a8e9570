"""graphql-transport-ws, message by message, against a client that can be as rude as it likes."""

from __future__ import annotations

import asyncio
import json

import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs
from websockets.frames import Frame, Opcode

from domain.refusals import RequestCode, RequestError, Text
from graph.door.server import server_config
from tests.door.serving import Running, Serve, until

TICKS = "subscription ($to: Int! = 3) { ticks(to: $to) { number } }"
WAITING = "subscription { ticks(to: 0) { number } }"


# The handshake and the first message ---------------------------------


async def test_only_the_one_protocol_is_spoken(running: Running) -> None:
    async with running.speak("graphql-ws") as client:
        assert (await client.closed())[0] == 4406


async def test_it_is_chosen_among_several(running: Running) -> None:
    async with running.speak("graphql-ws", "graphql-transport-ws") as client:
        assert client.connection.subprotocol == "graphql-transport-ws"
        await client.init()


async def test_whoever_does_not_introduce_himself_is_closed(serve: Serve) -> None:
    running = await serve(limits={"socket_init_seconds": 0.2})
    async with running.speak() as silent, running.speak() as polite:
        await polite.init()
        assert (await silent.closed())[0] == 4408
        await asyncio.sleep(0.1)
        await polite.say(type="ping")
        assert await polite.hear() == {"type": "pong"}


async def test_a_second_introduction(running: Running) -> None:
    async with running.speak() as client:
        await client.init()
        await client.say(type="connection_init")
        assert (await client.closed())[0] == 4429


async def test_nothing_is_run_before_the_introduction(running: Running) -> None:
    async with running.speak() as client:
        await client.ask("{ hello }")
        assert (await client.closed())[0] == 4401


@pytest.mark.parametrize(
    ("payload", "authorization", "api_key", "language"),
    [
        ({}, None, None, "fr"),
        ({"authorization": "Bearer good"}, "Bearer good", None, "fr"),
        ({"AUTHORIZATION": "Bearer good", "other": [1]}, "Bearer good", None, "fr"),
        ({"apiKey": "key"}, None, "key", "fr"),
        ({"apikey": "key", "acceptLanguage": "zh-CN"}, None, "key", "zh-CN"),
        ({"Locale": "zh-HK", "other": {}}, None, None, "zh-HK"),
        ({"X-Api-Key": "key", "locale": 7}, None, "key", "fr"),
    ],
)
async def test_what_an_introduction_says(
    serve: Serve,
    payload: dict[str, object],
    authorization: str | None,
    api_key: str | None,
    language: str,
) -> None:
    running = await serve()
    async with running.speak(accept_language="fr") as client:
        await client.init(**payload)
        await client.ask("{ hello }")
        assert (await client.hear())["type"] == "next"
    for caller in running.shop.callers:
        assert (caller.authorization, caller.api_key) == (authorization, api_key)
        assert caller.accept_language == language
    assert len({caller.request_id for caller in running.shop.callers}) == 2


@pytest.mark.parametrize(
    ("authorization", "failure", "code"),
    [
        ("Bearer bad", None, 4401),
        ("Bearer expired", None, 4403),
        (None, RequestError(RequestCode.FORBIDDEN, Text(en="No", zh="不")), 4401),
        (None, RequestError(RequestCode.UNAVAILABLE, Text(en="No", zh="不")), 1013),
        (None, ConnectionRefusedError("10.0.0.1"), 1013),
        (None, RuntimeError("SELECT"), 4500),
    ],
)
async def test_whoever_is_not_recognised(
    serve: Serve, authorization: str | None, failure: Exception | None, code: int
) -> None:
    running = await serve()
    running.shop.context_failure = failure
    async with running.speak() as client:
        payload = {"authorization": authorization} if authorization else None
        with capture_logs() as logs:
            await client.say(type="connection_init", payload=payload)
            closed, reason = await client.closed()
    assert closed == code
    assert "SELECT" not in reason
    assert [line["event"] for line in logs] == (["internal_error"] if code == 4500 else [])


# Messages that are none ------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{",
        "7",
        "null",
        "[]",
        "{}",
        '"ping"',
        '{"type": 7}',
        '{"type": null}',
        '{"type": "start"}',
        '{"type": "next", "id": "1", "payload": {}}',
        '{"type": "connection_ack"}',
        '{"type": "ping", "payload": 7}',
        '{"type": "pong", "payload": []}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": null}',
        '{"type": "subscribe", "id": "1", "payload": {}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 7}}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{ hello }"}}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{ hello }"}}',
        '{"type": "subscribe", "payload": {"query": "{ hello }"}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "variables": []}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "operationName": {}}}',
        '{"type": "complete"}',
        '{"type": "complete", "id": 7}',
        '{"type": "ping", "payload": {"a": ' + "1" * 5_000 + "}}",
        "[" * 20_000,
        b'{"type": "ping"}',
        b"\xff",
    ],
)
async def test_a_message_that_is_none(running: Running, message: str | bytes) -> None:
    async with running.speak() as client:
        await client.init()
        await client.connection.send(message)
        assert (await client.closed())[0] == 4400


async def test_text_that_is_not_utf_8(running: Running) -> None:
    async with running.speak() as client:
        await client.init()
        await client.connection.send(b'{"type": "\xff"}', text=True)
        assert (await client.closed())[0] == 1007


@pytest.mark.parametrize(("size", "code"), [(900, None), (1_100, 1009)])
async def test_a_message_has_a_size(serve: Serve, size: int, code: int | None) -> None:
    running = await serve(limits={"socket_message_bytes": 1_000})
    async with running.speak() as client:
        await client.init()
        await client.connection.send('{"type": "ping"}'.ljust(size))
        if code is None:
            assert await client.hear() == {"type": "pong"}
        else:
            assert (await client.closed())[0] == code


async def test_pings_both_ways(running: Running) -> None:
    async with running.speak() as client:
        await client.say(type="ping")
        assert await client.hear() == {"type": "pong"}
        await client.init()
        await client.say(type="pong")
        await client.say(type="ping", payload={"at": 1})
        assert await client.hear() == {"type": "pong", "payload": {"at": 1}}


async def test_a_silent_socket_is_kept_alive_by_pings_of_the_websocket(serve: Serve) -> None:
    assert server_config(Starlette()).ws_ping_interval <= 15
    running = await serve(ping_seconds=0.05)
    async with running.speak() as client:
        await client.init()
        pings: list[Opcode] = []
        receive = client.connection.protocol.recv_frame

        def note(frame: Frame) -> None:
            pings.append(frame.opcode)
            receive(frame)

        client.connection.protocol.recv_frame = note
        await until(lambda: pings.count(Opcode.PING) >= 2)


# Operations ------------------------------------------------------------


async def test_queries_and_mutations(running: Running) -> None:
    async with running.speak() as client:
        await client.init()
        await client.ask("query ($n: String) { hello(name: $n) }", "q", variables={"n": "you"})
        assert await client.hear() == {
            "id": "q",
            "type": "next",
            "payload": {"data": {"hello": "Hello you"}},
        }
        assert await client.hear() == {"id": "q", "type": "complete"}
        await client.ask('mutation { put(item: {sku: "w"}) }', "q")
        assert (await client.hear())["payload"] == {"data": {"put": "w"}}
        assert await client.hear() == {"id": "q", "type": "complete"}


async def test_a_subscription_from_its_first_event_to_its_last(serve: Serve) -> None:
    running = await serve()
    async with running.speak() as client:
        await client.init()
        await client.ask(TICKS, 'é"1', variables={"to": 2})
        heard = [await client.hear() for _ in range(3)]
        assert heard == [
            {"id": 'é"1', "type": "next", "payload": {"data": {"ticks": {"number": 0}}}},
            {"id": 'é"1', "type": "next", "payload": {"data": {"ticks": {"number": 1}}}},
            {"id": 'é"1', "type": "complete"},
        ]
        assert running.shop.closed_streams == ["ticks"]


async def test_every_event_has_a_context_of_its_own(running: Running) -> None:
    async with running.speak() as client:
        await client.init()
        await client.ask("subscription { ticks(to: 4) { a: contextNumber b: contextNumber } }")
        events = [(await client.hear())["payload"]["data"]["ticks"] for _ in range(4)]
    assert all(event["a"] == event["b"] for event in events)
    assert len({event["a"] for event in events}) == 4


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "subscription { ticks { number"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "subscription { ticks { number } breaks }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": TICKS, "variables": {"to": "x"}}, "BAD_USER_INPUT"),
        ({"query": "{ hello }", "variables": {"to": "\0"}}, "BAD_USER_INPUT"),
        ({"query": "query A { hello } query B { hello }"}, "BAD_USER_INPUT"),
        ({"query": "query A { hello }", "operationName": "C"}, "BAD_USER_INPUT"),
        ({"query": "subscription { refused }"}, "BAD_USER_INPUT"),
        ({"query": "{ items(first: 2000000000) { nodes { name } } }"}, "OPERATION_TOO_COSTLY"),
        ({"documentId": "sha256:other"}, "PERSISTED_QUERY_NOT_FOUND"),
    ],
)
async def test_a_mistake_ends_its_own_operation_and_no_other(
    running: Running, payload: dict[str, object], code: str
) -> None:
    async with running.speak() as client:
        await client.init()
        await client.ask("{ slow(seconds: 0.1) }", "other")
        await client.say(type="subscribe", id="bad", payload=payload)
        error = await client.hear()
        assert (error["id"], error["type"]) == ("bad", "error")
        assert [one["extensions"]["code"] for one in error["payload"]] == [code]
        assert (await client.hear())["payload"] == {"data": {"slow": "slow"}}
        assert await client.hear() == {"id": "other", "type": "complete"}
        await client.ask("{ hello }", "bad")
        assert (await client.hear())["type"] == "next", "the id is free again"


async def test_published_documents(running: Running) -> None:
    async with running.speak() as client:
        await client.init()
        await client.say(type="subscribe", id="1", payload={"documentId": "sha256:known"})
        assert (await client.hear())["payload"] == {"data": {"hello": "Hello you"}}


async def test_a_caller_who_is_refused_later_hears_it_for_that_operation(serve: Serve) -> None:
    running = await serve()
    async with running.speak() as client:
        await client.init(locale="zh-CN")
        running.shop.context_failure = RequestError(
            RequestCode.UNAUTHENTICATED, Text(en="Signed out.", zh="已退出登录。")
        )
        for query in ("{ hello }", TICKS):
            await client.ask(query)
            assert await client.hear() == {
                "id": "1",
                "type": "error",
                "payload": [{"message": "已退出登录。", "extensions": {"code": "UNAUTHENTICATED"}}],
            }
        running.shop.context_failure = None
        await client.ask("{ hello }")
        assert (await client.hear())["type"] == "next"


async def test_bugs_are_masked_here_too(running: Running) -> None:
    async with running.speak() as client:
        await client.init()
        with capture_logs() as logs:
            await client.ask("subscription { breaks }")
            assert (await client.hear())["payload"] == {"data": {"breaks": 1}}
            error = await client.hear()
            await client.ask("subscription { ticks(to: 1) { bug } }")
            event = await client.hear()
    assert (error["type"], error["payload"][0]["extensions"]["code"]) == ("error", "INTERNAL")
    assert event["payload"]["data"] == {"ticks": {"bug": None}}
    assert event["payload"]["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "SELECT" not in json.dumps([error, event])
    assert [line["event"] for line in logs] == ["internal_error", "internal_error"]


async def test_one_id_for_one_operation(serve: Serve) -> None:
    running = await serve()
    async with running.speak() as client:
        await client.init()
        await client.ask(WAITING, "same")
        await until(lambda: running.shop.started)
        await client.ask("{ hello }", "same")
        assert (await client.closed())[0] == 4409
    await until(lambda: running.shop.closed_streams == ["ticks"])


async def test_operations_of_one_connection_are_counted(serve: Serve) -> None:
    running = await serve(limits={"connection_operations": 2})
    async with running.speak() as client:
        await client.init()
        await client.ask(WAITING, "1")
        await client.ask(WAITING, "2")
        await client.ask("{ hello }", "3")
        error = await client.hear()
        assert (error["id"], error["payload"][0]["extensions"]["code"]) == ("3", "RATE_LIMITED")
        await client.say(type="complete", id="1")
        await client.ask("{ hello }", "3")
        assert (await client.hear())["type"] == "next"


# Endings ---------------------------------------------------------------


async def test_complete_ends_a_waiting_stream_and_frees_its_id(serve: Serve) -> None:
    running = await serve()
    async with running.speak() as client:
        await client.init()
        await client.ask(WAITING)
        await until(lambda: running.shop.started == ["ticks"])
        await client.say(type="complete", id="1")
        await until(lambda: running.shop.closed_streams == ["ticks"])
        await client.ask("{ hello }")
        assert (await client.hear())["payload"] == {"data": {"hello": "Hello you"}}
        assert await client.hear() == {"id": "1", "type": "complete"}
        await client.say(type="complete", id="unknown")
        await client.say(type="ping")
        assert await client.hear() == {"type": "pong"}


async def test_complete_ends_an_event_that_is_being_answered(serve: Serve) -> None:
    running = await serve()
    async with running.speak() as client:
        await client.init()
        await client.ask("subscription { ticks { slow } }")
        await until(lambda: running.shop.started == ["ticks"])
        await asyncio.sleep(0.05)
        await client.say(type="complete", id="1")
        await until(lambda: running.shop.closed_streams == ["ticks"])
        assert running.shop.cancelled == ["tick"]
        assert running.shop.abandoned >= 1


async def test_complete_stops_a_query(serve: Serve) -> None:
    running = await serve()
    async with running.speak() as client:
        await client.init()
        await client.ask("{ slow }")
        await until(lambda: running.shop.started)
        await client.say(type="complete", id="1")
        await until(lambda: running.shop.cancelled == ["slow"])


@pytest.mark.parametrize("how", ["complete", "close", "abort"])
async def test_a_mutation_is_finished_without_its_client(serve: Serve, how: str) -> None:
    running = await serve()
    async with running.speak() as client:
        await client.init()
        await client.ask('mutation { put(item: {sku: "m"}, seconds: 0.3) }')
        await until(lambda: running.shop.started)
        if how == "complete":
            await client.say(type="complete", id="1")
        elif how == "close":
            await client.connection.close()
        else:
            client.connection.transport.abort()
        await until(lambda: running.shop.finished == ["m"])
        if how == "complete":
            await client.say(type="ping")
            assert await client.hear() == {"type": "pong"}, "nobody waits for its answer"


@pytest.mark.parametrize("abort", [False, True])
async def test_a_client_that_goes_ends_everything_it_began(serve: Serve, abort: bool) -> None:
    running = await serve()
    async with running.speak() as client:
        await client.init()
        await client.ask(WAITING, "1")
        await client.ask("subscription { ticks { slow } }", "2")
        await client.ask("{ slow }", "3")
        await until(lambda: len(running.shop.started) == 3)
        await asyncio.sleep(0.05)
        if abort:
            client.connection.transport.abort()
        else:
            await client.connection.close()
        await until(lambda: running.shop.closed_streams == ["ticks", "ticks"])
        await until(lambda: sorted(running.shop.cancelled) == ["slow", "tick"])
        await until(lambda: running.door.connections == 0)


async def test_a_query_over_a_socket_has_its_time(serve: Serve) -> None:
    running = await serve(limits={"operation_seconds": 0.2})
    async with running.speak() as client:
        await client.init()
        for query in ("{ slow }", "subscription { ticks { slow } }"):
            await client.ask(query)
            error = await client.hear()
            assert (error["type"], error["payload"][0]["extensions"]["code"]) == ("error", "TIMEOUT")
        await client.ask(WAITING, "waits")
        await asyncio.sleep(0.4)
        await client.say(type="ping")
        assert await client.hear() == {"type": "pong"}, "a stream may wait as long as it likes"


async def test_a_client_that_stops_reading_is_closed(serve: Serve) -> None:
    running = await serve(limits={"socket_send_seconds": 0.5})
    async with running.speak() as client:
        await client.init()
        client.connection.transport.pause_reading()
        await client.ask("subscription { forever(size: 100000) }")
        await until(lambda: running.shop.closed_streams == ["forever"])
        await until(lambda: running.door.connections == 0)
        client.connection.transport.resume_reading()
        assert await client.closed() == (1013, "Too slow")


async def test_a_client_that_never_reads_again_is_cut_off(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graph.door.server.WebSocketProtocol.close_seconds", 0.3)
    running = await serve(limits={"socket_send_seconds": 0.3})
    async with running.speak() as client:
        await client.init()
        connections = running.server.server_state.connections
        client.connection.transport.pause_reading()
        await client.ask("subscription { forever(size: 100000) }")
        await until(lambda: running.door.connections == 0 and len(running.shop.closed_streams) == 1)
        await until(lambda: not connections)
        client.connection.transport.abort()


async def test_draining_closes_every_socket_so_that_clients_come_back(serve: Serve) -> None:
    running = await serve()
    async with running.speak() as one, running.speak() as two, running.speak() as silent:
        await one.init()
        await two.init()
        await one.ask(WAITING)
        await two.ask('mutation { put(item: {sku: "m"}, seconds: 0.3) }')
        await until(lambda: len(running.shop.started) == 2)
        await running.door.drain()
        assert running.shop.finished == ["m"], "it waits for what must not be cut off"
        for client in (one, two, silent):
            assert await client.closed() == (1012, "Service restart")
        assert running.shop.closed_streams == ["ticks"]
    async with running.speak() as late:
        assert (await late.closed())[0] == 1012
