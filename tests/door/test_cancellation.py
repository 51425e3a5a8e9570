"""A client that hangs up stops its query, and only its query."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.door.serving import Running, Serve, until


async def send_raw(running: Running, query: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request on a bare socket, sent whole; the answer is not awaited."""
    body = json.dumps({"query": query}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(
        b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b" % (len(body), body)
    )
    await writer.drain()
    return reader, writer


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
async def test_a_query_ends_with_its_client(serve: Serve, reset: bool) -> None:
    running = await serve()
    _, writer = await send_raw(running, '{ a: slow(name: "a") b: slow(name: "b") }')
    await until(lambda: len(running.shop.started) == 2)
    writer.transport.abort() if reset else writer.close()
    await until(lambda: len(running.shop.cancelled) == 2)
    assert running.shop.abandoned == 1
    assert running.shop.finished == []


async def test_a_query_whose_client_waits_is_finished(serve: Serve) -> None:
    running = await serve()
    reader, writer = await send_raw(running, "{ slow(seconds: 0.2) }")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    assert running.shop.finished == ["slow"]
    assert (running.shop.cancelled, running.shop.abandoned) == ([], 0)
    writer.close()


async def test_a_mutation_is_finished_without_its_client(serve: Serve) -> None:
    running = await serve()
    _, writer = await send_raw(running, 'mutation { put(item: {sku: "m"}, seconds: 0.3) }')
    await until(lambda: running.shop.started)
    writer.close()
    await until(lambda: running.shop.finished)
    assert running.shop.abandoned == 0


async def test_one_client_that_leaves_disturbs_no_other(serve: Serve) -> None:
    running = await serve()
    stays = asyncio.create_task(running.ask('{ slow(name: "stays", seconds: 0.5) }'))
    _, writer = await send_raw(running, '{ slow(name: "leaves") }')
    await until(lambda: len(running.shop.started) == 2)
    writer.close()
    assert (await stays).json() == {"data": {"slow": "stays"}}
    assert running.shop.cancelled == ["leaves"]


async def test_a_kept_connection_is_watched_for_each_request_anew(serve: Serve) -> None:
    running = await serve()
    for n in range(3):
        answer = await running.ask("{ slow(seconds: 0.01) }")
        assert answer.json() == {"data": {"slow": "slow"}}, n
    assert running.shop.cancelled == []
