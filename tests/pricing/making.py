"""Price records for tests: everything defaults to a list price of HKD 100.00 that has always been there."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from hypothesis import strategies as st

from domain.pricing.kinds import PriceKind
from domain.pricing.records import PriceContext

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
LONG_AGO = NOON - timedelta(days=365)
TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)


class Record(NamedTuple):
    """A stored price record, shaped as the database returns it."""

    id: UUID
    sku: str
    kind: PriceKind
    amount_minor: int
    currency_code: str
    channel: str | None
    store: str | None
    tier: str | None
    campaign: str | None
    min_quantity: int
    valid_from: datetime | None
    valid_until: datetime | None
    source: str
    sequence: int
    recorded_at: datetime


def price(
    kind: str = "LIST",
    amount: int = 100_00,
    *,
    channel: str | None = None,
    store: str | None = None,
    tier: str | None = None,
    campaign: str | None = None,
    min_quantity: int = 1,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    recorded_at: datetime = LONG_AGO,
    sequence: int = 1,
    currency: str = "HKD",
) -> Record:
    """A record whose id follows from its sequence."""
    return Record(
        uuid.UUID(int=sequence),
        "olive-oil-1l",
        PriceKind(kind),
        amount,
        currency,
        channel,
        store,
        tier,
        campaign,
        min_quantity,
        valid_from,
        valid_until,
        f"record-{sequence}",
        sequence,
        recorded_at,
    )


def context(
    *,
    at: datetime = NOON,
    channel: str = "app",
    store: str | None = "central",
    tier: str | None = None,
    campaign: str | None = None,
    quantity: int = 1,
    currency: str = "HKD",
) -> PriceContext:
    """A visitor in the app who named a store, at noon."""
    return PriceContext(
        at=at,
        channel=channel,
        store=store,
        tier=tier,
        campaign=campaign,
        quantity=quantity,
        currency_code=currency,
    )


def numbered(rows: list[Record]) -> list[Record]:
    """The records set one after the other: sequences 1, 2, 3 in list order."""
    return [row._replace(sequence=n, id=uuid.UUID(int=n)) for n, row in enumerate(rows, start=1)]


# Few values each, so that generated records meet in slots, scopes, amounts and moments again and again.
moments = st.integers(-6, 6).map(lambda hours: NOON + timedelta(hours=hours))
records = st.builds(
    price,
    kind=st.sampled_from([kind.value for kind in PriceKind]),
    amount=st.sampled_from([70_00, 80_00, 90_00, 100_00]),
    channel=st.sampled_from([None, None, "app", "pos"]),
    store=st.sampled_from([None, "central", "harbour"]),
    tier=st.sampled_from([None, None, "gold", "silver"]),
    campaign=st.sampled_from([None, None, "live-8"]),
    min_quantity=st.sampled_from([1, 1, 3]),
    valid_from=st.none() | moments,
    valid_until=st.none() | moments,
    recorded_at=st.just(LONG_AGO) | moments,
    currency=st.sampled_from(["HKD", "HKD", "HKD", "CNY"]),
)
histories = st.lists(records, max_size=14).map(numbered)
contexts = st.builds(
    context,
    at=moments | moments.map(lambda at: at - TICK),
    channel=st.sampled_from(["app", "pos", "h5"]),
    store=st.sampled_from([None, "central", "harbour", "peak"]),
    tier=st.sampled_from([None, "gold"]),
    campaign=st.sampled_from([None, "live-8"]),
    quantity=st.sampled_from([1, 3]),
    currency=st.sampled_from(["HKD", "HKD", "CNY"]),
)
