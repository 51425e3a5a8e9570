"""The facets of a product list: what each choice would leave."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from domain.catalog.listing import ProductSort, price_band, price_bounds
from persistence.catalog import facets
from persistence.catalog.facets import product_facets
from persistence.catalog.listing import products_total
from persistence.catalog.wanted import ProductQuery
from persistence.database import connect
from tests.catalog.listed import catalogue, store_all

NORTH = ProductQuery("app", "north", stock_stores=("north",))
FOOD = ("food", "drinks", "milk", "snacks")


@pytest.fixture(scope="module")
def listed():
    return catalogue()


@pytest.fixture(scope="module")
async def db(fresh_database, listed):
    connection = await connect(fresh_database)
    await store_all(connection, listed)
    yield connection
    await connection.close()


def counted(choices):
    return {choice.value: choice.count for choice in choices}


async def test_categories_are_counted_at_the_top_then_one_level_below_the_chosen_one(db, listed):
    at = Counter(one.category for one in listed)
    everything = await product_facets(db, NORTH, 2)
    assert counted(everything.categories) == {"food": sum(at[code] for code in FOOD), "home": at["home"]}
    assert everything.categories[0].names == {"en": "Food", "zh-CN": "food类"}
    food = await product_facets(db, replace(NORTH, category="food"), 2)
    assert counted(food.categories) == {"drinks": at["drinks"] + at["milk"], "snacks": at["snacks"]}
    assert (await product_facets(db, replace(NORTH, category="milk"), 2)).categories == []
    assert (await product_facets(db, replace(NORTH, category="garden"), 2)).categories == []


async def test_brands_are_counted_as_if_none_were_chosen(db, listed):
    at = Counter(one.brand for one in listed if one.brand)
    chosen = await product_facets(db, replace(NORTH, brands=("Kowloon",)), 2)
    assert counted(chosen.brands) == dict(at)
    assert chosen.brands[0].names == {"en": chosen.brands[0].value}
    assert sum(counted(chosen.categories).values()) == sum(
        1 for one in listed if one.brand == "Kowloon" and one.category
    )


async def test_choosing_what_a_facet_offers_leaves_what_it_counted(db):
    asked = replace(NORTH, search="milk", lowest_price=300, brands=("Kowloon",))
    shown = await product_facets(db, asked, 2)
    assert shown.categories
    assert shown.brands
    assert shown.prices
    for choice in shown.categories:
        assert await products_total(db, replace(asked, category=choice.value)) == choice.count
    for choice in shown.brands:
        assert await products_total(db, replace(asked, brands=(choice.value,))) == choice.count
    for choice in shown.prices:
        band = replace(asked, lowest_price=choice.band.lowest, highest_price=choice.band.highest)
        assert await products_total(db, band) == choice.count


async def test_price_bands_rise_and_hold_every_priced_product(db, listed):
    shown = (await product_facets(db, replace(NORTH, lowest_price=1, highest_price=2), 2)).prices
    assert [choice.band.lowest for choice in shown] == sorted({choice.band.lowest for choice in shown})
    assert sum(choice.count for choice in shown) == sum(1 for one in listed if one.price("app", "north"))


async def test_a_list_by_price_counts_only_what_it_lists(db, listed):
    shown = await product_facets(db, replace(NORTH, sort=ProductSort.PRICE_DESC), 2)
    priced = [one for one in listed if one.price("app", "north") and one.brand]
    assert counted(shown.brands) == dict(Counter(one.brand for one in priced))


async def test_no_more_is_counted_than_is_promised(db, monkeypatch):
    monkeypatch.setattr(facets, "COUNTED", 10)
    facets._facets.cache_clear()
    shown = await product_facets(db, NORTH, 2)
    facets._facets.cache_clear()
    assert sum(choice.count for choice in shown.prices) <= 10
    assert sum(counted(shown.brands).values()) <= 10


@pytest.mark.parametrize(
    ("amount", "lowest", "highest"),
    [
        (0, 0, 99),
        (99, 0, 99),
        (100, 100, 199),
        (199, 100, 199),
        (200, 200, 499),
        (5 * 10**8, 5 * 10**8, None),
    ],
)
def test_a_band_begins_at_its_bound(amount, lowest, highest):
    bounds = price_bounds(2)
    number = sum(bound <= amount for bound in bounds)
    band = price_band(bounds, number)
    assert (band.lowest, band.highest) == (lowest, highest)


def test_bands_part_at_whole_units_of_the_currency():
    assert price_bounds(0)[:4] == (1, 2, 5, 10)
    assert price_bounds(3)[:4] == (1000, 2000, 5000, 10000)
