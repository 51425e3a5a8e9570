"""The radio of an OpenEPaperLink access point, over the HTTP and WebSocket interface of its own pages.

What that interface does, and this module allows for:

- `/get_db?pos=N` answers as many tags as fit in its memory and where to go on (`continu`), which may go round
  in a circle past 255 tags.
- `/imgupload` takes one picture at a time; 409 means "come back later". An error may come inside a 200: only
  an answer that begins with Ok is one. A newer picture takes the place of one that waits.
- `/ws` tells of tags as they check in. Nothing is told again after a broken connection, so that the whole
  list is read anew each time.
- A tag shows its picture once nothing is `pending` for it and its `hash` is another than before the upload.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx2
import orjson
import structlog
from PIL import Image
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from domain.gateways import FaceJob, Fetch, RadioRefused, Report, Tell
from domain.shelf import LabelCommandKind, LabelError, LabelReportState

_log = structlog.get_logger()
_MOST_PAGES = 512
_COMMANDS = {
    LabelCommandKind.FLASH: "ledflash",
    LabelCommandKind.CLEAR: "clear",
    LabelCommandKind.REFRESH: "refresh",
}


@dataclass(frozen=True, slots=True)
class Timing:
    """How long to wait, in seconds: for an answer, before a busy access point is asked again, how often that
    is done, and before a lost connection is taken up again.
    """

    answer: float = 15.0
    busy: float = 0.5
    busy_tries: int = 6
    reconnect: float = 2.0


@dataclass(slots=True)
class _Sent:
    """A picture the access point has taken, with what the tag showed before."""

    job: FaceJob
    hash_before: str | None
    waited: bool = False


class AccessPoint:
    """Labels are known by their MAC, 12 or 16 hexadecimal digits."""

    def __init__(
        self,
        address: str,
        timing: Timing | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._address, self._timing, self._now = address.rstrip("/"), timing or Timing(), now
        self._http = httpx2.AsyncClient(timeout=self._timing.answer, trust_env=False)
        self._one_at_a_time = asyncio.Lock()
        self._tags: dict[str, dict[str, Any]] = {}
        self._sent: dict[str, _Sent] = {}
        self._tell: Tell | None = None
        self._knows_tags = asyncio.Event()

    async def run(self, tell: Tell) -> None:
        """Hear the tags until cancelled."""
        self._tell = tell
        parts = urlsplit(self._address)
        url = urlunsplit(parts._replace(scheme="wss" if parts.scheme == "https" else "ws", path="/ws"))
        try:
            while True:
                try:
                    async with connect(url, open_timeout=self._timing.answer, proxy=None) as socket:
                        # After the connection, so that nothing falls between the list and what is told.
                        async for tag in self._listed():
                            self._hear(tag)
                        self._knows_tags.set()
                        async for message in socket:
                            self._read(message)
                except (OSError, TimeoutError, httpx2.HTTPError, WebSocketException, ValueError) as lost:
                    _log.info("access point lost", address=self._address, reason=str(lost)[:300])
                await asyncio.sleep(self._timing.reconnect)
        finally:
            await self._http.aclose()

    async def hang(self, labels: Sequence[str]) -> None:
        """The access point knows its tags itself."""

    async def show(self, job: FaceJob, fetch: Fetch) -> None:
        """Upload the picture. Raises RadioRefused: RETRY for a busy access point, RADIO for a silent one."""
        try:
            # Without the list nobody could say what a tag showed before.
            async with asyncio.timeout(self._timing.answer):
                await self._knows_tags.wait()
        except TimeoutError as silence:
            raise RadioRefused(LabelError.RADIO, f"no list of {self._address}") from silence
        picture, mac = _jpeg(await fetch(job.image_url)), _mac(job.label)
        async with self._one_at_a_time:
            before = self._sent.get(mac)
            if before is not None and before.job.version >= job.version:
                return
            sent = _Sent(job, self._tags.get(mac, {}).get("hash"))
            # Noted before it goes out: the tag may have it before the answer is here.
            self._sent[mac] = sent
            try:
                await self._upload(mac, picture)
            except RadioRefused:
                if self._sent.get(mac) is sent:
                    del self._sent[mac]
                raise

    async def cancel(self, label: str, version: int) -> None:
        """The access point keeps what it has taken; nothing more is told of it."""
        sent = self._sent.get(_mac(label))
        if sent is not None and sent.job.version == version:
            del self._sent[_mac(label)]

    async def command(self, label: str, kind: LabelCommandKind) -> None:
        """Flash, clear or refresh a tag. Raises RadioRefused when the access point does not take it."""
        name = _COMMANDS.get(kind)
        if name is not None:
            await self._post("/tag_cmd", {"mac": _mac(label), "cmd": name})

    async def _upload(self, mac: str, picture: bytes) -> None:
        fields = {"mac": mac, "dither": "0"}
        for tried in range(self._timing.busy_tries):
            status = await self._post("/imgupload", fields, {"file": ("face.jpg", picture, "image/jpeg")})
            if status != 409:
                return
            await asyncio.sleep(self._timing.busy * 2**tried)
        raise RadioRefused(LabelError.RETRY, "the access point stayed busy")

    async def _post(self, path: str, fields: dict[str, str], files: dict[str, Any] | None = None) -> int:
        """200 or 409. Raises RadioRefused for every other answer and for an error inside a 200."""
        try:
            response = await self._http.post(self._address + path, data=fields, files=files)
        except httpx2.HTTPError as error:
            raise RadioRefused(LabelError.RADIO, f"{type(error).__name__} of {self._address}") from error
        text = response.text.strip()
        if response.status_code == 200 and text.lower().startswith("ok"):
            return 200
        if response.status_code == 409:
            return 409
        known = LabelError.UNKNOWN if "mac" in text.lower() else LabelError.RADIO
        raise RadioRefused(known, f"{response.status_code} {text[:200]}")

    async def _listed(self) -> AsyncIterator[dict[str, Any]]:
        """Every tag once, page by page."""
        position, seen = 0, set[str]()
        for _ in range(_MOST_PAGES):
            response = await self._http.get(f"{self._address}/get_db", params={"pos": position})
            response.raise_for_status()
            page = orjson.loads(response.content)
            fresh = [tag for tag in page.get("tags", []) if tag["mac"] not in seen]
            for tag in fresh:
                seen.add(tag["mac"])
                yield tag
            following = page.get("continu") or 0
            if following <= position or not fresh:
                return
            position = following

    def _read(self, message: str | bytes) -> None:
        try:
            told = orjson.loads(message)
        except orjson.JSONDecodeError:
            return
        if not isinstance(told, dict):
            return
        for tag in told.get("tags") or []:
            self._hear(tag)
        if "errMsg" in told:
            _log.warning("access point reports an error", address=self._address, error=told["errMsg"])

    def _hear(self, tag: dict[str, Any]) -> None:
        """Keep what a tag tells; tell of its face once nothing is pending and the picture is another."""
        mac = _mac(tag["mac"])
        self._tags[mac] = tag
        sent = self._sent.get(mac)
        if sent is None or self._tell is None:
            return
        if tag.get("pending"):
            sent.waited = True
        elif sent.waited or tag.get("hash") != sent.hash_before:
            del self._sent[mac]
            self._tell(self._report(tag, sent.job))

    def _report(self, tag: dict[str, Any], job: FaceJob) -> Report:
        checks_in = tag.get("nextcheckin")
        return Report(
            label=job.label,
            version=job.version,
            state=LabelReportState.DISPLAYED,
            at=self._now(),
            face_hash=job.hash,
            battery_millivolts=tag.get("batteryMv") or None,
            rssi=tag.get("RSSI"),
            lqi=tag.get("LQI"),
            temperature=tag.get("temperature"),
            firmware=str(tag["ver"]) if tag.get("ver") else None,
            next_check_in_at=datetime.fromtimestamp(checks_in, UTC) if checks_in else None,
        )


def _mac(code: str) -> str:
    """A MAC as the access point writes it: sixteen capital hexadecimal digits."""
    return code.replace(":", "").upper().zfill(16)


def _jpeg(png: bytes) -> bytes:
    """The picture as the access point takes it. Nothing is thrown away, so that inks stay inks."""
    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(out, "JPEG", quality=100, subsampling=0)
    return out.getvalue()
