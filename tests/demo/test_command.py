"""`shelfgraph demo` from an empty database to an answer."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import time

import httpx

ASKED = """
    { variant(by: {sku: "P000000002"}) { name(locale: "zh-HK") price(context: {channel: "app"}) { kind } } }
"""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def read_until(process: subprocess.Popen[bytes], wanted: str, seconds: float) -> str:
    assert process.stdout is not None
    said, deadline = b"", time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while wanted.encode() not in said:
            assert time.monotonic() < deadline, said.decode()
            if selector.select(timeout=1):
                more = os.read(process.stdout.fileno(), 65536)
                assert more, said.decode()
                said += more
    return said.decode()


def test_the_demo_opens_says_where_and_answers(fresh_database: str) -> None:
    port = free_port()
    environment = {
        **os.environ,
        "SHELFGRAPH_DATABASE_URL": fresh_database,
        "SHELFGRAPH_ENV": "development",
        "SHELFGRAPH_PORT": str(port),
    }
    for loads in (True, False):
        with subprocess.Popen(
            [sys.executable, "-c", "from graph.cli import main; main()", "demo"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            try:
                said = read_until(process, "idempotencyKey", 120)
                assert ("Loaded 3,193 products" in said) == loads
                assert f"http://127.0.0.1:{port}/graphql" in said
                assert f"http://127.0.0.1:{port}/labels" in said
                answer = httpx.post(
                    f"http://127.0.0.1:{port}/graphql", json={"query": ASKED}, timeout=30
                ).json()
                assert answer == {
                    "data": {
                        "variant": {"name": "七喜碳酸飲料 - 罐裝 330毫升 x 8", "price": {"kind": "LIST"}}
                    }
                }
            finally:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=60)
        assert process.returncode == 0
