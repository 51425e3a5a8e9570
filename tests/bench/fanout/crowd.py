"""Many WebSocket clients in a process of their own, as cheap as they can be; told what to do line by line.

Run as `python -m tests.bench.fanout.crowd HOST PORT`. Each line on stdin is a JSON object, each is answered
by one line on stdout:
`{"connect": n, "subscribe": [payload, …]}` opens n sockets, the payloads in turn, and answers once each has
heard `first` messages after its subscribe; `{"expect": n}` answers once n more messages came, with when they
did; `{"wait": s}` answers after so many seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import re
import resource
import sys
import time
from array import array
from typing import Any

import orjson
import uvloop

_HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
_AT_ONCE = 50
_SKU = re.compile(rb'"sku":"([^"]+)"')
_PATIENCE_SECONDS = 120.0


def masked(message: object, opcode: int = 1) -> bytes:
    """A client's frame; a mask of zeros leaves the text as it is."""
    text = message if isinstance(message, bytes) else orjson.dumps(message)
    size = len(text)
    head = bytes([0x80 | opcode])
    head += bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return head + b"\0\0\0\0" + text


class Crowd:
    """All the sockets, and what they heard."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.heard = 0
        self.expected = -1
        self.complete = asyncio.Event()
        self.came = array("d")
        self.skus: list[str] | None = None
        self.lost = 0

    async def connect(self, count: int, subscribe: list[Any], first: int) -> None:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(number: int) -> None:
            async with gate:
                member = Member(self, subscribe[number % len(subscribe)], first)
                await asyncio.get_running_loop().create_connection(lambda: member, self.host, self.port)
                await member.ready

        await asyncio.gather(*(one(number) for number in range(count)))

    async def expect(self, count: int, *, names: bool) -> dict[str, Any]:
        self.heard, self.expected = 0, count
        self.came = array("d")
        self.skus = [] if names else None
        self.complete.clear()
        answer({"ready": True})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.complete.wait(), _PATIENCE_SECONDS)
        self.expected = -1
        came = sorted(self.came)
        return {
            "heard": self.heard,
            "first": came[0] if came else None,
            "p99": came[int(len(came) * 0.99) - 1] if came else None,
            "last": came[-1] if came else None,
            "each": list(zip(self.skus, self.came, strict=True)) if self.skus is not None else None,
        }

    def note(self, message: memoryview | bytes) -> None:
        if self.expected < 0:
            return
        self.heard += 1
        self.came.append(time.monotonic())
        if self.skus is not None:
            found = _SKU.search(message)
            self.skus.append(found[1].decode() if found else "")
        if self.heard >= self.expected:
            self.complete.set()


class Member(asyncio.Protocol):
    """One socket: hand-shakes, subscribes, counts."""

    __slots__ = ("_buffer", "_crowd", "_first", "_payload", "_shaken", "_transport", "ready")

    def __init__(self, crowd: Crowd, payload: Any, first: int) -> None:
        self._crowd, self._payload, self._first = crowd, payload, first
        self._buffer = b""
        self._shaken = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(_HANDSHAKE.format(host=self._crowd.host, port=self._crowd.port).encode())

    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.lost += 1
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionError("closed"))

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data if self._buffer else data
        if not self._shaken:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._buffer = head
                return
            self._shaken = True
            subscribe = {"id": "1", "type": "subscribe", "payload": self._payload}
            self._transport.write(masked({"type": "connection_init"}) + masked(subscribe))
        at, size = 0, len(data)
        while size - at >= 2:
            length, start = data[at + 1], at + 2
            if length == 126:
                length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif length == 127:
                length, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            if start + length > size:
                break
            if data[at] == 0x89:
                self._transport.write(masked(data[start : start + length], 10))
            elif self._first >= 0:
                self._first -= 1  # the acknowledgement, and what opens the stream
                if self._first < 0:
                    self.ready.set_result(None)
            else:
                self._crowd.note(data[start : start + length])
            at = start + length
        self._buffer = data[at:]


def answer(said: dict[str, Any]) -> None:
    """One line to whoever asked."""
    sys.stdout.write(orjson.dumps(said).decode() + "\n")
    sys.stdout.flush()


async def main() -> None:
    """Does what stdin says until it ends."""
    crowd = Crowd(sys.argv[1], int(sys.argv[2]))
    loop = asyncio.get_running_loop()
    stdin = asyncio.StreamReader(limit=2**24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    gc.freeze()
    gc.disable()
    while line := await stdin.readline():
        told = orjson.loads(line)
        said: dict[str, Any] = {}
        if "connect" in told:
            await crowd.connect(told["connect"], told["subscribe"], told["first"])
        elif "expect" in told:
            said = await crowd.expect(told["expect"], names=told.get("names", False))
        answer({**said, "lost": crowd.lost})


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
