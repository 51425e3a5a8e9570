"""The server that is measured, run in a process of its own for as long as it is needed."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.bench.load import Address

_START_SECONDS = 60.0
_END_SECONDS = 20.0


@asynccontextmanager
async def served(dsn: str, folder: Path) -> AsyncIterator[Address]:
    """A server on this database, in a process of its own, as it is run for customers; ended with the block.

    What it logs goes to `server.log` in the folder. Raises RuntimeError when it does not come up.
    """
    port = free_port()
    settings = {
        "SHELFGRAPH_ENV": "production",
        "SHELFGRAPH_SANDBOX_SECRET": "bench",
        "SHELFGRAPH_DATABASE_URL": dsn,
        "SHELFGRAPH_DATA_DIR": str(folder / "server"),
        "SHELFGRAPH_HOST": "127.0.0.1",
        "SHELFGRAPH_PORT": str(port),
        # All the world's load comes from one address here.
        "SHELFGRAPH_REQUESTS_PER_MINUTE": "100000000",
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith("SHELFGRAPH_")}
    with (folder / "server.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.server", env=others | settings, stdout=log, stderr=log
        )
    try:
        address = Address("127.0.0.1", port, process.pid)
        await _ready(address, process, folder / "server.log")
        yield address
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _END_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _ready(address: Address, process: asyncio.subprocess.Process, log: Path) -> None:
    async with httpx.AsyncClient(base_url=f"http://{address.host}:{address.port}") as http:
        for _ in range(int(_START_SECONDS / 0.1)):
            if process.returncode is not None:
                break
            try:
                if (await http.get("/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    said = await asyncio.to_thread(log.read_text)
    raise RuntimeError(f"the server did not come up:\n{said[-2000:]}")


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
