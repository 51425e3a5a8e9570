"""Faces that tests draw: one article in every state, and what is hard to draw."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from PIL import Image

from devices.faces import draw
from domain.catalog.content import ContentUnit
from domain.labels import LABEL_MODELS, FaceFields, LabelModel, template_for
from domain.money import Money
from domain.pricing.unit_price import UnitPrice

HONG_KONG = ZoneInfo("Asia/Hong_Kong")
SIZES = ("1.54", "2.13", "2.66", "2.9", "4.2", "7.5")
# One panel of every size, and every palette among them.
MODELS = [
    LABEL_MODELS[f"epd-{inches}-{palette}"]
    for inches, palette in zip(SIZES, ("bwy", "bwr", "bw", "bwr", "bwry", "bwry"), strict=True)
]
STRIP = LABEL_MODELS["epd-2.9-bwr"]
SHEET = LABEL_MODELS["epd-4.2-bwry"]
LONG = "水次元5 Hydro 5 Premium Groomer 修整造型刀 - 4in1 套裝 (1刀把 + 1刀頭 + 1電池)"


def hkd(minor: int) -> Money:
    """An amount in Hong Kong dollars."""
    return Money(minor, "HKD")


OIL = FaceFields(
    sku="173520",
    name_zh="初榨橄欖油 1公升",
    name_en="Extra Virgin Olive Oil 1L",
    brand="純一",
    amount=hkd(12990),
    unit_price=UnitPrice(hkd(1299), Decimal(100), ContentUnit.MILLILITRE),
    origin="意大利",
)
COMPARED = replace(
    OIL, compare_at=hkd(15900), ends_at=datetime(2026, 12, 1, tzinfo=HONG_KONG), gtin="4891028164395"
)
FACES = {
    "regular": OIL,
    "promotion": COMPARED,
    "offer": replace(OIL, offer="買2件$220.00", ends_at=datetime(2026, 12, 24, 14, 30, tzinfo=HONG_KONG)),
    "both": replace(COMPARED, offer="買2件$220.00"),
    "clearance": replace(COMPARED, clearance=True),
    "member": replace(OIL, member_amount=hkd(11990)),
    "sold_out": replace(OIL, sold_out=True),
    "absent": replace(OIL, amount=None),
    "long": replace(OIL, name_zh=LONG, name_en="Hydro 5 Premium Groomer Razor " * 4, amount=hkd(2_828_300)),
    "bare": FaceFields(sku="X", name_zh="", name_en="", amount=hkd(5)),
    "gtin": replace(OIL, gtin="4891028164395"),
    "odd": replace(OIL, name_zh="\u200b\tA\x00\u2028" + "字" * 200, brand="🙂", offer="\n" * 3 + "W" * 300),
}


def picture(fields: FaceFields, model: LabelModel = STRIP) -> Image.Image:
    """The face as an image, by the template its fields ask for."""
    return Image.open(io.BytesIO(draw(fields, template_for(fields), model)))
