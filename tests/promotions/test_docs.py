"""Every example of docs/promotions.md, read from its table and run."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.promotions.benefits import (
    AmountOff,
    Benefit,
    BundlePrice,
    BuyGet,
    PercentOff,
    SpendSave,
    Step,
)
from domain.promotions.book import PromotionBook
from domain.promotions.drafts import usual_exclusion, usual_layer
from domain.promotions.terms import Excludes, Promotion, Target
from tests.promotions.making import line, promotion, situation

PAGE = Path(__file__).parents[2] / "docs" / "promotions.md"
PRICES = {"milk": 1000, "rice": 3000, "soap": 500}


def minor(text: str) -> int:
    return int(Decimal(text) * 100)


def examples() -> list[tuple[str, str, str]]:
    _, _, table = PAGE.read_text(encoding="utf-8").partition("## Examples")
    rows = re.findall(r"^\| (\d .+?) \| (.+?) \| (.+?) \|$", table, re.MULTILINE)
    return [(basket, promotions, off) for basket, promotions, off in rows]


def benefit_of(words: str) -> Benefit:
    if found := re.match(r"(\d+) % off", words):
        return PercentOff(int(found[1]) * 100)
    if found := re.match(r"([\d.]+) off", words):
        return AmountOff(minor(found[1]))
    if found := re.match(r"buy (\d) get (\d) (?:free|at (\d+) % off)", words):
        return BuyGet(int(found[1]), int(found[2]), int(found[3] or 100) * 100)
    if found := re.match(r"any (\d) for ([\d.]+)", words):
        return BundlePrice(int(found[1]), minor(found[2]))
    if found := re.match(r"every ([\d.]+) spent save ([\d.]+)", words):
        return SpendSave((Step(minor(found[1]), minor(found[2])),), every=True)
    steps = re.findall(r"spend ([\d.]+) save ([\d.]+)", words)
    assert steps, words
    return SpendSave(tuple(Step(minor(spend), minor(save)) for spend, save in steps))


def promotion_of(text: str) -> Promotion:
    code, _, words = text.partition(": ")
    benefit = benefit_of(words)
    more: dict[str, Any] = {"layer": usual_layer(benefit), "excludes": usual_exclusion(benefit)}
    if found := re.search(r"layer (\d)", words):
        more["layer"] = int(found[1])
    if found := re.search(r"priority (\d)", words):
        more["priority"] = int(found[1])
    if found := re.search(r"at most ([\d.]+)", words):
        more["most_minor"] = minor(found[1])
    if "excludes the basket" in words:
        more["excludes"] = Excludes.BASKET
    if "only with a coupon" in words:
        more["coupon_only"] = True
    if found := re.search(r"off (soap|milk|rice)", words):
        more["target"] = Target(skus=frozenset({found[1]}))
    return promotion(benefit, code, **more)


@pytest.mark.parametrize(("basket", "promotions", "off"), examples())
def test_an_example_of_the_docs(basket: str, promotions: str, off: str) -> None:
    lines = [
        line(sku, int(quantity), PRICES[sku])
        for quantity, sku in (part.split() for part in basket.split(", "))
    ]
    book = PromotionBook(map(promotion_of, promotions.split("; ")))
    applied = book.discounts(lines, situation()).applied
    told = ", ".join(f"{one.code} {Decimal(one.amount_minor) / 100:.2f}" for one in applied)
    assert (told or "nothing") == off


def test_the_docs_have_examples() -> None:
    assert len(examples()) > 15
