"""The fixed words of a face and how amounts are written on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal

from domain.catalog.content import ContentUnit
from domain.money import Money, exponent
from domain.pricing.unit_price import UnitPrice

_SIGNS = {
    "CNY": "¥",
    "EUR": "€",
    "GBP": "£",
    "HKD": "$",
    "JPY": "¥",
    "KRW": "₩",
    "MOP": "MOP$",
    "SGD": "$",
    "TWD": "NT$",
    "USD": "$",
}
_UNITS = {
    ContentUnit.GRAM: "克",
    ContentUnit.KILOGRAM: "公斤",
    ContentUnit.MILLILITRE: "毫升",
    ContentUnit.LITRE: "公升",
    ContentUnit.METRE: "米",
    ContentUnit.PIECE: "件",
}


@dataclass(frozen=True, slots=True)
class Words:
    """The fixed words in one script."""

    origin: str
    was: str
    promotion: str
    clearance: str
    offer: str
    member: str
    price: str
    sold_out: str
    not_for_sale: str
    apiece: str = "/件"


_TRADITIONAL = Words("產地", "原價", "特價", "清貨", "優惠", "會員價", "售價", "暫時售罄", "此店不售")
_SIMPLIFIED = Words("产地", "原价", "特价", "清仓", "优惠", "会员价", "售价", "暂时售罄", "此店不售")


def words(locale: str) -> Words:
    """Traditional characters for Hong Kong, Macau and Taiwan, else simplified ones."""
    tags = locale.lower().replace("_", "-").split("-")
    return _TRADITIONAL if {"hk", "mo", "tw", "hant"} & set(tags) else _SIMPLIFIED


def until_text(ends_at: datetime) -> str:
    """「至11月30日」, the last day of an offer that ends at midnight; else with the time: 「至1月2日14:30」.

    Both scripts write it the same way.
    """
    whole_days = ends_at.time() == time(0)
    last = ends_at - timedelta(days=1) if whole_days else ends_at
    return f"至{last.month}月{last.day}日" + ("" if whole_days else f"{last:%H:%M}")


@dataclass(frozen=True, slots=True)
class PriceText:
    """An amount in the parts a price is set in: sign, whole units with separators, minor digits."""

    sign: str
    whole: str
    cents: str

    def __str__(self) -> str:
        return f"{self.sign}{self.whole}" + (f".{self.cents}" if self.cents else "")


def price_text(money: Money) -> PriceText:
    """The amount in its parts; a currency without a sign of its own is written by its code."""
    digits = exponent(money.currency_code)
    whole, cents = divmod(money.minor_units, 10**digits)
    sign = _SIGNS.get(money.currency_code, f"{money.currency_code} ")
    return PriceText(sign, f"{whole:,}", f"{cents:0{digits}d}" if digits else "")


def unit_price_text(unit_price: UnitPrice) -> str:
    """「每100克 $2.35」; one of a unit is written without its number: 「每公斤 $23.50」."""
    per = "" if unit_price.per == Decimal(1) else f"{unit_price.per.normalize():f}"
    return f"每{per}{_UNITS[unit_price.unit]} {price_text(unit_price.amount)}"
