"""The change log of Hong Kong's Online Price Watch, folded into price records and offers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.money import exact_minor
from domain.pricing.kinds import PriceKind
from persistence.imports.offers import OfferRow
from persistence.imports.prices import PriceImportRow

CURRENCY = "HKD"
RECORDED_BY = "hk-pricewatch"
_KIND = PriceKind.STORE.value
_SHOWN = frozenset("APO")
_SNAPSHOT = time(5, 10, tzinfo=ZoneInfo("Asia/Hong_Kong"))


class LogError(Exception):
    """The log cannot be folded; the message names the line."""


class Point(NamedTuple):
    """What one chain shows for one article, and since when; amounts in cents."""

    line: int
    amount: int
    since: date
    offer: int | None
    offer_since: date


@dataclass(slots=True)
class Folded:
    """What a log amounts to: every record and offer it tells of, and the state it ends in."""

    prices: list[PriceImportRow] = field(default_factory=list)
    offers: list[OfferRow] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    points: dict[tuple[str, str], Point] = field(default_factory=dict)
    active_by_day: dict[date, int] = field(default_factory=dict)

    @property
    def last_day(self) -> date:
        """The day of the last event."""
        return max(self.active_by_day)

    def active_on(self, day: date) -> int:
        """How many price points stand at the end of a day; one without events is like the day before."""
        return self.active_by_day[max(known for known in self.active_by_day if known <= day)]


@cache
def moment_of(day: date) -> datetime:
    """When the snapshot of a day was taken: 05:10 in Hong Kong."""
    return datetime.combine(day, _SNAPSHOT).astimezone(UTC)


@cache
def store_of(chain: str) -> str:
    """The code of the store that stands for a chain."""
    return chain.lower()


def fold(events: Iterable[Sequence[str]]) -> Folded:
    """The records, offers and final state of a log, whose events come in the order of their days.

    An event is date, code, channel, event, price, offer_id. Each time a chain shows an article at a new
    price, one STORE record begins at that day's snapshot; it ends at the snapshot that shows another price or
    none. An offer's last day is the day before its `until`.
    Raises LogError with the line of an event that cannot be read.
    """
    log = Folded()
    points, counts = log.points, log.events
    today, last_text = date.min, ""
    for line, event in enumerate(events, start=2):
        try:
            text, sku, chain, kind, price, offer_id = event
            if text != last_text:
                if last_text:
                    log.active_by_day[today] = len(points)
                day = date.fromisoformat(text)
                if day < today:
                    raise LogError(f"line {line}: {text} comes after {last_text}.")
                today, last_text = day, text
            place = (sku, store_of(chain))
            before = points.pop(place, None)
            counts[kind] += 1
            if kind == "D":
                if before is not None:
                    _end(log, place, before, today)
                continue
            if kind not in _SHOWN:
                raise LogError(f"line {line}: there is no event {kind!r}; it is one of A, P, O and D.")
            now = Point(line, _cents(price), today, int(offer_id) if offer_id else None, today)
        except (ValueError, InvalidOperation) as wrong:
            raise LogError(f"line {line}: {wrong}") from None
        points[place] = now if before is None else _moved(log, place, before, now)
    if last_text:
        log.active_by_day[today] = len(points)
    for place, point in points.items():
        _end(log, place, point, None)
    return log


def _moved(log: Folded, place: tuple[str, str], before: Point, now: Point) -> Point:
    """The point as it is now, with what is over written down."""
    line, amount, since, offer, offer_since = now
    if before.amount != amount:
        _end_price(log, place, before, since)
    else:
        line, since = before.line, before.since
    if before.offer != offer:
        _end_offer(log, place, before, offer_since)
    else:
        offer_since = before.offer_since
    return Point(line, amount, since, offer, offer_since)


def _end(log: Folded, place: tuple[str, str], point: Point, until: date | None) -> None:
    _end_price(log, place, point, until)
    _end_offer(log, place, point, until)


def _end_price(log: Folded, place: tuple[str, str], point: Point, until: date | None) -> None:
    sku, store = place
    line, amount, since, _, _ = point
    ends = None if until is None else moment_of(until)
    source = f"{sku}/{store}/{since}"
    row = (line, sku, _KIND, amount, CURRENCY, None, store, None, None, 1, None, ends, source)
    log.prices.append(PriceImportRow(*row, moment_of(since), True))


def _end_offer(log: Folded, place: tuple[str, str], point: Point, until: date | None) -> None:
    if point.offer is not None:
        sku, store = place
        log.offers.append(OfferRow(sku, store, point.offer, point.offer_since, until))


@cache
def _cents(price: str) -> int:
    amount = exact_minor(Decimal(price), CURRENCY)
    if amount is None or amount < 0:
        raise ValueError(f"{price!r} is not a price in {CURRENCY}.")
    return amount
