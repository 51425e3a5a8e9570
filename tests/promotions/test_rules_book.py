"""A whole basket: scope, layers and exclusion in tables, and what holds for every basket."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.promotions.benefits import AmountOff, Part, PercentOff, SpendSave, Step
from domain.promotions.book import Outcome, PromotionBook
from domain.promotions.terms import BasketLine, Excludes, Promotion, Target
from tests.promotions.making import NOON, baskets, line, promotion, promotions, situation

TENTH = PercentOff(1000)
SECOND = timedelta(seconds=1)
BASKET = [
    line("MILK", 2, 1000, categories=("food", "dairy"), brand="Lotus"),
    line("SOAP", 1, 500, categories=("care",), brand="Peak"),
]


def off(many: list[Promotion], **where: Any) -> Outcome:
    return PromotionBook(many).discounts(BASKET, situation(**where))


@pytest.mark.parametrize(
    ("scope", "where", "applies"),
    [
        ({}, {}, True),
        ({}, {"currency_code": "CNY"}, False),
        ({"channels": frozenset({"app", "h5"})}, {"channel": "h5"}, True),
        ({"channels": frozenset({"app"})}, {"channel": "h5"}, False),
        ({"stores": frozenset({"S1"})}, {"store": "S1"}, True),
        ({"stores": frozenset({"S1"})}, {"store": "S2"}, False),
        ({"stores": frozenset({"S1"})}, {}, False),
        ({"tiers": frozenset({"gold"})}, {"tier": "gold"}, True),
        ({"tiers": frozenset({"gold"})}, {"tier": "silver"}, False),
        ({"tiers": frozenset({"gold"})}, {}, False),
        ({"campaign": "room-8"}, {"campaign": "room-8"}, True),
        ({"campaign": "room-8"}, {}, False),
        ({"valid_from": NOON}, {}, True),
        ({"valid_from": NOON + SECOND}, {}, False),
        ({"valid_until": NOON + SECOND}, {}, True),
        ({"valid_until": NOON}, {}, False),
        ({"coupon_only": True}, {"unlocked": frozenset({"P1"})}, True),
        ({"coupon_only": True}, {"unlocked": frozenset({"P2"})}, False),
        ({"coupon_only": True}, {}, False),
        ({"per_member": 1}, {"is_member": True}, True),
        ({"per_member": 1}, {}, False),
        ({}, {"used_up": frozenset({"P1"})}, False),
    ],
)
def test_where_it_applies(scope: dict[str, Any], where: dict[str, Any], applies: bool) -> None:
    assert bool(off([promotion(TENTH, **scope)], **where).applied) is applies


@pytest.mark.parametrize(
    ("target", "by_line"),
    [
        (Target(), {"MILK": 200, "SOAP": 50}),
        (Target(skus=frozenset({"SOAP"})), {"SOAP": 50}),
        (Target(categories=frozenset({"food"})), {"MILK": 200}),  # the category above counts too
        (Target(brands=frozenset({"Peak"})), {"SOAP": 50}),
        (Target(skus=frozenset({"SOAP"}), categories=frozenset({"dairy"})), {"MILK": 200, "SOAP": 50}),
        (Target(except_skus=frozenset({"MILK"})), {"SOAP": 50}),
        (Target(except_categories=frozenset({"food"})), {"SOAP": 50}),
        (Target(except_brands=frozenset({"Lotus"})), {"SOAP": 50}),
        (Target(skus=frozenset({"MILK"}), except_brands=frozenset({"Lotus"})), {}),
        (Target(brands=frozenset({"Elsewhere"})), {}),
    ],
)
def test_which_lines_it_takes(target: Target, by_line: dict[str, int]) -> None:
    assert off([promotion(TENTH, target=target)]).by_line == by_line


HUNDRED = SpendSave((Step(2000, 100),))


@pytest.mark.parametrize(
    ("many", "applied"),
    [
        # Layers add up, each on what those before it left: 250, then a tenth of 2,250.
        ([promotion(TENTH, "A"), promotion(TENTH, "B", layer=2)], [("A", 250), ("B", 225)]),
        ([promotion(TENTH, "A", layer=2), promotion(TENTH, "B")], [("B", 250), ("A", 225)]),
        # What the first leaves is below the threshold.
        ([promotion(PercentOff(5000), "A"), promotion(HUNDRED, "B", layer=2)], [("A", 1250)]),
        # In a layer each line has the better one.
        (
            [
                promotion(TENTH, "A"),
                promotion(AmountOff(90), "B", target=Target(skus=frozenset({"SOAP"}))),
            ],
            [("A", 200), ("B", 90)],
        ),
        # One that excludes its layer applies when it takes more off than those that share.
        ([promotion(TENTH, "A"), promotion(HUNDRED, "B", excludes=Excludes.LAYER)], [("A", 250)]),
        (
            [promotion(AmountOff(10), "A"), promotion(HUNDRED, "B", excludes=Excludes.LAYER)],
            [("B", 100)],
        ),
        (
            [
                promotion(HUNDRED, "A", excludes=Excludes.LAYER),
                promotion(SpendSave((Step(500, 60),)), "B", excludes=Excludes.LAYER),
            ],
            [("A", 100)],
        ),
        # One that excludes everything has to beat all layers together.
        (
            [
                promotion(TENTH, "A"),
                promotion(HUNDRED, "B", layer=2),
                promotion(AmountOff(150), "C", excludes=Excludes.BASKET),
            ],
            [("C", 450)],
        ),
        (
            [
                promotion(TENTH, "A"),
                promotion(HUNDRED, "B", layer=2),
                promotion(AmountOff(110), "C", excludes=Excludes.BASKET),
            ],
            [("A", 250), ("B", 100)],
        ),
        # Among equals those that go together win, then priority, then the code.
        (
            [promotion(TENTH, "A"), promotion(TENTH, "B", excludes=Excludes.BASKET, priority=9)],
            [("A", 250)],
        ),
        (
            [
                promotion(TENTH, "A", excludes=Excludes.BASKET),
                promotion(TENTH, "B", excludes=Excludes.BASKET, priority=1),
            ],
            [("B", 250)],
        ),
        (
            [
                promotion(TENTH, "B", excludes=Excludes.BASKET),
                promotion(TENTH, "A", excludes=Excludes.BASKET),
            ],
            [("A", 250)],
        ),
        ([promotion(TENTH, "A", most_minor=100)], [("A", 100)]),
        ([promotion(TENTH, "A", min_quantity=3)], [("A", 250)]),
        ([promotion(TENTH, "A", min_quantity=4)], []),
        ([promotion(TENTH, "A", min_spend_minor=2500)], [("A", 250)]),
        ([promotion(TENTH, "A", min_spend_minor=2501)], []),
    ],
)
def test_how_they_go_together(many: list[Promotion], applied: list[tuple[str, int]]) -> None:
    assert [(one.code, one.amount_minor) for one in off(many).applied] == applied


@given(promotions(), baskets)
def test_discounts_sum_to_the_cent_and_no_line_falls_below_zero(
    many: list[Promotion], basket: list[BasketLine]
) -> None:
    outcome = PromotionBook(many).discounts(basket, situation())
    assert all(one.amount_minor == sum(one.shares.values()) > 0 for one in outcome.applied)
    assert outcome.total_minor == sum(outcome.by_line.values())
    worth = {one.key: one.quantity * one.unit_minor for one in basket}
    assert all(share <= worth[key] for key, share in outcome.by_line.items())
    assert all(share > 0 for one in outcome.applied for share in one.shares.values())


@given(promotions(), baskets, st.randoms(use_true_random=False))
def test_the_order_of_promotions_and_lines_changes_nothing(
    many: list[Promotion], basket: list[BasketLine], chance: random.Random
) -> None:
    shuffled, mixed = list(many), list(basket)
    chance.shuffle(shuffled)
    chance.shuffle(mixed)
    expected = PromotionBook(many).discounts(basket, situation())
    assert PromotionBook(shuffled).discounts(mixed, situation()) == expected


@given(promotions(), promotions(), baskets, st.sampled_from(["elsewhere", "over", "coupon", "target"]))
def test_promotions_that_do_not_apply_change_nothing(
    many: list[Promotion], strangers: list[Promotion], basket: list[BasketLine], why: str
) -> None:
    misfit: dict[str, dict[str, Any]] = {
        "elsewhere": {"channels": frozenset({"jd"})},
        "over": {"valid_until": NOON},
        "coupon": {"coupon_only": True},
        "target": {"target": Target(skus=frozenset({"NOBODY-HAS-IT"}))},
    }
    added = [
        promotion(
            one.benefit,
            f"0-{one.code}",
            **{"layer": one.layer, "priority": 9, "excludes": one.excludes} | misfit[why],
        )
        for one in strangers
    ]
    expected = PromotionBook(many).discounts(basket, situation())
    assert PromotionBook([*added, *many]).discounts(basket, situation()) == expected


@given(promotions(), baskets)
def test_exclusion_is_kept(many: list[Promotion], basket: list[BasketLine]) -> None:
    by_code = {one.code: one for one in many}
    applied = PromotionBook(many).discounts(basket, situation()).applied
    for one in applied:
        mine = by_code[one.code]
        for other in applied:
            theirs = by_code[other.code]
            if other is one:
                continue
            assert mine.excludes is not Excludes.BASKET
            if mine.layer == theirs.layer:
                assert mine.excludes is not Excludes.LAYER
                assert one.shares.keys().isdisjoint(other.shares)


@given(promotions(), baskets)
def test_nothing_alone_would_take_more_off(many: list[Promotion], basket: list[BasketLine]) -> None:
    outcome = PromotionBook(many).discounts(basket, situation())
    for one in many:
        if one.excludes is Excludes.BASKET:
            held = [Part(each.quantity, each.quantity * each.unit_minor) for each in basket]
            taken = PromotionBook([one]).discounts(basket, situation()).total_minor
            assert taken <= outcome.total_minor
            assert taken <= sum(part.left_minor for part in held)


def test_two_promotions_never_have_one_code() -> None:
    with pytest.raises(ValueError, match="one code"):
        PromotionBook([promotion(TENTH), promotion(HUNDRED)])
