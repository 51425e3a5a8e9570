"""What was paid in one context over a span of time, folded from the records."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from operator import attrgetter
from typing import Generic, NamedTuple

from domain.pricing.records import PriceContext, Slot, slot, starts_at
from domain.pricing.schedule import boundaries
from domain.pricing.selection import Row, decide, fitting

_sequence = attrgetter("sequence")


class Segment(NamedTuple, Generic[Row]):
    """A stretch [begins, ends) in all of which one record was paid."""

    begins: datetime
    ends: datetime
    winner: Row


def segments(
    rows: Sequence[Row], context: PriceContext, since: datetime, until: datetime
) -> list[Segment[Row]]:
    """What was paid in [since, until), the earliest first, cut at both ends; `context.at` plays no part.

    At every moment of a segment its winner is what `select` answers; where there is none the variant was not
    for sale. Neighbours have different winners. Nothing for an empty span. The work grows with the records
    times the slots that stand side by side, not with the square of the records.
    """
    waiting = sorted(fitting(rows, context), key=starts_at, reverse=True)
    inside = (moment for moment in boundaries(waiting, after=since, until=until) if moment < until)
    # By slot the records that count or may count again, by sequence: the last one is in force.
    standing: dict[Slot, list[Row]] = {}
    found: list[Segment[Row]] = []
    for begins, ends in pairwise((since, *inside, until) if since < until else ()):
        while waiting and starts_at(waiting[-1]) <= begins:
            row = waiting.pop()
            _put(standing.setdefault(slot(row), []), row)
        for stack in standing.values():
            while stack and _is_over(stack[-1], begins):
                stack.pop()
        selection = decide(stack[-1] for stack in standing.values() if stack)
        if selection is None:
            continue
        winner = selection.winner
        if found and found[-1].winner is winner and found[-1].ends == begins:
            found[-1] = found[-1]._replace(ends=ends)
        else:
            found.append(Segment(begins, ends, winner))
    return found


def _put(stack: list[Row], row: Row) -> None:
    """Lays a record into its slot; those it covers for as long as they last never come up again."""
    while stack and stack[-1].sequence < row.sequence and _outlasts(row, stack[-1]):
        stack.pop()
    insort(stack, row, key=_sequence)


def _outlasts(row: Row, other: Row) -> bool:
    if row.valid_until is None:
        return True
    return other.valid_until is not None and other.valid_until <= row.valid_until


def _is_over(row: Row, at: datetime) -> bool:
    return row.valid_until is not None and row.valid_until <= at
