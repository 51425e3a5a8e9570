"""Simulated labels in real time, as the radio of a controller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from devices.faces.packed import unpack
from devices.simulation.labels import SimulatedLabels
from domain.gateways import FaceJob, Fetch, RadioRefused, Tell
from domain.shelf import LabelCommandKind, LabelError

_LOOK_AGAIN = timedelta(seconds=1)


class SimulatedRadio:
    """Steps its labels by the wall clock. With `pictures` each face's planes are fetched and looked at."""

    def __init__(
        self,
        labels: SimulatedLabels,
        *,
        pictures: bool = True,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.labels = labels
        self._pictures, self._now = pictures, now
        self._tell: Tell | None = None
        self._awake: set[str] = set()
        self._changed = asyncio.Event()

    async def run(self, tell: Tell) -> None:
        """Let time pass until cancelled."""
        self._tell = tell
        while True:
            now = self._now()
            for report in self.labels.step(now):
                tell(report)
            due = min(self.labels.next_at() or now + _LOOK_AGAIN, now + _LOOK_AGAIN)
            try:
                async with asyncio.timeout((due - now).total_seconds()):
                    await self._changed.wait()
            except TimeoutError:
                continue
            self._changed.clear()

    async def hang(self, labels: Sequence[str]) -> None:
        """Put labels on the shelf that are not there yet."""
        self.labels.wake([label for label in labels if label not in self._awake], self._now())
        self._awake.update(labels)

    async def show(self, job: FaceJob, fetch: Fetch) -> None:
        """Leave the face for the label's next poll. Raises RadioRefused for planes that don't fit."""
        if self._pictures:
            try:
                face = unpack(await fetch(job.data_url))
            except ValueError as fault:
                raise RadioRefused(LabelError.INVALID_IMAGE, str(fault)) from fault
            if (face.width, face.height, face.palette) != (
                job.model.width,
                job.model.height,
                job.model.palette,
            ):
                raise RadioRefused(LabelError.INVALID_IMAGE, "the face is for another panel")
        for report in self.labels.offer(job, self._now()):
            if self._tell:
                self._tell(report)
        self._changed.set()

    async def cancel(self, label: str, version: int) -> None:
        """Forget a face that waits."""
        self.labels.withdraw(label, version)

    async def command(self, label: str, kind: LabelCommandKind) -> None:
        """Nothing flashes here."""
