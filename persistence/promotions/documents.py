"""How a promotion's benefit and target are written down, and read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from domain.promotions.benefits import (
    AmountOff,
    Benefit,
    BenefitKind,
    BundlePrice,
    BuyGet,
    PercentOff,
    SpendSave,
    Step,
)
from domain.promotions.terms import Promotion, Target
from persistence.promotions.tables import Promotion as Stored


def written_benefit(benefit: Benefit) -> dict[str, Any]:
    """The benefit as a document; its kind is kept beside it."""
    match benefit:
        case PercentOff(basis_points):
            return {"basis_points": basis_points}
        case AmountOff(amount_minor):
            return {"amount_minor": amount_minor}
        case BuyGet(buy, get, basis_points, most_sets):
            return {"buy": buy, "get": get, "basis_points": basis_points, "most_sets": most_sets}
        case BundlePrice(quantity, price_minor, most_sets):
            return {"quantity": quantity, "price_minor": price_minor, "most_sets": most_sets}
        case SpendSave(steps, every):
            return {"steps": [list(step) for step in steps], "every": every}
    raise TypeError(f"{benefit} is no benefit")


def benefit_of(kind: BenefitKind, document: Mapping[str, Any]) -> Benefit:
    """The benefit in a document."""
    if kind is BenefitKind.SPEND_SAVE:
        return SpendSave(tuple(Step(*step) for step in document["steps"]), document["every"])
    return _MADE_OF[kind](**document)


_MADE_OF: dict[BenefitKind, Callable[..., Benefit]] = {
    BenefitKind.PERCENT_OFF: PercentOff,
    BenefitKind.AMOUNT_OFF: AmountOff,
    BenefitKind.BUY_GET: BuyGet,
    BenefitKind.BUNDLE_PRICE: BundlePrice,
}
_TARGET = ("skus", "categories", "brands", "except_skus", "except_categories", "except_brands")


def written_target(target: Target) -> dict[str, list[str]]:
    """The target as a document; what narrows nothing is left out."""
    return {name: sorted(getattr(target, name)) for name in _TARGET if getattr(target, name)}


def target_of(document: Mapping[str, list[str]]) -> Target:
    """The target in a document."""
    return Target(**{name: frozenset(codes) for name, codes in document.items()})


def promotion_of(row: Stored, *, has_budget: bool) -> Promotion:
    """A stored promotion as the engine reads it."""
    return Promotion(
        code=row.code,
        names=row.names,
        benefit=benefit_of(row.kind, row.benefit),
        currency_code=row.currency_code,
        target=target_of(row.target),
        layer=row.layer,
        priority=row.priority,
        excludes=row.excludes,
        coupon_only=row.coupon_only,
        min_spend_minor=row.min_spend_minor,
        min_quantity=row.min_quantity,
        most_minor=row.most_minor,
        per_member=row.per_member,
        has_budget=has_budget,
        channels=frozenset(row.channels),
        stores=frozenset(row.stores),
        tiers=frozenset(row.tiers),
        campaign=row.campaign,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
    )
