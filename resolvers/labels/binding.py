"""Hanging a label at an article, and taking it off."""

from __future__ import annotations

import strawberry

from domain.access import DEVICE_KEEPERS
from domain.devices import DeviceLifecycle, must_be_bindable, unknown_device
from domain.labels import FaceTemplate
from domain.news import News, Topic
from domain.pricing import selection
from domain.refusals import RefusalCode, Refused
from persistence.labels import binding as binding_db
from persistence.labels import registry as registry_db
from persistence.labels.tables import Label as StoredLabel
from persistence.news import outbox
from persistence.pricing import reads as pricing_db
from resolvers.carts.cart import not_for_sale
from resolvers.context import Context, Info, Work
from resolvers.fields import mutation
from resolvers.inventory.stock import unknown_sku
from resolvers.labels.access import tends
from resolvers.labels.desired import Cause, bring_labels_up
from resolvers.labels.labels import Label
from resolvers.labels.shelf_prices import shelf_place
from resolvers.shapes import Payload, shape

_LABEL, _SKU = ("input", "label"), ("input", "sku")
_LONGEST_POSITION = 64


@strawberry.input(description="label, then item, then place: the order in which a clerk scans them")
class LabelBindInput:
    label: str
    sku: str
    position: str | None = strawberry.field(
        default=None, description="fixture/shelf/slot of the planogram, at most 64 characters"
    )
    template: str | None = strawberry.field(
        default=None,
        description="REGULAR, PROMOTION, CLEARANCE or MEMBER, to have it arranged so whatever it says; left "
        "out: the arrangement that fits. What is sold out or not for sale says so either way.",
    )


@strawberry.input
class LabelUnbindInput:
    label: str


@shape(DEVICE_KEEPERS)
class LabelPayload(Payload):
    label: Label | None = None


@mutation(
    LabelPayload,
    DEVICE_KEEPERS,
    description="Hang a label at an article that is for sale in its store. LABEL_ALREADY_BOUND when it hangs "
    "at another one; binding it to the same again moves it on the shelf.",
)
async def label_bind(info: Info, input: LabelBindInput) -> LabelPayload:
    context = info.context
    _must_be_placeable(input)
    async with context.house.database.transaction() as db:
        work = Work(db, context.house.clock())
        label, lifecycle = await locked_label(context, work, input.label)
        must_be_bindable(lifecycle, label.sku, input.sku)
        await _must_be_for_sale(context, work, label.store, input.sku)
        await binding_db.bind(
            db,
            label,
            sku=input.sku,
            position=input.position,
            template=input.template,
            by=str(context.viewer),
            at=work.now,
        )
        if lifecycle is not DeviceLifecycle.BOUND:
            await registry_db.set_lifecycle(db, label.code, DeviceLifecycle.BOUND)
        # This one alone: the others that hang there have their locks in another order.
        bound = list((await binding_db.lock_labels(db, [label.code])).values())
        work.announce(
            News.of_device(label.code, "labelBind", store=label.store),
            *await bring_labels_up(db, context.house, label.store, bound, Cause("labelBind", work.now)),
        )
        await outbox.write(db, work.news)
    context.house.hub.nudge()
    return await _shown(context, label.code)


@mutation(
    LabelPayload,
    DEVICE_KEEPERS,
    description="Take a label off its article: it holds no till down any more, and waits for another.",
)
async def label_unbind(info: Info, input: LabelUnbindInput) -> LabelPayload:
    context = info.context
    async with context.house.database.transaction() as db:
        work = Work(db, context.house.clock())
        label, lifecycle = await locked_label(context, work, input.label)
        if label.sku is not None:
            await binding_db.unbind(db, label, by=str(context.viewer), at=work.now)
            if lifecycle is DeviceLifecycle.BOUND:
                await registry_db.set_lifecycle(db, label.code, DeviceLifecycle.UNBOUND)
            work.announce(*released(label, "labelUnbind"))
            await outbox.write(db, work.news)
    context.house.hub.nudge()
    return await _shown(context, label.code)


def released(label: StoredLabel, cause: str) -> list[News]:
    """The news of a label that was taken off: its gateway drops its face, and tills may charge more."""
    news = [News.of_device(label.code, cause, store=label.store)]
    if label.gateway is not None:
        news.append(News.of_gateway_work(label.gateway, cause, store=label.store))
    if label.sku is not None:
        news.append(News(Topic.PRICE, cause, sku=label.sku, store=label.store))
    return news


async def locked_label(context: Context, work: Work, code: str) -> tuple[StoredLabel, DeviceLifecycle]:
    """A label that the caller tends, locked with its device; refuses DEVICE_UNKNOWN for any other."""
    device = await registry_db.locked(work.db, code)
    if device is None or not tends(context.viewer, device.store):
        raise unknown_device(_LABEL)
    label = (await binding_db.lock_labels(work.db, [code])).get(code)
    if label is None:
        raise unknown_device(_LABEL)
    return label, device.lifecycle


def _must_be_placeable(asked: LabelBindInput) -> None:
    if asked.position is not None and not 1 <= len(asked.position) <= _LONGEST_POSITION:
        raise _invalid(
            "position",
            f"A position has 1 to {_LONGEST_POSITION} characters.",
            f"货位须为 1 到 {_LONGEST_POSITION} 个字符。",
        )
    arrangements = {FaceTemplate.REGULAR, FaceTemplate.PROMOTION, FaceTemplate.CLEARANCE, FaceTemplate.MEMBER}
    if asked.template is not None and asked.template not in arrangements:
        raise _invalid(
            "template", f'There is no template "{asked.template}".', f"没有模板“{asked.template}”。"
        )


def _invalid(field: str, en: str, zh: str) -> Refused:
    return Refused.because(RefusalCode.INVALID_INPUT, en=en, zh=zh, field=("input", field))


async def _shown(context: Context, code: str) -> LabelPayload:
    row = await context.loaders.device.load(code)
    return LabelPayload(label=None if row is None else Label.of(row))


async def _must_be_for_sale(context: Context, work: Work, store: str, sku: str) -> None:
    """Refuses NOT_FOUND for an unknown sku, NOT_FOR_SALE_HERE for one that this store's tills do not sell."""
    where = await shelf_place(context.house, store)
    prices = {}
    if where is not None:
        prices = await pricing_db.current_prices(work.db, [sku], where.place(work.now))
        if sku not in prices:
            raise Refused(unknown_sku(_SKU, sku))
    if where is None or selection.select(prices[sku].records, where.priced(prices[sku].at)) is None:
        raise Refused(not_for_sale(sku, _SKU))
