"""A real server for every test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from graph.door.server import HttpProtocol
from tests.door.serving import Running, Serve, served


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts servers with settings of the test's own; they are ended after it."""
    async with AsyncExitStack() as stack:

        async def start(**options: object) -> Running:
            return await stack.enter_async_context(served(**options))

        yield start


@pytest.fixture(scope="package")
async def running() -> AsyncIterator[Running]:
    """One server with the defaults, shared by tests that leave nothing behind."""
    async with served() as one:
        yield one


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Request heads have 0.3 s and 8 KB."""
    monkeypatch.setattr(HttpProtocol, "head_seconds", 0.3)
    monkeypatch.setattr(HttpProtocol, "head_bytes", 8_192)
