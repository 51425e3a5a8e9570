"""The access point's radio: lists read whole, uploads that wait their turn, errors told, nothing lost."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from PIL import Image, ImageChops

from devices.faces import draw
from devices.open_epaper_link import AccessPoint, Timing
from domain.gateways import FaceJob, RadioRefused, Report
from domain.labels import FaceTemplate
from domain.shelf import LabelCommandKind, LabelError, LabelReportState
from tests.devices.access_point import Tags, access_point
from tests.devices.samples import FACES, STRIP

MAC = "0000A4C138000001"
PNG = draw(FACES["promotion"], FaceTemplate.PROMOTION, STRIP)
QUICK = Timing(answer=5, busy=0.001, busy_tries=3, reconnect=0.01)


async def fetch(address: str) -> bytes:
    assert address == "/faces/1.png"
    return PNG


def job(version: int, label: str = MAC[4:]) -> FaceJob:
    return FaceJob(label, version, f"hash-{version}", STRIP, "/faces/1.bin", "/faces/1.png")


class Told(list[Report]):
    """What the radio told, and the wait for more of it."""

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not true():  # noqa: ASYNC110 - what is awaited has no event of its own
                await asyncio.sleep(0.005)


@asynccontextmanager
async def driven(point: Tags) -> AsyncIterator[tuple[AccessPoint, Told]]:
    """A radio that has heard of every tag."""
    radio, told = AccessPoint(point.url, QUICK), Told()
    running = asyncio.create_task(radio.run(told.append))
    try:
        await told.until(lambda: point.sockets and point.listed)
        yield radio, told
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_a_face_is_shown_when_nothing_is_pending_and_the_picture_is_another() -> None:
    async with access_point(MAC) as point, driven(point) as (radio, told):
        await radio.show(job(1), fetch)
        assert told == []
        await point.poll(MAC)
        await told.until(lambda: told)
    (report,) = told
    assert (report.label, report.version, report.state) == ("A4C138000001", 1, LabelReportState.DISPLAYED)
    assert (report.face_hash, report.battery_millivolts, report.rssi, report.lqi) == (
        "hash-1",
        2900,
        -61,
        132,
    )
    sent = Image.open(io.BytesIO(point.shown[MAC]))
    difference = ImageChops.difference(sent.convert("RGB"), Image.open(io.BytesIO(PNG)).convert("RGB"))
    assert sent.format == "JPEG"
    assert max(high for _, high in difference.getextrema()) <= 8


async def test_a_busy_access_point_is_asked_again_and_given_up_in_the_end() -> None:
    async with access_point(MAC) as point, driven(point) as (radio, _):
        point.answers = [(409, "Come back later")] * 2
        await radio.show(job(1), fetch)
        assert point.uploads == 3
        assert MAC in point.waiting
        point.answers = [(409, "Come back later")] * 3
        with pytest.raises(RadioRefused) as refused:
            await radio.show(job(2), fetch)
        assert refused.value.error is LabelError.RETRY
        # A refused version may come again.
        await radio.show(job(2), fetch)
        assert point.uploads == 7


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (200, "Error: can't store the file", LabelError.RADIO),
        (200, "", LabelError.RADIO),
        (200, "mac not found", LabelError.UNKNOWN),
        (400, "parameters incomplete", LabelError.RADIO),
        (500, "", LabelError.RADIO),
    ],
)
async def test_only_an_ok_is_one(status: int, text: str, error: LabelError) -> None:
    async with access_point(MAC) as point, driven(point) as (radio, told):
        point.answers = [(status, text)]
        with pytest.raises(RadioRefused) as refused:
            await radio.show(job(1), fetch)
        assert refused.value.error is error
        await point.poll(MAC)
        assert told == []


async def test_a_tag_the_access_point_does_not_know_is_refused() -> None:
    async with access_point() as point, driven(point) as (radio, _):
        with pytest.raises(RadioRefused) as refused:
            await radio.show(job(1), fetch)
        assert refused.value.error is LabelError.UNKNOWN


async def test_what_was_missed_while_away_is_read_from_the_list() -> None:
    macs = [f"{number:016X}" for number in range(5)]
    async with access_point(*macs) as point, driven(point) as (radio, told):
        for mac in macs:
            await radio.show(job(1, mac), fetch)
        listed = point.listed
        for mac in macs:
            await point.poll(mac, heard=False)
        await point.drop()
        await told.until(lambda: len(told) == 5)
        assert point.listed - listed == 3
    assert sorted(report.label for report in told) == macs


async def test_a_list_that_goes_round_in_a_circle_ends() -> None:
    async with access_point(*(f"{number:016X}" for number in range(4))) as point:
        point.wraps = True
        async with driven(point) as (_, told):
            await point.say({"errMsg": "flash is full"})
            await point.say(["not", "an", "object"])
            assert point.listed <= 3
            assert told == []


async def test_a_newer_face_takes_the_place_of_one_that_waits_and_alone_is_told() -> None:
    async with access_point(MAC) as point, driven(point) as (radio, told):
        await radio.show(job(1), fetch)
        await radio.show(job(3), fetch)
        await radio.show(job(2), fetch)
        assert point.uploads == 2
        await point.poll(MAC)
        await told.until(lambda: told)
        await point.poll(MAC)
    assert [report.version for report in told] == [3]


async def test_a_cancelled_face_is_not_told_and_commands_reach_the_tag() -> None:
    async with access_point(MAC) as point, driven(point) as (radio, told):
        await radio.show(job(1), fetch)
        await radio.cancel(MAC, 1)
        await point.poll(MAC)
        await radio.command(MAC, LabelCommandKind.FLASH)
        await radio.command(MAC, LabelCommandKind.SLEEP)
        assert told == []
    assert point.commands == [(MAC, "ledflash")]


async def test_a_silent_access_point_is_a_radio_fault() -> None:
    radio = AccessPoint("http://127.0.0.1:9", replace(QUICK, answer=0.05))
    with pytest.raises(RadioRefused) as refused:
        await radio.show(job(1), fetch)
    assert refused.value.error is LabelError.RADIO
