"""Which price is paid: the one rule that web, till, label and clerk share.

`select` is `fitting`, `in_force`, `decide`; the trace, the schedule and the comparison are built on the same
three steps, so none of them can answer otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from domain.pricing.kinds import PriceKind
from domain.pricing.reasons import Reason
from domain.pricing.records import (
    GROUP_BUY,
    LIST,
    LIVE,
    SALE,
    PriceContext,
    PriceRow,
    Slot,
    is_regular,
    missing_for_kind,
    slot,
)

Row = TypeVar("Row", bound=PriceRow)

# Bound once, as the kinds are: most records of a variant fall to one of these in every selection.
_WRONG_STORE, _WRONG_CHANNEL, _WRONG_TIER = Reason.WRONG_STORE, Reason.WRONG_CHANNEL, Reason.WRONG_TIER
_WRONG_CAMPAIGN, _QUANTITY_TOO_LOW = Reason.WRONG_CAMPAIGN, Reason.QUANTITY_TOO_LOW
_WRONG_CURRENCY, _INCOMPLETE = Reason.WRONG_CURRENCY, Reason.INCOMPLETE
_NOT_YET_RECORDED, _NOT_YET_VALID = Reason.NOT_YET_RECORDED, Reason.NOT_YET_VALID
_NO_LONGER_VALID = Reason.NO_LONGER_VALID


class Selection(NamedTuple, Generic[Row]):
    """The record that is paid, and the regular price in force beside it (the same one when no offer won)."""

    winner: Row
    regular: Row | None


def select(rows: Iterable[Row], context: PriceContext) -> Selection[Row] | None:
    """The price paid in the context, or None when the variant is not for sale there.

    `rows` are all records of one variant that may matter; records that do not fit change nothing.
    """
    return selected_at(fitting(rows, context), context.at)


def selected_at(fitting_rows: Iterable[Row], at: datetime) -> Selection[Row] | None:
    """The selection at a moment, from rows that `fitting` let through: for asking about many moments."""
    return decide(in_force(fitting_rows, at))


def misfit(row: PriceRow, context: PriceContext) -> Reason | None:
    """Why the record is not for this shopper, whatever the time; None when it is."""
    # The store first: most records of a variant are another store's, and this runs for every one of them.
    store = row.store
    if store is not None and store != context.store:
        return _WRONG_STORE
    channel = row.channel
    if channel is not None and channel != context.channel:
        return _WRONG_CHANNEL
    tier = row.tier
    if tier is not None and tier != context.tier:
        return _WRONG_TIER
    campaign = row.campaign
    if campaign is not None and campaign != context.campaign:
        return _WRONG_CAMPAIGN
    if row.min_quantity > context.quantity:
        return _QUANTITY_TOO_LOW
    if row.currency_code != context.currency_code:
        return _WRONG_CURRENCY
    kind = row.kind
    if kind is not LIST and kind is not SALE and missing_for_kind(kind, store, tier, campaign) is not None:
        return _INCOMPLETE
    return None


def mistimed(row: PriceRow, at: datetime) -> Reason | None:
    """Why the record does not count at that moment; None when it does."""
    if row.recorded_at > at:
        return _NOT_YET_RECORDED
    valid_from, valid_until = row.valid_from, row.valid_until
    if valid_from is not None and valid_from > at:
        return _NOT_YET_VALID
    if valid_until is not None and valid_until <= at:
        return _NO_LONGER_VALID
    return None


def fitting(rows: Iterable[Row], context: PriceContext) -> list[Row]:
    """The records for this shopper at any time: in the currency, every scope they name is the context's."""
    return [row for row in rows if misfit(row, context) is None]


def in_force(rows: Iterable[Row], at: datetime) -> list[Row]:
    """Of every slot the record set last among those that count at that moment."""
    counting = [row for row in rows if mistimed(row, at) is None]
    if len(counting) < 2:
        return counting
    newest: dict[Slot, Row] = {}
    for row in counting:
        place = slot(row)
        if newest.setdefault(place, row).sequence < row.sequence:
            newest[place] = row
    return list(newest.values())


def decide(rows: Iterable[Row]) -> Selection[Row] | None:
    """The selection among records in force.

    Regular is the most specific of LIST and STORE, then the highest quantity band, then the one set last.
    Paid is the lowest of regular and offers; at one amount the more specific, then the one set last, whether
    it is the regular price or an offer. Without a regular price only LIVE and GROUP_BUY offers stand.
    """
    regular: Row | None = None
    offers: list[Row] = []
    for row in rows:
        if not is_regular(row.kind):
            offers.append(row)
        elif regular is None or more_regular(row, regular):
            regular = row
    best = regular
    for row in offers:
        if (regular is not None or stands_alone(row.kind)) and (best is None or better_to_pay(row, best)):
            best = row
    return None if best is None else Selection(best, regular)


def specificity(row: PriceRow) -> int:
    """How closely the record names the place of sale: 3 store and channel, 2 store, 1 channel, 0 neither."""
    return (row.store is not None) * 2 + (row.channel is not None)


def more_regular(row: PriceRow, other: PriceRow) -> bool:
    """Whether the first of two regular prices is the one in force. Never a tie: no sequence repeats."""
    mine, theirs = specificity(row), specificity(other)
    if mine != theirs:
        return mine > theirs
    return (row.min_quantity, row.sequence) > (other.min_quantity, other.sequence)


def better_to_pay(row: PriceRow, other: PriceRow) -> bool:
    """Whether the first of two prices on offer is the one that is paid. Never a tie: no sequence repeats."""
    if row.amount_minor != other.amount_minor:
        return row.amount_minor < other.amount_minor
    return (specificity(row), row.sequence) > (specificity(other), other.sequence)


def stands_alone(kind: PriceKind) -> bool:
    """Whether an offer of the kind sells a variant that has no regular price."""
    return kind is LIVE or kind is GROUP_BUY
