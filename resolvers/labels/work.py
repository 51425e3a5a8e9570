"""The work of a gateway: claimed, listed, watched, and told what to do beside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated

import strawberry

from domain.access import DEVICE_KEEPERS, DEVICE_READERS, LABEL_CONTROLLERS
from domain.devices import IN_SERVICE, DeviceKind, unknown_device
from domain.news import Cursor, News, Topic
from domain.refusals import RefusalCode, Refused, RequestError
from domain.shelf import LabelCommandKind, WorkPriority
from persistence.database import Connection
from persistence.labels import lists as labels_db
from persistence.labels import registry as registry_db
from persistence.labels import work as work_db
from persistence.labels.lists import Which
from persistence.labels.tables import Device as StoredDevice
from persistence.news import outbox
from persistence.news.subscription import Idle, Subscription
from resolvers.context import Context, Info, Work
from resolvers.fields import field, mutation, query, stream
from resolvers.labels.access import speaks_for, tends
from resolvers.labels.binding import LabelPayload
from resolvers.labels.labels import Gateway, Label, LabelFace, labels_of
from resolvers.live import cursor_given
from resolvers.scalars import BigInt, EventCursor
from resolvers.shapes import PageInfo, Payload, page_size, shape

LARGEST_SNAPSHOT_PAGE = 1_000
LARGEST_WINDOW = 10_000
BOOKMARK_SECONDS = 15.0
_AT_ONCE = 500  # faces handed over in one transaction
_FLASH_FORGOTTEN = timedelta(minutes=2)
_GATEWAY = ("input", "gateway")

strawberry.enum(WorkPriority)
strawberry.enum(LabelCommandKind)


async def spoken_for(context: Context, work: Work, code: str) -> StoredDevice:
    """A gateway that the caller speaks for, locked; refuses DEVICE_UNKNOWN for any other."""
    row = await registry_db.locked(work.db, code)
    if (
        row is None
        or row.kind is not DeviceKind.GATEWAY
        or row.lifecycle not in IN_SERVICE
        or not speaks_for(context.viewer, row)
    ):
        raise unknown_device(_GATEWAY)
    return row


# ------------------------------------------------------------------ gatewayClaim


@strawberry.input
class GatewayClaimInput:
    gateway: str


@shape(LABEL_CONTROLLERS, description="Raises the epoch: streams and reports of older epochs are fenced off.")
class GatewayClaimPayload(Payload):
    gateway: Gateway | None = None
    epoch: int | None = None


@mutation(
    GatewayClaimPayload,
    LABEL_CONTROLLERS,
    description="Take a gateway over: its epoch rises, whoever held it before is fenced off, and what was "
    "received and not shown is handed over again.",
)
async def gateway_claim(info: Info, input: GatewayClaimInput) -> GatewayClaimPayload:
    context = info.context
    async with context.house.database.transaction() as db:
        work = Work(db, context.house.clock())
        row = await spoken_for(context, work, input.gateway)
        epoch = await registry_db.claim(db, row.code, work.now)
        await work_db.begin_anew(db, row.code, now=work.now)
        work.announce(
            News.of_gateway_work(row.code, "gatewayClaim", store=row.store),
            News.of_device(row.code, "gatewayClaim", store=row.store),
        )
        await outbox.write(db, work.news)
    context.house.hub.nudge()
    claimed = await context.loaders.device.load(row.code)
    return GatewayClaimPayload(gateway=None if claimed is None else Gateway.of(claimed), epoch=epoch)


# ------------------------------------------------------------------ labelSnapshot


@shape(
    DEVICE_READERS,
    description="List and watch: page through the snapshot (first is 1 to 1,000; every page repeats the "
    "first page's cursor), then watch from that cursor.",
)
class LabelSnapshotPage:
    cursor: EventCursor
    labels: list[Label]
    page_info: PageInfo


@query(
    LABEL_CONTROLLERS,
    description="A gateway's labels as of a cursor to watch from; first is 1 to 1,000.",
)
async def label_snapshot(info: Info, gateway: str, first: int, after: str | None = None) -> LabelSnapshotPage:
    context = info.context
    page_size(first, largest=LARGEST_SNAPSHOT_PAGE)
    started, _, place = (after or "").partition("/")
    cursor = Cursor.parse(started) if after is not None else None
    if after is not None and (cursor is None or not place):
        raise RequestError.bad_input(en="after is not a cursor of this list.", zh="after 不是此列表的游标。")
    labels_db.check(place or None)
    row = await context.loaders.device.load(gateway)
    _must_be_theirs(context, row)
    await context.house.hub.ready()
    # Before the rows: each of them is at least as new as the cursor.
    cursor = cursor or context.house.hub.cursor
    async with context.house.database.connection() as db:
        page = await labels_db.page(
            db, {"gateway": gateway}, Which(), first=first, after=place or None, now=context.now
        )
    cursors = [f"{cursor}/{place}" for place in page.cursors]
    return LabelSnapshotPage(
        cursor=EventCursor(str(cursor)),
        labels=await labels_of(context, page.rows),
        page_info=PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        ),
    )


def _must_be_theirs(context: Context, row: StoredDevice | None) -> StoredDevice:
    if row is None or row.kind is not DeviceKind.GATEWAY or not speaks_for(context.viewer, row):
        raise RequestError.bad_input(en="There is no such gateway of yours.", zh="没有您的此网关。")
    return row


# ------------------------------------------------------------------ labelWork


@shape(LABEL_CONTROLLERS)
class FaceSet:
    cursor: EventCursor
    handed: strawberry.Private[work_db.Handed]

    @field()
    def label(self, info: Info) -> Label:
        return _handed_label(info, self.handed)

    @field()
    def face(self) -> LabelFace:
        return LabelFace.of(self.handed.face)

    @field()
    def priority(self) -> WorkPriority:
        return WorkPriority(self.handed.face.priority)


def _handed_label(info: Info, handed: work_db.Handed) -> Label:
    loaders = info.context.loaders
    loaders.label.prime(handed.label.code, handed.label)
    loaders.label_face.prime((handed.face.label, handed.face.version), handed.face)
    return Label.of(handed.device)


async def _label(info: Info, code: str) -> Label:
    row = await info.context.loaders.device.load(code)
    if row is None:
        raise LookupError(f"label {code} is gone")
    return Label.of(row)


@shape(LABEL_CONTROLLERS, description="A face that was handed over is not to be shown any more.")
class FaceCancelled:
    cursor: EventCursor
    code: strawberry.Private[str]
    version: BigInt

    @field()
    async def label(self, info: Info) -> Label:
        return await _label(info, self.code)


@shape(LABEL_CONTROLLERS)
class LabelCommand:
    cursor: EventCursor
    code: strawberry.Private[str]
    kind: LabelCommandKind
    seconds: int | None = strawberry.field(description="how long, for a FLASH")

    @field()
    async def label(self, info: Info) -> Label:
        return await _label(info, self.code)


@shape(LABEL_CONTROLLERS, description="every 15 s of silence: alive, and here is how far you are")
class Bookmark:
    cursor: EventCursor


@shape(LABEL_CONTROLLERS, description="older than the replay window: take the snapshot again")
class CursorExpired:
    cursor: EventCursor


@shape(LABEL_CONTROLLERS, description="another controller has claimed this gateway")
class Fenced:
    epoch: int


LabelWork = Annotated[
    FaceSet | FaceCancelled | LabelCommand | Bookmark | CursorExpired | Fenced,
    strawberry.union(
        "LabelWork",
        description="The cursor of every item is a low-water mark: all work up to it has been handed over.",
    ),
]


@stream(
    LABEL_CONTROLLERS,
    description="for a label controller, after gatewayClaim and labelSnapshot: at most window faces "
    "unreported at a time",
)
async def label_work(
    info: Info, gateway: str, epoch: int, after: EventCursor, window: int = 200
) -> AsyncGenerator[LabelWork, None]:
    context = info.context
    if not 1 <= window <= LARGEST_WINDOW:
        raise RequestError.bad_input(
            en=f"window is 1 to {LARGEST_WINDOW}, not {window}.",
            zh=f"window 须为 1 到 {LARGEST_WINDOW}，而不是 {window}。",
        )
    begin = cursor_given(after)
    _must_be_theirs(context, await context.loaders.device.load(gateway))
    if begin is None:
        raise LookupError("a subscription without its cursor")
    watch = _Watch(context, gateway, epoch, begin, window)
    async for item in watch.items():
        yield item


class _Fenced(Exception):  # noqa: N818 - an end of the stream that is told in it
    def __init__(self, epoch: int) -> None:
        super().__init__(f"fenced off by epoch {epoch}")
        self.epoch = epoch


class _Watch:
    """One controller's stream. It works from state: news only says that it is time to look."""

    def __init__(self, context: Context, gateway: str, epoch: int, after: Cursor, window: int) -> None:
        self._house = context.house
        self._gateway = gateway
        self._epoch = epoch
        self._mark = after
        self._window = window
        self._unreported: set[tuple[str, int]] = set()
        self._is_complete = False
        self._due: datetime | None = None

    async def items(self) -> AsyncGenerator[LabelWork, None]:
        """What there is to do, until somebody else claims the gateway."""
        hub = self._house.hub
        # From before the first look, so that nothing can come between the two.
        async with hub.subscribe(
            lambda _: True,
            topics=frozenset({Topic.LABEL_WORK}),
            skus=frozenset({self._gateway}),
            key=lambda _: None,
            idle_seconds=BOOKMARK_SECONDS,
        ) as news:
            try:
                if not await self._is_known(self._mark):
                    yield CursorExpired(cursor=EventCursor(str(hub.cursor)))
                    return
                await self._again()
                while True:
                    async for item in self._look():
                        yield item
                    waited = await self._wait(news)
                    # Silence says that nothing is to be looked at: thousands of idle streams cost no query.
                    while isinstance(waited, Idle):
                        if self._is_complete:
                            self._mark = max(self._mark, waited.cursor)
                        yield Bookmark(cursor=self._cursor)
                        waited = await self._wait(news)
                    if waited is None:
                        return
            except _Fenced as fenced:
                yield Fenced(epoch=fenced.epoch)

    @property
    def _cursor(self) -> EventCursor:
        return EventCursor(str(self._mark))

    async def _is_known(self, after: Cursor) -> bool:
        """Whether a cursor is of this order of news, and what followed it is still kept."""
        hub = self._house.hub
        if after.epoch != hub.cursor.epoch or not (
            after <= hub.cursor or await hub.reach(after, timeout_seconds=2.0)
        ):
            return False
        async with self._house.database.connection() as db:
            return await outbox.oldest(db) <= after

    async def _again(self) -> None:
        async with self._house.database.transaction() as db:
            await self._must_hold(db)
            await registry_db.seen(db, self._gateway, self._house.clock())
            await work_db.hand_again(db, self._gateway, now=self._house.clock())

    async def _must_hold(self, db: Connection) -> None:
        epoch = await registry_db.epoch_held(db, self._gateway)
        if epoch != self._epoch:
            raise _Fenced(epoch or 0)

    async def _look(self) -> AsyncGenerator[LabelWork, None]:
        """Everything that is to be done now, as far as the window has room for it."""
        while True:
            head = self._house.hub.cursor
            async with self._house.database.transaction() as db:
                await self._must_hold(db)
                now = self._house.clock()
                gone = await self._settled(db)
                commands = await work_db.hand_commands(db, self._gateway, now=now)
                room = min(_AT_ONCE, self._window - len(self._unreported))
                handed: list[work_db.Handed] = []
                complete = False
                if room > 0:
                    handed, complete = await work_db.hand_over(db, self._gateway, limit=room, now=now)
            for code, version in gone:
                yield FaceCancelled(cursor=self._cursor, code=code, version=BigInt(version))
            for command in commands:
                yield LabelCommand(
                    cursor=self._cursor, code=command.label, kind=command.kind, seconds=command.seconds
                )
            self._unreported.update((one.face.label, one.face.version) for one in handed)
            for number, one in enumerate(handed, 1):
                if complete and number == len(handed):
                    self._mark = max(self._mark, head)
                yield FaceSet(cursor=self._cursor, handed=one)
            self._is_complete = complete
            if complete:
                self._mark = max(self._mark, head)
            if complete or room <= 0:
                break
        async with self._house.database.connection() as db:
            self._due = await work_db.next_due(db, self._gateway)

    async def _settled(self, db: Connection) -> list[tuple[str, int]]:
        """Forgets what was reported or replaced; answers the faces of labels that should show none now."""
        if not self._unreported:
            return []
        still = await work_db.unreceived(db, sorted(self._unreported))
        settled = self._unreported - still
        self._unreported = still
        if not settled:
            return []
        bare = await work_db.bare_labels(db, sorted({code for code, _ in settled}))
        return sorted(one for one in settled if one[0] in bare)

    async def _wait(self, news: Subscription) -> object | None:
        """The next piece of news or silence, or the moment something is due; None at the very end."""
        if self._due is None or len(self._unreported) >= self._window:
            return await anext(news, None)
        seconds = max(0.05, (self._due - self._house.clock()).total_seconds())
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await anext(news, None)
        return self._due


