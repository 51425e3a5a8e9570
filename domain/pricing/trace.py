"""Why a price is what it is: every record that was considered, and what decided over it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Generic, NamedTuple

from domain.pricing.reasons import Reason
from domain.pricing.records import PriceContext, PriceRow, is_regular, slot
from domain.pricing.selection import (
    Row,
    Selection,
    decide,
    in_force,
    misfit,
    mistimed,
    specificity,
    stands_alone,
)
from domain.pricing.wording import explained
from domain.refusals import Text


class Candidate(NamedTuple, Generic[Row]):
    """One record in a trace: whether it is the price, the deciding reason, and a sentence that says so."""

    row: Row
    won: bool
    reason: Reason
    explanation: Text


def trace(rows: Iterable[Row], context: PriceContext) -> list[Candidate[Row]]:
    """Every record with its reason: the winner of `select` first, then by how far it came.

    Labels are not in it: a till that they hold down says so by `held_for_labels`.
    """
    judged: list[tuple[Row, Reason | None]] = [
        (row, misfit(row, context) or mistimed(row, context.at)) for row in rows
    ]
    counting = [row for row, reason in judged if reason is None]
    standing = {slot(row): row for row in in_force(counting, context.at)}
    selection = decide(standing.values())
    candidates = []
    for row, excluded in judged:
        rival: PriceRow | None = None
        reason = excluded
        if reason is None:
            newest = standing[slot(row)]
            if newest is row:
                reason, rival = _fate(row, selection)
            else:
                reason, rival = Reason.SUPERSEDED, newest
        explanation = explained(row, reason, context, rival)
        candidates.append(Candidate(row, reason is Reason.WON, reason, explanation))
    return sorted(candidates, key=_place)


def held_for_labels(winner: Candidate[Row], charged: Decimal, labels: int) -> Candidate[Row]:
    """The winner of a trace where a till charges less, because so many labels may be showing less."""
    said = winner.explanation
    why = Text(
        f"{said.en.rstrip('.')}, but {charged} is charged until {labels} shelf labels confirm it.",
        f"{said.zh.rstrip('。')}；但在 {labels} 个货架价签确认前按 {charged} 收取。",
    )
    return winner._replace(reason=Reason.HELD_FOR_LABELS, explanation=why)


def _fate(row: Row, selection: Selection[Row] | None) -> tuple[Reason, Row | None]:
    """The reason for a record in force, and the record that it lost to."""
    if selection is None or (
        selection.regular is None and not is_regular(row.kind) and not stands_alone(row.kind)
    ):
        return Reason.NO_REGULAR_PRICE, None
    winner, regular = selection
    if row is winner:
        return Reason.WON, None
    if regular is not None and is_regular(row.kind) and row is not regular:
        same = (specificity(row), row.min_quantity) == (specificity(regular), regular.min_quantity)
        return (Reason.SET_EARLIER if same else Reason.LESS_SPECIFIC), regular
    if row.amount_minor > winner.amount_minor:
        return Reason.HIGHER_PRICE, winner
    same = specificity(row) == specificity(winner)
    return (Reason.SET_EARLIER if same else Reason.LESS_SPECIFIC), winner


_ORDER = {
    reason: place
    for place, reason in enumerate(
        (
            Reason.WON,
            Reason.HIGHER_PRICE,
            Reason.SET_EARLIER,
            Reason.LESS_SPECIFIC,
            Reason.NO_REGULAR_PRICE,
            Reason.SUPERSEDED,
            Reason.NOT_YET_VALID,
            Reason.NO_LONGER_VALID,
            Reason.NOT_YET_RECORDED,
            Reason.QUANTITY_TOO_LOW,
            Reason.WRONG_TIER,
            Reason.WRONG_CAMPAIGN,
            Reason.WRONG_CHANNEL,
            Reason.WRONG_STORE,
            Reason.WRONG_CURRENCY,
            Reason.INCOMPLETE,
        )
    )
}


def _place(candidate: Candidate[Row]) -> tuple[int, int, int]:
    return _ORDER[candidate.reason], candidate.row.amount_minor, -candidate.row.sequence
