"""Processes of the house in tests: servers and listeners, found, killed and started again by their own id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

import asyncpg
import psutil

from persistence.news.channels import RELAY_LOCK

_HOUSE = Path(__file__).parents[1]
_SHELFGRAPH = ("-c", "from graph.cli import main; main()")
_LEADER = """
SELECT client_port FROM pg_stat_activity JOIN pg_locks USING (pid)
WHERE locktype = 'advisory' AND granted AND classid = $1 AND objid = $2 AND datname = current_database()
"""


class HouseProcess:
    """One process of ours, to be killed and started anew; `variables` are SHELFGRAPH_* without prefix."""

    def __init__(self, *command: str, **variables: object) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SHELFGRAPH_")}
        told = {f"SHELFGRAPH_{name}": str(value) for name, value in variables.items() if value is not None}
        self._command = [sys.executable, *command]
        self._environment = kept | told | {"PYTHONUNBUFFERED": "1"}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, output: IO[bytes] | int = subprocess.DEVNULL) -> None:
        """Begins; what it prints goes to `output`."""
        self._process = subprocess.Popen(
            self._command,
            cwd=_HOUSE,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.DEVNULL,
        )

    @property
    def pid(self) -> int | None:
        """Its number, None when it does not run."""
        return None if self._process is None or self._process.poll() is not None else self._process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """Ends it as a power cut would; nothing when it does not run."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Has it end in order."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def serving(port: int, **variables: object) -> HouseProcess:
    """A server of the whole house on a port."""
    return HouseProcess(*_SHELFGRAPH, "serve", ENV="test", PORT=port, **variables)


def working(**variables: object) -> HouseProcess:
    """A worker: the house without its door."""
    return HouseProcess(*_SHELFGRAPH, "worker", ENV="test", **variables)


async def leader(db: asyncpg.Connection, among: Iterable[int | None]) -> int | None:
    """Which of these processes leads the relay now, None when none of them does."""
    port = await db.fetchval(_LEADER, *RELAY_LOCK)
    for pid in among:
        with suppress(psutil.Error):
            if pid and any(line.laddr.port == port for line in psutil.Process(pid).net_connections("tcp")):
                return pid
    return None
