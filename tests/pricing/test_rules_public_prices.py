"""The sparse projection of public prices answers as the selection does, with as few entries as it can."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.pricing.public_prices import Place, fallback, project
from domain.pricing.selection import select
from tests.chance import examples
from tests.pricing.making import NOON, Record, context, histories, moments, price

CHANNELS = {"app": "HKD", "pos": "HKD", "h5": "HKD", "tmall": "CNY"}
STORES = [None, "central", "harbour", "peak"]


@given(histories, moments, st.dictionaries(st.sampled_from(list(CHANNELS)), st.sampled_from(["HKD", "CNY"])))
@settings(max_examples=examples(300))
def test_reading_the_projection_is_selecting(
    rows: list[Record], at: datetime, channels: dict[str, str]
) -> None:
    projection = project(rows, at, channels)
    for channel, currency in channels.items():
        for store in STORES:
            selection = select(rows, context(at=at, channel=channel, store=store, currency=currency))
            amount = None if selection is None else selection.winner.amount_minor
            assert fallback(projection, channel, store) == amount, (channel, store)


@given(histories, moments)
def test_no_entry_of_a_store_could_be_left_out(rows: list[Record], at: datetime) -> None:
    projection = project(rows, at, CHANNELS)
    for (channel, store), amount in projection.items():
        if channel is None:
            continue
        if store is None:
            assert amount is not None
        else:
            rest = {place: value for place, value in projection.items() if place != (channel, store)}
            assert fallback(rest, channel, store) != amount


APP, POS = price(amount=100_00, channel="app"), price(amount=95_00, channel="pos", sequence=2)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], {}),
        ([price()], {("app", None): 100_00, ("pos", None): 100_00}),
        ([APP], {("app", None): 100_00}),
        ([APP, POS], {("app", None): 100_00, ("pos", None): 95_00}),
        # One price of a store for every channel: one entry.
        (
            [price(), price("STORE", 90_00, store="central", sequence=2)],
            {("app", None): 100_00, ("pos", None): 100_00, (None, "central"): 90_00},
        ),
        # Sold in one store only.
        ([price("STORE", 90_00, store="central")], {(None, "central"): 90_00}),
        # A channel's own price in a store, beside the store's.
        (
            [
                price(),
                price("STORE", 90_00, store="central", sequence=2),
                price("STORE", 88_00, store="central", channel="pos", sequence=3),
            ],
            {
                ("app", None): 100_00,
                ("pos", None): 100_00,
                (None, "central"): 90_00,
                ("pos", "central"): 88_00,
            },
        ),
        # An offer of a channel holds in every store, against the store's regular price.
        (
            [
                price(),
                price("STORE", 90_00, store="central", sequence=2),
                price("SALE", 80_00, channel="app"),
            ],
            {
                ("app", None): 80_00,
                ("pos", None): 100_00,
                (None, "central"): 90_00,
                ("app", "central"): 80_00,
            },
        ),
        # A store's price at the common amount is no entry.
        (
            [price(), price("STORE", 100_00, store="central", sequence=2)],
            {("app", None): 100_00, ("pos", None): 100_00},
        ),
        # What members, campaigns and big buyers pay is not public.
        (
            [
                APP,
                price("MEMBER", 1, tier="gold", sequence=2),
                price("LIVE", 1, campaign="x", sequence=3),
                price(amount=1, min_quantity=2, sequence=4),
            ],
            {("app", None): 100_00},
        ),
    ],
)
def test_what_is_kept(rows: list[Record], expected: dict[Place, int | None]) -> None:
    assert project(rows, NOON, {"app": "HKD", "pos": "HKD"}) == expected


def test_a_channel_of_another_currency_does_not_inherit_the_stores_amount() -> None:
    rows = [
        price(),
        price("STORE", 90_00, store="central", sequence=2),
        price(amount=92_00, currency="CNY", sequence=3),
    ]
    projection = project(rows, NOON, {"app": "HKD", "pos": "HKD", "tmall": "CNY"})
    assert projection["tmall", "central"] == 92_00
    assert fallback(project(rows[:2], NOON, {"app": "HKD", "tmall": "CNY"}), "tmall", "central") is None


def test_without_channels_nothing_is_kept() -> None:
    assert project([price()], NOON, {}) == {}


def test_a_chain_of_a_thousand_stores_with_one_price_has_one_entry_per_channel() -> None:
    rows = [price()] + [price("STORE", 100_00, store=f"store-{n}", sequence=n) for n in range(2, 1002)]
    assert project(rows, NOON, {"app": "HKD", "pos": "HKD"}) == {("app", None): 100_00, ("pos", None): 100_00}
