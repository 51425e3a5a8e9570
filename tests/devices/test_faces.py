"""Faces: golden pictures, palette, bytes, hash, and what each template says."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from PIL import Image

from devices.faces import draw, draw_packed, face_hash
from devices.faces.canvas import INKS, Ink
from devices.faces.packed import unpack
from domain.catalog.content import ContentUnit
from domain.labels import LABEL_MODELS, FaceFields, FaceTemplate, LabelModel, LabelPalette, template_for
from domain.money import Money
from domain.pricing.unit_price import UnitPrice
from tests.devices import golden
from tests.devices.samples import FACES, MODELS, OIL, SHEET, STRIP, hkd, picture


def inks(image: Image.Image) -> dict[tuple[int, int, int], int]:
    colours = image.convert("RGB").getcolors(16)
    assert colours is not None
    return {colour: count for count, colour in colours}


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.code)
def test_faces_look_as_they_were_approved(model: LabelModel) -> None:
    """Pixel by pixel; `python -m tests.devices.golden` draws them anew, and somebody looks at them."""
    for state in golden.STATES:
        drawn, approved = picture(FACES[state], model), Image.open(golden.path(state, model.code))
        assert drawn.convert("RGB").tobytes() == approved.convert("RGB").tobytes(), state


@pytest.mark.parametrize("palette", list(LabelPalette))
def test_a_face_has_the_panels_size_and_only_its_inks(palette: LabelPalette) -> None:
    for model in (one for one in LABEL_MODELS.values() if one.palette is palette):
        for fields in FACES.values():
            image = picture(fields, model)
            assert (image.format, image.mode, image.size) == ("PNG", "P", (model.width, model.height))
            assert set(inks(image)) <= {ink.value for ink in INKS[palette]}


def test_panels_come_in_six_sizes_with_their_pixels() -> None:
    assert len(LABEL_MODELS) == 24
    sizes = {(code.split("-")[1], model.width, model.height) for code, model in LABEL_MODELS.items()}
    assert sizes == {
        ("1.54", 200, 200),
        ("2.13", 250, 122),
        ("2.66", 296, 152),
        ("2.9", 296, 128),
        ("4.2", 400, 300),
        ("7.5", 800, 480),
    }


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.code)
def test_every_template_is_taken_for_every_face(model: LabelModel) -> None:
    for fields in FACES.values():
        for template in FaceTemplate:
            assert draw(fields, template, model).startswith(b"\x89PNG")


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.code)
def test_the_planes_are_the_picture(model: LabelModel) -> None:
    for name in ("both", "clearance", "long"):
        fields = FACES[name]
        image = picture(fields, model).convert("RGB")
        packed = unpack(draw_packed(fields, template_for(fields), model))
        assert (packed.palette, packed.width, packed.height) == (model.palette, model.width, model.height)
        planes = [ink for ink in INKS[model.palette] if ink is not Ink.WHITE]
        assert len(packed.planes) == len(planes)
        for x, y in ((x, y) for x in range(0, model.width, 3) for y in range(0, model.height, 3)):
            there = [ink.value for n, ink in enumerate(planes) if packed.inked(n, x, y)]
            assert (there or [Ink.WHITE.value]) == [image.getpixel((x, y))], (name, x, y)


def test_planes_pad_their_rows_and_what_is_no_face_is_refused() -> None:
    narrow = draw_packed(OIL, FaceTemplate.REGULAR, LABEL_MODELS["epd-2.13-bwr"])
    assert len(narrow) == 12 + 2 * 32 * 122
    assert all(not row & 0b111111 for row in unpack(narrow).planes[0][31::32])
    for broken in (b"", narrow[:11], narrow[:-1], b"X" + narrow[1:], narrow[:4] + b"\x09" + narrow[5:]):
        with pytest.raises(ValueError, match="face"):
            unpack(broken)


def test_the_same_input_gives_the_same_bytes_in_another_process_and_order() -> None:
    program = (
        "import hashlib; from tests.devices.test_faces import *\n"
        "names = ['long', 'both', 'regular']\n"
        "print(*(drawn_hash(FACES[name], model) for name in names for model in MODELS[::-1]))"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    here = [drawn_hash(FACES[name], model) for name in ("regular", "both", "long") for model in MODELS]
    assert other.stdout.split() == here[::-1]


def drawn_hash(fields: FaceFields, model: LabelModel) -> str:
    template = template_for(fields)
    both = draw(fields, template, model) + draw_packed(fields, template, model)
    return hashlib.sha256(both).hexdigest()


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("regular", FaceTemplate.REGULAR),
        ("promotion", FaceTemplate.PROMOTION),
        ("offer", FaceTemplate.PROMOTION),
        ("both", FaceTemplate.PROMOTION),
        ("clearance", FaceTemplate.CLEARANCE),
        ("member", FaceTemplate.MEMBER),
        ("sold_out", FaceTemplate.SOLD_OUT),
        ("absent", FaceTemplate.NOT_FOR_SALE),
    ],
)
def test_the_template_follows_from_the_fields(name: str, template: FaceTemplate) -> None:
    assert template_for(FACES[name]) is template


def test_absence_comes_before_clearance_and_clearance_before_promotion() -> None:
    assert template_for(replace(FACES["clearance"], sold_out=True)) is FaceTemplate.SOLD_OUT
    assert template_for(replace(FACES["clearance"], amount=None)) is FaceTemplate.NOT_FOR_SALE
    assert template_for(replace(FACES["clearance"], compare_at=None)) is FaceTemplate.CLEARANCE


def test_only_offers_and_member_prices_take_the_accent() -> None:
    red = {name: inks(picture(FACES[name])).get((255, 0, 0), 0) for name in FACES}
    area = STRIP.width * STRIP.height
    assert red["regular"] == red["sold_out"] == red["absent"] == red["long"] == 0
    assert red["promotion"] > area // 4
    assert red["offer"] > area // 4
    assert red["member"] > area // 8


def test_clearance_is_told_from_promotion_by_its_own_colour_where_there_is_one() -> None:
    yellow = {name: inks(picture(FACES[name], SHEET)).get((255, 255, 0), 0) for name in FACES}
    area = SHEET.width * SHEET.height
    assert yellow["clearance"] > area // 5 > yellow["promotion"] > yellow["regular"] == 0


CHANGES: list[dict[str, object]] = [
    {"sku": "173521"},
    {"name_zh": "橄欖油"},
    {"name_en": "Oil"},
    {"amount": hkd(12991)},
    {"amount": Money(12990, "CNY")},
    {"amount": None},
    {"brand": None},
    {"gtin": "4891028164395"},
    {"unit_price": None},
    {"unit_price": UnitPrice(hkd(1299), Decimal(1), ContentUnit.MILLILITRE)},
    {"unit_price": UnitPrice(hkd(1299), Decimal(100), ContentUnit.GRAM)},
    {"origin": "西班牙"},
    {"compare_at": hkd(15900)},
    {"member_amount": hkd(11990)},
    {"offer": "買2件$220.00"},
    {"ends_at": datetime(2026, 12, 1, tzinfo=UTC)},
    {"clearance": True},
    {"sold_out": True},
    {"locale": "zh-CN"},
    {"link_base": "https://other.example"},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: "-".join(c))
def test_every_field_that_may_show_changes_the_hash(change: dict[str, object]) -> None:
    before = face_hash(OIL, FaceTemplate.REGULAR, STRIP)
    assert len(before) == 64
    assert face_hash(replace(OIL, **change), FaceTemplate.REGULAR, STRIP) != before


def test_template_and_panel_change_the_hash_and_the_price_version_does_not() -> None:
    before = face_hash(OIL, FaceTemplate.REGULAR, STRIP)
    assert face_hash(OIL, FaceTemplate.PROMOTION, STRIP) != before
    assert face_hash(OIL, FaceTemplate.REGULAR, SHEET) != before
    assert face_hash(OIL, FaceTemplate.REGULAR, replace(STRIP, palette=LabelPalette.BW)) != before
    assert face_hash(replace(OIL, price_version=7), FaceTemplate.REGULAR, STRIP) == before
    same = UnitPrice(hkd(1299), Decimal("1.0E+2"), ContentUnit.MILLILITRE)
    assert face_hash(replace(OIL, unit_price=same), FaceTemplate.REGULAR, STRIP) == before


def test_no_field_is_left_out_of_the_hash() -> None:
    told = {key for change in CHANGES for key in change}
    assert told | {"price_version"} == set(FaceFields.__dataclass_fields__)


@pytest.mark.parametrize(("minor", "largest"), [(1, True), (9_999_999_99, False)])
def test_the_price_keeps_clear_of_the_codes(minor: int, largest: bool) -> None:
    """Nothing but the code stands on the code's square, however long the price is."""
    for model in MODELS:
        left, top = 0, model.height - 66
        plain = picture(replace(OIL, amount=hkd(12990), origin=None, unit_price=None), model)
        priced = picture(replace(OIL, amount=hkd(minor), origin=None, unit_price=None), model)
        box = (left, top, 66, model.height)
        assert plain.crop(box).tobytes() == priced.crop(box).tobytes()
