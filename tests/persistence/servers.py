"""A database server of a test's own, to be ended and started again where it was, and a wire to listen on."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from persistence.postgres import EmbeddedPostgres, server


class OwnServer:
    """An embedded server that comes back on the port it had."""

    def __init__(self, folder: Path) -> None:
        self._postgres = EmbeddedPostgres(folder, durable=False)
        self.dsn = self._postgres.start()

    def stop(self) -> None:
        """Ends it in order: connections are told."""
        self._postgres.stop()

    def start(self) -> None:
        """Has it answer again, on the same port."""
        port = urlsplit(self.dsn).port
        given, server._free_port = server._free_port, lambda: int(port or 0)
        try:
            assert self._postgres.start() == self.dsn
        finally:
            server._free_port = given

    @contextmanager
    def away(self) -> Iterator[None]:
        """It is away meanwhile."""
        self.stop()
        try:
            yield
        finally:
            self.start()


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """A server of its own, below SHELFGRAPH_DATA_DIR when that is set, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="shelfgraph-own-", dir=os.environ.get("SHELFGRAPH_DATA_DIR")))
    folder.chmod(0o711)
    try:
        mine = OwnServer(folder)
        try:
            yield mine
        finally:
            mine.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Wire:
    """What runs between a client and a server, byte by byte, until it is cut."""

    def __init__(self) -> None:
        self.sent = 0
        self._ends: set[asyncio.StreamWriter] = set()

    async def join(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
    ) -> None:
        """Carries one connection to the server until either side ends it."""
        there, back = await asyncio.open_connection(host, port)
        self._ends |= {writer, back}
        try:
            await asyncio.gather(self._carry(reader, back, count=True), self._carry(there, writer))
        finally:
            self._ends -= {writer, back}

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, count: bool = False
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                self.sent += len(data) if count else 0
                writer.write(data)
        writer.close()

    def cut(self) -> None:
        """Breaks every connection without a word from either side."""
        for end in list(self._ends):
            end.transport.abort()


@asynccontextmanager
async def wired(dsn: str) -> AsyncIterator[tuple[Wire, str]]:
    """A wire and the address at its near end."""
    far = urlsplit(dsn)
    host, port = far.hostname or "", far.port or 5432
    wire = Wire()
    listener = await asyncio.start_server(
        lambda reader, writer: wire.join(reader, writer, host, port), "127.0.0.1", 0
    )
    near = listener.sockets[0].getsockname()[1]
    credentials = far.netloc.rpartition("@")[0]
    try:
        yield wire, far._replace(netloc=f"{credentials}@127.0.0.1:{near}").geturl()
    finally:
        wire.cut()
        listener.close()
