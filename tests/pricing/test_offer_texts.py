"""Offers in a shop's own words: which of them holds on a day."""

from __future__ import annotations

from datetime import date

import pytest

from persistence.database import connect
from persistence.pricing.offer_texts import offer_texts
from tests.makers import make_offer_text, make_product, make_store


@pytest.fixture(scope="module")
async def db(fresh_database):
    connection = await connect(fresh_database)
    await make_store(connection, "north")
    await make_store(connection, "south")
    await make_product(connection, "rice", skus=["R1", "R2"])
    first, then = date(2026, 3, 7), date(2026, 3, 14)
    await make_offer_text(connection, "north", "R1", "Buy 2 to save $4.00", since=first, until=then)
    await make_offer_text(connection, "north", "R1", "Half price", since=then)
    await make_offer_text(connection, "south", "R1", "3 for $20", since=first)
    await make_offer_text(connection, "north", "R2", "Long gone", since=date(2025, 1, 1), until=first)
    yield connection
    await connection.close()


@pytest.mark.parametrize(
    ("day", "texts"),
    [
        (date(2026, 3, 6), {"R2": "Long gone"}),
        (date(2026, 3, 7), {"R1": "Buy 2 to save $4.00"}),
        (date(2026, 3, 13), {"R1": "Buy 2 to save $4.00"}),
        (date(2026, 3, 14), {"R1": "Half price"}),
        (date(2030, 1, 1), {"R1": "Half price"}),
    ],
)
async def test_an_offer_holds_from_its_first_day_to_the_day_before_it_ends(db, day, texts):
    found = await offer_texts(db, "north", ["R1", "R2", "R3"], day)
    assert {sku: row.texts["en"] for sku, row in found.items()} == texts
