"""What labels should show: reckoned for many articles of a store at once, and written where it changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from domain.face_documents import written
from domain.labels import LABEL_MODELS, FaceFields, FaceTemplate, face_hash, template_for
from domain.locales import translated
from domain.money import Money
from domain.news import News
from domain.pricing import comparison, selection
from domain.pricing.kinds import PriceKind
from domain.pricing.records import is_regular
from domain.pricing.unit_price import unit_price
from domain.pricing.version import microseconds
from domain.shelf import Change, change_of, priority_of
from persistence.database import Connection
from persistence.labels import faces as faces_db
from persistence.labels import lists as labels_db
from persistence.labels.articles import Article, articles
from persistence.labels.tables import Label, LabelFace
from persistence.pricing import offer_texts as offers_db
from persistence.pricing import reads as pricing_db
from persistence.pricing.reads import PricesOfSku, StoredPrice
from persistence.pricing.tables import OfferText
from resolvers.house import House
from resolvers.labels.shelf_prices import ShelfPlace, shelf_place

_HISTORY = timedelta(days=comparison.COMPARISON_DAYS) + comparison.LONGEST_CONTINUED
_NOT_FOR_SALE, _SOLD_OUT = FaceTemplate.NOT_FOR_SALE, FaceTemplate.SOLD_OUT


class Cause(NamedTuple):
    """What called for faces: in what words, when, whether the clock did, for how many articles at once."""

    name: str
    at: datetime
    by_clock: bool = False
    together: int = 1


class Wanted(NamedTuple):
    """What a label of an article should say, and what of the price is kept with it."""

    fields: FaceFields
    amount_minor: int | None = None
    member: comparison.MemberOffer | None = None
    price: dict[str, Any] | None = None
    expires_at: datetime | None = None


async def bring_up(db: Connection, house: House, store: str, skus: Sequence[str], cause: Cause) -> list[News]:
    """The news of all labels of a store that should show something else now, their new faces written.

    One transaction and a fixed number of statements, whatever the number of labels.
    """
    labels = await faces_db.lock_bound(db, store, skus)
    return await bring_labels_up(db, house, store, labels, cause)


async def bring_labels_up(
    db: Connection, house: House, store: str, labels: Sequence[Label], cause: Cause
) -> list[News]:
    """The same for some labels of the store, which the transaction has locked as they are now."""
    where = await shelf_place(house, store)
    if not labels or where is None:
        return []
    now = house.clock()
    wanted = await _wanted(db, house, where, sorted({label.sku for label in labels if label.sku}), now)
    keys = {
        (label.code, version)
        for label in labels
        for version in (label.desired, label.reported)
        if version is not None
    }
    before = await labels_db.faces(db, keys)
    outstanding = await faces_db.outstanding(db, [label.code for label in labels])
    return await _write(db, house, where, labels, wanted, before, outstanding, cause, now)


async def _write(
    db: Connection,
    house: House,
    where: ShelfPlace,
    labels: Sequence[Label],
    wanted: dict[str, Wanted],
    before: dict[tuple[str, int], LabelFace],
    outstanding: set[str],
    cause: Cause,
    now: datetime,
) -> list[News]:
    pictures: dict[str, faces_db.NewFace] = {}
    new: list[tuple[Label, Wanted, str, bool]] = []
    back: dict[str, int] = {}
    repriced: list[faces_db.Repriced] = []
    for label in labels:
        want = wanted.get(label.sku or "")
        model = LABEL_MODELS.get(label.model)
        if want is None or model is None:
            continue
        template = _template(label, want.fields)
        picture = face_hash(want.fields, template, model, renderer_version=house.hardware.renderer_version)
        desired = _face(before, label, label.desired)
        reported = _face(before, label, label.reported)
        change = change_of(
            picture,
            desired=None if desired is None else desired.hash,
            reported=None if reported is None else reported.hash,
            outstanding=label.code in outstanding,
        )
        if change is Change.NEW:
            pictures[picture] = faces_db.NewFace(
                picture, want.fields.sku, template.value, model.code, written(want.fields)
            )
            shown = reported or desired
            new.append((label, want, picture, shown is None or shown.amount_minor != want.amount_minor))
            continue
        current = desired if change is Change.SAME else reported
        if current is None:
            raise LookupError(f"label {label.code} has lost the face it shows")
        if change is Change.BACK:
            back[label.code] = current.version
        if current.price_version != want.fields.price_version:
            repriced.append(
                faces_db.Repriced(
                    label.code, current.version, want.fields.price_version, _tiers(want), want.price
                )
            )
    if pictures:
        await faces_db.keep(db, [pictures[key] for key in sorted(pictures)], now)
        together = max(len(new), cause.together)
        versions = [
            _version(where, label, want, picture, cause, changed, together)
            for label, want, picture, changed in new
        ]
        await faces_db.add(db, versions, now)
        back.update({version.label: version.version for version in versions})
    if back:
        await faces_db.point(db, back, now)
    if repriced:
        await faces_db.reprice(db, repriced)
    gateways = sorted({label.gateway for label, *_ in new if label.gateway is not None})
    return [
        *(News.of_device(code, cause.name, store=where.store) for code in sorted(back)),
        *(News.of_gateway_work(gateway, cause.name, store=where.store) for gateway in gateways),
    ]


def _version(
    where: ShelfPlace,
    label: Label,
    want: Wanted,
    picture: str,
    cause: Cause,
    amount_changed: bool,
    together: int,
) -> faces_db.NewVersion:
    return faces_db.NewVersion(
        label=label.code,
        version=label.version + 1,
        store=label.store,
        gateway=label.gateway,
        sku=want.fields.sku,
        hash=picture,
        price_version=want.fields.price_version,
        currency_code=where.currency_code,
        amount_minor=want.amount_minor,
        member_minor=None if want.member is None else want.member.amount_minor,
        member_tiers=_tiers(want),
        price=want.price,
        display_at=None,
        expires_at=want.expires_at,
        cause=cause.name,
        caused_at=cause.at,
        priority=priority_of(amount_changed=amount_changed, by_clock=cause.by_clock, together=together),
    )


def _tiers(want: Wanted) -> list[str]:
    return [] if want.member is None else sorted(want.member.tiers)


def _template(label: Label, fields: FaceFields) -> FaceTemplate:
    fitting = template_for(fields)
    if label.template is None or fitting in (_NOT_FOR_SALE, _SOLD_OUT):
        return fitting
    return FaceTemplate(label.template)


def _face(before: dict[tuple[str, int], LabelFace], label: Label, version: int | None) -> LabelFace | None:
    return None if version is None else before.get((label.code, version))


# ------------------------------------------------------------------ what faces say


async def _wanted(
    db: Connection, house: House, where: ShelfPlace, skus: list[str], now: datetime
) -> dict[str, Wanted]:
    about = await articles(db, where.store, skus)
    prices = await pricing_db.current_prices(db, skus, where.place(now))
    selected = {
        sku: found
        for sku, of_sku in prices.items()
        if (found := selection.select(of_sku.records, where.priced(of_sku.at))) is not None
    }
    offers = [sku for sku, found in selected.items() if not is_regular(found.winner.kind)]
    history: dict[str, PricesOfSku] = {}
    if offers:
        history = await pricing_db.prices_since(db, offers, where.place(now), since=now - _HISTORY)
    day = now.astimezone(ZoneInfo(where.time_zone)).date()
    worded = await offers_db.offer_texts(db, where.store, skus, day)
    return {
        sku: _wants(
            house, where, about[sku], prices.get(sku), selected.get(sku), history.get(sku), worded.get(sku)
        )
        for sku in skus
        if sku in about
    }


def _wants(
    house: House,
    where: ShelfPlace,
    article: Article,
    prices: PricesOfSku | None,
    selected: selection.Selection[StoredPrice] | None,
    history: PricesOfSku | None,
    worded: OfferText | None,
) -> Wanted:
    locale, default = house.default_locale, house.default_locale
    names = article.own_names or article.names
    said: dict[str, Any] = {
        "sku": article.sku,
        "name_zh": translated(names, default, default),
        "name_en": names.get("en", ""),
        "brand": translated(article.brands, default, default) if article.brands else None,
        "gtin": article.gtin,
        "origin": article.origin,
        "sold_out": article.on_hand is not None and article.on_hand <= 0,
        "locale": locale,
    }
    if selected is None or prices is None:
        return Wanted(FaceFields(amount=None, **said))
    winner = selected.winner
    priced = where.priced(prices.at)
    amount = Money(winner.amount_minor, winner.currency_code)
    compare_minor = None
    if history is not None:
        compare_minor = comparison.compare_at(history.records, priced, selected)
    member = comparison.member_offer(prices.records, priced)
    per = None
    if article.net_content is not None and article.net_content_unit is not None:
        per = unit_price(amount, article.net_content, article.net_content_unit)
    ends_at = None if is_regular(winner.kind) else winner.valid_until
    fields = FaceFields(
        amount=amount,
        unit_price=per,
        compare_at=None if compare_minor is None else Money(compare_minor, winner.currency_code),
        member_amount=None if member is None else Money(member.amount_minor, winner.currency_code),
        offer=None if worded is None else translated(worded.texts, locale, default),
        ends_at=None if ends_at is None else ends_at.astimezone(ZoneInfo(where.time_zone)),
        clearance=winner.kind is PriceKind.CLEARANCE,
        price_version=microseconds(prices.changed_at or winner.recorded_at),
        **said,
    )
    return Wanted(fields, winner.amount_minor, member, _told(winner, fields), winner.valid_until)


def _told(winner: StoredPrice, fields: FaceFields) -> dict[str, Any]:
    """What of a price is kept with a face beside its amount, so that the face can tell it later."""
    return {
        "kind": winner.kind.value,
        "source": winner.source,
        "validFrom": None if winner.valid_from is None else winner.valid_from.isoformat(),
        "validUntil": None if winner.valid_until is None else winner.valid_until.isoformat(),
        "compareAt": None if fields.compare_at is None else fields.compare_at.minor_units,
    }
