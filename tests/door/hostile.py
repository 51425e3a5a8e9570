"""Requests that mean harm, each with the code it is refused with.

    python -m tests.door.hostile

prints the CPU that each of them costs, all of the application's side and the client's included.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from graph.door import Door
from graph.logs import RequestLog
from tests.door.schema import SCHEMA, Opening, Shop

_ROUNDS = 3


class Hostile(NamedTuple):
    """The body of a POST, its status, and the code of the only error."""

    name: str
    body: bytes
    status: int
    code: str


def _asked(query: str, **members: object) -> bytes:
    return json.dumps({"query": query, **members}).encode()


def _names(number: int, after: str = "") -> str:
    return " ".join(f"a{n}{after}" for n in range(number))


def _doubling(levels: int, part: str) -> str:
    fragments = "".join(f"fragment f{n} on Query{{{part.format(next=n + 1)}}}" for n in range(levels))
    return f"{fragments}fragment f{levels} on Query{{hello}}{{...f0}}"


_TOO_COSTLY, _INVALID, _BAD = "OPERATION_TOO_COSTLY", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"

HOSTILE = [
    Hostile("a document of 1 MB", _asked("{ hello " + "#" * 990_000 + "\n}"), 400, _TOO_COSTLY),
    Hostile("a body above 1 MB", _asked("{ hello }" + " " * 1_000_000), 413, _BAD),
    Hostile("10,000 aliases", _asked("{" + _names(10_000, ": hello") + "}"), 400, _TOO_COSTLY),
    Hostile("900 aliases", _asked("{" + _names(900, ": hello") + "}"), 400, _TOO_COSTLY),
    Hostile("10,000 deep", _asked("{item{similar" * 5_000 + "}" * 10_000), 400, _TOO_COSTLY),
    Hostile("300 deep", _asked("{item{similar" * 150 + "{sku}" + "}" * 300), 200, "GRAPHQL_PARSE_FAILED"),
    Hostile("50,000 tokens", _asked("{" + "hello " * 16_000 + "}"), 400, _TOO_COSTLY),
    Hostile("fragments in a circle", _asked(
        "{...A} fragment A on Query{...B} fragment B on Query{...A}"
    ), 200, _INVALID),
    Hostile("400 fragments in a circle", _asked(
        "".join(f"fragment f{n} on Query{{...f{(n + 1) % 400}}}" for n in range(400)) + "{...f0}"
    ), 400, _TOO_COSTLY),
    Hostile("doubling fragments", _asked(_doubling(25, "...f{next} ...f{next}")), 400, _TOO_COSTLY),
    Hostile("fields of one name", _asked("{item{" + "sku " * 1_900 + "}}"), 400, _TOO_COSTLY),
    Hostile("fields of one name to be merged", _asked("{" + "item{sku}" * 950 + "}"), 400, _TOO_COSTLY),
    Hostile("300 directives", _asked("{hello" + " @skip(if: false)" * 300 + "}"), 400, _TOO_COSTLY),
    Hostile("a batch of 1,000", json.dumps([{"query": "{ hello }"}] * 1_000).encode(), 400, _BAD),
    Hostile("a list of two billion", _asked("{items(first: 2000000000){nodes{name}}}"), 400, _TOO_COSTLY),
    Hostile("100,000 brackets", b"[" * 100_000, 400, _BAD),
    Hostile("900 unknown fields", _asked("{item{" + _names(900) + "}}"), 200, _INVALID),
    Hostile("2,500 unknown fields", _asked("{item{" + _names(2_500) + "}}"), 400, _TOO_COSTLY),
    Hostile("500 variables", _asked(
        "query(" + " ".join(f"$v{n}: Int" for n in range(500)) + "){hello}"
    ), 400, _TOO_COSTLY),
    Hostile("a variable of 500 lists", _asked(
        "query($n: Int!){items(first: $n){totalCount}}", variables={"n": json.loads("[" * 500 + "]" * 500)}
    ), 200, _BAD),
]  # fmt: skip


@asynccontextmanager
async def hostile_client() -> AsyncIterator[httpx.AsyncClient]:
    """A client in the process of a door that writes its request log."""
    door = Door(SCHEMA._schema, Opening(Shop()))
    routes = [Route("/graphql", door.http, methods=["POST"])]
    app = Starlette(routes=routes, middleware=[Middleware(RequestLog)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door.test") as client:
        yield client


async def send(client: httpx.AsyncClient, one: Hostile) -> httpx.Response:
    """The response to it."""
    return await client.post("/graphql", content=one.body, headers={"content-type": "application/json"})


async def _measure() -> None:
    async with hostile_client() as client:
        for one in HOSTILE:
            spent = []
            for _ in range(_ROUNDS):
                began = time.process_time()
                await send(client, one)
                spent.append(time.process_time() - began)
            print(f"{min(spent) * 1000:8.1f} ms  {len(one.body):9,} bytes  {one.code:26} {one.name}")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(_measure())
