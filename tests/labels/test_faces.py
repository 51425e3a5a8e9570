"""Faces: palette, bytes, hash, what each template says, and how names and prices fit."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from dataclasses import replace
from decimal import Decimal

import pytest
import segno
from PIL import Image

from devices.faces import codes, draw, face_hash, glyphs
from devices.faces.canvas import INKS
from devices.faces.wording import price_text, unit_price_text, words
from domain.catalog.content import ContentUnit
from domain.labels import (
    LABEL_MODELS,
    FaceFields,
    FaceTemplate,
    LabelModel,
    LabelPalette,
    template_for,
)
from domain.money import Money
from domain.pricing.unit_price import UnitPrice

MODELS = list(LABEL_MODELS.values())
STRIP = LABEL_MODELS["epd-2.9-bwr"]
SHEET = LABEL_MODELS["epd-4.2-bwry"]
LONG = "水次元5 Hydro 5 Premium Groomer 修整造型刀 - 4in1 套裝 (1刀把 + 1刀頭 + 1電池)"


def hkd(minor: int) -> Money:
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
FACES = {
    "regular": OIL,
    "promotion": replace(OIL, compare_at=hkd(15900)),
    "offer": replace(OIL, offer="買2件$220.00"),
    "both": replace(OIL, compare_at=hkd(15900), offer="買2件$220.00"),
    "member": replace(OIL, member_amount=hkd(11990)),
    "sold_out": replace(OIL, sold_out=True),
    "absent": replace(OIL, amount=None),
    "long": replace(OIL, name_zh=LONG, name_en="Hydro 5 Premium Groomer Razor " * 4, amount=hkd(2_828_300)),
    "bare": FaceFields(sku="X", name_zh="", name_en="", amount=hkd(5)),
    "gtin": replace(OIL, gtin="4891028164395"),
    "odd": replace(OIL, name_zh="\u200b\tA\x00\u2028" + "字" * 200, brand="🙂", offer="\n" * 3 + "W" * 300),
}


def picture(fields: FaceFields, model: LabelModel = STRIP) -> Image.Image:
    return Image.open(io.BytesIO(draw(fields, template_for(fields), model)))


def inks(image: Image.Image) -> dict[tuple[int, int, int], int]:
    colours = image.convert("RGB").getcolors(16)
    assert colours is not None
    return {colour: count for count, colour in colours}


@pytest.mark.parametrize("palette", list(LabelPalette))
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.code)
@pytest.mark.parametrize("name", FACES)
def test_a_face_has_the_panels_size_and_only_its_inks(
    name: str, model: LabelModel, palette: LabelPalette
) -> None:
    image = picture(FACES[name], replace(model, palette=palette))
    assert (image.format, image.mode, image.size) == ("PNG", "P", (model.width, model.height))
    assert set(inks(image)) <= {ink.value for ink in INKS[palette]}


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.code)
@pytest.mark.parametrize("name", FACES)
def test_every_template_is_taken_for_every_face(name: str, model: LabelModel) -> None:
    for template in FaceTemplate:
        assert draw(FACES[name], template, model).startswith(b"\x89PNG")


def test_the_same_input_gives_the_same_bytes_in_another_process() -> None:
    program = (
        "import sys, hashlib; from tests.labels.test_faces import FACES, MODELS, draw, template_for\n"
        "order = list(FACES.values())[:: int(sys.argv[1])]\n"
        "out = [hashlib.sha256(draw(f, template_for(f), m)).hexdigest() for f in order for m in MODELS]\n"
        "print(*sorted(out))"
    )
    once, again = (
        subprocess.run([sys.executable, "-c", program, step], capture_output=True, text=True, check=True)
        for step in ("1", "-1")
    )
    assert len(once.stdout.split()) == len(FACES) * len(MODELS)
    assert once.stdout == again.stdout


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("regular", FaceTemplate.REGULAR),
        ("promotion", FaceTemplate.PROMOTION),
        ("offer", FaceTemplate.PROMOTION),
        ("member", FaceTemplate.MEMBER),
        ("sold_out", FaceTemplate.SOLD_OUT),
        ("absent", FaceTemplate.NOT_FOR_SALE),
    ],
)
def test_the_template_follows_from_the_fields(name: str, template: FaceTemplate) -> None:
    assert template_for(FACES[name]) is template


def test_only_offers_and_member_prices_take_the_accent() -> None:
    red = {name: inks(picture(FACES[name])).get((255, 0, 0), 0) for name in FACES}
    area = STRIP.width * STRIP.height
    assert red["regular"] == red["sold_out"] == red["absent"] == red["long"] == 0
    assert red["promotion"] > area // 4
    assert red["offer"] > area // 4
    assert red["member"] > area // 8


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


@pytest.mark.parametrize(
    ("money", "text", "parts"),
    [
        (hkd(5), "$0.05", ("$", "0", "05")),
        (hkd(1000), "$10.00", ("$", "10", "00")),
        (hkd(99_999), "$999.99", ("$", "999", "99")),
        (hkd(100_000), "$1,000.00", ("$", "1,000", "00")),
        (Money(1250, "CNY"), "¥12.50", ("¥", "12", "50")),
        (Money(1250, "JPY"), "¥1,250", ("¥", "1,250", "")),
        (Money(1250, "KWD"), "KWD 1.250", ("KWD ", "1", "250")),
    ],
)
def test_amounts_are_written_with_sign_separator_and_minor_digits(
    money: Money, text: str, parts: tuple[str, str, str]
) -> None:
    written = price_text(money)
    assert (written.sign, written.whole, written.cents) == parts
    assert str(written) == text


@pytest.mark.parametrize(
    ("per", "unit", "text"),
    [
        ("100", ContentUnit.GRAM, "每100克 $2.35"),
        ("1E+2", ContentUnit.MILLILITRE, "每100毫升 $2.35"),
        ("1", ContentUnit.KILOGRAM, "每公斤 $2.35"),
        ("1.0", ContentUnit.LITRE, "每公升 $2.35"),
        ("0.5", ContentUnit.METRE, "每0.5米 $2.35"),
        ("10", ContentUnit.PIECE, "每10件 $2.35"),
    ],
)
def test_the_unit_price_names_its_unit(per: str, unit: ContentUnit, text: str) -> None:
    assert unit_price_text(UnitPrice(hkd(235), Decimal(per), unit)) == text


@pytest.mark.parametrize(
    ("locale", "word"),
    [
        ("zh-HK", "產地"),
        ("zh-Hant", "產地"),
        ("zh_TW", "產地"),
        ("zh-CN", "产地"),
        ("zh", "产地"),
        ("en", "产地"),
    ],
)
def test_fixed_words_follow_the_script(locale: str, word: str) -> None:
    assert words(locale).origin == word


@pytest.mark.parametrize("room", [60, 100, 234, 280])
@pytest.mark.parametrize("text", [LONG, "字" * 90, "W" * 90, "a " * 60, "純一 初榨橄欖油 1公升"])
def test_lines_stay_within_their_room_and_lose_nothing(text: str, room: int) -> None:
    style = glyphs.bold(14)
    lines = glyphs.wrap(text, style, room)
    assert max(glyphs.width(line, style) for line in lines) <= room
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert not any(line[0] in "，。、)」%" for line in lines[1:])


def test_a_measure_stays_with_its_number() -> None:
    style = glyphs.regular(14)
    for room in range(60, 200, 3):
        assert any(
            "750毫升" in line for line in glyphs.wrap("卡貝納 (切拉子赤霞珠) 紅酒 750毫升", style, room)
        )


def test_a_short_remark_in_brackets_stays_whole() -> None:
    style = glyphs.regular(14)
    for room in range(60, 200, 3):
        assert any("(低糖)" in line for line in glyphs.wrap("錫蘭檸檬茶 (低糖) 250毫升 x 6", style, room))


def test_a_name_too_long_keeps_its_content() -> None:
    style, lines = glyphs.fit("多種維他命" * 20 + " 100粒", ((glyphs.bold(14), 2),), 234)
    assert style == glyphs.bold(14)
    assert len(lines) == 2
    assert "…" in lines[-1]
    assert lines[-1].endswith("100粒")


@pytest.mark.parametrize(("minor", "largest"), [(1, True), (9_999_999_99, False)])
def test_the_price_keeps_clear_of_the_codes(minor: int, largest: bool) -> None:
    """Nothing but the code stands on the code's square, however long the price is."""
    for model in MODELS:
        left, top = 0, model.height - 66
        plain = picture(replace(OIL, amount=hkd(12990), origin=None, unit_price=None), model)
        priced = picture(replace(OIL, amount=hkd(minor), origin=None, unit_price=None), model)
        box = (left, top, 66, model.height)
        assert plain.crop(box).tobytes() == priced.crop(box).tobytes()


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        (FACES["gtin"], "https://id.gs1.org/01/04891028164395"),
        (replace(OIL, gtin="96385074"), "https://id.gs1.org/01/00000096385074"),
        (OIL, "https://shelf.example/173520"),
        (replace(OIL, sku="a/b 1", link_base="https://s.example/p/"), "https://s.example/p/a%2Fb%201"),
    ],
)
def test_the_code_leads_to_the_article(fields: FaceFields, url: str) -> None:
    assert codes.link(fields) == url


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.code)
def test_the_qr_code_is_crisp_with_its_quiet_zone(model: LabelModel) -> None:
    scale = 3 if model is SHEET else 2
    margin = 12 if model is SHEET else 8
    left = 14 if model is SHEET else 8
    expected = segno.make("HTTPS://ID.GS1.ORG/01/04891028164395", version=2, error="M", mask=3)
    side = len(expected.matrix)
    image = picture(FACES["gtin"], model).convert("L").point([255 if v else 0 for v in range(256)])
    top = model.height - margin - side * scale
    for y, row in enumerate(expected.matrix):
        for x, dark in enumerate(row):
            square = image.crop(
                (left + x * scale, top + y * scale, left + (x + 1) * scale, top + (y + 1) * scale)
            )
            assert square.getextrema() == ((0, 0) if dark else (255, 255))
    quiet = image.crop((0, top - 4 * scale, left, model.height))
    assert quiet.getextrema() == (255, 255)


