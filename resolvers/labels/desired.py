"""What labels should show: reckoned for many articles of a store at once, and written where it changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from domain.face_documents import written
from domain.labels import (
    LABEL_MODELS,
    FaceFields,
    FaceTemplate,
    LabelModel,
    face_hash,
    template_for,
)
from domain.locales import translated
from domain.money import Money
from domain.news import News
from domain.pricing import comparison, schedule, selection
from domain.pricing.kinds import PriceKind
from domain.pricing.records import is_regular
from domain.pricing.unit_price import unit_price
from domain.pricing.version import microseconds
from domain.shelf import Change, FaceState, change_of, priority_of
from persistence.database import Connection
from persistence.labels import faces as faces_db
from persistence.labels import lists as labels_db
from persistence.labels import reports as reports_db
from persistence.labels.articles import Article, articles
from persistence.labels.tables import Label, LabelFace
from persistence.pricing import offer_texts as offers_db
from persistence.pricing import reads as pricing_db
from persistence.pricing.reads import PricesOfSku, StoredPrice
from persistence.pricing.tables import OfferText
from resolvers.house import House
from resolvers.labels.shelf_prices import ShelfPlace, shelf_place

_HISTORY = timedelta(days=comparison.COMPARISON_DAYS) + comparison.LONGEST_CONTINUED
STAGED_AHEAD = timedelta(hours=2)
"""So long before a price begins, labels that can turn to a face at a moment are given it."""
TIMED_MODELS = [model.code for model in LABEL_MODELS.values() if model.timed_display]
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


class Later(NamedTuple):
    """What a label of an article should say from a moment on."""

    wanted: Wanted
    display_at: datetime


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
    skus = sorted({label.sku for label in labels if label.sku})
    wanted, later = await _wanted(db, house, where, skus, now)
    keys = {
        (label.code, version)
        for label in labels
        for version in (label.desired, label.reported, label.upcoming)
        if version is not None
    }
    before = await labels_db.faces(db, keys)
    outstanding = await faces_db.outstanding(db, [label.code for label in labels])
    shelf = _Shelf(house, where, cause, now, before, outstanding)
    for label in labels:
        shelf.reckon(label, wanted.get(label.sku or ""), later.get(label.sku or ""))
    return await shelf.write(db)


@dataclass(slots=True)
class _Shelf:
    """What becomes of a store's labels: reckoned one by one, written at once."""

    house: House
    where: ShelfPlace
    cause: Cause
    now: datetime
    before: dict[tuple[str, int], LabelFace]
    outstanding: set[str]
    pictures: dict[str, faces_db.NewFace] = field(default_factory=dict)
    new: list[faces_db.NewVersion] = field(default_factory=list)
    desired: dict[str, int] = field(default_factory=dict)
    upcoming: dict[str, int | None] = field(default_factory=dict)
    called_off: dict[str, int] = field(default_factory=dict)
    turned: list[reports_db.Shown] = field(default_factory=list)
    repriced: list[faces_db.Repriced] = field(default_factory=list)

    def reckon(self, label: Label, want: Wanted | None, later: Later | None) -> None:
        """What becomes of one label."""
        model = LABEL_MODELS.get(label.model)
        if want is None or model is None:
            return
        desired, reported = self._face(label, label.desired), self._face(label, label.reported)
        upcoming = self._face(label, label.upcoming)
        ripe = upcoming is not None and upcoming.display_at is not None and upcoming.display_at <= self.now
        picture = self._picture(label, model, want.fields)
        change = change_of(
            picture,
            desired=None if desired is None else desired.hash,
            reported=None if reported is None else reported.hash,
            upcoming=upcoming.hash if ripe and upcoming is not None else None,
            outstanding=label.code in self.outstanding,
        )
        version = label.version
        if change is Change.NEW:
            version += 1
            shown = reported or desired
            changed = shown is None or shown.amount_minor != want.amount_minor
            self._add(label, version, want, picture, amount_changed=changed)
            self.desired[label.code] = version
        else:
            self._keep(
                label, {Change.SAME: desired, Change.BACK: reported, Change.NEXT: upcoming}[change], want
            )
        self._next(label, model, version, later, None if change is Change.NEXT else upcoming)

    def _keep(self, label: Label, current: LabelFace | None, want: Wanted) -> None:
        if current is None:
            raise LookupError(f"label {label.code} has lost the face it should show")
        if current.version != label.desired:
            self.desired[label.code] = current.version
        if current.state is FaceState.STAGED and current.display_at is not None:
            # It was loaded in time, so the label has turned to it by its own clock.
            self.turned.append(
                reports_db.Shown(label.code, current.version, current.display_at, is_staged=False)
            )
        if current.price_version != want.fields.price_version:
            self.repriced.append(
                faces_db.Repriced(
                    label.code, current.version, want.fields.price_version, _tiers(want), want.price
                )
            )

    def _next(
        self, label: Label, model: LabelModel, version: int, later: Later | None, upcoming: LabelFace | None
    ) -> None:
        """Has a label load what it is to show later, if it can turn to it by itself."""
        wanted = later if model.timed_display else None
        picture = None if wanted is None else self._picture(label, model, wanted.wanted.fields)
        if (
            wanted is not None
            and upcoming is not None
            # A newer face would wipe what is loaded: it has to be loaded again.
            and label.code not in self.desired
            and (upcoming.hash, upcoming.display_at) == (picture, wanted.display_at)
        ):
            return
        if upcoming is not None and upcoming.state is not FaceState.DISPLAYED:
            self.called_off[label.code] = upcoming.version
        if wanted is not None and picture is not None:
            self._add(
                label, version + 1, wanted.wanted, picture, amount_changed=True, display_at=wanted.display_at
            )
            self.upcoming[label.code] = version + 1
        elif label.upcoming is not None:
            self.upcoming[label.code] = None

    def _picture(self, label: Label, model: LabelModel, fields: FaceFields) -> str:
        template = _template(label, fields)
        picture = face_hash(fields, template, model, renderer_version=self.house.hardware.renderer_version)
        if picture not in self.pictures:
            self.pictures[picture] = faces_db.NewFace(
                picture, fields.sku, template.value, model.code, written(fields)
            )
        return picture

    def _add(
        self,
        label: Label,
        version: int,
        want: Wanted,
        picture: str,
        *,
        amount_changed: bool,
        display_at: datetime | None = None,
    ) -> None:
        priority = priority_of(
            amount_changed=amount_changed,
            by_clock=self.cause.by_clock or display_at is not None,
            together=self.cause.together,
        )
        self.new.append(
            faces_db.NewVersion(
                label=label.code,
                version=version,
                store=label.store,
                gateway=label.gateway,
                sku=want.fields.sku,
                hash=picture,
                price_version=want.fields.price_version,
                currency_code=self.where.currency_code,
                amount_minor=want.amount_minor,
                member_minor=None if want.member is None else want.member.amount_minor,
                member_tiers=_tiers(want),
                price=want.price,
                display_at=display_at,
                expires_at=want.expires_at,
                cause=self.cause.name,
                caused_at=self.cause.at,
                priority=priority,
            )
        )

    def _face(self, label: Label, version: int | None) -> LabelFace | None:
        return None if version is None else self.before.get((label.code, version))

    async def write(self, db: Connection) -> list[News]:
        """The news of what was reckoned, written in a fixed number of statements."""
        if self.turned:
            moved = [
                reports_db.FaceMoved(
                    one.label, one.version, FaceState.DISPLAYED.value, 0, self.now, one.since
                )
                for one in self.turned
            ]
            await reports_db.move(db, moved, self.now)
            await reports_db.show(db, self.turned, self.now)
        if self.called_off:
            await faces_db.drop_upcoming(db, self.called_off)
        if self.new:
            used = {version.hash for version in self.new}
            await faces_db.keep(db, [self.pictures[key] for key in sorted(used)], self.now)
        if self.desired:
            await faces_db.point(db, self.desired, self.now)
        if self.new:
            await faces_db.add(db, self.new, self.now)
        if self.upcoming:
            await faces_db.stage(db, self.upcoming)
        if self.repriced:
            await faces_db.reprice(db, self.repriced)
        store = self.where.store
        gateways = sorted({version.gateway for version in self.new if version.gateway is not None})
        changed = sorted({*self.desired, *self.upcoming})
        return [
            *(News.of_device(code, self.cause.name, store=store) for code in changed),
            *(News.of_gateway_work(gateway, self.cause.name, store=store) for gateway in gateways),
        ]


