"""A long file read by several processes at once, and answered in its own order."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from persistence.imports.files.csv_file import ALL, BadFile, Row, Share, blocks_of
from persistence.imports.files.layouts import Column
from persistence.imports.staging import BadRow

T = TypeVar("T")
Read = Callable[[Sequence[Row], list[BadRow]], list[T]]
"""Makes something of a block's rows; what cannot be taken goes to the second argument."""

MOST_PROCESSES = 4
# Starting a process costs about as much as reading this much.
_WORTH_A_PROCESS_BYTES = 1_500_000
_PACKED = 6


class Part(NamedTuple, Generic[T]):
    """What was made of a block, and what is wrong with lines of it."""

    made: list[T]
    bad: list[BadRow]


def processes_for(path: Path) -> int:
    """How many processes should read a file: one for each core, and one alone for a short file."""
    try:
        size = path.stat().st_size * (_PACKED if path.suffix == ".gz" else 1)
    except OSError:
        return 1  # reading it will tell
    return max(1, min(os.cpu_count() or 1, MOST_PROCESSES, size // _WORTH_A_PROCESS_BYTES))


async def parts_of(
    path: Path, layout: Sequence[Column], read: Read[T], *, processes: int | None = None
) -> AsyncGenerator[Part[T], None]:
    """What `read` makes of the blocks of a file, in the file's order. Raises BadFile.

    With several processes each walks through the file and reads every n-th block, so that nothing but what
    was made travels between them; `read` has to be a function of a module then, or a `partial` of one. They
    are at most a block ahead, and end with the generator: close it, as `contextlib.aclosing` does.
    """
    count = processes_for(path) if processes is None else processes
    if count == 1:
        for part in _parts(path, layout, read, ALL):
            yield part
            await asyncio.sleep(0)  # who wants to stop us gets a chance
        return
    with _reading(path, layout, read, count) as pipes:
        number = 0
        while True:
            made: Part[T] | None = await _next(pipes[number % count])
            if made is None:
                return
            yield made
            number += 1


def _parts(path: Path, layout: Sequence[Column], read: Read[T], share: Share) -> Iterator[Part[T]]:
    for rows, bad in blocks_of(path, layout, share):
        yield Part(read(rows, bad), bad)


async def _next(pipe: Connection) -> Part[T] | None:
    try:
        found: Part[T] | BadFile | None = await asyncio.to_thread(pipe.recv)
    except (EOFError, OSError):  # between two parts, or in the middle of one
        raise BadFile("A process that was reading the file has ended before its time.") from None
    if isinstance(found, BadFile):
        raise found
    return found


@contextmanager
def _reading(path: Path, layout: Sequence[Column], read: Read[T], count: int) -> Iterator[list[Connection]]:
    # Spawned: a fork would copy the event loop, the database's socket and the thread of the progress bar.
    context = get_context("spawn")
    with ExitStack() as stack:
        pipes = []
        for part in range(count):
            here, there = context.Pipe(duplex=False)
            process = context.Process(
                target=_serve, args=(there, path, layout, read, Share(part, count)), daemon=True
            )
            process.start()
            there.close()  # the process has the only other end: if one of us dies, the other hears of it
            # Undone from the last to the first: a thread may wait at the pipe until its process is gone.
            stack.callback(here.close)
            stack.callback(process.join)
            stack.callback(process.terminate)
            pipes.append(here)
        yield pipes


def _serve(pipe: Connection, path: Path, layout: Sequence[Column], read: Read[T], share: Share) -> None:
    """Sends the parts of a share, then None, or instead of all the reason why the file cannot be read."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started us is told too, and ends us
    gc.disable()
    try:
        try:
            for part in _parts(path, layout, read, share):
                pipe.send(part)
            pipe.send(None)
        except BadFile as wrong:
            pipe.send(wrong)
    except BrokenPipeError:
        return  # nobody wants the rest
