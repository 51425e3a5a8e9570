"""A real server process of the whole house: what it finishes, says and leaves when it is told to end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import httpx
import pytest
import websockets

from persistence.database import connect
from persistence.postgres import running_dsn
from persistence.postgres.folder import workers
from persistence.postgres.server import _free_port
from tests.door.serving import Speaker
from tests.makers import make_channel, make_product

VARIANT = """{ variant(by: {sku: "MILK"}) { sku } }"""
STOCK = """subscription { stockChanged(context: {channel: "app"}, skus: ["MILK"]) { kind } }"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """An empty folder for this test alone."""
    with tempfile.TemporaryDirectory(prefix="shelfgraph-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture
def port() -> int:
    """A port nobody listens on."""
    return _free_port()


@pytest.fixture
def process(data_dir: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A server process on an embedded database of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHELFGRAPH_")}
    variables = {"ENV": "test", "DATA_DIR": str(data_dir), "PORT": str(port)}
    begun = subprocess.Popen(
        [sys.executable, "-c", "from graph.cli import main; main()", "serve"],
        cwd=Path(__file__).parents[2],
        env=kept | {f"SHELFGRAPH_{name}": value for name, value in variables.items()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield begun
    finally:
        begun.kill()
        begun.wait()


async def ready(address: str) -> None:
    """Returns once the server says that it is ready."""
    async with httpx.AsyncClient(base_url=address) as client, asyncio.timeout(30):
        while True:
            with suppress(httpx.TransportError):
                if (await client.get("/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.1)


async def test_told_to_end_it_answers_who_waits_sends_subscribers_elsewhere_and_leaves_nothing(
    process: subprocess.Popen[str], data_dir: Path, port: int
) -> None:
    address = f"http://127.0.0.1:{port}"
    await ready(address)
    db = await connect(running_dsn(data_dir) or "")
    await make_channel(db, "app")
    await make_product(db, skus=["MILK"])
    async with (
        httpx.AsyncClient(base_url=address, timeout=20) as client,
        websockets.connect(
            address.replace("http", "ws") + "/graphql",
            subprotocols=[websockets.Subprotocol("graphql-transport-ws")],
        ) as line,
    ):
        subscriber = Speaker(line)
        await subscriber.init()
        await subscriber.ask(STOCK)
        assert (await subscriber.hear())["type"] == "next"
        await db.execute("BEGIN; LOCK TABLE variant IN ACCESS EXCLUSIVE MODE")
        slow = asyncio.create_task(client.post("/graphql", json={"query": VARIANT}))
        while not await db.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert (await subscriber.closed())[0] == 1012
        with pytest.raises(httpx.ConnectError):
            await client.get("/healthz", headers={"Connection": "close"})
        assert not slow.done()
        await db.execute("ROLLBACK")
        answer = await slow
        assert (answer.status_code, answer.json()) == (200, {"data": {"variant": {"sku": "MILK"}}})
    assert await asyncio.to_thread(process.wait, 15) == 0
    assert workers(data_dir / "postgres" / "data") == []
    with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
        await db.execute("SELECT 1")
