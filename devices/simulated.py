"""A gateway whose labels exist only here: hears prices as a real one does, draws what labels show."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from devices import faces
from devices.price_news import PriceNews
from devices.price_stream import Patience, PriceStream, StreamState, TokenProvider
from domain.labels import LABEL_MODELS, FaceFields, FaceTemplate, LabelModel, template_for
from domain.news import LiveKind

_log = structlog.get_logger()
_DRAWERS = 2
_LISTENER_ROOM = 1_000
# Pictures are drawn off the event loop; two threads for all gateways of the process.
_pool = ThreadPoolExecutor(_DRAWERS, thread_name_prefix="faces")


@dataclass(frozen=True, slots=True)
class SimulatedLabel:
    """A label on the shelf: what is printed on it, the article it belongs to, its panel, its place."""

    code: str
    sku: str
    model: str
    position: str | None = None

    @property
    def panel(self) -> LabelModel:
        """The model behind the code."""
        return LABEL_MODELS[self.model]


@dataclass(frozen=True, slots=True)
class ShownFace:
    """What a label shows now, since when, and how often it has been drawn."""

    fields: FaceFields
    template: FaceTemplate
    hash: str
    png: bytes
    price_version: int | None
    drawn_at: datetime
    redraws: int


@dataclass(frozen=True, slots=True)
class Redraw:
    """A label has a new picture. `ink_ms`: from the commit to the ink, known for changes only."""

    gateway: str
    store: str
    label: str
    face: ShownFace
    kind: LiveKind
    cause: str
    occurred_at: datetime
    ink_ms: int | None


RedrawListener = Callable[[Redraw], None]


@dataclass(frozen=True, slots=True)
class _Due:
    """The latest news of a sku, waiting for a drawer."""

    number: int
    news: PriceNews
    fields: FaceFields


class SimulatedGateway:
    """Keeps the faces of its labels equal to the prices of their store.

    Last value wins: while a face is being drawn, newer prices of its sku replace each other, and an older
    price never follows a newer one.
    """

    def __init__(
        self,
        code: str,
        store: str,
        labels: Sequence[SimulatedLabel],
        *,
        url: str,
        token: TokenProvider,
        channel: str = "pos",
        store_name: str | None = None,
        locale: str = "zh-HK",
        link_base: str = "https://shelf.example",
        patience: Patience | None = None,
        chance: random.Random | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Raises KeyError for an unknown label model and ValueError for a label code named twice."""
        self.code, self.store, self.channel = code, store, channel
        self.store_name = store_name or store
        self.labels = {label.code: label for label in labels}
        if len(self.labels) != len(labels):
            raise ValueError(f"gateway {code} has a label code twice")
        self._of_sku: dict[str, list[SimulatedLabel]] = defaultdict(list)
        for label in labels:
            LABEL_MODELS[label.model]
            self._of_sku[label.sku].append(label)
        self._stream = PriceStream(
            url,
            token,
            channel,
            store,
            sorted(self._of_sku),
            self._hear,
            locale=locale,
            link_base=link_base,
            patience=patience or Patience(),
            chance=chance or random.Random(),  # noqa: S311 - spreads waits, guards nothing
        )
        self._now = now
        self._shown: dict[str, ShownFace] = {}
        self._shown_number: Counter[str] = Counter()
        self._version: dict[str, int] = {}
        self._number = 0
        self._due: dict[str, _Due] = {}
        self._work = asyncio.Event()
        self._listeners: set[RedrawListener] = set()
        self.redraw_count = 0
        self.ignored_count = 0

    @property
    def state(self) -> StreamState:
        """Where its stream stands."""
        return self._stream.state

    def shown(self, label: str) -> ShownFace | None:
        """What the label shows; None before its first face, or for a label that is not here."""
        return self._shown.get(label)

    def listen(self, listener: RedrawListener) -> Callable[[], None]:
        """Call `listener` after each redraw, on the event loop; what comes back ends that."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    async def redraws(self) -> AsyncIterator[Redraw]:
        """Redraws as they happen; one who falls 1,000 behind loses the oldest."""
        waiting: asyncio.Queue[Redraw] = asyncio.Queue(_LISTENER_ROOM)

        def keep(redraw: Redraw) -> None:
            if waiting.full():
                waiting.get_nowait()
            waiting.put_nowait(redraw)

        stop = self.listen(keep)
        try:
            while True:
                yield await waiting.get()
        finally:
            stop()

    async def run(self) -> None:
        """Hear and draw until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_DRAWERS):
                tasks.create_task(self._draw_what_is_due())
            tasks.create_task(self._stream.run())

    def _hear(self, news: PriceNews) -> None:
        """Sort one event of the stream: note it for the drawers, or find it older than what is shown."""
        if news.kind is LiveKind.RESYNC:
            # What follows is the truth even where it is older: after a restore, versions may have gone back.
            self._version.clear()
            return
        if news.sku is None or news.fields is None or news.sku not in self._of_sku:
            return
        version = news.fields.price_version
        if version is not None:
            if version < self._version.get(news.sku, version):
                self.ignored_count += 1
                return
            self._version[news.sku] = version
        self._number += 1
        self._due[news.sku] = _Due(self._number, news, news.fields)
        self._work.set()

    async def _draw_what_is_due(self) -> None:
        while True:
            await self._work.wait()
            if not self._due:
                self._work.clear()
                continue
            sku = next(iter(self._due))
            due = self._due.pop(sku)
            try:
                await self._draw(due)
            except ValueError:
                # One article that can't be drawn (a link too long for any QR code) must not stop the others.
                _log.exception("face not drawn", gateway=self.code, sku=sku)

    async def _draw(self, due: _Due) -> None:
        """Draw the labels of one sku, each picture once however many labels show it."""
        template = template_for(due.fields)
        loop = asyncio.get_running_loop()
        pictures: dict[str, bytes] = {}
        for label in self._of_sku[due.fields.sku]:
            wanted = faces.face_hash(due.fields, template, label.panel)
            before = self._shown.get(label.code)
            if before is None or before.hash != wanted:
                if wanted not in pictures:
                    pictures[wanted] = await loop.run_in_executor(
                        _pool, faces.draw, due.fields, template, label.panel
                    )
            elif self._is_newest(label, due):
                # The same picture under a newer version: taken without a redraw.
                self._shown[label.code] = replace(before, price_version=due.fields.price_version)
            if wanted in pictures and self._is_newest(label, due):
                self._show(label, due, template, wanted, pictures[wanted])

    def _is_newest(self, label: SimulatedLabel, due: _Due) -> bool:
        """Whether nothing newer has been shown meanwhile by the other drawer; notes that this one is."""
        if due.number < self._shown_number[label.code]:
            return False
        self._shown_number[label.code] = due.number
        return True

    def _show(
        self, label: SimulatedLabel, due: _Due, template: FaceTemplate, face_hash: str, png: bytes
    ) -> None:
        now = self._now()
        before = self._shown.get(label.code)
        face = ShownFace(
            fields=due.fields,
            template=template,
            hash=face_hash,
            png=png,
            price_version=due.fields.price_version,
            drawn_at=now,
            redraws=(before.redraws if before else 0) + 1,
        )
        self._shown[label.code] = face
        self.redraw_count += 1
        news = due.news
        ink_ms = None
        if news.kind is LiveKind.CHANGE:
            ink_ms = max(0, round((now - news.occurred_at).total_seconds() * 1000))
        redraw = Redraw(
            self.code, self.store, label.code, face, news.kind, news.cause, news.occurred_at, ink_ms
        )
        for listener in tuple(self._listeners):
            listener(redraw)
