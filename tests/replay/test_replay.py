"""The shipped sample of the log through the engine; `make replay` does the same with all three years."""

from __future__ import annotations

from datetime import date

from graph.demo.loader import SAMPLE
from persistence.database import connect
from tests.replay import labels, mall
from tests.replay.comparison import every_event, whole_days
from tests.replay.log import chosen_days, days


async def test_the_engine_says_what_the_log_says(fresh_database: str) -> None:
    db = await connect(fresh_database)
    try:
        held = await mall.load(db, SAMPLE)
        events = await every_event(db, SAMPLE, held.skus, held.stores)
        chosen = chosen_days(SAMPLE, worst=1, spread=2)
        read = await whole_days(db, SAMPLE, held.skus, held.stores, chosen)
    finally:
        await db.close()
    assert events.told == []
    assert events.prices >= 2 * 30_000
    assert read.told == []
    assert read.prices == 3 * len(held.skus) * len(held.stores)


def test_the_chosen_days_are_the_worst_and_both_ends() -> None:
    chosen_from = date(2025, 10, 3)  # older events of the sample only say what stood then
    chosen = chosen_days(SAMPLE, worst=3, spread=4)
    every = [day.date for day in days(SAMPLE) if day.date >= chosen_from]
    assert len(chosen) == 7
    assert {every[0], every[-1]} <= chosen
    assert sum(day.weekday() == 5 for day in chosen) >= 3
    assert chosen <= set(every)


def test_labels_end_at_the_prices_of_the_log_and_are_redrawn_only_for_another_face() -> None:
    """The sample of the log, one store per chain; the whole of it is `make replay-labels`."""
    found = labels.replay(SAMPLE)
    assert len(found.chains) >= 8
    for chain in found.chains.values():
        assert chain.wrong == 0
        assert len(chain.desired) <= chain.labels.ink_count <= chain.versions.total()
    assert found.peak.weekday() == 5
    assert found.redraws[found.peak] > 500
