"""Keeps the labels of one gateway at what the graph says: claim, list, watch, report, and start over."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count
from secrets import token_hex
from typing import Any

import structlog

from devices.control.documents import CLAIM, REPORT, SNAPSHOT, WORK, read_job, write_report
from devices.control.graph import Graph, GraphAway, GraphRefused, Patience
from domain.gateways import FaceJob, Radio, RadioRefused, Report
from domain.shelf import LabelCommandKind, LabelError, LabelReportState

_log = structlog.get_logger()
_SNAPSHOT_PAGE = 1_000
_MOST_REPORTS = 1_000  # in one call
_GATHER_SECONDS = 0.1  # reports that come together travel together
_SHOWING_AT_ONCE = 8  # faces handed to the radio side by side


class ControllerState(StrEnum):
    """Where a controller stands: calling, working, waiting to call again, fenced off, or ended."""

    CONNECTING = "CONNECTING"
    LIVE = "LIVE"
    WAITING = "WAITING"
    FENCED = "FENCED"
    STOPPED = "STOPPED"


class Fenced(Exception):  # noqa: N818 - the end of a controller's claim, not a fault
    """Another controller has claimed this gateway; going on would be two hands on one shelf."""


class Controller:
    """Between the graph and a radio. What it was handed it reports, once and for all, through any number of
    broken connections: reports wait here until they were answered, and keep their ids.
    """

    def __init__(
        self,
        gateway: str,
        graph: Graph,
        radio: Radio,
        *,
        window: int = 200,
        patience: Patience | None = None,
        chance: random.Random | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.gateway, self.state, self.epoch = gateway, ControllerState.STOPPED, 0
        self._graph, self._radio, self._window, self._now = graph, radio, window, now
        self._patience = patience or Patience()
        self._chance = chance or random.Random()  # noqa: S311 - spreads waits, guards nothing
        self._reports: dict[str, Report] = {}
        self._report_ids = (f"{token_hex(8)}-{number}" for number in count(1))
        self._has_reports = asyncio.Event()
        self._newest: dict[str, int] = {}
        self._busy = asyncio.Semaphore(_SHOWING_AT_ONCE)
        self.outcomes: dict[str, int] = {}

    def tell(self, report: Report) -> None:
        """Note what the radio tells; it is reported as soon as the graph hears."""
        self._reports[next(self._report_ids)] = report
        self._has_reports.set()

    async def run(self) -> None:
        """Work until cancelled. Raises Fenced when another controller has taken over."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._radio.run(self.tell))
                await self._work_on()
        except BaseExceptionGroup as group:
            self.state = ControllerState.FENCED
            raise _gravest(group) from group
        finally:
            if self.state is not ControllerState.FENCED:
                self.state = ControllerState.STOPPED

    async def _work_on(self) -> None:
        failures = 0
        while True:
            self.state = ControllerState.CONNECTING
            try:
                await self._work_once()
                failures = 0
            except (GraphAway, GraphRefused) as lost:
                failures = 1 if self.state is ControllerState.LIVE else failures + 1
                self.state = ControllerState.WAITING
                wait = self._patience.wait(failures, self._chance)
                _log.info("gateway waits", gateway=self.gateway, reason=str(lost)[:300], wait_seconds=wait)
                await asyncio.sleep(wait)

    async def _work_once(self) -> None:
        """One claim, from its snapshot to its end. Comes back when the cursor was too old."""
        self.epoch = (await self._graph.change(CLAIM, gateway=self.gateway))["epoch"]
        try:
            # Deliveries run on while the stream is read: a slow label holds none of the others back.
            async with asyncio.TaskGroup() as tasks:
                reporting = tasks.create_task(self._report_on())
                await self._watch(await self._list(), tasks)
                reporting.cancel()
        except BaseExceptionGroup as group:
            raise _gravest(group) from group

    async def _list(self) -> str:
        """Make every label known to the radio; the cursor to watch from.

        Their faces come with the work: only what the graph has noted as handed over may be shown.
        """
        after: str | None = None
        while True:
            variables = {"gateway": self.gateway, "first": _SNAPSHOT_PAGE, "after": after}
            page = (await self._graph.ask(SNAPSHOT, **variables))["labelSnapshot"]
            await self._radio.hang([label["code"] for label in page["labels"]])
            if not page["pageInfo"]["hasNextPage"]:
                cursor: str = page["cursor"]
                return cursor
            after = page["pageInfo"]["endCursor"]

    async def _watch(self, cursor: str, tasks: asyncio.TaskGroup) -> None:
        variables = {"gateway": self.gateway, "epoch": self.epoch, "after": cursor, "window": self._window}
        async with self._graph.hear(WORK, **variables) as events:
            self.state = ControllerState.LIVE
            async for event in events:
                item = event["labelWork"]
                if item["__typename"] == "CursorExpired":
                    return
                await self._take(item, tasks)

    async def _take(self, item: dict[str, Any], tasks: asyncio.TaskGroup) -> None:
        match item["__typename"]:
            case "FaceSet":
                self._hand_over(read_job(item["label"], item["face"]), tasks)
            case "FaceCancelled":
                await self._radio.cancel(item["label"]["code"], int(item["version"]))
            case "LabelCommand":
                try:
                    await self._radio.command(item["label"]["code"], LabelCommandKind(item["kind"]))
                except RadioRefused as refused:
                    _log.info("command refused", label=item["label"]["code"], reason=str(refused))
            case "Fenced":
                raise Fenced(f"{self.gateway} was claimed anew: epoch {item['epoch']}")
            case _:
                pass  # a bookmark, or something newer than this controller

    def _hand_over(self, job: FaceJob, tasks: asyncio.TaskGroup) -> None:
        """Give a face to the radio, unless a newer one of its label went before it (items may repeat)."""
        if job.version < self._newest.get(job.label, 0):
            return
        self._newest[job.label] = job.version
        tasks.create_task(self._deliver(job))

    async def _deliver(self, job: FaceJob) -> None:
        if job.display_at is not None and not job.model.timed_display:
            # A panel without a clock gets its face when the moment has come.
            await asyncio.sleep((job.display_at - self._now()).total_seconds())
        async with self._busy:
            if job.version < self._newest[job.label]:
                return
            state, error = LabelReportState.RECEIVED, None
            try:
                await self._radio.show(job, self._graph.fetch)
            except RadioRefused as refused:
                state, error = LabelReportState.FAILED, refused.error
            except GraphAway as lost:
                # The picture, not the line of work: the others go on, and the graph hands this one out again.
                _log.info("picture not fetched", label=job.label, reason=str(lost)[:300])
                state, error = LabelReportState.FAILED, LabelError.RETRY
            self.tell(Report(job.label, job.version, state, self._now(), job.hash, error))

    async def _report_on(self) -> None:
        """Send what waits, oldest first; what is not answered stays and keeps its id."""
        while True:
            await self._has_reports.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            batch = dict(list(self._reports.items())[:_MOST_REPORTS])
            told = [write_report(report_id, report) for report_id, report in batch.items()]
            payload = await self._send(told)
            for result in payload["results"]:
                outcome = result["outcome"]
                self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
            for report_id in batch:
                del self._reports[report_id]
            if not self._reports:
                self._has_reports.clear()

    async def _send(self, reports: list[dict[str, Any]]) -> dict[str, Any]:
        report = {"gateway": self.gateway, "epoch": self.epoch, "reports": reports}
        try:
            return await self._graph.change(REPORT, input=report)
        except GraphRefused as refused:
            if refused.code == "EPOCH_FENCED":
                raise Fenced(str(refused)) from refused
            raise


def _gravest(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What counts of things that went wrong at once: a fault of ours, then the fence, then the line."""
    faults = [one for one in group.exceptions if not isinstance(one, Fenced | GraphAway | GraphRefused)]
    fences = [one for one in group.exceptions if isinstance(one, Fenced)]
    return (faults or fences or list(group.exceptions))[0]
