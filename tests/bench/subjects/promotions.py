"""The promotion engine by itself: a large basket, and two hundred promotions that all run."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from functools import partial

from domain.promotions.benefits import AmountOff, Benefit, BundlePrice, BuyGet, PercentOff, SpendSave, Step
from domain.promotions.book import PromotionBook
from domain.promotions.drafts import usual_exclusion, usual_layer
from domain.promotions.terms import BasketLine, Promotion, Situation, Target
from tests.bench.stage import Stage
from tests.bench.subject import Column, Findings, subject
from tests.bench.timing import each

_LINES = 50
_PROMOTIONS = 200
_HERE = Situation(at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC), channel="app", currency_code="HKD")


def _benefit(number: int) -> Benefit:
    kinds: tuple[Benefit, ...] = (
        PercentOff(500 + 10 * number),
        AmountOff(100 + number),
        BuyGet(1, 1, 5000),
        BundlePrice(2, 3000),
        SpendSave((Step(10_000, 800), Step(30_000, 3000))),
    )
    return kinds[number % len(kinds)]


def _promotion(number: int, target: Target) -> Promotion:
    benefit = _benefit(number)
    return Promotion(
        code=f"P{number:03}",
        names={"en": f"Promotion {number}"},
        benefit=benefit,
        currency_code="HKD",
        target=target,
        layer=usual_layer(benefit),
        excludes=usual_exclusion(benefit),
    )


def mall(skus: int, categories: int, brands: int, *, seed: int = 7) -> tuple[list[BasketLine], PromotionBook]:
    """A basket, and promotions on lists of skus, categories, brands and everything, in a mall of a size.

    The smaller the mall, the more promotions want the same line.
    """
    chance = random.Random(seed)

    def target(number: int) -> Target:
        kind = number % 20
        if kind < 10:
            return Target(skus=frozenset(f"S{chance.randrange(skus)}" for _ in range(10)))
        if kind < 15:
            return Target(categories=frozenset({f"C{chance.randrange(categories)}"}))
        if kind < 19:
            return Target(brands=frozenset({f"B{chance.randrange(brands)}"}))
        return Target()

    lines = [
        BasketLine(
            key=f"line-{number}",
            sku=f"S{chance.randrange(skus)}",
            quantity=chance.randrange(1, 6),
            unit_minor=chance.randrange(500, 20_000),
            categories=(f"D{number % 5}", f"C{chance.randrange(categories)}"),
            brand=f"B{chance.randrange(brands)}",
        )
        for number in range(_LINES)
    ]
    return lines, PromotionBook(_promotion(number, target(number)) for number in range(_PROMOTIONS))


@subject("promotions", f"the promotion engine: {_LINES} lines x {_PROMOTIONS} running promotions", place=4)
async def promotions(_: Stage) -> Findings:
    """CPU of settling one basket in this process."""
    found = Findings(
        f"Promotions: a basket of {_LINES} lines, {_PROMOTIONS} running promotions",
        (
            Column("mall", "mall"),
            Column("wanted", "promotions a line", digits=1),
            Column("applied", "applied"),
            Column("cpu_us", "CPU", "µs"),
        ),
    )
    for name, size in {
        "3,000 skus, 200 categories, 300 brands": (3000, 200, 300),
        "200 skus, 40 categories, 60 brands": (200, 40, 60),
    }.items():
        lines, book = mall(*size)
        outcome = book.discounts(lines, _HERE)
        assert outcome.total_minor == sum(outcome.by_line.values()) > 0
        found.rows.append(
            {
                "mall": name,
                "wanted": sum(len(book.running(_HERE, line)) for line in lines) / _LINES,
                "applied": len(outcome.applied),
                "cpu_us": each(partial(book.discounts, lines, _HERE)).cpu_us,
            }
        )
    return found