def _tiers(want: Wanted) -> list[str]:
    return [] if want.member is None else sorted(want.member.tiers)


def _template(label: Label, fields: FaceFields) -> FaceTemplate:
    fitting = template_for(fields)
    if label.template is None or fitting in (_NOT_FOR_SALE, _SOLD_OUT):
        return fitting
    return FaceTemplate(label.template)


# ------------------------------------------------------------------ what faces say


async def _wanted(
    db: Connection, house: House, where: ShelfPlace, skus: list[str], now: datetime
) -> tuple[dict[str, Wanted], dict[str, Later]]:
    """By sku: what its labels should say now, and what soon, where the price is known to change."""
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
    wanted: dict[str, Wanted] = {}
    later: dict[str, Later] = {}
    for sku, article in about.items():
        of_sku, offer = prices.get(sku), worded.get(sku)
        wanted[sku] = _wants(house, where, article, of_sku, selected.get(sku), history.get(sku), offer)
        following = None
        if of_sku is not None:
            following = schedule.upcoming(of_sku.records, where.priced(of_sku.at))
        if of_sku is None or following is None or following.starts_at - now > STAGED_AHEAD:
            continue
        then = of_sku._replace(at=following.starts_at, changed_at=following.starts_at)
        found = selection.select(then.records, where.priced(then.at))
        later[sku] = Later(
            _wants(house, where, article, then, found, history.get(sku), offer), following.starts_at
        )
    return wanted, later


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
