"""Codes: what they say, read back by an independent reader from the face itself, and what they keep clear."""

from __future__ import annotations

from dataclasses import replace

import pytest
import segno
import zxingcpp

from devices.faces import codes
from domain.labels import LABEL_MODELS, FaceFields, LabelModel
from tests.devices.samples import FACES, MODELS, OIL, STRIP, picture


def read(fields: FaceFields, model: LabelModel) -> dict[str, str]:
    """Every code a reader finds on the face, by its kind."""
    found = zxingcpp.read_barcodes(picture(fields, model).convert("L"))
    return {code.format.name: code.text for code in found}


@pytest.mark.parametrize("palette", ["bw", "bwr", "bwy", "bwry"])
@pytest.mark.parametrize("state", ["gtin", "both", "clearance"])
def test_a_reader_reads_the_codes_of_every_panel(state: str, palette: str) -> None:
    for model in (one for code, one in LABEL_MODELS.items() if code.endswith(f"-{palette}")):
        bars = {"EAN13": "4891028164395"} if model.height >= 300 else {}
        assert read(FACES[state], model) == {"QRCode": "HTTPS://ID.GS1.ORG/01/04891028164395"} | bars


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.code)
def test_an_article_without_a_gtin_leads_to_the_shop(model: LabelModel) -> None:
    assert read(OIL, model) == {"QRCode": "HTTPS://SHELF.EXAMPLE/173520"}
    longer = replace(OIL, link_base="https://shop.example/a/long/way/to/an/article")
    assert read(longer, model) == {"QRCode": "https://shop.example/a/long/way/to/an/article/173520"}


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
    scale, left = {300: (3, 14), 480: (5, 22)}.get(model.height, (2, 8))
    margin = 4 * scale
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
