"""What shops' own offers say, and what is left alone; the share of real ones that is understood."""

from __future__ import annotations

import csv
import gzip
import re
from decimal import Decimal
from pathlib import Path

import pytest

from domain.promotions.offer_texts import Meaning, OfferKind, read, understood

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "graph" / "sample" / "hk_pricewatch" / "offers.csv.gz"
WHOLE = ROOT.parent / "shared" / "data" / "hk_pricewatch" / "offers.csv.gz"
D = Decimal


def buy_for(quantity: int, amount: str) -> Meaning:
    return Meaning(OfferKind.BUY_FOR, quantity, amount=D(amount))


def buy_save(quantity: int, amount: str) -> Meaning:
    return Meaning(OfferKind.BUY_SAVE, quantity, amount=D(amount))


def percent_off(quantity: int, percent: str) -> Meaning:
    return Meaning(OfferKind.BUY_PERCENT, quantity, percent=D(percent))


def buy_get(quantity: int, get: int, percent: str = "100") -> Meaning:
    return Meaning(OfferKind.BUY_GET, quantity, percent=D(percent), get=get)


@pytest.mark.parametrize(
    ("text", "meanings"),
    [
        ("Buy 2 to save $4.00", {buy_save(2, "4")}),
        ("buy 3 save $10.5", {buy_save(3, "10.5")}),
        ("买2件悭$4.00", {buy_save(2, "4")}),
        ("Buy 2 at $55", {buy_for(2, "55")}),
        ("Buy 2 item(s) for $55", {buy_for(2, "55")}),
        ("Buy 2 item(s) for $55 /", {buy_for(2, "55")}),
        ("2 For $55.90", {buy_for(2, "55.9")}),
        ("Buy 6 pcs $100", {buy_for(6, "100")}),
        ("$55任拣2件", {buy_for(2, "55")}),
        ("买2件$55", {buy_for(2, "55")}),
        ("买2件只需$55", {buy_for(2, "55")}),
        ("Buy 2 to get 15% off", {percent_off(2, "15")}),
        ("3 Or More 15%Off", {percent_off(3, "15")}),
        ("买2件享15%折扣", {percent_off(2, "15")}),
        ("买2件享85折", {percent_off(2, "15")}),
        ("买2件8折", {percent_off(2, "20")}),
        ("买2件或以上8.5折", {percent_off(2, "15")}),
        ("Buy 2 get 1 free", {buy_get(2, 1)}),
        ("买2送1", {buy_get(2, 1)}),
        ("Buy 2nd at half price WK6", {buy_get(1, 1, "50")}),
        ("2nd 50% Off", {buy_get(1, 1, "50")}),
        ("买2件第2件半价", {buy_get(1, 1, "50")}),
        ("第2件6折", {buy_get(1, 1, "40")}),
        ("Buy 2 at $30 / Buy 3 to save $9", {buy_for(2, "30"), buy_save(3, "9")}),
    ],
)
def test_what_can_not_be_mistaken(text: str, meanings: set[Meaning]) -> None:
    assert read(text) == meanings


@pytest.mark.parametrize(
    "text",
    [
        "",
        " / ",
        "Half price",
        "Buy 2 at $30 / MILK EGGS $60F2 DUTCH LADY",  # one part that is not understood spoils the whole
        "Buy 0 to save $4.00",
        "Buy 2 to save $0",
        "Buy 101 at $5",
        "100% off",
        "0% off",
        "10折",  # ten tenths are the whole price
        "12.5折",
        "Buy 1st at half price",
        "买3件第2件半价",  # of three, how many at half price?
        "Purchase 2 pcs of sauce items, enjoy 10% off.",  # of other goods too
        "Spend $300 get 10% OFF for the whole basket, TODAY only.",
        "$10任拣2件,送1",
        "Buy ２ at $30",
    ],
)
def test_what_is_left_alone(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["Buy 2 at $55", "$55任拣2件"], True),
        (["Buy 2 at $55 / Buy 3 to save $9", "买3件悭$9 / 买2件$55.00"], True),
        (["Buy 2 at $55"], True),
        (["Buy 2 at $55", ""], True),
        (["Buy 2 at $199.00", "买4件$199.00"], False),  # they say different things
        (["Buy 2 at $55", "送礼品"], False),
        ([], False),
        ([""], False),
    ],
)
def test_all_languages_say_the_same(texts: list[str], says: bool) -> None:
    assert (understood(texts) is not None) is says


def share_of(path: Path) -> tuple[int, float]:
    """How many rows there are, and the percentage of them that is understood."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [(row["offer_en"], row["offer_zh_hans"]) for row in csv.DictReader(file)]
    known = sum(understood(texts) is not None for texts in rows)
    return len(rows), 100 * known / len(rows)


def told() -> list[str]:
    page = (ROOT / "docs" / "promotions.md").read_text(encoding="utf-8")
    return re.findall(r"(\d+\.\d) %", page.partition("## Offers that shops word")[2])


def test_the_share_of_the_sample_is_the_one_the_docs_tell() -> None:
    rows, share = share_of(SAMPLE)
    print(f"\n{share:.1f} % of {rows:,} sample offers understood")  # noqa: T201
    assert (rows, f"{share:.1f}") == (1835, told()[1])


@pytest.mark.skipif(not WHOLE.exists(), reason=f"the whole data is not there: {WHOLE}")
def test_the_share_of_all_real_offers_is_the_one_the_docs_tell() -> None:
    rows, share = share_of(WHOLE)
    print(f"\n{share:.1f} % of {rows:,} offers understood")  # noqa: T201
    assert (rows, f"{share:.1f}") == (21_030, told()[0])
