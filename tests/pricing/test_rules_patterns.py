"""Working out variants together answers for each what working it out alone does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.pricing.patterns import Patterns, PublicRecord
from domain.pricing.public_prices import project
from domain.pricing.selection import mistimed
from tests.pricing.making import NOON, Record, histories, price

CHANNELS = {"app": "HKD", "pos": "HKD", "h5": "HKD", "tmall": "CNY"}


def public(rows: list[Record], *stores: str | None) -> list[PublicRecord]:
    """The records that count for everybody at noon; only those of some stores, where some are given."""
    return [
        PublicRecord(*(getattr(row, name) for name in PublicRecord._fields))
        for row in rows
        if mistimed(row, NOON) is None
        and row.tier is None
        and row.campaign is None
        and row.min_quantity == 1
        and (not stores or row.store in stores)
    ]


@given(st.lists(histories, max_size=4))
def test_every_variant_gets_its_own_projection(variants: list[list[Record]]) -> None:
    patterns = Patterns(NOON, CHANNELS)
    for rows in variants:
        assert dict(patterns.project(public(rows))) == project(rows, NOON, CHANNELS)


def test_records_that_rank_alike_keep_their_own_amounts() -> None:
    patterns = Patterns(NOON, CHANNELS)
    for regular, offer in ((100, 80), (9_000, 1), (80, 80)):
        rows = [price(amount=regular), price("SALE", offer, channel="app", sequence=2)]
        assert dict(patterns.project(public(rows))) == {
            ("app", None): offer,
            ("pos", None): regular,
            ("h5", None): regular,
        }


@given(histories)
def test_the_entries_of_a_store_need_only_its_records_and_those_of_every_store(rows: list[Record]) -> None:
    whole = project(rows, NOON, CHANNELS)
    partly = dict(Patterns(NOON, CHANNELS).project(public(rows, None, "central")))
    assert {place: amount for place, amount in partly.items() if place[1] == "central"} == {
        place: amount for place, amount in whole.items() if place[1] == "central"
    }
