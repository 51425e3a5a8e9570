"""What the engine reads: one price record, and who asks where and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Protocol
from uuid import UUID

from domain.pricing.kinds import PriceKind

# Bound once: reading a member through its class takes a call, and the engine compares kinds by the million.
LIST, SALE, MEMBER, STORE = PriceKind.LIST, PriceKind.SALE, PriceKind.MEMBER, PriceKind.STORE
LIVE, GROUP_BUY, BARGAIN = PriceKind.LIVE, PriceKind.GROUP_BUY, PriceKind.BARGAIN
CLEARANCE = PriceKind.CLEARANCE


class PriceRow(Protocol):
    """One price record as it is stored; times are aware, `valid_until` is exclusive, None means "every"."""

    @property
    def id(self) -> UUID: ...
    @property
    def sku(self) -> str: ...
    @property
    def kind(self) -> PriceKind: ...
    @property
    def amount_minor(self) -> int: ...
    @property
    def currency_code(self) -> str: ...
    @property
    def channel(self) -> str | None: ...
    @property
    def store(self) -> str | None: ...
    @property
    def tier(self) -> str | None: ...
    @property
    def campaign(self) -> str | None: ...
    @property
    def min_quantity(self) -> int: ...
    @property
    def valid_from(self) -> datetime | None: ...
    @property
    def valid_until(self) -> datetime | None: ...
    @property
    def source(self) -> str: ...
    @property
    def sequence(self) -> int:
        """Rises within the variant and never repeats: the higher one was set later."""

    @property
    def recorded_at(self) -> datetime: ...


class SlotFields(Protocol):
    """What makes two prices rivals for one place; stored records and prices still to be set both have it."""

    @property
    def sku(self) -> str: ...
    @property
    def kind(self) -> PriceKind: ...
    @property
    def currency_code(self) -> str: ...
    @property
    def channel(self) -> str | None: ...
    @property
    def store(self) -> str | None: ...
    @property
    def tier(self) -> str | None: ...
    @property
    def campaign(self) -> str | None: ...
    @property
    def min_quantity(self) -> int: ...


Slot = tuple[str, PriceKind, str, str | None, str | None, str | None, str | None, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceContext:
    """Who buys how many, where and when. Of the shopper it knows the tier, so nothing else can price."""

    at: datetime
    channel: str
    currency_code: str
    store: str | None = None
    tier: str | None = None
    campaign: str | None = None
    quantity: int = 1


slot: Callable[[SlotFields], Slot] = attrgetter(
    "sku", "kind", "currency_code", "channel", "store", "tier", "campaign", "min_quantity"
)
"""The place a record fills: of several records in one slot the one set last is in force.

The currency belongs to it: prices in two currencies never meet in a context, so neither replaces the other.
"""


def starts_at(row: PriceRow) -> datetime:
    """The moment the record counts from: never before it was recorded, so the past is not rewritten."""
    valid_from, recorded_at = row.valid_from, row.recorded_at
    return recorded_at if valid_from is None or valid_from < recorded_at else valid_from


def is_regular(kind: PriceKind) -> bool:
    """Whether the kind is a regular price (LIST, STORE) and not an offer."""
    return kind is LIST or kind is STORE


def missing_for_kind(
    kind: PriceKind, store: str | None, tier: str | None, campaign: str | None
) -> str | None:
    """The field ("store", "tier", "campaign") without which the kind means nothing; None when it is there."""
    if kind is LIST or kind is SALE or kind is CLEARANCE:
        return None
    if kind is STORE:
        return "store" if store is None else None
    if kind is MEMBER:
        return "tier" if tier is None else None
    return "campaign" if campaign is None else None
