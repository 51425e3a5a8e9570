"""The engine's prices beside the log's: at every event, and over whole days of the mall."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from domain.pricing.records import PriceContext
from domain.pricing.selection import Selection, fitting, select, selected_at
from persistence.database import Connection
from persistence.pricing.reads import Place, StoredPrice, current_prices, prices_since
from tests.replay.log import Day, Point, Prices, days

TILL = "pos"
CURRENCY = "HKD"
_BEGINNING = datetime(2022, 1, 1, tzinfo=UTC)
_BATCH = 100
_TOLD = 20  # differences that are written out; the rest are counted


@dataclass(slots=True)
class Compared:
    """How many prices were compared, on how many days, and where the two did not agree."""

    prices: int = 0
    days: int = 0
    events: int = 0
    differences: int = 0
    told: list[str] = field(default_factory=list)

    def compare(self, what: str, engine: int | None, log: int | None) -> None:
        """Counts one price; None is not for sale."""
        self.prices += 1
        if engine != log:
            self.differences += 1
            if len(self.told) < _TOLD:
                self.told.append(f"{what}: the engine says {engine}, the log {log}")


async def every_event(db: Connection, folder: Path, skus: Sequence[str], stores: Sequence[str]) -> Compared:
    """At each event's snapshot and the moment before it, what the engine selects from the stored records."""
    compared = Compared()
    moments: defaultdict[Point, list[tuple[datetime, int | None]]] = defaultdict(list)
    for day in days(folder):
        compared.days += 1
        compared.events += day.events
        for point, before in day.before.items():
            moments[point] += [
                (day.snapshot - timedelta(microseconds=1), before),
                (day.snapshot, day.shown.get(point)),
            ]
    for store in stores:
        for batch in _batches(skus):
            place = Place(TILL, store, datetime.now(UTC), now=False)
            stored = await prices_since(db, batch, place, since=_BEGINNING)
            for sku, prices in stored.items():
                rows = fitting(prices.records, _context(store, place.at))
                for moment, amount in moments.get((sku, store), ()):
                    compared.compare(f"{sku} at {store}, {moment}", _paid(selected_at(rows, moment)), amount)
    return compared


async def whole_days(
    db: Connection, folder: Path, skus: Sequence[str], stores: Sequence[str], chosen: Collection[date]
) -> Compared:
    """The price of every article in every store on each chosen day, read as the graph reads the past."""
    compared = Compared()
    for day in days(folder):
        if day.date in chosen:
            compared.days += 1
            compared.events += day.events
            await _one_day(db, day, skus, stores, compared)
    return compared


async def _one_day(
    db: Connection, day: Day, skus: Sequence[str], stores: Sequence[str], compared: Compared
) -> None:
    shown: Prices = day.shown
    for store in stores:
        context = _context(store, day.snapshot)
        for batch in _batches(skus):
            found = await current_prices(db, batch, Place(TILL, store, day.snapshot, now=False))
            for sku in batch:
                paid = _paid(select(found[sku].records, context))
                compared.compare(f"{sku} at {store}, {day.date}", paid, shown.get((sku, store)))


def _context(store: str, at: datetime) -> PriceContext:
    return PriceContext(at=at, channel=TILL, currency_code=CURRENCY, store=store)


def _paid(selection: Selection[StoredPrice] | None) -> int | None:
    return None if selection is None else selection.winner.amount_minor


def _batches(skus: Sequence[str]) -> Iterator[Sequence[str]]:
    return (skus[start : start + _BATCH] for start in range(0, len(skus), _BATCH))
