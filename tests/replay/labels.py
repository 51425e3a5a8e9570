"""`make replay-labels`: three years of real prices as load for shelf labels, one store per chain.

Every price point is a label. Each day's changes become faces, which simulated labels with a 60 s poll and 1 %
loss take and show; at the end every label must show the face of its last price, and none may have been
redrawn more often than its face changed.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table

from devices.faces import face_hash
from devices.simulation.labels import Behaviour, Memory, SimulatedLabels
from domain.gateways import FaceJob
from domain.labels import LABEL_MODELS, FaceFields, template_for
from domain.money import Money
from domain.shelf import LabelReportState
from graph.demo.loader import SAMPLE
from tests.replay import chart

WHOLE = Path(__file__).parents[3] / "shared" / "data" / "hk_pricewatch"
CHART = Path(__file__).parents[2] / "docs" / "peak-saturday.png"
_MODEL = LABEL_MODELS["epd-2.9-bwr"]
_SNAPSHOT = timedelta(hours=21, minutes=10)  # 5:10 in Hong Kong is 21:10 of the day before in UTC
_SATURDAY = 5


@dataclass
class Chain:
    """One chain's store: its labels, what each should show, and how often that changed."""

    labels: SimulatedLabels
    desired: dict[str, str] = field(default_factory=dict)
    versions: Counter[str] = field(default_factory=Counter)

    @property
    def wrong(self) -> int:
        """Labels that show something else than they should."""
        shown = self.labels.memories
        return sum(shown.get(code, Memory()).hash != wanted for code, wanted in self.desired.items())


@dataclass
class Replayed:
    """What the whole log came to: chains by code, redraws by day, and seconds to the ink by day."""

    chains: dict[str, Chain] = field(default_factory=dict)
    redraws: Counter[date] = field(default_factory=Counter)
    seconds: dict[date, list[float]] = field(default_factory=dict)

    @property
    def peak(self) -> date:
        """The Saturday with the most redraws: the day on which Hong Kong's chains change their prices."""
        saturdays = (day for day in self.redraws if day.weekday() == _SATURDAY)
        return max(saturdays, key=lambda day: self.redraws[day])


def replay(folder: Path, seed: int = 1) -> Replayed:
    """The log of a folder, from its first day to its last."""
    found, articles, offers = Replayed(), _articles(folder), _offers(folder)
    prices: dict[tuple[str, str], tuple[int | None, str | None]] = {}
    for day, events in groupby(_events(folder), key=lambda event: event["date"]):
        today = date.fromisoformat(day)
        now = datetime.combine(today, datetime.min.time(), UTC) + _SNAPSHOT - timedelta(days=1)
        for event in events:
            chain = found.chains.setdefault(event["channel"], _chain(seed))
            code = event["code"]
            before = prices.get((event["channel"], code), (None, None))
            gone = event["event"] == "D"
            amount = None if gone else int(Decimal(event["price"]) * 100) if event["price"] else before[0]
            offer = None if gone else event["offer_id"] or None
            prices[event["channel"], code] = amount, offer
            fields = replace(
                articles[code],
                amount=None if amount is None else Money(amount, "HKD"),
                offer=offers.get(offer or ""),
            )
            _show(chain, code, fields, now)
        _let_a_day_pass(found, today, now)
    return found


def _chain(seed: int) -> Chain:
    behaviour = Behaviour(poll=60, loss=0.01, check_in=None)
    return Chain(SimulatedLabels(behaviour, random.Random(seed)))


def _show(chain: Chain, code: str, fields: FaceFields, now: datetime) -> None:
    """Offer the label its face, unless it is the one it should show already."""
    wanted = face_hash(fields, template_for(fields), _MODEL)
    if chain.desired.get(code) == wanted:
        return
    chain.desired[code] = wanted
    chain.versions[code] += 1
    chain.labels.offer(FaceJob(code, chain.versions[code], wanted, _MODEL, "", ""), now)


def _let_a_day_pass(found: Replayed, today: date, now: datetime) -> None:
    for chain in found.chains.values():
        before = chain.labels.ink_count
        reports = chain.labels.step(now + timedelta(hours=23))
        found.redraws[today] += chain.labels.ink_count - before
        found.seconds.setdefault(today, []).extend(
            (report.at - now).total_seconds()
            for report in reports
            if report.state is LabelReportState.DISPLAYED
        )


def _events(folder: Path) -> Iterator[dict[str, str]]:
    with gzip.open(folder / "price_events.csv.gz", "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _articles(folder: Path) -> dict[str, FaceFields]:
    """By code: the fields of a face that do not change."""
    with gzip.open(folder / "products.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return {
            row["code"]: FaceFields(
                row["code"], row["name_zh_hant"], row["name_en"], None, row["brand_zh_hant"]
            )
            for row in csv.DictReader(file)
        }


def _offers(folder: Path) -> dict[str, str]:
    with gzip.open(folder / "offers.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return {row["offer_id"]: row["offer_zh_hans"] or row["offer_en"] for row in csv.DictReader(file)}


def main() -> int:
    """The exit code: 1 when a label shows a wrong face at the end or was redrawn for nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=WHOLE if WHOLE.is_dir() else SAMPLE)
    parser.add_argument("--chart", type=Path, help=f"where the peak is drawn, such as {CHART.name}")
    asked = parser.parse_args()
    out = Console()
    with out.status(f"Replaying {asked.folder.name} …"):
        found = replay(asked.folder)
    table = Table("store of", "labels", "faces", "redraws", "wrong at the end")
    for code, chain in sorted(found.chains.items()):
        numbers = (len(chain.desired), chain.versions.total(), chain.labels.ink_count, chain.wrong)
        table.add_row(code, *(f"{number:,}" for number in numbers))
    out.print(table)
    peak = found.peak
    took = sorted(found.seconds[peak])
    out.print(
        f"Peak: {peak:%A %Y-%m-%d}, {found.redraws[peak]:,} redraws; ink after {took[len(took) // 2]:.0f} s "
        f"(p50), {took[int(len(took) * 0.99)]:.0f} s (p99), {took[-1]:.0f} s (last)"
    )
    if asked.chart:
        chart.draw(found.redraws, took, peak).save(asked.chart, optimize=True)
    wrong = any(
        chain.wrong or chain.labels.ink_count > chain.versions.total() for chain in found.chains.values()
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
