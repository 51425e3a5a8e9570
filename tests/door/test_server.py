"""What uvicorn has no bounds for by itself: slow and large heads, slow bodies, peers that stop reading."""

from __future__ import annotations

import asyncio

import pytest

from tests.door.serving import Running, Serve, until

HEAD = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
GET = b"GET /graphql?query={hello} HTTP/1.1\r\nhost: x\r\n"


async def exchange(running: Running, *pieces: bytes, pause: float = 0.0) -> tuple[bytes, float]:
    """Everything the server said until it closed, and after how many seconds it did."""
    began = asyncio.get_running_loop().time()
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)

    async def send() -> None:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(pause)

    sending = asyncio.create_task(send())
    async with asyncio.timeout(5):
        said = await reader.read()
    sending.cancel()
    writer.close()
    return said, asyncio.get_running_loop().time() - began


@pytest.mark.usefixtures("impatient")
class TestHeads:
    async def test_a_connection_that_says_nothing_is_closed(self, serve: Serve) -> None:
        said, seconds = await exchange(await serve())
        assert said == b""
        assert 0.25 < seconds < 2

    @pytest.mark.parametrize("pieces", [(HEAD,), tuple(bytes([byte]) for byte in HEAD[:4])])
    async def test_a_head_that_drips_is_refused(self, serve: Serve, pieces: tuple[bytes, ...]) -> None:
        said, seconds = await exchange(await serve(), *pieces, pause=0.05)
        assert said.startswith(b"HTTP/1.1 408 ")
        assert 0.25 < seconds < 2

    async def test_also_the_second_head_on_a_connection(self, serve: Serve) -> None:
        said, seconds = await exchange(await serve(), GET + b"\r\n", b"GET /gra", pause=0.1)
        assert said.startswith(b"HTTP/1.1 200 ")
        assert b"HTTP/1.1 408 " in said
        assert 0.35 < seconds < 2

    @pytest.mark.parametrize(
        ("head", "status"),
        [
            (GET + b"connection: close\r\nx: " + b"y" * 7_000 + b"\r\n\r\n", b"200"),
            (HEAD + b"x: " + b"y" * 9_000, b"431"),
            (b"".join([HEAD, *(b"x%d: y\r\n" % n for n in range(2_000))]), b"431"),
            (b"GET /" + b"y" * 9_000, b"431"),
        ],
        ids=["fits", "long-value", "many", "long-url"],
    )  # fmt: skip
    async def test_a_head_has_a_size(self, serve: Serve, head: bytes, status: bytes) -> None:
        said, _ = await exchange(await serve(), head)
        assert said.startswith(b"HTTP/1.1 " + status)

    async def test_a_body_may_be_larger_than_a_head(self, serve: Serve) -> None:
        running = await serve()
        answer = await running.ask("{ hello }" + " " * 50_000)
        assert answer.status_code == 200


async def test_a_body_that_drips_is_refused(serve: Serve) -> None:
    running = await serve(limits={"body_seconds": 0.3})
    head = HEAD + b"content-length: 1000\r\n\r\n"
    said, seconds = await exchange(running, head, *[b" "] * 4, pause=0.05)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"BAD_USER_INPUT" in said
    assert 0.25 < seconds < 2


async def test_a_body_that_is_promised_and_never_sent_harms_nobody(serve: Serve) -> None:
    running = await serve(limits={"body_seconds": 5})
    _, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(HEAD + b"content-length: 1000\r\n\r\n{")
    await asyncio.sleep(0.1)
    writer.close()
    assert (await running.ask("{ hello }")).status_code == 200


async def test_requests_sent_in_one_go_are_answered_in_order(running: Running) -> None:
    request = b"GET /graphql?query={hello(name:%%22%d%%22)} HTTP/1.1\r\nhost: x\r\n%b\r\n"
    said, _ = await exchange(
        running, b"".join(request % (n, b"connection: close\r\n" if n == 3 else b"") for n in range(4))
    )
    assert [said.index(b"Hello %d" % n) for n in range(4)] == sorted(
        said.index(b"Hello %d" % n) for n in range(4)
    )


async def test_the_server_says_goodbye_and_lets_requests_finish(serve: Serve) -> None:
    running = await serve()
    under_way = asyncio.create_task(running.ask("{ slow(seconds: 0.5) }"))
    async with running.speak() as client:
        await client.init()
        await client.ask("subscription { ticks(to: 0) { number } }")
        await until(lambda: len(running.shop.started) == 2)
        running.server.should_exit = True
        assert await client.closed() == (1012, "Service restart")
    assert (await under_way).json() == {"data": {"slow": "slow"}}
    assert running.shop.closed_streams == ["ticks"]
