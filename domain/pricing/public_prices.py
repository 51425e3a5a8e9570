"""The price for everybody in every channel and store, kept so sparsely that sorts and filters can read it.

Everybody means: no tier, no campaign, one piece. A projection holds one entry per active channel that sells
the variant, and beyond that only what falling back would not answer: a chain of a thousand stores with one
price has a handful of entries and not a thousand per channel.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from domain.pricing.records import PriceRow, missing_for_kind
from domain.pricing.selection import decide, in_force

Place = tuple[str | None, str | None]
"""Channel and store. (channel, None): no store named. (None, store): every channel without an entry there."""

# No channel has an empty code: the channel that no record names.
_ANY_CHANNEL = ""


def project(rows: Iterable[PriceRow], at: datetime, channels: Mapping[str, str]) -> dict[Place, int | None]:
    """The public prices of one variant at a moment, by place, in minor units; None means "not for sale here".

    `rows` are all records of the variant, `channels` the active channels' codes with their currencies. An
    amount is in the currency of the channel that reads it. Entries are:
    - (channel, None) for every active channel that sells the variant;
    - (None, store) where a channel without records of its own pays another price than outside any store;
    - (channel, store) where `fallback` over the others would answer otherwise.
    """
    if not channels:
        return {}
    house_currency = Counter(channels.values()).most_common(1)[0][0]
    shelf = _Shelf(rows, at)
    projection: dict[Place, int | None] = {}
    for channel, currency in channels.items():
        amount = shelf.amount(channel, None, currency)
        if amount is not None:
            projection[channel, None] = amount
    outside = shelf.amount(_ANY_CHANNEL, None, house_currency)
    for store in shelf.stores:
        inside = shelf.amount(_ANY_CHANNEL, store, house_currency)
        if inside != outside:
            projection[None, store] = inside
    for channel, currency in channels.items():
        if currency == house_currency and channel not in shelf.channels:
            continue  # With no record of its own it pays what any channel pays, and falls back to that.
        for store in shelf.stores:
            amount = shelf.amount(channel, store, currency)
            if amount != fallback(projection, channel, store):
                projection[channel, store] = amount
    return projection


def fallback(projection: Mapping[Place, int | None], channel: str, store: str | None) -> int | None:
    """The public price in a place, read from a projection; None when the variant is not for sale there.

    The first entry of (channel, store), (None, store), (channel, None) that exists answers, even by None.
    """
    if store is not None:
        for place in ((channel, store), (None, store)):
            if place in projection:
                return projection[place]
    return projection.get((channel, None))


class _Shelf:
    """One variant's public records in force, laid out by place: each place looks at its own few only."""

    def __init__(self, rows: Iterable[PriceRow], at: datetime) -> None:
        self.laid_out: dict[tuple[str, str | None, str | None], list[PriceRow]] = defaultdict(list)
        self.channels: set[str | None] = set()
        self.stores: list[str] = []
        for row in in_force((row for row in rows if _is_public(row)), at):
            self.laid_out[row.currency_code, row.channel, row.store].append(row)
            self.channels.add(row.channel)
            if row.store is not None and row.store not in self.stores:
                self.stores.append(row.store)

    def amount(self, channel: str, store: str | None, currency: str) -> int | None:
        """What `select` answers to a visitor there: these records are all that fit the place."""
        found: list[PriceRow] = []
        for named in (None,) if store is None else (None, store):
            found += self.laid_out.get((currency, None, named), ())
            found += self.laid_out.get((currency, channel, named), ())
        selection = decide(found) if found else None
        return None if selection is None else selection.winner.amount_minor


def _is_public(row: PriceRow) -> bool:
    return (
        row.tier is None
        and row.campaign is None
        and row.min_quantity <= 1
        and missing_for_kind(row.kind, row.store, None, None) is None
    )
