"""Simulated labels on a simulated clock: polls, losses, batteries, memory, and how long ink takes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devices.simulation import memory
from devices.simulation.labels import EMPTY_MILLIVOLTS, Behaviour, Memory, SimulatedLabels
from domain.gateways import FaceJob, Report
from domain.labels import LABEL_MODELS
from domain.shelf import LabelError, LabelReportState

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
STRIP, TIMED = LABEL_MODELS["epd-2.9-bwr"], LABEL_MODELS["epd-4.2-bwry"]
SURE = Behaviour(poll=60, loss=0, redraw=2, check_in=None)


def job(version: int, label: str = "L1", face: str | None = None, **more: object) -> FaceJob:
    made = FaceJob(label, version, face or f"hash-{version}", STRIP, "/data", "/png")
    return replace(made, **more)  # type: ignore[arg-type]


def shelf(behaviour: Behaviour = SURE, **memories: Memory) -> SimulatedLabels:
    return SimulatedLabels(behaviour, random.Random(7), dict(memories))


def passing(labels: SimulatedLabels, start: datetime, minutes: float) -> list[Report]:
    return labels.step(start + timedelta(minutes=minutes))


def test_a_label_shows_a_face_at_its_next_poll_and_tells_of_it() -> None:
    labels = shelf()
    assert labels.offer(job(1), NOON) == []
    (report,) = passing(labels, NOON, 1.1)
    assert (report.label, report.version, report.state) == ("L1", 1, LabelReportState.DISPLAYED)
    assert report.face_hash == "hash-1"
    assert timedelta(seconds=2) <= report.at - NOON <= timedelta(seconds=62)
    assert report.battery_millivolts is not None
    assert report.next_check_in_at is not None
    assert report.next_check_in_at > report.at


def test_a_newer_face_replaces_one_that_waits_and_an_older_one_is_never_shown() -> None:
    labels = shelf()
    for version in (2, 3, 1):
        labels.offer(job(version), NOON)
    assert [report.version for report in passing(labels, NOON, 5)] == [3]
    assert labels.offer(job(2), NOON + timedelta(minutes=5)) == []
    assert passing(labels, NOON, 14) == []
    assert labels.memories["L1"].redraws == 1


def test_the_version_it_shows_is_told_again_and_an_equal_picture_costs_no_redraw() -> None:
    labels = shelf()
    labels.offer(job(1), NOON)
    passing(labels, NOON, 2)
    (again,) = labels.offer(job(1), NOON + timedelta(minutes=3))
    assert (again.version, again.state) == (1, LabelReportState.DISPLAYED)
    labels.offer(job(2, face="hash-1"), NOON + timedelta(minutes=3))
    (told,) = passing(labels, NOON, 5)
    assert (told.version, labels.memories["L1"].redraws, labels.ink_count) == (2, 1, 1)


def test_a_withdrawn_face_does_not_come() -> None:
    labels = shelf()
    labels.offer(job(1), NOON)
    labels.withdraw("L1", 2)
    labels.withdraw("L1", 1)
    assert passing(labels, NOON, 5) == []


@pytest.mark.parametrize("timed", [True, False])
def test_a_face_waits_for_its_moment_on_the_label_or_at_the_gateway(timed: bool) -> None:
    labels, moment = shelf(), NOON + timedelta(minutes=10)
    labels.offer(job(1, model=TIMED if timed else STRIP, display_at=moment), NOON)
    early = passing(labels, NOON, 9.99)
    assert [report.state for report in early] == ([LabelReportState.STAGED] if timed else [])
    assert labels.memories["L1"].version == 0
    (shown,) = passing(labels, NOON, 11.1)
    assert shown.state is LabelReportState.DISPLAYED
    wait = timedelta(seconds=2) if timed else timedelta(seconds=62)
    assert moment + timedelta(seconds=2) <= shown.at <= moment + wait


def test_a_correction_overtakes_a_staged_face() -> None:
    labels, moment = shelf(), NOON + timedelta(minutes=10)
    labels.offer(job(1, model=TIMED, display_at=moment), NOON)
    passing(labels, NOON, 2)
    labels.offer(job(2, model=TIMED), NOON + timedelta(minutes=2))
    assert [report.version for report in passing(labels, NOON, 11)] == [2]
    assert labels.memories["L1"].version == 2


@pytest.mark.parametrize(("millivolts", "shows"), [(EMPTY_MILLIVOLTS, True), (EMPTY_MILLIVOLTS - 1, False)])
def test_an_empty_battery_draws_nothing(millivolts: float, shows: bool) -> None:
    labels = shelf(L1=Memory(battery=millivolts))
    labels.offer(job(1), NOON)
    (report,) = passing(labels, NOON, 2)
    assert report.state is (LabelReportState.DISPLAYED if shows else LabelReportState.FAILED)
    assert report.error is (None if shows else LabelError.INSUFFICIENT_BATTERY)


def test_what_is_lost_comes_at_the_next_poll() -> None:
    class Losing(random.Random):
        said: Iterator[float] = iter([0.0, 0.9, 0.0, 0.9])

        def random(self) -> float:
            return next(self.said)

    labels = SimulatedLabels(Behaviour(poll=60, loss=0.5, redraw=2, check_in=None), Losing())
    labels.offer(job(1), NOON)
    polled = labels.next_at()
    assert polled is not None
    (report,) = passing(labels, NOON, 5)
    assert report.at == polled + timedelta(seconds=62)


def test_a_silent_label_lets_hear_of_itself() -> None:
    labels = shelf(Behaviour(poll=60, loss=0, check_in=600), L1=Memory(version=4, hash="x"))
    labels.wake(["L1", "L2"], NOON)
    told = passing(labels, NOON, 60)
    assert [(report.label, report.version) for report in told] == [("L1", 4)] * 6


def test_labels_remember_across_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "shelf" / "g1.json"
    assert memory.load(path) == {}
    labels, moment = shelf(), NOON + timedelta(minutes=10)
    labels.offer(job(1), NOON)
    labels.offer(job(5, "L2", model=TIMED, display_at=moment), NOON)
    passing(labels, NOON, 3)
    memory.save(path, labels.memories)
    again = SimulatedLabels(SURE, random.Random(8), memory.load(path))
    assert again.memories == labels.memories
    again.wake(again.memories, NOON + timedelta(minutes=4))
    assert again.offer(job(1), NOON + timedelta(minutes=4))[0].version == 1
    shown = {report.label: report.version for report in again.step(NOON + timedelta(minutes=30))}
    assert shown == {"L2": 5}
    assert again.ink_count == 1


def test_ink_is_there_in_time_at_the_promised_loss() -> None:
    """Six thousand changes over ten minutes, 60 s poll, 1 % loss; p50, p99 and the share within 10 min."""
    labels, chance = SimulatedLabels(Behaviour(poll=60, loss=0.01), random.Random(1)), random.Random(2)
    asked = sorted(
        (NOON + timedelta(seconds=chance.uniform(0, 600)), f"L{number}") for number in range(6_000)
    )
    offered = {label: at for at, label in asked}
    took: list[float] = []
    for at, label in asked:
        took += _seconds(labels.step(at), offered)
        labels.offer(job(1, label), at)
    took += _seconds(labels.step(NOON + timedelta(seconds=1_190)), offered)
    took.sort()
    assert len(took) >= 6_000 * 0.9995
    assert took[len(took) // 2] <= 35
    assert took[int(len(took) * 0.99)] <= 130
    assert took[int(6_000 * 0.9995) - 1] <= 600


def _seconds(reports: list[Report], offered: dict[str, datetime]) -> list[float]:
    """From the offer to the ink, of what is shown for the first time."""
    return [
        (report.at - offered.pop(report.label)).total_seconds()
        for report in reports
        if report.label in offered and report.state is LabelReportState.DISPLAYED
    ]


def test_nothing_goes_back_and_everything_arrives_after_quiet() -> None:
    """An hour of changes at 20 % loss: versions shown only rise, and at the end all show their last."""
    labels, chance = SimulatedLabels(Behaviour(poll=60, loss=0.2), random.Random(3)), random.Random(4)
    last: dict[str, int] = {}
    seen: dict[str, int] = {}
    for number in range(1, 3_000):
        now = NOON + timedelta(seconds=1.2 * number)
        label = f"L{chance.randrange(200)}"
        labels.offer(job(number, label), now)
        last[label] = number
        for report in labels.step(now):
            assert labels.memories[report.label].version >= seen.get(report.label, 0)
            seen[report.label] = labels.memories[report.label].version
    labels.step(NOON + timedelta(hours=2))
    assert {label: kept.version for label, kept in labels.memories.items()} == last