def test_a_long_link_shrinks_its_modules_before_it_leaves_its_place() -> None:
    wide = replace(OIL, link_base="https://a-rather-long-resolver.shop.example/label/of/article")
    assert picture(wide).size == (STRIP.width, STRIP.height)
    code = codes.qr(codes.link(wide), 1)
    assert code.width * 2 > 58 >= code.width


@pytest.mark.parametrize(
    ("gtin", "drawn"),
    [
        ("4891028164395", True),
        ("04891028164395", True),
        ("012345678905", True),
        ("96385074", False),
        ("14891028164392", False),
        ("48910281643X5", False),
    ],
)
def test_bars_are_drawn_for_what_ean13_can_say(gtin: str, drawn: bool) -> None:
    bars = codes.ean13(gtin, 2, 40)
    assert (bars is not None) is drawn
    if bars is not None:
        assert bars.size == (190, 40)
        row = [bars.getpixel((x, 0)) for x in range(190)]
        assert row[:6] == [255, 255, 0, 0, 255, 255]
        assert row[0::2] == row[1::2]


LEFT_ODD = (
    *("0001101", "0011001", "0010011", "0111101", "0100011"),
    *("0110001", "0101111", "0111011", "0110111", "0001011"),
)
PARITY = (
    *("LLLLLL", "LLGLGG", "LLGGLG", "LLGGGL", "LGLLGG"),
    *("LGGLLG", "LGGGLL", "LGLGLG", "LGLGGL", "LGGLGL"),
)


