"""Load on a server from a process of its own, and what it cost whom."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson
import psutil

from tests.bench.cpu import database_processes, used

_MOST = 50_000
_FEWEST = 100  # fewer answers have no 99th percentile
_LONGEST_SECONDS = 25.0


class Took(NamedTuple):
    """What a load came to; CPU is in milliseconds per answer, and counts every core.

    Too few answers to speak of a 99th percentile have none.
    """

    answers: float
    per_second: float
    p50_ms: float
    p99_ms: float | None
    bytes: float
    server_cpu_ms: float
    database_cpu_ms: float | None
    client_cpu_ms: float


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server answers, and its process."""

    host: str
    port: int
    pid: int


def get(path: str, address: Address) -> str:
    """A GET request."""
    return f"GET {path} HTTP/1.1\r\nhost: {address.host}:{address.port}\r\naccept: application/json\r\n\r\n"


def graphql(query: str, variables: Mapping[str, object], address: Address) -> str:
    """A POST of an operation, as a client in English sends it."""
    body = orjson.dumps({"query": query, "variables": variables}).decode()
    length = len(body.encode())
    return (
        f"POST /graphql HTTP/1.1\r\nhost: {address.host}:{address.port}\r\naccept: application/json\r\n"
        f"accept-language: en\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )


async def load(address: Address, requests: Sequence[str], connections: int, *, seconds: float) -> Took:
    """What these requests, taken in turn over so many kept connections, came to.

    Bounded by time and by number. Raises RuntimeError for any answer but a good one.
    """
    job = {
        "host": address.host,
        "port": address.port,
        "requests": requests,
        "connections": connections,
        "warm_seconds": min(1.0, seconds / 2),
        "seconds": seconds,
        "most": _MOST,
        "fewest": _FEWEST,
        "longest_seconds": _LONGEST_SECONDS,
    }
    server = psutil.Process(address.pid)
    before, database_before = used([server]), used(database_processes())
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.client",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        answered, refused = await asyncio.wait_for(
            client.communicate(orjson.dumps(job)), 2 * seconds + _LONGEST_SECONDS + 30
        )
    except BaseException:
        if client.returncode is None:
            client.kill()
            await client.wait()
        raise
    if client.returncode:
        raise RuntimeError(f"the load met a bad answer: {refused.decode().strip()}")
    came = orjson.loads(answered)
    # Includes the warm-up, so it is spread over its answers too.
    every = came["answers"] + came["warm_answers"]
    database = database_processes()
    return Took(
        answers=came["answers"],
        per_second=came["answers"] / came["seconds"],
        p50_ms=came["p50_ms"],
        p99_ms=came["p99_ms"] if came["answers"] >= _FEWEST else None,
        bytes=came["bytes"] / came["answers"],
        server_cpu_ms=(used([server]) - before) * 1000 / every,
        database_cpu_ms=(used(database) - database_before) * 1000 / every if database else None,
        client_cpu_ms=came["client_cpu_seconds"] * 1000 / came["answers"],
    )
