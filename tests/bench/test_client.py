"""The load client against a server of bytes: what it counts, and what it takes for a bad answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.bench.client import ask, quantile

GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@asynccontextmanager
async def answering(*parts: bytes) -> AsyncIterator[int]:
    """The port of a server that answers every request with these parts, written one by one."""
    writers = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while await reader.readline():
            for part in parts:
                writer.write(part)
                await asyncio.sleep(0.001)

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()


async def asked(port: int, *, connections: int = 2, most: int = 20, seconds: float = 5.0):
    return await ask("127.0.0.1", port, [b"?\n"], connections, warm_seconds=0.1, seconds=seconds, most=most)


@pytest.mark.parametrize(
    "parts",
    [
        (GOOD,),
        (GOOD[:10], GOOD[10:]),
        (GOOD[:-3], GOOD[-3:]),
        (GOOD[:-1], GOOD[-1:]),
        (b"HTTP/1.1 200 OK\r\nContent-Length:2\r\n\r\n{}",),
    ],
    ids=["whole", "head cut", "between head and body", "body cut", "capitals"],
)
async def test_every_answer_is_counted_once_however_it_arrives(parts):
    async with answering(*parts) as port:
        came = await asked(port)
    assert came["answers"] == 20
    assert came["bytes"] == 20 * sum(len(part) for part in parts)
    assert 0 < came["p50_ms"] <= came["p99_ms"] <= came["longest_ms"]


async def test_a_measurement_ends_with_its_time():
    async with answering(GOOD) as port:
        came = await asked(port, most=1_000_000, seconds=0.2)
    assert 0 < came["answers"] < 1_000_000
    assert came["seconds"] < 2


@pytest.mark.parametrize(
    ("fewest", "longest_seconds", "least", "most"),
    [(30, 10.0, 30, 60), (1_000_000, 0.3, 1, 999_999)],
    ids=["until there are enough", "but not for ever"],
)
async def test_a_slow_server_is_asked_until_there_are_enough_answers(fewest, longest_seconds, least, most):
    async with answering(GOOD[:-1], GOOD[-1:]) as port:
        came = await ask(
            "127.0.0.1", port, [b"?\n"], 2, warm_seconds=0.0, seconds=0.0, most=1_000_000,
            fewest=fewest, longest_seconds=longest_seconds,
        )  # fmt: skip
    assert least <= came["answers"] <= most


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy", "503 Service Unavailable"),
        (b'HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{"errors":["no"]}', '{"errors":["no"]}'),
    ],
)
async def test_a_bad_answer_ends_the_measurement(answer, told):
    async with answering(answer) as port:
        with pytest.raises(RuntimeError, match="(?s)" + told.replace("[", r"\[").replace("{", r"\{")):
            await asked(port)


async def test_a_server_that_hangs_up_ends_the_measurement():
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        with pytest.raises(RuntimeError, match="connection was lost"):
            await asked(server.sockets[0].getsockname()[1])


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([5], 0.5, 5),
        ([1, 2], 0.5, 1),
        ([1, 2, 3], 0.5, 2),
        ([*range(1, 101)], 0.99, 99),
        ([*range(1, 102)], 0.99, 100),
        ([*range(1, 11)], 0.99, 10),
    ],
)
def test_a_quantile_is_a_value_that_was_measured(values, share, expected):
    assert quantile(values, share) == expected
