"""Carts: what may be in one, and for how long it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import NamedTuple, Protocol

from domain.refusals import Refusal, RefusalCode, Refused, Text

MOST_LINES = 500
LARGEST_QUANTITY = 10_000
MOST_TOUCHES = 20
LONGEST_CODE = 200
LIFETIME = timedelta(days=30)
"""From the last change on."""


class LineAsked(Protocol):
    """A line as a shopper asks for it."""

    @property
    def sku(self) -> str: ...
    @property
    def quantity(self) -> int: ...


class Wanted(NamedTuple):
    """So many of a sku, and the first place in the request that asked for it."""

    quantity: int
    place: int


def merged(lines: Iterable[LineAsked]) -> dict[str, Wanted]:
    """By sku, in the order first asked for: quantities of one sku are added up.

    Refuses INVALID_INPUT, each line with its index, for a quantity below 0 or a sum past the largest.
    """
    wanted: dict[str, Wanted] = {}
    refusals: list[Refusal] = []
    for index, line in enumerate(lines):
        before = wanted.get(line.sku, Wanted(0, index))
        now = wanted[line.sku] = before._replace(quantity=before.quantity + max(0, line.quantity))
        if line.quantity < 0 or now.quantity > LARGEST_QUANTITY:
            refusals.append(_bad_quantity(index))
    if refusals:
        raise Refused(*refusals)
    return wanted


def _bad_quantity(index: int) -> Refusal:
    return Refusal(
        RefusalCode.INVALID_INPUT,
        Text(
            f"A quantity is 0 to {LARGEST_QUANTITY:,} in all for one sku.",
            f"同一商品的数量合计须为 0 到 {LARGEST_QUANTITY:,}。",
        ),
        ("input", "lines", str(index), "quantity"),
    )


def together(kept: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
    """How many of each sku two carts hold in one, in the order of `kept` and then of `others`.

    Quantities are added up as far as a cart goes; what no longer fits of `others` stays behind.
    """
    added = {sku: min(kept.get(sku, 0) + others.get(sku, 0), LARGEST_QUANTITY) for sku in (*kept, *others)}
    return dict(list(added.items())[: max(MOST_LINES, len(kept))])


def must_fit(lines: int) -> None:
    """Refuses INVALID_INPUT when a cart would have more lines than that."""
    if lines > MOST_LINES:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"A cart has at most {MOST_LINES} lines, not {lines}.",
            zh=f"购物车最多 {MOST_LINES} 行，而不是 {lines} 行。",
            field=("input", "lines"),
        )
