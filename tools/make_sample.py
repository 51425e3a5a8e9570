"""Makes the sample of Hong Kong prices that ships, from the full data: `python tools/make_sample.py DIR`.

All products; the events of the last 90 days; before them, as opening events under the day it was set, the
price and the offer of every point that stood when the 90 days began; the offers these name. The same data
gives the same bytes.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

DAYS = 90
TARGET = Path(__file__).parent.parent / "graph" / "sample" / "hk_pricewatch"

Row = list[str]


def main(source: Path) -> None:
    """Writes the four files of the sample."""
    products_header, products = _read(source / "products.csv.gz")
    header, events = _read(source / "price_events.csv.gz")
    offers_header, offers = _read(source / "offers.csv.gz")
    days_header, days = _read(source / "daily_counts.csv.gz")

    first = str(date.fromisoformat(events[-1][0]) - timedelta(days=DAYS - 1))
    sample = [*_openings(events, first), *(event for event in events if event[0] >= first)]
    named = {event[5] for event in sample}
    _write(TARGET / "products.csv.gz", products_header, products)
    _write(TARGET / "price_events.csv.gz", header, sample)
    _write(TARGET / "offers.csv.gz", offers_header, (offer for offer in offers if offer[0] in named))
    _write(TARGET / "daily_counts.csv.gz", days_header, (day for day in days if day[0] >= first))


def _openings(events: Sequence[Row], first: str) -> list[Row]:
    """The points that stand when the window begins, each at the day its price was set.

    An offer that began after the price is an event of its own; one that is older begins with the price here.
    """
    points: dict[tuple[str, str], tuple[str, str, str, str]] = {}
    for day, code, channel, event, price, offer in events:
        if day >= first:
            break
        since, held, offer_since, held_offer = points.pop((code, channel), ("", "", "", ""))
        if event != "D":
            points[code, channel] = (
                since if held == price else day,
                price,
                offer_since if held_offer == offer and since else day,
                offer,
            )
    openings: list[Row] = []
    for (code, channel), (since, price, offer_since, offer) in points.items():
        later = bool(offer) and offer_since > since
        openings.append([since, code, channel, "A", price, "" if later else offer])
        if later:
            openings.append([offer_since, code, channel, "O", price, offer])
    return sorted(openings)


def _read(path: Path) -> tuple[Row, list[Row]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        return next(reader), [*reader]


def _write(path: Path, header: Row, rows: Iterable[Row]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(text.getvalue().encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
