"""When prices change by the clock alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from domain.pricing.records import PriceContext, PriceRow, starts_at
from domain.pricing.selection import fitting, selected_at


class Upcoming(NamedTuple):
    """The next price already known: what will be paid, and from when."""

    amount_minor: int
    starts_at: datetime


def boundaries(
    rows: Iterable[PriceRow], after: datetime | None = None, until: datetime | None = None
) -> list[datetime]:
    """The moments in (after, until] at which a record begins or ceases to count, each once, in order.

    A record that is over before it counts (recorded after its end) has no boundaries. Between two neighbours
    among the boundaries of all of a variant's records no price changes.
    """
    moments: set[datetime] = set()
    for row in rows:
        begins, ends = starts_at(row), row.valid_until
        if ends is None:
            moments.add(begins)
        elif ends > begins:
            moments.update((begins, ends))
    return sorted(
        moment
        for moment in moments
        if (after is None or moment > after) and (until is None or moment <= until)
    )


def upcoming(rows: Iterable[PriceRow], context: PriceContext) -> Upcoming | None:
    """The first price after `context.at` with another amount than the one paid at that moment, or None.

    Times in between at which the variant is not for sale are passed over: an upcoming price is an amount that
    somebody will pay, and "not for sale" has none. Sold again at the same amount, it has nothing upcoming.
    """
    here = fitting(rows, context)
    now = selected_at(here, context.at)
    for moment in boundaries(here, after=context.at):
        then = selected_at(here, moment)
        if then is not None and (now is None or then.winner.amount_minor != now.winner.amount_minor):
            return Upcoming(then.winner.amount_minor, moment)
    return None