def test_the_bars_read_back_as_the_gtin() -> None:
    """Decoded by the tables of the standard (GS1 General Specifications, 5.2.1), from the picture itself."""
    image = picture(FACES["gtin"], SHEET).convert("L")
    y, x = SHEET.height - 50, SHEET.width - 14 - 190
    modules = "".join("1" if image.getpixel((x + 2 * n, y)) == 0 else "0" for n in range(95))
    assert modules[:3] == modules[-3:] == "101"
    digits, signs = "", ""
    for n in range(6):
        symbol = modules[3 + 7 * n : 10 + 7 * n]
        mirrored = "".join("10"[int(bit)] for bit in reversed(symbol))
        signs += "L" if symbol in LEFT_ODD else "G"
        digits += str(LEFT_ODD.index(symbol if symbol in LEFT_ODD else mirrored))
    for n in range(6):
        symbol = "".join("10"[int(bit)] for bit in modules[50 + 7 * n : 57 + 7 * n])
        digits += str(LEFT_ODD.index(symbol))
    assert str(PARITY.index(signs)) + digits == "4891028164395"


def test_a_redraw_takes_a_few_milliseconds() -> None:
    """Prices change while names stay; generous against a busy machine, the target is 10 ms."""
    draw(OIL, FaceTemplate.REGULAR, STRIP)
    took = []
    for minor in range(100, 130):
        started = time.perf_counter()
        draw(replace(OIL, amount=hkd(minor)), FaceTemplate.REGULAR, STRIP)
        took.append(time.perf_counter() - started)
    assert sorted(took)[len(took) // 2] < 0.03
