"""Stock: what is on hand, what of it may be promised, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from domain.channels import StockPolicy

LOW_STOCK = 5
"""From this many units down, a shopper is told that stock runs low."""
SHOPPERS_SEE_AT_MOST = 99


class StockStatus(StrEnum):
    """Stock in a word."""

    IN_STOCK = "IN_STOCK"
    LOW_STOCK = "LOW_STOCK"
    OUT_OF_STOCK = "OUT_OF_STOCK"


class StockMovementReason(StrEnum):
    """Why on hand changed."""

    RECEIPT = "RECEIPT"
    SALE = "SALE"
    RETURN = "RETURN"
    TRANSFER_OUT = "TRANSFER_OUT"
    TRANSFER_IN = "TRANSFER_IN"
    COUNT = "COUNT"
    DAMAGE = "DAMAGE"
    SHRINKAGE = "SHRINKAGE"
    CORRECTION = "CORRECTION"


class HoldState(StrEnum):
    """What became of units kept for somebody; RENEWED: they had expired, and the holder reserved anew."""

    HELD = "HELD"
    SOLD = "SOLD"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"
    RENEWED = "RENEWED"


class Demand(NamedTuple):
    """Units of a sku wanted from a store, or taken there."""

    store: str
    sku: str
    quantity: int


class Shortage(NamedTuple):
    """A demand that can't be met, and how many there are; without a store, in all that may promise it."""

    store: str | None
    sku: str
    wanted: int
    available: int


@dataclass(frozen=True, slots=True)
class Stock:
    """One sku in one store, in units; `allotted` is the channel's own quota, `allotted_all` everybody's.

    `low_stock` is from how many units down this store calls it low; None: from as many as everywhere.
    """

    on_hand: int
    reserved: int = 0
    safety_stock: int = 0
    allotted: int = 0
    allotted_all: int = 0
    low_stock: int | None = None

    @property
    def free(self) -> int:
        """What is neither reserved nor kept back as safety stock; never below zero."""
        return max(0, self.on_hand - self.reserved - self.safety_stock)

    @property
    def oversold(self) -> int:
        """How many were promised to orders that are not there."""
        return max(0, self.reserved - self.on_hand)


def promised(stock: Stock, policy: StockPolicy) -> int:
    """The units a channel with this policy may promise from one store."""
    pool = max(0, stock.free - stock.allotted_all)
    own = min(stock.allotted, stock.free)
    if policy is StockPolicy.SHARED:
        return pool
    return own if policy is StockPolicy.ALLOTTED else own + pool


def spread_over(quantity: int, available: Mapping[str, int]) -> dict[str, int] | None:
    """By store: the units it gives of a quantity, most stock first, then by code; None if all are too few."""
    shares: dict[str, int] = {}
    for store in sorted(available, key=lambda store: (-available[store], store)):
        share = min(quantity, available[store])
        if share > 0:
            shares[store] = share
            quantity -= share
    return None if quantity else shares


def allotted_explained(stock: Stock, policy: StockPolicy) -> int:
    """The allotment an explanation names: everybody's for SHARED, the channel's own otherwise."""
    return stock.allotted_all if policy is StockPolicy.SHARED else stock.allotted


def status_of(available: int, low: int = LOW_STOCK) -> StockStatus:
    """Available units in a word; `low` of them and fewer are few."""
    if available <= 0:
        return StockStatus.OUT_OF_STOCK
    return StockStatus.LOW_STOCK if available <= low else StockStatus.IN_STOCK


def low_stock_of(stocks: Sequence[Stock]) -> int:
    """From how many units down stock is low: as one store says for itself, else as everywhere."""
    own = stocks[0].low_stock if len(stocks) == 1 else None
    return LOW_STOCK if own is None else own
