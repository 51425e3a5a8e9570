"""Connections and their sign-ins: renewed, run out, revoked, counted; sockets and event streams alike."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.door.serving import Running, Serve, Speaker, until
from tests.door.streams import Event, streamed

STEPS = "subscription { steps { number } }"
WAITING = "subscription { ticks(to: 0) { number } }"
SOON = {"limits": {"sign_in_check_seconds": 0.05}}
GOOD = {"authorization": "Bearer good"}


async def signed_in(running: Running, stack: AsyncExitStack, **payload: object) -> Speaker:
    client = await stack.enter_async_context(running.speak())
    await client.init(**(payload or GOOD))
    return client


# Running out, and renewal -------------------------------------------------


@pytest.mark.parametrize(("what", "code"), [("expired", 4403), ("revoked", 4401)])
async def test_a_silent_stream_does_not_outlive_its_sign_in(serve: Serve, what: str, code: int) -> None:
    running = await serve(**SOON)
    async with AsyncExitStack() as stack:
        client, visitor = await signed_in(running, stack), await signed_in(running, stack, locale="en")
        await client.ask(WAITING)
        await until(lambda: running.shop.started)
        getattr(running.shop, what).add("Bearer good")
        assert (await client.closed())[0] == code
        assert running.shop.closed_streams == ["ticks"]
        await visitor.say(type="ping")
        assert await visitor.hear() == {"type": "pong"}


async def test_what_was_revoked_is_noticed_at_once(serve: Serve) -> None:
    running = await serve(limits={"sign_in_check_seconds": 600})
    async with AsyncExitStack() as stack:
        client = await signed_in(running, stack)
        events = await stack.enter_async_context(streamed(running.http, WAITING, headers=GOOD))
        await until(lambda: running.shop.started)
        running.shop.revoked.add("Bearer good")
        running.door.check_sign_ins()
        assert (await client.closed())[0] == 4401
        assert await events.rest() == [], "without complete: its client asks again, and is told 401"


async def test_an_event_stream_ends_with_its_token_so_that_its_client_comes_back(serve: Serve) -> None:
    running = await serve(**SOON)
    async with streamed(running.http, STEPS, headers=GOOD) as events:
        await events.next()
        running.shop.expired.add("Bearer good")
        assert Event("complete", None) not in await events.rest()
    assert running.shop.closed_streams == ["steps"]


@pytest.mark.parametrize("key", ["authorization", "Authorization"])
async def test_a_renewed_sign_in_keeps_what_runs_running(serve: Serve, key: str) -> None:
    running = await serve(**SOON)
    async with AsyncExitStack() as stack:
        client = await signed_in(running, stack)
        await client.ask(STEPS)
        await client.hear()
        await client.say(type="ping", payload={key: "Bearer good-2"})
        while (heard := await client.hear())["type"] == "next":
            pass
        assert heard == {"type": "pong", "payload": {"authorization": "renewed"}}, "no token is echoed"
        running.shop.expired.add("Bearer good")
        await asyncio.sleep(0.2)
        assert (await client.hear())["type"] == "next"
        await client.ask("{ hello }", "2")
        await until(lambda: running.shop.callers[-1].authorization == "Bearer good-2")
        running.shop.expired.add("Bearer good-2")
        assert (await client.closed())[0] == 4403


@pytest.mark.parametrize(
    ("introduced", "renewed", "code"),
    [
        (GOOD, {"authorization": "Bearer other"}, 4403),
        (GOOD, {"apiKey": "key"}, 4403),
        ({"locale": "en"}, GOOD, 4403),
        (GOOD, {"authorization": "Bearer bad"}, 4401),
        (GOOD, {"authorization": "Bearer expired"}, 4403),
        (GOOD, {"authorization": None}, 4401),
        (GOOD, {"authorization": ["Bearer good"]}, 4401),
    ],
)
async def test_a_renewal_that_is_none_ends_the_connection(
    running: Running, introduced: dict[str, object], renewed: dict[str, object], code: int
) -> None:
    async with AsyncExitStack() as stack:
        client = await signed_in(running, stack, **introduced)
        await client.say(type="ping", payload=renewed)
        assert (await client.closed())[0] == code


@pytest.mark.parametrize("key", ["authorization", "apiKey", "X-API-Key"])
@pytest.mark.parametrize("value", [7, None, ["Bearer good"], {"token": "good"}, True])
async def test_whoever_means_to_be_somebody_is_no_visitor(running: Running, key: str, value: object) -> None:
    async with running.speak() as client:
        await client.say(type="connection_init", payload={key: value})
        assert (await client.closed())[0] == 4401


@pytest.mark.parametrize("payload", [[], ["Bearer good"], "Bearer good", 7, True])
async def test_an_introduction_is_an_object(running: Running, payload: object) -> None:
    async with running.speak() as client:
        await client.say(type="connection_init", payload=payload)
        assert (await client.closed())[0] == 4400


async def test_a_shared_stream_lives_as_long_as_the_newest_token_of_its_requests(serve: Serve) -> None:
    running = await serve(**SOON)
    token = (await running.http.put("/graphql", headers=GOOD)).text
    by_token = {"x-graphql-event-stream-token": token}
    async with streamed(running.http, method="GET", headers=GOOD | by_token) as events:
        newer = by_token | {"authorization": "Bearer good-2"}
        body = {"query": STEPS, "extensions": {"operationId": "1"}}
        assert (await running.http.post("/graphql", json=body, headers=newer)).status_code == 202
        running.shop.expired.add("Bearer good")
        await asyncio.sleep(0.2)
        assert (await events.next()).kind == "next"
        running.shop.expired.add("Bearer good-2")
        assert "complete" not in {event.kind for event in await events.rest()}


# Counting -------------------------------------------------------------------


async def test_connections_of_one_sign_in_are_counted(serve: Serve) -> None:
    running = await serve(limits={"caller_connections": 2})
    async with AsyncExitStack() as stack:
        first = await signed_in(running, stack)
        await stack.enter_async_context(streamed(running.http, WAITING, headers=GOOD))
        third = await stack.enter_async_context(running.speak())
        await third.say(type="connection_init", payload=GOOD)
        assert await third.closed() == (1013, "Too many connections")
        async with streamed(running.http, WAITING, headers=GOOD) as refused:
            assert refused.response.status_code == 429
            assert refused.response.headers["retry-after"] == "5"
        assert (await running.http.put("/graphql", headers=GOOD)).status_code == 429
        await signed_in(running, stack, authorization="Bearer other")
        await signed_in(running, stack, locale="en")
        await first.say(type="ping", payload={"authorization": "Bearer good-2"})
        assert (await first.hear())["type"] == "pong", "a renewal is no further connection"
        await first.connection.close()
        await until(lambda: running.door.connections == 3)
        await signed_in(running, stack)
    await until(lambda: running.door.connections == 0)


async def test_connections_of_the_process_are_counted(serve: Serve) -> None:
    running = await serve(limits={"connections": 2, "reservation_seconds": 1.0})
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running.speak())
        assert (await running.http.put("/graphql")).status_code == 201
        async with running.speak() as third:
            assert await third.closed() == (1013, "Too many connections")
        async with streamed(running.http, WAITING) as refused:
            assert refused.response.status_code == 429
        await until(lambda: running.door.connections == 1)
        async with running.speak() as next_one:
            await next_one.init()
