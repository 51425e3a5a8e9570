"""The load client, a process of its own: a job as JSON on stdin, what came of it as JSON on stdout.

It asks over kept connections, each one request at a time, and does as little as it can per answer, because it
shares the machine with the server it measures.
"""

from __future__ import annotations

import asyncio
import gc
import math
import re
import sys
import time
from collections.abc import Sequence
from itertools import cycle
from typing import cast

import orjson
import uvloop

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_REFUSED = b'{"errors"'  # how the graph begins an answer in which anything failed
_PATIENCE_SECONDS = 10.0


class Run:
    """One phase of a job: requests taken in turn by all connections, until time or number runs out.

    Time runs out after `seconds`, but not before `fewest` were sent, unless that takes `longest_seconds`.
    """

    def __init__(
        self,
        requests: Sequence[bytes],
        seconds: float,
        most: int,
        fewest: int = 0,
        longest_seconds: float = 0.0,
    ) -> None:
        self.requests = cycle(requests)
        self.left = most
        self.owed = fewest
        began = time.perf_counter()
        self.enough_at = began + seconds
        self.ends = began + max(seconds, longest_seconds)
        self.latencies: list[float] = []
        self.received = 0
        self.failures: list[str] = []

    def next(self) -> bytes | None:
        """The next request, or None when it is over."""
        now = time.perf_counter()
        if self.left <= 0 or self.failures or now >= (self.ends if self.owed > 0 else self.enough_at):
            return None
        self.left -= 1
        self.owed -= 1
        return next(self.requests)


class Shopper(asyncio.Protocol):
    """One kept connection; `done` is set when its phase is over."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self._run: Run | None = None
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._awaited = 0
        self._head = 0
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass

    def begin(self, run: Run) -> None:
        """Starts a phase."""
        self._run = run
        self.done.clear()
        self._ask(run)

    def close(self) -> None:
        """Hangs up."""
        if self._transport is not None:
            self._transport.close()

    def _ask(self, run: Run) -> None:
        request = run.next()
        if request is None:
            self.done.set()
            return
        if self._transport is None:
            run.failures.append("the connection was lost before it was used")
            self.done.set()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Takes a part of an answer; a whole one is noted, and the next request follows."""
        buffer, run = self._buffer, self._run
        buffer += data
        if not self._awaited:
            self._head = buffer.find(_HEAD_END)
            if self._head < 0:
                return
            length = _LENGTH.search(buffer, 0, self._head)
            self._awaited = self._head + len(_HEAD_END) + (int(length[1]) if length else 0)
        if len(buffer) < self._awaited or run is None:
            return
        run.latencies.append(time.perf_counter() - self._sent_at)
        run.received += self._awaited
        body = self._head + len(_HEAD_END)
        if not buffer.startswith(b"HTTP/1.1 200") or buffer.startswith(_REFUSED, body):
            run.failures.append(bytes(buffer[: self._head] + b" " + buffer[body : body + 600]).decode())
        del buffer[: self._awaited]
        self._awaited = 0
        self._ask(run)

    def connection_lost(self, exc: Exception | None) -> None:
        """The server hung up, which it should not while it is asked."""
        if not self.done.is_set() and self._run is not None:
            self._run.failures.append(f"the connection was lost: {exc}")
            self.done.set()
        self._transport = None


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


async def ask(
    host: str,
    port: int,
    requests: Sequence[bytes],
    connections: int,
    *,
    warm_seconds: float,
    seconds: float,
    most: int,
    fewest: int = 0,
    longest_seconds: float = 0.0,
) -> dict[str, float | int]:
    """What came of a job: answers, seconds, latencies in milliseconds, bytes, and this process's own CPU.

    The warm-up runs on the connections that are then measured. Raises RuntimeError for any answer but a
    good one.
    """
    loop = asyncio.get_running_loop()
    shoppers = [(await loop.create_connection(Shopper, host, port))[1] for _ in range(connections)]
    try:
        warm = Run(requests, warm_seconds, most)
        await _phase(shoppers, warm)
        run = Run(requests, seconds, most, fewest, longest_seconds)
        began, used = time.perf_counter(), time.process_time()
        await _phase(shoppers, run)
        took, used = time.perf_counter() - began, time.process_time() - used
    finally:
        for shopper in shoppers:
            shopper.close()
    if not run.latencies:
        raise RuntimeError("not a single answer came in time")
    ordered = sorted(run.latencies)
    return {
        "answers": len(ordered),
        "warm_answers": len(warm.latencies),
        "seconds": took,
        "p50_ms": quantile(ordered, 0.5) * 1000,
        "p99_ms": quantile(ordered, 0.99) * 1000,
        "longest_ms": ordered[-1] * 1000,
        "bytes": run.received,
        "client_cpu_seconds": used,
    }


async def _phase(shoppers: Sequence[Shopper], run: Run) -> None:
    for shopper in shoppers:
        shopper.begin(run)
    async with asyncio.timeout(max(0.0, run.ends - time.perf_counter()) + _PATIENCE_SECONDS):
        for shopper in shoppers:
            await shopper.done.wait()
    if run.failures:
        raise RuntimeError(run.failures[0])


def main() -> None:
    """Reads the job, does it, and writes what came of it; a refusal goes to stderr."""
    job = orjson.loads(sys.stdin.buffer.read())
    requests = [text.encode() for text in job.pop("requests")]
    gc.freeze()
    gc.disable()  # bounded work without cycles: a pause here would be counted as the server's
    try:
        answer = uvloop.run(ask(requests=requests, **job))
    except (RuntimeError, OSError, TimeoutError) as failed:
        sys.exit(str(failed) or type(failed).__name__)
    sys.stdout.buffer.write(orjson.dumps(answer))


if __name__ == "__main__":
    main()
