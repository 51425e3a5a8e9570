"""How names fit: whole glyphs, lines, cuts; and how amounts, units and dates are written."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from devices.faces import glyphs
from devices.faces.wording import price_text, unit_price_text, until_text, words
from domain.catalog.content import ContentUnit
from domain.money import Money
from domain.pricing.unit_price import UnitPrice
from graph.demo.loader import SAMPLE
from tests.devices.samples import HONG_KONG, LONG, hkd

HK_PRICEWATCH = Path(__file__).resolve().parents[3] / "shared" / "data" / "hk_pricewatch"


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


@pytest.mark.parametrize(
    ("ends_at", "text"),
    [
        (datetime(2026, 12, 1, tzinfo=HONG_KONG), "至11月30日"),
        (datetime(2026, 12, 1, 0, 1, tzinfo=HONG_KONG), "至12月1日00:01"),
        (datetime(2026, 1, 1, tzinfo=HONG_KONG), "至12月31日"),
        (datetime(2026, 11, 30, 16, tzinfo=UTC), "至11月30日16:00"),
    ],
)
def test_an_offer_names_its_last_day(ends_at: datetime, text: str) -> None:
    assert until_text(ends_at) == text


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


@pytest.mark.parametrize("folder", [SAMPLE, HK_PRICEWATCH], ids=["sample", "whole"])
def test_every_character_of_the_catalogue_has_a_glyph(folder: Path) -> None:
    if not folder.exists():
        pytest.skip(f"no real data here: {folder}")
    characters: set[str] = set()
    for name in ("products.csv.gz", "offers.csv.gz"):
        with gzip.open(folder / name, "rt", encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                characters.update(glyphs.clean(" ".join(row)))
    assert len(characters) > 1_000
    assert {character for character in characters if not glyphs.has_glyph(character)} == set()


@pytest.mark.parametrize(
    ("character", "there"), [("價", True), ("é", True), ("🙂", False), ("\u0378", False)]
)
def test_a_missing_glyph_is_seen(character: str, there: bool) -> None:
    assert glyphs.has_glyph(character) is there
