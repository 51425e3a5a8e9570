"""What a gateway asks the graph for, and its answers as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypedDict

from domain.catalog.content import ContentUnit
from domain.labels import FaceFields
from domain.money import Money
from domain.news import LiveKind
from domain.pricing.unit_price import UnitPrice

PRICE_CHANGED = """
subscription ShelfPrices($context: SalesContext!, $skus: [String!], $after: EventCursor) {
  priceChanged(context: $context, skus: $skus, after: $after) {
    kind
    cursor
    occurredAt
    cause
    sku
    price {
      amount { ...M }
      compareAt { ...M }
      unitPrice { amount { ...M } per unit }
      memberAmount { ...M }
      kind
      version
    }
    variant {
      sku
      gtin
      origin
      netContent
      netContentUnit
      zh: name(locale: "zh-HK")
      en: name(locale: "en")
      product { brand(locale: "zh-HK") }
    }
  }
}
fragment M on Money { amount currencyCode minorUnits }
""".strip()


class _Money(TypedDict):
    currencyCode: str
    minorUnits: str


class _UnitPrice(TypedDict):
    amount: _Money
    per: str
    unit: str


class _Price(TypedDict):
    amount: _Money
    compareAt: _Money | None
    unitPrice: _UnitPrice | None
    memberAmount: _Money | None
    version: str


class _Product(TypedDict):
    brand: str | None


class _Variant(TypedDict):
    sku: str
    gtin: str | None
    origin: str | None
    zh: str
    en: str
    product: _Product


class PriceEventJson(TypedDict):
    """One `PriceEvent` as PRICE_CHANGED selects it."""

    kind: str
    cursor: str
    occurredAt: str
    cause: str
    sku: str | None
    price: _Price | None
    variant: _Variant | None


@dataclass(frozen=True, slots=True)
class PriceNews:
    """One event of the stream; `fields` is what labels of the sku shall say, None without a sku."""

    kind: LiveKind
    cursor: str
    occurred_at: datetime
    cause: str
    sku: str | None
    fields: FaceFields | None


def read_news(event: PriceEventJson, *, locale: str, link_base: str) -> PriceNews:
    """The event as plain values. Raises KeyError, TypeError or ValueError for what was not asked for."""
    sku = event["sku"]
    return PriceNews(
        kind=LiveKind(event["kind"]),
        cursor=event["cursor"],
        occurred_at=datetime.fromisoformat(event["occurredAt"]),
        cause=event["cause"],
        sku=sku,
        fields=None if sku is None else _fields(sku, event, locale=locale, link_base=link_base),
    )


def _fields(sku: str, event: PriceEventJson, *, locale: str, link_base: str) -> FaceFields:
    price, variant = event["price"], event["variant"]
    return FaceFields(
        sku=sku,
        name_zh=variant["zh"] if variant else sku,
        name_en=variant["en"] if variant else "",
        brand=variant["product"]["brand"] if variant else None,
        gtin=variant["gtin"] if variant else None,
        origin=variant["origin"] if variant else None,
        amount=_money(price["amount"]) if price else None,
        compare_at=_money(price["compareAt"]) if price else None,
        member_amount=_money(price["memberAmount"]) if price else None,
        unit_price=_unit_price(price["unitPrice"]) if price else None,
        price_version=int(price["version"]) if price else None,
        locale=locale,
        link_base=link_base,
    )


def _money(value: _Money | None) -> Money | None:
    return Money(int(value["minorUnits"]), value["currencyCode"]) if value else None


def _unit_price(value: _UnitPrice | None) -> UnitPrice | None:
    if value is None:
        return None
    amount = Money(int(value["amount"]["minorUnits"]), value["amount"]["currencyCode"])
    return UnitPrice(amount, Decimal(value["per"]), ContentUnit(value["unit"]))
