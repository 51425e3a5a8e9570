"""Public prices of many variants at once: those whose records compare alike are worked out together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from domain.pricing.kinds import PriceKind
from domain.pricing.public_prices import Place, project

_NOBODY = UUID(int=0)


class PublicRecord(NamedTuple):
    """A record that counts at the moment in question, for everybody: no tier, no campaign, one piece."""

    sku: str
    kind: PriceKind
    amount_minor: int
    currency_code: str
    channel: str | None
    store: str | None
    sequence: int


class _Ranked(NamedTuple):
    kind: PriceKind
    amount_minor: int
    currency_code: str
    channel: str | None
    store: str | None
    sequence: int
    recorded_at: datetime
    sku: str = ""
    id: UUID = _NOBODY
    source: str = ""
    tier: None = None
    campaign: None = None
    min_quantity: int = 1
    valid_from: None = None
    valid_until: None = None


class Patterns:
    """The projections of one moment. Who pays what depends on how amounts compare, not on how high they are.

    So variants whose records rank alike share one run of `project`: a hundred thousand with a single price
    each need it once.
    """

    def __init__(self, at: datetime, channels: Mapping[str, str]) -> None:
        self._at, self._channels = at, channels
        self._known: dict[tuple[tuple[object, ...], ...], dict[Place, int | None]] = {}

    def project(self, records: Iterable[PublicRecord]) -> Iterator[tuple[Place, int | None]]:
        """What `public_prices.project` answers for the records of one variant that count."""
        in_order = sorted(records, key=lambda record: record.sequence)
        amounts = sorted({record.amount_minor for record in in_order})
        rank = {amount: position for position, amount in enumerate(amounts)}
        pattern = tuple(
            (
                record.kind,
                rank[record.amount_minor],
                record.currency_code,
                record.channel,
                record.store,
                position,
            )
            for position, record in enumerate(in_order)
        )
        found = self._known.get(pattern)
        if found is None:
            rows = [_Ranked(*ranked, self._at) for ranked in pattern]
            found = self._known[pattern] = project(rows, self._at, self._channels)
        for place, position in found.items():
            yield place, None if position is None else amounts[position]