# ------------------------------------------------------------------ labelFlash


@strawberry.input
class LabelFlashInput:
    idempotency_key: str
    label: str
    seconds: int = 10


@mutation(
    LabelPayload,
    DEVICE_KEEPERS,
    description="Have a label flash, so that somebody finds it; forgotten when its gateway is away for two "
    "minutes. seconds is 1 to 3,600.",
)
async def label_flash(info: Info, input: LabelFlashInput) -> LabelPayload:
    context = info.context
    if not 1 <= input.seconds <= 3_600:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en="A label flashes for 1 to 3,600 seconds.",
            zh="闪灯时长须为 1 到 3,600 秒。",
            field=("input", "seconds"),
        )

    async def act(work: Work) -> dict[str, str]:
        row = await registry_db.locked(work.db, input.label)
        if (
            row is None
            or row.kind is not DeviceKind.LABEL
            or row.lifecycle not in IN_SERVICE
            or not tends(context.viewer, row.store)
        ):
            raise unknown_device(("input", "label"))
        if row.gateway is None:
            raise Refused.because(
                RefusalCode.CONFLICT,
                en="No gateway drives this label.",
                zh="该价签未关联网关。",
                field=("input", "label"),
            )
        await work_db.command(
            work.db,
            gateway=row.gateway,
            label=row.code,
            kind=LabelCommandKind.FLASH,
            seconds=input.seconds,
            by=str(context.viewer),
            now=work.now,
            expires_at=work.now + _FLASH_FORGOTTEN,
        )
        work.announce(News.of_gateway_work(row.gateway, "labelFlash", store=row.store))
        return {"code": row.code}

    done = await context.once("labelFlash", input.idempotency_key, input, act)
    row = await context.loaders.device.load(done.answer["code"])
    return LabelPayload(label=None if row is None else Label.of(row))
