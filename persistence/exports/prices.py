"""What every variant costs in one place: the answers of the graph's `price`, for whole catalogues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import col

from domain.catalog.content import ContentUnit
from domain.money import Money
from domain.pricing import comparison, selection
from domain.pricing.kinds import PriceKind
from domain.pricing.records import PriceContext, starts_at
from domain.pricing.unit_price import UnitPrice, unit_price
from domain.pricing.version import microseconds
from persistence.catalog.tables import Variant
from persistence.database import Connection, param, statement
from persistence.pricing.reads import Place, PricesOfSku, StoredPrice, current_prices, prices_since

SKUS_AT_A_TIME = 1_000
# As far back as the graph looks: an offer may continue others that began a while before it.
_HISTORY = timedelta(days=4 * comparison.COMPARISON_DAYS)


class Asked(NamedTuple):
    """Whose prices: `channel` is the one whose prices count, a till's being its store's till channel."""

    channel: str
    currency_code: str
    store: str | None
    tier: str | None
    at: datetime
    now: bool

    @property
    def place(self) -> Place:
        return Place(self.channel, self.store, self.at, self.now)

    def context(self, at: datetime) -> PriceContext:
        return PriceContext(
            at=at, channel=self.channel, currency_code=self.currency_code, store=self.store, tier=self.tier
        )


class EffectivePrice(NamedTuple):
    """What one of a variant costs there."""

    sku: str
    gtin: str | None
    amount: Money
    compare_at: Money | None
    kind: PriceKind
    source: str
    valid_from: datetime | None
    valid_until: datetime | None
    version: int
    unit_price: UnitPrice | None


class _Article(NamedTuple):
    sku: str
    gtin: str | None
    net_content: Decimal | None
    net_content_unit: ContentUnit | None


_NEXT = statement(
    sa.select(*(col(getattr(Variant, name)) for name in _Article._fields))
    .where(col(Variant.sku) > param("after", sa.Text))
    .order_by(col(Variant.sku))
    .limit(param("limit", sa.BigInteger)),
    _Article,
)


async def effective_prices(db: Connection, asked: Asked) -> AsyncIterator[list[EffectivePrice]]:
    """The prices of every variant that is for sale there, by sku, some at a time.

    To be read inside one REPEATABLE READ transaction, so that all are of the same moment.
    """
    after = ""
    while True:
        articles = await _NEXT.all(db, after=after, limit=SKUS_AT_A_TIME)
        if not articles:
            return
        after = articles[-1].sku
        yield await _priced(db, asked, articles)


class _Priced(NamedTuple):
    article: _Article
    prices: PricesOfSku
    selected: selection.Selection[StoredPrice]


async def _priced(db: Connection, asked: Asked, articles: Sequence[_Article]) -> list[EffectivePrice]:
    prices = await current_prices(db, [article.sku for article in articles], asked.place)
    found = [
        _Priced(article, of_sku, selected)
        for article in articles
        if (of_sku := prices.get(article.sku)) is not None
        and (selected := selection.select(of_sku.records, asked.context(of_sku.at))) is not None
    ]
    compared = await _compared(db, asked, found)
    return [_effective(one, compared.get(one.article.sku)) for one in found]


async def _compared(db: Connection, asked: Asked, found: Sequence[_Priced]) -> dict[str, int | None]:
    """By sku: the regular amount that may stand beside an offer."""
    offers: dict[datetime, list[_Priced]] = defaultdict(list)
    for one in found:
        winner, regular = one.selected
        if regular is not None and regular is not winner:
            offers[starts_at(winner) - _HISTORY].append(one)
    if not offers:
        return {}
    skus = [one.article.sku for some in offers.values() for one in some]
    history = await prices_since(db, skus, asked.place, since=min(offers))
    compared = {}
    for since, some in offers.items():
        for sku, prices, selected in ((one.article.sku, one.prices, one.selected) for one in some):
            records = [
                record
                for record in history[sku].records
                if record.valid_until is None or record.valid_until > since
            ]
            compared[sku] = comparison.compare_at(records, asked.context(prices.at), selected)
    return compared


def _effective(one: _Priced, compared: int | None) -> EffectivePrice:
    article, winner = one.article, one.selected.winner
    amount, unit = Money(winner.amount_minor, winner.currency_code), article.net_content_unit
    return EffectivePrice(
        article.sku,
        article.gtin,
        amount,
        None if compared is None else Money(compared, winner.currency_code),
        winner.kind,
        winner.source,
        winner.valid_from,
        winner.valid_until,
        microseconds(one.prices.changed_at or winner.recorded_at),
        None
        if article.net_content is None or unit is None
        else unit_price(amount, article.net_content, unit),
    )
