"""Labels, their gateways and their faces in the graph."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import strawberry

from domain.access import DEVICE_READERS, EVERYONE
from domain.devices import DeviceContact, DeviceKind, DeviceLifecycle
from domain.labels import LABEL_MODELS, LabelPalette
from domain.pricing.kinds import PriceKind
from domain.shelf import LabelContent, content_of
from persistence.database import Connection
from persistence.labels import lists as labels_db
from persistence.labels.lists import Which
from persistence.labels.tables import Device as StoredDevice
from persistence.labels.tables import Label as StoredLabel
from persistence.labels.tables import LabelFace as StoredFace
from persistence.paging import Page, nothing
from resolvers.catalog.products import ProductVariant
from resolvers.connections import OnePage
from resolvers.context import Context, Info
from resolvers.fields import field, query
from resolvers.labels.access import sees_devices_of
from resolvers.labels.devices import Device, PlainDevice
from resolvers.pricing.prices import Content, Price, UpcomingPrice
from resolvers.scalars import BigInt
from resolvers.shapes import FromRow, Money, PageInfo, page_size, positive, shape

strawberry.enum(LabelPalette)
strawberry.enum(
    LabelContent,
    description="IN_SYNC: shows what it should. PENDING: no gateway has taken it yet. SENT: a gateway has. "
    "STAGED: on the label, waiting for its moment. FAILED: gave up, needs a person.",
)


@shape(DEVICE_READERS)
class LabelModel:
    code: str
    width: int = strawberry.field(description="pixels")
    height: int = strawberry.field(description="pixels")
    palette: LabelPalette
    timed_display: bool = strawberry.field(
        description="whether it can load a face and turn to it at a moment"
    )

    @classmethod
    def of(cls, code: str) -> LabelModel:
        """The model under a code that a label was registered with."""
        model = LABEL_MODELS[code]
        return cls(
            code=model.code,
            width=model.width,
            height=model.height,
            palette=model.palette,
            timed_display=model.timed_display,
        )


@shape(
    DEVICE_READERS,
    description="A picture with its meaning; immutable. The same hash is never sent twice to a label that "
    "shows it.",
)
class LabelFace(FromRow[StoredFace]):
    row: strawberry.Private[StoredFace]
    hash: str = strawberry.field(description="SHA-256 of fields, template, model and renderer version")
    version: BigInt
    price_version: BigInt | None
    display_at: datetime | None
    expires_at: datetime | None
    confirmed_at: datetime | None

    @field(description="PNG of exactly what the panel shows, drawn on first fetch")
    def image_url(self, info: Info) -> str:
        return f"{info.context.house.hardware.base_url}/faces/{self.row.hash}.png"

    @field(description="packed planes for the hardware")
    def data_url(self, info: Info) -> str:
        return f"{info.context.house.hardware.base_url}/faces/{self.row.hash}.bin"

    @field(description="for those who qualify for the member price")
    def member_price(self) -> Money | None:
        minor, currency = self.row.member_minor, self.row.currency_code
        return None if minor is None or currency is None else Money.of(minor, currency)

    @field(description="the price for everybody, as it was when this face was made; null: not for sale then")
    async def price(self, info: Info) -> Price | None:
        minor, currency, told = self.row.amount_minor, self.row.currency_code, self.row.price
        if minor is None or currency is None or told is None:
            return None
        row = await info.context.loaders.variant_by_sku.load(self.row.sku)
        return Price(
            behind=OnFace(self.row),
            content=Content(None, None) if row is None else Content(row.net_content, row.net_content_unit),
            amount=Money.of(minor, currency),
            kind=PriceKind(told["kind"]),
            source=told["source"],
            valid_from=_moment(told["validFrom"]),
            valid_until=_moment(told["validUntil"]),
            version=BigInt(self.row.price_version or 0),
        )


class OnFace(NamedTuple):
    """A price as a face tells it; what came after it was made is not on it."""

    row: StoredFace

    async def compare_minor(self, context: Context) -> int | None:
        """What stands crossed out on it."""
        compared: int | None = (self.row.price or {}).get("compareAt")
        return compared

    def member_minor(self) -> int | None:
        """What it tells members."""
        return self.row.member_minor

    def upcoming(self) -> UpcomingPrice | None:
        """Nothing: a face tells of no later price."""
        return None


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


async def _face(info: Info, code: str, version: int | None) -> LabelFace | None:
    if version is None:
        return None
    row = await info.context.loaders.label_face.load((code, version))
    return None if row is None else LabelFace.of(row)


@shape(DEVICE_READERS)
class Label(FromRow[StoredDevice], Device):
    tag = "Lb"

    async def _label(self, info: Info) -> StoredLabel:
        label = await info.context.loaders.label.load(self.row.code)
        if label is None:
            raise LookupError(f"label {self.row.code} was never hung up")
        return label

    @field()
    async def model(self, info: Info) -> LabelModel:
        return LabelModel.of((await self._label(info)).model)

    @field()
    async def gateway(self, info: Info) -> Gateway | None:
        code = self.row.gateway
        row = None if code is None else await info.context.loaders.device.load(code)
        return None if row is None else Gateway.of(row)

    @field()
    async def content(self, info: Info) -> LabelContent:
        label = await self._label(info)
        if label.desired is None:
            return LabelContent.IN_SYNC
        desired = await _stored_face(info, label.code, label.desired)
        upcoming = await _stored_face(info, label.code, label.upcoming)
        return content_of(
            None if desired is None else desired.state,
            in_sync=label.desired == label.reported,
            upcoming=None if upcoming is None else upcoming.state,
        )

    @field()
    async def variant(self, info: Info) -> ProductVariant | None:
        sku = (await self._label(info)).sku
        row = None if sku is None else await info.context.loaders.variant_by_sku.load(sku)
        return None if row is None else ProductVariant.of(row)

    @field(description="fixture/shelf/slot of the planogram")
    async def position(self, info: Info) -> str | None:
        return (await self._label(info)).position

    @field(description="the arrangement it was given; null: the one that fits what it says")
    async def template(self, info: Info) -> str | None:
        return (await self._label(info)).template

    @field(description="what it should show now")
    async def desired(self, info: Info) -> LabelFace | None:
        label = await self._label(info)
        return await _face(info, label.code, label.desired)

    @field(description="loaded, waiting for its displayAt")
    async def staged(self, info: Info) -> LabelFace | None:
        label = await self._label(info)
        return await _face(info, label.code, label.staged)

    @field(description="what it last confirmed to show")
    async def reported(self, info: Info) -> LabelFace | None:
        label = await self._label(info)
        return await _face(info, label.code, label.reported)

    @field(description="seconds since desired and reported parted; 0 when in sync")
    async def stale_seconds(self, info: Info) -> int:
        label = await self._label(info)
        if label.parted_at is None:
            return 0
        return max(0, int((info.context.now - label.parted_at).total_seconds()))


async def _stored_face(info: Info, code: str, version: int | None) -> StoredFace | None:
    return None if version is None else await info.context.loaders.label_face.load((code, version))


@shape(DEVICE_READERS)
class LabelEdge:
    cursor: str
    node: Label


@shape(DEVICE_READERS, description="A page of labels, by code.")
class LabelConnection:
    listed: strawberry.Private[OnePage[StoredLabel]]
    of: strawberry.Private[dict[str, str]]
    which: strawberry.Private[Which]

    @field()
    async def edges(self, info: Info) -> list[LabelEdge]:
        page = await self.listed.page()
        nodes = await labels_of(info.context, page.rows)
        return [LabelEdge(cursor=cursor, node=node) for cursor, node in zip(page.cursors, nodes, strict=True)]

    @field()
    async def nodes(self, info: Info) -> list[Label]:
        return await labels_of(info.context, (await self.listed.page()).rows)

    @field()
    async def page_info(self) -> PageInfo:
        return await self.listed.info()

    @field(description="counted only when selected")
    async def total_count(self, info: Info) -> int:
        if not self.of:
            return 0
        now = info.context.now
        return await self.listed.alone(lambda db: labels_db.count(db, self.of, self.which, now=now))


@shape(DEVICE_READERS)
class Gateway(FromRow[StoredDevice], Device):
    tag = "Gw"
    epoch: int = strawberry.field(description="fencing number: rises with each claim")

    @field(description="faces it has still to be handed, or to get onto their labels")
    async def queue_depth(self, info: Info) -> int:
        return await info.context.loaders.queue_depth.load(self.row.code) or 0

    @field()
    def labels(self, info: Info, first: int, after: str | None = None) -> LabelConnection:
        return _connection(info, {"gateway": self.row.code}, Which(), first, after)


async def labels_of(context: Context, rows: list[StoredLabel]) -> list[Label]:
    """The shapes of labels that were just read."""
    loaders = context.loaders
    for row in rows:
        loaders.label.prime(row.code, row)
    devices = await loaders.device.load_many([row.code for row in rows])
    return [Label.of(device) for device in devices if device is not None]


def shape_of(row: StoredDevice) -> Device:
    """The shape of a device by its kind."""
    if row.kind is DeviceKind.GATEWAY:
        return Gateway.of(row)
    # Hardware that nobody registered is no label yet: it has no model, and hangs nowhere.
    if row.kind is DeviceKind.LABEL and row.lifecycle is not DeviceLifecycle.QUARANTINED:
        return Label.of(row)
    return PlainDevice.of(row)


def _connection(
    info: Info, of: dict[str, str], which: Which, first: int, after: str | None
) -> LabelConnection:
    page_size(first)
    labels_db.check(after)
    now = info.context.now

    async def read(db: Connection) -> Page[StoredLabel]:
        if not of:
            return nothing()
        return await labels_db.page(db, of, which, first=first, after=after, now=now)

    return LabelConnection(listed=OnePage(info.context, read), of=of, which=which)


@strawberry.input
class LabelWhere:
    content: list[LabelContent] | None = None
    contact: list[DeviceContact] | None = None
    stale_for_seconds: int | None = strawberry.field(
        default=None, description="those out of sync for so long and longer, 1 and more"
    )
    sku: str | None = None
    battery_low: bool | None = None


@query(
    DEVICE_READERS,
    description="A store's labels, by code; none for a store that is not the caller's. first is 1 to 100.",
)
async def labels(
    info: Info, store: str, first: int, where: LabelWhere | None = None, after: str | None = None
) -> LabelConnection:
    asked = where or LabelWhere()
    if asked.stale_for_seconds is not None:
        positive("staleForSeconds", asked.stale_for_seconds)
    which = Which(
        content=asked.content,
        contact=asked.contact,
        stale_for_seconds=asked.stale_for_seconds,
        sku=asked.sku,
        battery_low=asked.battery_low,
    )
    of = {"store": store} if sees_devices_of(info.context.viewer, store) else {}
    return _connection(info, of, which, first, after)


@query(EVERYONE, description="The kinds of label this house can draw for, by code.")
async def label_models(info: Info) -> list[LabelModel]:
    return [LabelModel.of(code) for code in sorted(LABEL_MODELS)]


@query(
    DEVICE_READERS,
    description="The device under a code, one in quarantine too; null when it is absent or not the caller's.",
)
async def device(info: Info, code: str) -> Device | None:
    row = await info.context.loaders.device.load(code)
    if row is None or not sees_devices_of(info.context.viewer, row.store):
        return None
    return shape_of(row)
