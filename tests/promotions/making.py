"""Promotions, baskets and situations for tests: say what the test is about, the rest is made up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from domain.promotions.benefits import AmountOff, Benefit, BundlePrice, BuyGet, PercentOff, SpendSave, Step
from domain.promotions.terms import BasketLine, Excludes, Promotion, Situation, Target

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def promotion(benefit: Benefit, code: str = "P1", **more: Any) -> Promotion:
    """A promotion in HKD, on everything unless told otherwise."""
    return Promotion(
        **{"code": code, "names": {"en": code}, "benefit": benefit, "currency_code": "HKD"} | more
    )


def line(sku: str, quantity: int, unit_minor: int, **more: Any) -> BasketLine:
    """A line whose key is its sku."""
    return BasketLine(key=sku, sku=sku, quantity=quantity, unit_minor=unit_minor, **more)


def situation(**more: Any) -> Situation:
    """The app at noon, unless told otherwise."""
    return Situation(**{"at": NOON, "channel": "app", "currency_code": "HKD"} | more)


SKUS = ["MILK", "RICE", "SOAP", "TEA"]
CATEGORIES = ["food", "dairy", "care"]
BRANDS = ["Lotus", "Peak"]

percents = st.builds(PercentOff, st.sampled_from([1, 333, 1000, 2500, 9999, 10_000]))
amounts_off = st.builds(AmountOff, st.integers(1, 900))
most_sets = st.none() | st.integers(1, 2)
buy_gets = st.builds(
    BuyGet, st.integers(1, 3), st.integers(1, 2), st.sampled_from([3333, 5000, 10_000]), most_sets
)
bundles = st.builds(BundlePrice, st.integers(1, 4), st.integers(0, 2500), most_sets)
steps = st.builds(Step, st.integers(1, 3000), st.integers(1, 900))
spend_saves = st.builds(SpendSave, st.lists(steps, min_size=1, max_size=3).map(tuple)) | st.builds(
    SpendSave, st.tuples(steps), st.just(True)
)
benefits: st.SearchStrategy[Benefit] = percents | amounts_off | buy_gets | bundles | spend_saves

_sets = {
    name: st.frozensets(st.sampled_from(values), max_size=2)
    for name, values in (("skus", SKUS), ("categories", CATEGORIES), ("brands", BRANDS))
}
targets = st.builds(Target, **_sets, except_skus=_sets["skus"])


def promotions(**fixed: Any) -> st.SearchStrategy[list[Promotion]]:
    """Up to four promotions with codes of their own; what is fixed is the same for all."""
    parts: dict[str, Any] = {
        "benefit": benefits,
        "target": targets,
        "layer": st.integers(1, 2),
        "priority": st.integers(0, 1),
        "excludes": st.sampled_from([*Excludes, Excludes.LINE, Excludes.LINE]),
        "min_spend_minor": st.sampled_from([0, 0, 1500]),
        "min_quantity": st.sampled_from([0, 0, 3]),
        "most_minor": st.none() | st.integers(1, 1200),
    } | {name: st.just(value) for name, value in fixed.items()}
    one = st.fixed_dictionaries(parts)
    return st.lists(one, max_size=4).map(
        lambda many: [promotion(code=f"P{number}", **values) for number, values in enumerate(many)]
    )


lines = st.builds(
    BasketLine,
    key=st.just(""),
    sku=st.sampled_from(SKUS),
    quantity=st.integers(1, 7),
    unit_minor=st.integers(0, 3000),
    categories=st.sampled_from([(), ("food",), ("food", "dairy"), ("care",)]),
    brand=st.none() | st.sampled_from(BRANDS),
)


def _numbered(many: list[BasketLine]) -> list[BasketLine]:
    return [
        BasketLine(
            key=f"line-{number}",
            sku=one.sku,
            quantity=one.quantity,
            unit_minor=one.unit_minor,
            categories=one.categories,
            brand=one.brand,
        )
        for number, one in enumerate(many)
    ]


baskets = st.lists(lines, max_size=4).map(_numbered)
