"""What a shelf label is and what it says: panels, templates, and the fields of a face."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.money import Money
from domain.pricing.unit_price import UnitPrice


class LabelPalette(StrEnum):
    """The inks of an e-paper panel: black, white, red, yellow."""

    BW = "BW"
    BWR = "BWR"
    BWY = "BWY"
    BWRY = "BWRY"


@dataclass(frozen=True, slots=True)
class LabelModel:
    """A kind of label: its panel in pixels, its inks, and whether it can hold a face until a moment."""

    code: str
    width: int
    height: int
    palette: LabelPalette
    timed_display: bool = False


# Inches across, with the pixels panels of that size have; only the larger ones keep a second picture to turn
# to at a moment.
_PANELS = (
    ("1.54", 200, 200, False),
    ("2.13", 250, 122, False),
    ("2.66", 296, 152, False),
    ("2.9", 296, 128, False),
    ("4.2", 400, 300, True),
    ("7.5", 800, 480, True),
)

LABEL_MODELS: dict[str, LabelModel] = {
    model.code: model
    for inches, width, height, timed in _PANELS
    for palette in LabelPalette
    for model in (LabelModel(f"epd-{inches}-{palette.lower()}", width, height, palette, timed),)
}


class FaceTemplate(StrEnum):
    """How a face is arranged."""

    REGULAR = "REGULAR"
    PROMOTION = "PROMOTION"
    CLEARANCE = "CLEARANCE"
    MEMBER = "MEMBER"
    SOLD_OUT = "SOLD_OUT"
    NOT_FOR_SALE = "NOT_FOR_SALE"


@dataclass(frozen=True, slots=True)
class FaceFields:
    """What one face says. `amount` None: not for sale here. `offer`: the offer in the shop's own words.

    `locale` chooses the script of the fixed words (產地 or 产地). `link_base` is where the code of an
    article without GTIN leads. `ends_at`: the moment the offer is over, in the store's own time zone.
    `price_version` says which price this is and is not part of the picture.
    """

    sku: str
    name_zh: str
    name_en: str
    amount: Money | None
    brand: str | None = None
    gtin: str | None = None
    unit_price: UnitPrice | None = None
    origin: str | None = None
    compare_at: Money | None = None
    member_amount: Money | None = None
    offer: str | None = None
    ends_at: datetime | None = None
    clearance: bool = False
    sold_out: bool = False
    locale: str = "zh-HK"
    link_base: str = "https://shelf.example"
    # A newer version of an equal face is taken without radio, so it may not change the hash.
    price_version: int | None = field(default=None, compare=False)


def template_for(fields: FaceFields) -> FaceTemplate:
    """The template that fits: absence first, then what the shopper gains most attention from."""
    if fields.amount is None:
        return FaceTemplate.NOT_FOR_SALE
    if fields.sold_out:
        return FaceTemplate.SOLD_OUT
    if fields.clearance:
        return FaceTemplate.CLEARANCE
    if fields.compare_at is not None or fields.offer:
        return FaceTemplate.PROMOTION
    if fields.member_amount is not None:
        return FaceTemplate.MEMBER
    return FaceTemplate.REGULAR


def face_hash(fields: FaceFields, template: FaceTemplate, model: LabelModel, *, renderer_version: str) -> str:
    """SHA-256 (hex) of everything that decides the picture; equal hashes are equal pictures."""
    unit_price = fields.unit_price
    meaning = {
        "sku": fields.sku,
        "name_zh": fields.name_zh,
        "name_en": fields.name_en,
        "amount": _canonical(fields.amount),
        "brand": fields.brand,
        "gtin": fields.gtin,
        "unit_price": unit_price
        and [
            _canonical(unit_price.amount),
            f"{unit_price.per.normalize():f}",
            unit_price.unit.value,
        ],
        "origin": fields.origin,
        "compare_at": _canonical(fields.compare_at),
        "member_amount": _canonical(fields.member_amount),
        "offer": fields.offer,
        "ends_at": fields.ends_at and fields.ends_at.isoformat(),
        "clearance": fields.clearance,
        "sold_out": fields.sold_out,
        "locale": fields.locale,
        "link_base": fields.link_base,
    }
    panel = [model.code, model.width, model.height, model.palette.value]
    text = json.dumps(
        [renderer_version, panel, template.value, meaning], sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(money: Money | None) -> list[str | int] | None:
    return [money.minor_units, money.currency_code] if money else None
