"""Prices that may be shown beside the one that is paid: what was compared lawfully, and what members pay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.pricing.history import segments
from domain.pricing.records import MEMBER, PriceContext, PriceRow, is_regular, slot, starts_at
from domain.pricing.selection import Row, Selection, misfit, mistimed, select

COMPARISON_DAYS = 7
LONGEST_CONTINUED = timedelta(days=21)
"""Readers fetch the records of so long before an offer's, beside the days it is compared with."""


def lowest_in_force(
    rows: Sequence[PriceRow], context: PriceContext, since: datetime, until: datetime
) -> int | None:
    """The lowest amount that was paid in the context at any time in [since, until), in minor units.

    None when the variant was not for sale in all that time, or the time is empty. `context.at` plays no part.
    """
    amounts = (segment.winner.amount_minor for segment in segments(rows, context, since, until))
    return min(amounts, default=None)


def compared_until(rows: Sequence[Row], context: PriceContext, selection: Selection[Row]) -> datetime:
    """Where the time ends that a price is compared with: when the offer that won began, else `context.at`.

    The rows are those of `compare_at`.
    """
    winner = selection.winner
    return context.at if is_regular(winner.kind) else offer_began(rows, winner)


def compare_at(rows: Sequence[Row], context: PriceContext, selection: Selection[Row]) -> int | None:
    """The regular amount that may stand crossed out beside the offer that is paid, in minor units, or None.

    It may when an offer won, the regular price is above it, and the regular price is not above the lowest
    price in force in this context in the 7 days before the offer began. If nothing was for sale in those days
    there is no earlier price to compare with, and a comparison would claim one: None.

    `rows` are the variant's records with those that have ended in the last days.
    """
    winner, regular = selection
    if regular is None or is_regular(winner.kind) or regular.amount_minor <= winner.amount_minor:
        return None
    began = offer_began(rows, winner)
    lowest = lowest_in_force(rows, context, began - timedelta(days=COMPARISON_DAYS), began)
    return regular.amount_minor if lowest is not None and regular.amount_minor <= lowest else None


def offer_began(rows: Sequence[Row], offer: Row) -> datetime:
    """The moment since which the offer has run: the record's own start, or that of the records it continues.

    A record that takes over in the same slot at the same amount without a gap continues the offer: whoever
    sends all offers anew every night has not begun a new one, and no shopper saw a change. At another amount
    or after a gap a new offer begins, and what was paid under the old one counts among the 7 days before it.
    """
    place, began = slot(offer), starts_at(offer)
    runs = sorted(
        (row for row in rows if slot(row) == place and starts_at(row) < began),
        key=lambda row: row.sequence,
        reverse=True,
    )
    while True:
        before = next(
            (
                row
                for row in runs
                if starts_at(row) < began and (row.valid_until is None or row.valid_until >= began)
            ),
            None,
        )
        if before is None or before.amount_minor != offer.amount_minor:
            return began
        began = starts_at(before)


class MemberOffer(NamedTuple):
    """The best member price in minor units, and the tiers that pay it."""

    amount_minor: int
    tiers: frozenset[str]


def member_offer(rows: Sequence[PriceRow], context: PriceContext) -> MemberOffer | None:
    """The lowest amount any tier pays as a MEMBER price here, shown to those who have no such price.

    None when the context's own tier has a member price, when no tier would pay less than is paid here, or
    when nothing is for sale here.
    """
    tiers: set[str] = set()
    for row in rows:
        if row.kind is MEMBER and row.tier is not None and mistimed(row, context.at) is None:
            if misfit(row, context) is None:
                return None
            tiers.add(row.tier)
    if not tiers:
        return None
    paid = select(rows, context)
    if paid is None:
        return None
    theirs = {
        tier: found.winner.amount_minor
        for tier in tiers
        if (found := select(rows, replace(context, tier=tier))) is not None and found.winner.kind is MEMBER
    }
    best = min(theirs.values(), default=None)
    if best is None or best >= paid.winner.amount_minor:
        return None
    return MemberOffer(best, frozenset(tier for tier, amount in theirs.items() if amount == best))


def member_amount(rows: Sequence[PriceRow], context: PriceContext) -> int | None:
    """The amount of the best member price, in minor units; None where there is no `member_offer`."""
    offer = member_offer(rows, context)
    return None if offer is None else offer.amount_minor
