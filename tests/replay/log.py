"""The published change log, folded once more without a line of the product's own reading of it."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

Point = tuple[str, str]  # sku and store
Prices = dict[Point, int]  # cents of what a chain shows


@dataclass(slots=True)
class Day:
    """One day of the log: what changed on it, and everything that is shown at its end."""

    date: date
    shown: Prices
    before: dict[Point, int | None] = field(default_factory=dict)
    events: int = 0

    @property
    def snapshot(self) -> datetime:
        """When the day's prices were read: 05:10 in Hong Kong, eight hours ahead of UTC all year."""
        return datetime(self.date.year, self.date.month, self.date.day, 5, 10, tzinfo=UTC) - timedelta(
            hours=8
        )


def days(folder: Path) -> Iterator[Day]:
    """The days of the log in order; `shown` is one dict that goes on changing, so look before the next."""
    shown: Prices = {}
    day: Day | None = None
    with gzip.open(folder / "price_events.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            today = date.fromisoformat(row["date"])
            if day is None or today != day.date:
                if day is not None:
                    yield day
                day = Day(today, shown)
            day.events += 1
            point = (row["code"], row["channel"].lower())
            day.before.setdefault(point, shown.get(point))
            if row["event"] == "D":
                shown.pop(point, None)
            else:
                whole, _, cents = row["price"].partition(".")
                shown[point] = int(whole) * 100 + int(cents.ljust(2, "0") or 0)
    if day is not None:
        yield day


def chosen_days(folder: Path, *, worst: int, spread: int) -> set[date]:
    """The days with the most price changes, and as many others evenly over the whole log, ends included."""
    changes: Counter[date] = Counter()
    with gzip.open(folder / "daily_counts.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            changes[date.fromisoformat(row["date"])] = int(row["price_changes"])
    heavy = {day for day, _ in changes.most_common(worst)}
    others = sorted(changes.keys() - heavy)
    step = (len(others) - 1) / (spread - 1)
    return heavy | {others[round(number * step)] for number in range(spread)}
