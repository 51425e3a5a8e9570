"""What the hardware of a shelf must be able to do, whoever made it: take a face, tell what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.labels import LabelModel
from domain.shelf import LabelCommandKind, LabelError, LabelReportState


@dataclass(frozen=True, slots=True)
class FaceJob:
    """A face on its way to a label. `data_url`: packed planes; `image_url`: PNG; `display_at`: not before."""

    label: str
    version: int
    hash: str
    model: LabelModel
    data_url: str
    image_url: str
    display_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a label, or the radio for it, tells: how far a version of its face got, and how the label is."""

    label: str
    version: int
    state: LabelReportState
    at: datetime
    face_hash: str | None = None
    error: LabelError | None = None
    battery_millivolts: int | None = None
    rssi: int | None = None
    lqi: int | None = None
    temperature: float | None = None
    firmware: str | None = None
    next_check_in_at: datetime | None = None


class RadioRefused(Exception):  # noqa: N818 - an answer of the hardware, not a fault of the caller
    """The radio can't take this face now; `error` says why, and the graph sends it again later."""

    def __init__(self, error: LabelError, why: str) -> None:
        super().__init__(why)
        self.error = error


Tell = Callable[[Report], None]
Fetch = Callable[[str], Awaitable[bytes]]


class Radio(Protocol):
    """What drives the labels of one gateway: an access point, a broker, a simulation."""

    async def run(self, tell: Tell) -> None:
        """Keep in touch with the labels until cancelled, telling what becomes of their faces."""

    async def hang(self, labels: Sequence[str]) -> None:
        """Know the labels of the gateway; more may come."""

    async def show(self, job: FaceJob, fetch: Fetch) -> None:
        """Take a face for a label; a newer version replaces one that waits. Raises RadioRefused."""

    async def cancel(self, label: str, version: int) -> None:
        """Forget a face that has not gone out yet."""

    async def command(self, label: str, kind: LabelCommandKind) -> None:
        """Tell a label to do something besides showing a face. Raises RadioRefused."""
