"""Pricing a basket: the one engine's price for every line, and what the promotions take off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, Protocol

from domain.baskets import Basket, PricedLine, Reduction, basket_of
from domain.pricing import selection
from domain.pricing.held import held_down
from domain.pricing.version import microseconds
from domain.promotions.book import PromotionBook
from domain.promotions.terms import BasketLine, Situation
from persistence.catalog.goods import Goods, goods_by_sku
from persistence.database import Connection
from persistence.pricing import reads as pricing_db
from persistence.pricing.reads import Place, PricesOfSku
from persistence.promotions import budgets
from resolvers.house import House
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


async def prices_now(
    house: House, asked: Sequence[tuple[Place, Sequence[str]]]
) -> list[dict[str, PricesOfSku]]:
    """For each the prices of its skus in its place, as of now; one statement for each channel and store."""
    together: dict[tuple[str, str | None], list[tuple[Place, Sequence[str]]]] = {}
    for place, skus in asked:
        together.setdefault((place.channel, place.store), []).append((place, skus))
    found = {}
    async with house.database.connection() as db:
        for key, theirs in together.items():
            place = max((place for place, _ in theirs), key=lambda place: place.at)
            wanted = {sku for _, skus in theirs for sku in skus}
            found[key] = await pricing_db.current_prices(db, sorted(wanted), place)
    return [found[place.channel, place.store] for place, _ in asked]


def price_line(line: Line, prices: PricesOfSku | None, asked: Resolved) -> PricedLine | None:
    """A line at its price in a resolved context, by its quantity; None when it is not for sale there.

    At a till it is never more than a label of the store may be showing.
    """
    if prices is None:
        return None
    selected = selection.select(prices.records, asked.priced(prices.at, line.quantity))
    if selected is None:
        return None
    winner = selected.winner
    held = held_down(winner.amount_minor, prices.in_view, asked.tier)
    return PricedLine(
        sku=line.sku,
        quantity=line.quantity,
        unit_minor=winner.amount_minor if held is None else held.amount_minor,
        source=winner.source,
        version=microseconds(prices.changed_at or winner.recorded_at) if held is None else held.version,
    )


def price_lines(
    lines: Sequence[Line], prices: Mapping[str, PricesOfSku | None], asked: Resolved
) -> list[PricedLine]:
    """The lines that are for sale in the context, at their prices before any promotion."""
    priced = (price_line(line, prices.get(line.sku), asked) for line in lines)
    return [line for line in priced if line is not None]


@dataclass(frozen=True, slots=True)
class Running:
    """The promotions that run where a basket is filled, and what they want to know of its goods."""

    book: PromotionBook
    goods: Mapping[str, Goods]
    situation: Situation

    def basket(self, currency_code: str, lines: Sequence[PricedLine]) -> Basket:
        """The basket with everything taken off that the promotions allow."""
        if not len(self.book):
            return basket_of(currency_code, lines)
        outcome = self.book.discounts([self._line(line) for line in lines], self.situation)
        off = outcome.by_line
        return basket_of(
            currency_code,
            [replace(line, discount_minor=off.get(line.sku, 0)) for line in lines],
            [Reduction(one.code, one.names, one.amount_minor) for one in outcome.applied],
        )

    def without(self, used_up: Iterable[str]) -> Running:
        """The same when these can't be had any more."""
        return replace(self, situation=replace(self.situation, used_up=self.situation.used_up.union(used_up)))

    def _line(self, line: PricedLine) -> BasketLine:
        goods = self.goods.get(line.sku)
        return BasketLine(
            key=line.sku,
            sku=line.sku,
            quantity=line.quantity,
            unit_minor=line.unit_minor,
            categories=goods.categories if goods is not None else (),
            brand=goods.brand if goods is not None else None,
        )


Buyer = tuple[Sequence[PricedLine], Resolved, str | None]
"""The lines of a basket, where they are bought, and by which member."""


async def running_now(house: House, buyers: Sequence[Buyer]) -> list[Running]:
    """The promotions for each of many baskets, as of now."""
    async with house.database.connection() as db:
        return await running_for_all(db, house, buyers, at=max(asked.at for _, asked, _ in buyers))


async def running_for(
    db: Connection, house: House, lines: Sequence[PricedLine], asked: Resolved, member: str | None
) -> Running:
    """The promotions for a basket in a context; one statement as long as there are none."""
    return (await running_for_all(db, house, [(lines, asked, member)], at=asked.at))[0]


async def running_for_all(
    db: Connection, house: House, buyers: Sequence[Buyer], *, at: datetime
) -> list[Running]:
    """The promotions for each of many baskets; one statement as long as there are none."""
    if not buyers:
        return []
    book = await house.promotions.book(db, at)
    goods: dict[str, Goods] = {}
    used_up: dict[str | None, frozenset[str]] = {}
    if len(book):
        goods = await goods_by_sku(db, sorted({line.sku for lines, _, _ in buyers for line in lines}))
        for member in {member for _, _, member in buyers}:
            used_up[member] = await budgets.used_up(db, book.limited, member)
    return [
        Running(
            book,
            goods,
            Situation(
                at=asked.at,
                channel=asked.priced_in,
                currency_code=asked.currency_code,
                store=asked.store,
                tier=asked.tier,
                campaign=asked.campaign,
                is_member=member is not None,
                used_up=used_up.get(member, frozenset()),
            ),
        )
        for _, asked, member in buyers
    ]
