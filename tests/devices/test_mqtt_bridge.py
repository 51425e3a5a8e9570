"""The MQTT bridge against a real mosquitto: the desired is kept, reports are heard, ends are told."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt
import pytest

from devices.mqtt_bridge import Broker, MqttBridge
from domain.gateways import FaceJob, RadioRefused, Report
from domain.labels import LABEL_MODELS
from domain.shelf import LabelCommandKind, LabelError, LabelReportState

# Debian puts it where only root looks.
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
BASE = "shelfgraph/wellcome/gw-1"
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)

pytestmark = pytest.mark.skipif(
    MOSQUITTO is None, reason="mosquitto is not installed (apt install mosquitto)"
)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A mosquitto of its own on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    config: Path = tmp_path_factory.mktemp("mosquitto") / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    with subprocess.Popen([str(MOSQUITTO), "-c", str(config)], stderr=subprocess.DEVNULL) as running:
        try:
            for _ in range(100):
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.1):
                    break
                time.sleep(0.05)
            yield Broker("127.0.0.1", port, reconnect=0.05)
        finally:
            running.terminate()


async def no_fetch(address: str) -> bytes:
    raise AssertionError(f"the gateway fetches {address}, not the bridge")


def job(version: int, label: str = "L1") -> FaceJob:
    model = LABEL_MODELS["epd-2.9-bwr"]
    return FaceJob(label, version, f"hash-{version}", model, f"/f/{version}.bin", f"/f/{version}.png", NOON)


@asynccontextmanager
async def bridged(broker: Broker) -> AsyncIterator[tuple[MqttBridge, list[Report], asyncio.Task[None]]]:
    """A bridge that is connected."""
    bridge, told = MqttBridge(broker, "wellcome", "gw-1", lambda: NOON), list[Report]()
    running = asyncio.create_task(bridge.run(told.append))
    try:
        await seen(broker, "controller", b"online")
        yield bridge, told, running
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def seen(broker: Broker, topic: str, payload: bytes | None = None) -> bytes:
    """The first message on a topic, retained or new, that says what is waited for."""
    async with (
        asyncio.timeout(10),
        aiomqtt.Client(broker.host, broker.port) as client,
    ):
        await client.subscribe(f"{BASE}/{topic}", qos=1)
        async for message in client.messages:
            if payload is None or message.payload == payload:
                assert isinstance(message.payload, bytes)
                return message.payload
    raise AssertionError("the broker went away")


async def test_a_gateway_that_comes_later_finds_what_is_desired(broker: Broker) -> None:
    async with bridged(broker) as (bridge, _, _):
        await bridge.show(job(1), no_fetch)
        await bridge.show(job(3), no_fetch)
        await bridge.show(job(2), no_fetch)
        desired = json.loads(await seen(broker, "L1/desired"))
    assert desired == {
        "version": "3",
        "hash": "hash-3",
        "width": 296,
        "height": 128,
        "palette": "BWR",
        "dataUrl": "/f/3.bin",
        "imageUrl": "/f/3.png",
        "displayAt": "2026-11-28T12:00:00+00:00",
    }


async def test_reports_are_heard_and_rubbish_is_passed_over(broker: Broker) -> None:
    async with bridged(broker) as (_, told, _), aiomqtt.Client(broker.host, broker.port) as gateway:
        for payload in (b"{", b"[]", b'{"version": 1}', b'{"version": 1, "state": "MAYBE"}'):
            await gateway.publish(f"{BASE}/L1/reported", payload, qos=1)
        full = {"version": "7", "state": "FAILED", "error": "TIMEOUT", "batteryMillivolts": 2500, "rssi": -70}
        await gateway.publish(f"{BASE}/L1/reported", json.dumps(full), qos=1)
        shown = {"version": 8, "state": "DISPLAYED", "faceHash": "h", "at": "2026-11-28T12:00:05Z"}
        await gateway.publish(f"{BASE}/L2/reported", json.dumps(shown), qos=1)
        async with asyncio.timeout(10):
            while len(told) < 2:  # noqa: ASYNC110 - what is awaited has no event of its own
                await asyncio.sleep(0.01)
    failed, displayed = told
    assert (failed.label, failed.version, failed.state) == ("L1", 7, LabelReportState.FAILED)
    assert (failed.error, failed.at, failed.rssi) == (LabelError.TIMEOUT, NOON, -70)
    assert (displayed.label, displayed.face_hash, displayed.at.second) == ("L2", "h", 5)


async def test_a_cancelled_face_is_taken_back_unless_a_newer_one_stands_there(broker: Broker) -> None:
    async with bridged(broker) as (bridge, _, _):
        await bridge.show(job(4, "L4"), no_fetch)
        await bridge.cancel("L4", 3)
        assert json.loads(await seen(broker, "L4/desired"))["version"] == "4"
        async with aiomqtt.Client(broker.host, broker.port) as gateway:
            await gateway.subscribe(f"{BASE}/L4/#", qos=1)
            messages = aiter(gateway.messages)
            assert (await anext(messages)).retain
            await bridge.cancel("L4", 4)
            assert (await anext(messages)).payload == b""
            await bridge.command("L4", LabelCommandKind.FLASH)
            command = await anext(messages)
        assert (command.topic.value, command.payload, command.retain) == (
            f"{BASE}/L4/command",
            b"FLASH",
            False,
        )


async def test_the_end_is_told_and_without_a_broker_faces_are_refused(broker: Broker) -> None:
    async with bridged(broker) as (bridge, _, running):
        running.cancel()
        assert await seen(broker, "controller", b"offline") == b"offline"
        with pytest.raises(RadioRefused) as refused:
            await bridge.show(job(1), no_fetch)
        assert refused.value.error is LabelError.RADIO


async def test_the_broker_tells_of_a_bridge_that_dies(broker: Broker) -> None:
    async with bridged(broker) as (bridge, _, _):
        client = bridge._client
        assert client is not None
        sock = client._client.socket()
        assert sock is not None
        # As a pulled plug does: no goodbye.
        sock.shutdown(socket.SHUT_RDWR)
        assert await seen(broker, "controller", b"offline") == b"offline"
        await seen(broker, "controller", b"online")
