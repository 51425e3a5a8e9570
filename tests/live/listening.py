"""A listening process and all it has heard, over all its lives."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from domain.news import Cursor
from tests.processes import HouseProcess

MARKERS = ("begin", "idle", "resync")


class Heard(NamedTuple):
    """One line of a listener: a happening, or a marker."""

    cursor: Cursor
    topic: str
    sku: str


class Listener:
    """Hears everything from when it is first started; after a death it goes on from its last whole line."""

    def __init__(self, folder: Path, name: str, **variables: object) -> None:
        self._folder = folder
        self._name = name
        self._variables = variables
        self._lives = 0
        self._process: HouseProcess | None = None
        self._read: list[Heard] = []
        self._reading_from = 0

    @property
    def pid(self) -> int | None:
        """Of the process, None when it does not run."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Begins a life after the last cursor heard."""
        heard = self.lines()
        after = [str(heard[-1].cursor)] if heard else []
        self._lives += 1
        self._read, self._reading_from = heard, 0
        self._process = HouseProcess("-m", "tests.live.listener", *after, ENV="test", **self._variables)
        with self._log.open("wb") as output:
            self._process.start(output)

    def kill(self) -> None:
        """Ends the process as a power cut would."""
        if self._process is not None:
            self._process.kill()

    @property
    def _log(self) -> Path:
        return self._folder / f"{self._name}-{self._lives}"

    def lines(self) -> list[Heard]:
        """Everything of every life, markers included."""
        if self._lives:
            with self._log.open("rb") as log:
                log.seek(self._reading_from)
                # What a killed process had not finished was not heard.
                whole = log.read().rpartition(b"\n")[0]
            if whole:
                self._reading_from += len(whole) + 1
                self._read += [_parsed(line) for line in whole.decode().split("\n")]
        return self._read

    def happenings(self) -> list[Heard]:
        """Everything of every life but markers."""
        return [line for line in self.lines() if line.topic not in MARKERS]

    @property
    def listens(self) -> bool:
        """Whether this life has said anything yet; it does so every half second at least."""
        self.lines()
        return self._reading_from > 0

    @property
    def reached(self) -> int:
        """The position it got to, -1 when it has heard nothing at all."""
        lines = self.lines()
        return lines[-1].cursor.position if lines else -1


def _parsed(line: str) -> Heard:
    written, topic, *sku = line.split(" ")
    cursor = Cursor.parse(written)
    assert cursor is not None, line
    return Heard(cursor, topic, sku[0] if sku else "")
