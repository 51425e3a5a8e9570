"""A reader of event streams that takes them apart to the letter."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

STREAM = {"accept": "text/event-stream"}


@dataclass
class Event:
    """One event: its kind, its data as JSON (None when empty) and its id."""

    kind: str
    data: Any
    id: str | None = None


class Events:
    """The events of one response, in order; comments are counted and passed over."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.comments = 0
        self._chunks = response.aiter_bytes()
        self._rest = b""

    async def next(self) -> Event:
        """The next event; raises StopAsyncIteration when the stream has ended."""
        async with asyncio.timeout(5):
            while True:
                while b"\n\n" not in self._rest:
                    self._rest += await anext(self._chunks)
                block, _, self._rest = self._rest.partition(b"\n\n")
                assert b"\r" not in block
                if block == b":":
                    self.comments += 1
                    continue
                fields = dict(line.split(": ", 1) for line in block.decode().split("\n"))
                assert fields.keys() <= {"event", "id", "data"}
                data = json.loads(fields["data"]) if fields["data"] else None
                return Event(fields["event"], data, fields.get("id"))

    async def rest(self) -> list[Event]:
        """Everything up to the end of the stream."""
        found = []
        try:
            while True:
                found.append(await self.next())
        except StopAsyncIteration:
            return found


@asynccontextmanager
async def streamed(
    client: httpx.AsyncClient, query: str | None = None, *, method: str = "POST", **options: Any
) -> AsyncIterator[Events]:
    """The events that answer a document, by POST or by GET."""
    headers = STREAM | options.pop("headers", {})
    if query is not None:
        options["json" if method == "POST" else "params"] = {"query": query, **options.pop("body", {})}
    async with client.stream(method, "/graphql", headers=headers, **options) as response:
        yield Events(response)
