"""A server process from outside: how it starts, what it says when it can't, and how it ends."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import websockets

from persistence.postgres import EmbeddedPostgres
from persistence.postgres.folder import workers
from persistence.postgres.server import _free_port
from tests.databases import created

HOUSE = Path(__file__).parents[2]
# A door of its own, so that this is about the process and not about the graph behind it.
SERVER = """
import asyncio, sys
import asyncpg, typer
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from graph import logs, settings
from graph.cli.terminal import one_line_refusals
from graph.serving import serve

def build(told):
    async def revision(request):
        connection = await asyncpg.connect(told.database_url)
        try:
            return PlainTextResponse(await connection.fetchval("SELECT version_num FROM prepared"))
        finally:
            await connection.close()

    async def slow(request):
        await asyncio.sleep(float(request.query_params["seconds"]))
        return PlainTextResponse("answered")

    async def stream(request):
        async def lines():
            yield b"first\\n"
            await request.app.state.draining.wait()
            yield b"goodbye\\n"
        return StreamingResponse(lines())

    async def live(socket):
        await socket.accept()
        await socket.receive()

    return Starlette(routes=[
        Route("/revision", revision), Route("/slow", slow), Route("/stream", stream),
        WebSocketRoute("/live", live),
    ])

async def prepare(told):
    try:
        connection = await asyncpg.connect(told.database_url)
    except OSError:
        return
    await connection.execute("CREATE TABLE IF NOT EXISTS prepared AS SELECT version_num FROM alembic_version")
    await connection.close()

def main():
    told = settings.load()
    logs.set_up(env=told.env, level=told.log_level, format=told.log_format)
    with one_line_refusals():
        serve(told, build, prepare=prepare, on_ready=lambda address: print(address, flush=True))
    print("in order", flush=True)

