"""The radio of a gateway behind an MQTT broker.

Topics, under a root of one's choice::

    {root}/{store}/{gateway}/{label}/desired    retained; the face to show, empty: none
    {root}/{store}/{gateway}/{label}/reported   what became of it, from the gateway
    {root}/{store}/{gateway}/{label}/command    once: FLASH, CLEAR, REFRESH …
    {root}/{store}/{gateway}/controller         retained: online, or offline (also as last will)

`desired` is ``{"version", "hash", "width", "height", "palette", "dataUrl", "imageUrl", "displayAt"}``;
`reported` is ``{"version", "state"}`` with the optional fields of a `LabelReport`. Both are JSON, quality of
service 1: a message may come twice, and the graph takes it once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiomqtt
import orjson
import structlog

from domain.gateways import FaceJob, Fetch, RadioRefused, Report, Tell
from domain.shelf import LabelCommandKind, LabelError, LabelReportState

_log = structlog.get_logger()
_ONCE_AT_LEAST = 1


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and who we are there; `reconnect` in seconds."""

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = None
    root: str = "shelfgraph"
    reconnect: float = 2.0


class MqttBridge:
    """Publishes what labels of one gateway shall show and hears what they do."""

    def __init__(
        self,
        broker: Broker,
        store: str,
        gateway: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._broker, self._now = broker, now
        self._base = f"{broker.root}/{store}/{gateway}"
        self._gateway = gateway
        self._client: aiomqtt.Client | None = None
        self._versions: dict[str, int] = {}

    async def run(self, tell: Tell) -> None:
        """Keep the connection until cancelled; the broker tells of its loss by the last will."""
        status = f"{self._base}/controller"
        while True:
            try:
                async with aiomqtt.Client(
                    self._broker.host,
                    self._broker.port,
                    username=self._broker.username,
                    password=self._broker.password,
                    identifier=f"shelfgraph-{self._gateway}",
                    will=aiomqtt.Will(status, b"offline", qos=_ONCE_AT_LEAST, retain=True),
                ) as client:
                    await client.subscribe(f"{self._base}/+/reported", qos=_ONCE_AT_LEAST)
                    await client.publish(status, b"online", qos=_ONCE_AT_LEAST, retain=True)
                    self._client = client
                    try:
                        async for message in client.messages:
                            self._hear(message, tell)
                    finally:
                        self._client = None
                        # Said in so many words: an orderly goodbye does not call the last will.
                        await client.publish(status, b"offline", qos=_ONCE_AT_LEAST, retain=True)
            except aiomqtt.MqttError as lost:
                _log.info("broker lost", host=self._broker.host, reason=str(lost))
            await asyncio.sleep(self._broker.reconnect)

    async def hang(self, labels: Sequence[str]) -> None:
        """A gateway finds its labels in its topics."""

    async def show(self, job: FaceJob, fetch: Fetch) -> None:
        """Publish the face, retained: a gateway that comes later finds it. Raises RadioRefused."""
        if job.version < self._versions.get(job.label, 0):
            return
        desired = {
            "version": str(job.version),
            "hash": job.hash,
            "width": job.model.width,
            "height": job.model.height,
            "palette": job.model.palette.value,
            "dataUrl": job.data_url,
            "imageUrl": job.image_url,
            "displayAt": job.display_at.isoformat() if job.display_at else None,
        }
        await self._publish(f"{job.label}/desired", orjson.dumps(desired), retain=True)
        self._versions[job.label] = job.version

    async def cancel(self, label: str, version: int) -> None:
        """Take the face back, unless a newer one stands there."""
        if self._versions.get(label) == version:
            await self._publish(f"{label}/desired", b"", retain=True)

    async def command(self, label: str, kind: LabelCommandKind) -> None:
        """Publish the command. Raises RadioRefused."""
        await self._publish(f"{label}/command", kind.value.encode(), retain=False)

    async def _publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        if self._client is None:
            raise RadioRefused(LabelError.RADIO, "no connection to the broker")
        try:
            await self._client.publish(f"{self._base}/{topic}", payload, qos=_ONCE_AT_LEAST, retain=retain)
        except aiomqtt.MqttError as lost:
            raise RadioRefused(LabelError.RADIO, str(lost)) from lost

    def _hear(self, message: aiomqtt.Message, tell: Tell) -> None:
        label = str(message.topic).split("/")[-2]
        try:
            tell(_report(label, _read(message.payload), self._now()))
        except (KeyError, TypeError, ValueError) as fault:
            _log.warning("report can't be read", label=label, reason=f"{type(fault).__name__}: {fault}")


def _read(payload: object) -> dict[str, Any]:
    told = orjson.loads(payload) if isinstance(payload, bytes) else None
    if not isinstance(told, dict):
        raise TypeError("a report is a JSON object")
    return told


def _report(label: str, told: dict[str, Any], now: datetime) -> Report:
    at, checks_in, error = told.get("at"), told.get("nextCheckInAt"), told.get("error")
    return Report(
        label=label,
        version=int(told["version"]),
        state=LabelReportState(told["state"]),
        at=datetime.fromisoformat(at) if at else now,
        face_hash=told.get("faceHash"),
        error=LabelError(error) if error else None,
        battery_millivolts=told.get("batteryMillivolts"),
        rssi=told.get("rssi"),
        lqi=told.get("lqi"),
        temperature=told.get("temperature"),
        firmware=told.get("firmware"),
        next_check_in_at=datetime.fromisoformat(checks_in) if checks_in else None,
    )
