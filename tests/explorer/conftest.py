"""A served mall, and a page that remembers every request and complaint of its browser."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest_asyncio
import uvicorn

from tests.explorer.mall import Mall


@asynccontextmanager
async def _serving(mall: Mall) -> AsyncIterator[str]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    # A stream that is open when a test ends is no reason to wait.
    config = uvicorn.Config(mall.app(), log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it by a flag only
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest_asyncio.fixture(loop_scope="session")
async def mall() -> Mall:
    return Mall()


@pytest_asyncio.fixture(loop_scope="session")
async def address(mall: Mall) -> AsyncIterator[str]:
    async with _serving(mall) as url:
        yield url


@pytest_asyncio.fixture(loop_scope="session")
async def production_address() -> AsyncIterator[str]:
    async with _serving(Mall(development=False)) as url:
        yield url