typer.run(main)
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """An empty folder for this test alone."""
    with tempfile.TemporaryDirectory(prefix="shelfgraph-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture(scope="module")
def ready_dir() -> Iterator[Path]:
    """A folder that a server used before, for one test after the other."""
    with tempfile.TemporaryDirectory(prefix="shelfgraph-") as folder:
        Path(folder).chmod(0o711)
        EmbeddedPostgres(Path(folder), durable=False).__enter__().stop()
        yield Path(folder)


class Process:
    """A server process, and what it said."""

    def __init__(self, data_dir: Path, **variables: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SHELFGRAPH_")}
        variables = {
            "SHELFGRAPH_ENV": "test",
            "SHELFGRAPH_DATA_DIR": str(data_dir),
            "SHELFGRAPH_PORT": str(_free_port()),
        } | {f"SHELFGRAPH_{name}": value for name, value in variables.items()}
        self.popen = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            cwd=HOUSE,
            env=kept | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.port = int(variables["SHELFGRAPH_PORT"])

    def address(self) -> str:
        """Where it is served, once it is."""
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline().strip()
        assert line, self.popen.communicate()[1]
        return line

    def ended(self, number: signal.Signals | None = None, patience: float = 20) -> tuple[int, str, str]:
        """Exit code and what was said, after it ended by itself or by a signal."""
        if number is not None:
            self.popen.send_signal(number)
        try:
            said, complained = self.popen.communicate(timeout=patience)
        finally:
            self.popen.kill()
        return self.popen.returncode, said.strip(), complained.strip()


async def test_it_migrates_serves_and_ends_in_order_with_all_it_started(data_dir):
    process = Process(data_dir)
    async with httpx.AsyncClient(base_url=process.address()) as client:
        assert (await client.get("/revision")).text
        assert workers(data_dir / "postgres" / "data")
        began = time.monotonic()
        assert process.ended(signal.SIGINT)[:2] == (0, "in order")
    assert time.monotonic() - began < 5
    assert workers(data_dir / "postgres" / "data") == []
    with socket.socket() as again:
        assert again.connect_ex(("127.0.0.1", process.port)) != 0


async def test_requests_under_way_are_answered_streams_and_sockets_end_in_order(ready_dir):
    process = Process(ready_dir)
    address = process.address()
    async with (
        httpx.AsyncClient(base_url=address) as client,
        websockets.connect(address.replace("http", "ws") + "/live") as live,
    ):
        slow = asyncio.create_task(client.get("/slow?seconds=1"))
        stream = asyncio.create_task(client.get("/stream"))
        await asyncio.sleep(0.3)
        process.popen.send_signal(signal.SIGTERM)
        assert (await slow).text == "answered"
        assert (await stream).text == "first\ngoodbye\n"
        await live.wait_closed()
        assert live.close_code == 1012
        with pytest.raises(httpx.ConnectError):
            await client.get("/revision", headers={"Connection": "close"})
    assert process.ended()[0] == 0


async def test_the_grace_has_an_end(ready_dir):
    process = Process(ready_dir, SHUTDOWN_GRACE_SECONDS="0.3")
    async with httpx.AsyncClient(base_url=process.address(), timeout=30) as client:
        slow = asyncio.create_task(client.get("/slow?seconds=25"))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        assert process.ended(signal.SIGTERM)[0] == 0
        assert time.monotonic() - began < 4
        with pytest.raises((httpx.RemoteProtocolError, httpx.HTTPStatusError, httpx.ReadError)):
            (await slow).raise_for_status()
    assert workers(ready_dir / "postgres" / "data") == []


def test_told_to_end_while_it_starts_it_leaves_nothing(data_dir):
    process = Process(data_dir)
    until = time.monotonic() + 20
    while not list(data_dir.glob("postgres.new-*")) and time.monotonic() < until:
        time.sleep(0.01)
    assert process.ended(signal.SIGINT)[:2] == (0, "in order")
    assert workers(data_dir / "postgres" / "data") == []
    assert not list(data_dir.glob("postgres.new-*"))


def test_a_port_in_use_is_said_in_one_line_before_anything_is_begun(data_dir):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = Process(data_dir, PORT=str(port))
        assert process.ended() == (
            2,
            "",
            f"Port {port} on 127.0.0.1 is in use: stop what holds it, or set another SHELFGRAPH_PORT.",
        )
    assert list(data_dir.iterdir()) == []


def test_a_port_just_left_can_be_taken_again_at_once(ready_dir):
    process = Process(ready_dir)
    with httpx.Client(base_url=process.address()) as client:
        client.get("/revision")
        process.ended(signal.SIGTERM)
    again = Process(ready_dir, PORT=str(process.port))
    assert again.address()
    assert again.ended(signal.SIGTERM)[0] == 0


def test_a_folder_in_use_is_said_in_one_line(ready_dir):
    process = Process(ready_dir)
    process.address()
    code, _, complained = Process(ready_dir).ended()
    assert (code, complained) == (
        2,
        f"{ready_dir} is in use by process {process.popen.pid}: "
        "stop that one, or set another SHELFGRAPH_DATA_DIR.",
    )
    assert process.ended(signal.SIGTERM)[0] == 0


def test_two_copies_run_side_by_side(data_dir):
    copies = [Process(data_dir / name) for name in ("one", "two")]
    for copy in copies:
        assert httpx.get(f"{copy.address()}/revision").status_code == 200
    for copy in copies:
        assert copy.ended(signal.SIGTERM)[0] == 0


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HOST": "192.0.2.1"}, "cannot be had: Cannot assign requested address"),
        ({"HOST": "no-such-host.invalid"}, "Cannot listen on no-such-host.invalid"),
    ],
)
def test_an_address_that_is_not_ours_is_said_in_one_line(data_dir, variables, said):
    code, _, complained = Process(data_dir, **variables).ended()
    assert (code, len(complained.splitlines())) == (2, 1)
    assert said in complained


async def test_an_outside_database_is_migrated_and_left_running(data_dir, database_server):
    async with created(database_server) as dsn:
        process = Process(data_dir, DATABASE_URL=dsn)
        async with httpx.AsyncClient(base_url=process.address()) as client:
            assert (await client.get("/revision")).status_code == 200
        assert process.ended(signal.SIGTERM)[0] == 0
        assert list(data_dir.iterdir()) == []


async def test_an_outside_database_for_customers_is_checked_and_not_changed(data_dir, database_server):
    production = {"ENV": "production", "SANDBOX_SECRET": "s", "LOG_FORMAT": "console"}
    async with created(database_server) as dsn:
        code, _, complained = Process(data_dir, DATABASE_URL=dsn, **production).ended()
        assert code == 2
        assert complained.startswith("The database is at no revision, this release needs ")
        assert complained.endswith(": run `shelfgraph migrate`.")


def test_a_server_starts_before_its_outside_database(data_dir):
    process = Process(data_dir, DATABASE_URL=f"postgresql://x@127.0.0.1:{_free_port()}/x")
    assert httpx.get(f"{process.address()}/slow?seconds=0").text == "answered"
    assert process.ended(signal.SIGTERM)[0] == 0
