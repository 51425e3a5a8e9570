"""Pricing a basket: the one engine's price for every line, and what the promotions take off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from domain.baskets import Basket, PricedLine, basket_of
from domain.pricing import selection
from domain.pricing.version import microseconds
from persistence.pricing.reads import PricesOfSku
from resolvers.places import Resolved


class Asked(NamedTuple):
    """So many of a sku."""

    sku: str
    quantity: int


class Line(Protocol):
    """Whatever names a sku and how many of it."""

    @property
    def sku(self) -> str: ...
    @property
    def quantity(self) -> int: ...


def price_line(line: Line, prices: PricesOfSku | None, asked: Resolved) -> PricedLine | None:
    """A line at its price in a resolved context, by its quantity; None when it is not for sale there."""
    if prices is None:
        return None
    selected = selection.select(prices.records, asked.priced(prices.at, line.quantity))
    if selected is None:
        return None
    winner = selected.winner
    return PricedLine(
        sku=line.sku,
        quantity=line.quantity,
        unit_minor=winner.amount_minor,
        source=winner.source,
        version=microseconds(prices.changed_at or winner.recorded_at),
    )


def price_basket(lines: Sequence[Line], prices: Mapping[str, PricesOfSku | None], asked: Resolved) -> Basket:
    """The basket of those lines that are for sale in the context, promotions taken off."""
    priced = [price_line(line, prices.get(line.sku), asked) for line in lines]
    return basket_of(asked.currency_code, [line for line in priced if line is not None])
