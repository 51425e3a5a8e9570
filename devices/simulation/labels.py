"""Thousands of simulated labels as events in time; whoever holds the clock steps them."""

from __future__ import annotations

import heapq
import random
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from itertools import count

from domain.gateways import FaceJob, Report
from domain.shelf import LabelError, LabelReportState

FULL_MILLIVOLTS = 3_000.0
EMPTY_MILLIVOLTS = 2_200.0
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_REDRAW_MILLIVOLTS = 0.03  # a coin cell of 600 mAh lasts some 25,000 redraws


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How labels behave, in seconds; `loss` is the chance that one message, either way, is not heard.

    A label polls every `poll`, at a moment of its own; a picture takes `redraw` from the transfer to the ink.
    One that has nothing to show lets hear of itself every `check_in`, or never.
    """

    poll: float = 60.0
    loss: float = 0.01
    redraw: float = 2.0
    check_in: float | None = 900.0


@dataclass(slots=True)
class Memory:
    """What a label keeps without power, and across restarts of the simulation."""

    version: int = 0
    hash: str | None = None
    battery: float = FULL_MILLIVOLTS
    redraws: int = 0
    staged: tuple[int, str, datetime] | None = None


class _What(Enum):
    POLL = auto()
    INK = auto()
    FLIP = auto()
    TELL = auto()
    CHECK_IN = auto()


@dataclass(slots=True)
class _Ink:
    version: int
    hash: str
    at: datetime


@dataclass(slots=True)
class SimulatedLabels:
    """Labels at one gateway. `offer` leaves a face at the gateway, `step` lets time pass and tells what
    happened. A face never goes back to an older version.
    """

    behaviour: Behaviour = field(default_factory=Behaviour)
    chance: random.Random = field(default_factory=random.Random)
    memories: dict[str, Memory] = field(default_factory=dict)
    ink_count: int = 0
    _waiting: dict[str, FaceJob] = field(default_factory=dict)
    _events: list[tuple[datetime, int, _What, str, Report | _Ink | None]] = field(default_factory=list)
    _polling: set[str] = field(default_factory=set)
    _numbers: count[int] = field(default_factory=count)

    def wake(self, labels: Iterable[str], now: datetime) -> None:
        """Put labels on the shelf, with what they remember; each lets hear of itself from time to time."""
        for label in labels:
            memory = self.memories.setdefault(label, Memory())
            if self.behaviour.check_in is not None:
                first = now + timedelta(seconds=self._phase(label, self.behaviour.check_in))
                self._at(first, _What.CHECK_IN, label)
            if memory.staged:
                self._at(max(now, memory.staged[2]), _What.FLIP, label)

    def offer(self, job: FaceJob, now: datetime) -> list[Report]:
        """Leave a face for a label's next poll, in place of an older one. What is shown already is told."""
        if job.label not in self.memories:
            self.wake((job.label,), now)
        memory, waiting = self.memories[job.label], self._waiting.get(job.label)
        if waiting is not None and waiting.version > job.version:
            return []
        if job.version <= memory.version:
            return [self._shown(job.label, now)] if job.version == memory.version else []
        self._waiting[job.label] = job
        self._poll(job.label, now)
        return []

    def withdraw(self, label: str, version: int) -> None:
        """Take a face back that has not been fetched."""
        waiting = self._waiting.get(label)
        if waiting is not None and waiting.version == version:
            del self._waiting[label]

    def next_at(self) -> datetime | None:
        """When something happens next."""
        return self._events[0][0] if self._events else None

    def step(self, now: datetime) -> list[Report]:
        """Everything that happens up to and at a moment, as the gateway hears it."""
        heard: list[Report] = []
        while self._events and self._events[0][0] <= now:
            at, _, what, label, news = heapq.heappop(self._events)
            match what:
                case _What.POLL:
                    self._polled(label, at, heard)
                case _What.INK if isinstance(news, _Ink):
                    self._inked(label, news, heard)
                case _What.FLIP:
                    self._flipped(label, at, heard)
                case _What.TELL if isinstance(news, Report):
                    self._acknowledge(news, at, heard)
                case _:
                    self._at(at + timedelta(seconds=self.behaviour.check_in or 0), _What.CHECK_IN, label)
                    if self.memories[label].version:
                        heard.append(self._shown(label, at))
        return heard

    def _at(self, at: datetime, what: _What, label: str, news: Report | _Ink | None = None) -> None:
        heapq.heappush(self._events, (at, next(self._numbers), what, label, news))

    def _phase(self, label: str, period: float) -> float:
        """Where in a period a label's moment is: its own, and the same after a restart."""
        return zlib.crc32(label.encode()) / 2**32 * period

    def _poll(self, label: str, after: datetime) -> None:
        """Let a label come at its next poll, once, however much waits for it."""
        if label in self._polling:
            return
        self._polling.add(label)
        # Whole microseconds: a moment of its own, found again, is exactly that moment.
        period = timedelta(seconds=self.behaviour.poll)
        gone = (after - _EPOCH - timedelta(seconds=self._phase(label, self.behaviour.poll))) % period
        self._at(after + period - gone, _What.POLL, label)

    def _polled(self, label: str, at: datetime, heard: list[Report]) -> None:
        """The label asks whether there is something for it."""
        self._polling.discard(label)
        job, memory = self._waiting.get(label), self.memories[label]
        if job is None:
            return
        early = job.display_at is not None and job.display_at > at
        if self.chance.random() < self.behaviour.loss or (early and not job.model.timed_display):
            self._poll(label, at)
            return
        del self._waiting[label]
        if memory.battery < EMPTY_MILLIVOLTS:
            report = self._report(label, at, job.version, LabelReportState.FAILED, job.hash)
            heard.append(replace(report, error=LabelError.INSUFFICIENT_BATTERY))
        elif early and job.display_at is not None:
            memory.staged = (job.version, job.hash, job.display_at)
            self._at(job.display_at, _What.FLIP, label)
            staged = self._report(label, at, job.version, LabelReportState.STAGED, job.hash)
            self._acknowledge(staged, at, heard)
        else:
            self._draw(label, job.version, job.hash, at)

    def _draw(self, label: str, version: int, face_hash: str, at: datetime) -> None:
        redraw = 0.0 if self.memories[label].hash == face_hash else self.behaviour.redraw
        ink = _Ink(version, face_hash, at + timedelta(seconds=redraw))
        self._at(ink.at, _What.INK, label, ink)

    def _inked(self, label: str, ink: _Ink, heard: list[Report]) -> None:
        """The picture stands."""
        memory = self.memories[label]
        if ink.version < memory.version:
            return
        if memory.hash != ink.hash:
            memory.redraws += 1
            memory.battery -= _REDRAW_MILLIVOLTS
            self.ink_count += 1
        memory.version, memory.hash = ink.version, ink.hash
        self._acknowledge(self._shown(label, ink.at), ink.at, heard)

    def _flipped(self, label: str, at: datetime, heard: list[Report]) -> None:
        """The moment of a staged face has come; a newer one may have taken its place meanwhile."""
        staged = self.memories[label].staged
        if staged is None or staged[2] > at:
            return
        self.memories[label].staged = None
        if staged[0] > self.memories[label].version:
            self._draw(label, staged[0], staged[1], at)

    def _acknowledge(self, report: Report, at: datetime, heard: list[Report]) -> None:
        """The label tells; not heard, it tells again at its next poll."""
        if self.chance.random() < self.behaviour.loss:
            self._at(at + timedelta(seconds=self.behaviour.poll), _What.TELL, report.label, report)
        else:
            heard.append(report)

    def _shown(self, label: str, at: datetime) -> Report:
        memory = self.memories[label]
        return self._report(label, at, memory.version, LabelReportState.DISPLAYED, memory.hash)

    def _report(
        self, label: str, at: datetime, version: int, state: LabelReportState, face_hash: str | None
    ) -> Report:
        spread = self._phase(label, 1.0)
        return Report(
            label=label,
            version=version,
            state=state,
            at=at,
            face_hash=face_hash,
            battery_millivolts=round(self.memories[label].battery - 200 * spread**8),
            rssi=round(-45 - 45 * spread),
            lqi=round(255 - 120 * spread),
            temperature=round(20 + 5 * spread, 1),
            firmware="simulated-1",
            next_check_in_at=at + timedelta(seconds=(self.behaviour.check_in or 0) + 2 * self.behaviour.poll),
        )
