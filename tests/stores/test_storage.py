"""The list of stores on a real database: in order, near a point, and filtered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import asin, cos, radians, sin, sqrt

import pytest

from domain.refusals import RequestError
from domain.stores import OpeningHours, StoreService, is_open
from persistence.database import connect
from persistence.store_list import Near, StoreQuery, distance_of, stores, stores_total
from tests.makers import make_product, make_stock, make_store

CENTRAL = (22.2819, 114.1582)
PICKUP, DELIVERY = StoreService.PICKUP, StoreService.DELIVERY
DAYTIME = [{"weekday": day, "opens": "09:00", "closes": "22:00"} for day in range(5)]
NIGHTLY = [{"weekday": day, "opens": "20:00", "closes": "04:30"} for day in (4, 5, 6)]
ALL_DAY = [
    {"weekday": 2, "opens": "00:00", "closes": "24:00"},
    {"weekday": 3, "opens": "08:00", "closes": "08:00"},
]
SPLIT = [
    {"weekday": 0, "opens": "08:00", "closes": "12:00"},
    {"weekday": 0, "opens": "14:00", "closes": "18:00"},
]

STORES = {
    "central": {"at": CENTRAL, "city": "Hong Kong", "hours": DAYTIME},
    "admiralty": {"at": (22.2795, 114.1653), "city": "Hong Kong", "hours": NIGHTLY, "services": [PICKUP]},
    "kowloon": {"at": (22.3047, 114.1694), "city": "Kowloon", "hours": ALL_DAY, "services": [DELIVERY]},
    "mongkok": {"at": (22.3193, 114.1694), "city": "Kowloon", "hours": SPLIT},
    "mongkok-2": {"at": (22.3193, 114.1694), "city": "Kowloon", "hours": []},
    "shenzhen": {
        "at": (22.5431, 114.0579),
        "city": "Shenzhen",
        "hours": DAYTIME,
        "time_zone": "Asia/Shanghai",
    },
    "london": {"at": (51.5074, -0.1278), "city": "London", "hours": NIGHTLY, "time_zone": "Europe/London"},
    "taveuni": {"at": (-16.8, 179.99), "city": "Taveuni", "hours": DAYTIME, "time_zone": "Pacific/Fiji"},
    "rabi": {"at": (-16.8, -179.99), "city": "Rabi", "hours": SPLIT, "time_zone": "Pacific/Fiji"},
    "closed": {"at": CENTRAL, "city": "Hong Kong", "active": False},
}
OPEN_STORES = {code: store for code, store in STORES.items() if store.get("active", True)}


@pytest.fixture(scope="module")
async def db(fresh_database):
    connection = await connect(fresh_database)
    for code, store in STORES.items():
        await make_store(connection, code, **store)
    await make_product(connection, "rice", skus=["R1", "R2"])
    await make_stock(connection, "central", "R1", 5, reserved=1, safety_stock=1)
    await make_stock(connection, "central", "R2", 1)
    await make_stock(connection, "mongkok", "R1", 9)
    await make_stock(connection, "kowloon", "R1", 99)
    await make_stock(connection, "closed", "R1", 99)
    yield connection
    await connection.close()


async def every_page(db, query, first):
    codes, after = [], None
    while True:
        page = await stores(db, query, first, after)
        assert len(page.rows) == len(page.cursors) <= first
        assert page.has_previous == (after is not None)
        codes += [row.code for row in page.rows]
        if not page.has_next:
            assert await stores_total(db, query) == len(codes)
            return codes
        after = page.cursors[-1]


def meters(here, there):
    """Along a sphere of the size earthdistance takes the earth to have (the haversine formula)."""
    (lat1, lon1), (lat2, lon2) = (tuple(map(radians, point)) for point in (here, there))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * 6378168 * asin(sqrt(half))


@pytest.mark.parametrize("first", [1, 2, 100])
async def test_without_a_point_stores_come_by_code(db, first):
    assert await every_page(db, StoreQuery(), first) == sorted(OPEN_STORES)
    assert [distance_of(row) for row in (await stores(db, StoreQuery(), 2)).rows] == [None, None]


@pytest.mark.parametrize("first", [1, 2, 100])
@pytest.mark.parametrize("point", [CENTRAL, (22.3193, 114.1694), (-16.8, 180.0), (-90, 0), (51.5, 0)])
async def test_near_a_point_stores_come_nearest_first_then_by_code(db, point, first):
    query = StoreQuery(near=Near(*point, within_meters=30_000_000))
    expected = sorted(OPEN_STORES, key=lambda code: (round(meters(point, STORES[code]["at"])), code))
    assert await every_page(db, query, first) == expected
    shown = (await stores(db, query, 100)).rows
    for row in shown:
        assert distance_of(row) == pytest.approx(meters(point, STORES[row.code]["at"]), abs=1)


@pytest.mark.parametrize(
    ("within", "codes"),
    [(1, ["central"]), (700, ["central"]), (900, ["central", "admiralty"]), (50_000, None)],
)
async def test_only_stores_within_the_distance_are_near(db, within, codes):
    found = await every_page(db, StoreQuery(near=Near(*CENTRAL, within_meters=within)), 100)
    if codes is None:
        codes = ["central", "admiralty", "kowloon", "mongkok", "mongkok-2", "shenzhen"]
    assert found == codes


async def test_the_far_side_of_the_date_line_is_near(db):
    found = await stores(db, StoreQuery(near=Near(-16.8, 179.999, within_meters=5_000)), 10)
    assert {row.code for row in found.rows} == {"taveuni", "rabi"}


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        (StoreQuery(city="Kowloon"), ["kowloon", "mongkok", "mongkok-2"]),
        (StoreQuery(city="kowloon"), []),
        (StoreQuery(service=DELIVERY, city="Hong Kong"), ["central"]),
        (StoreQuery(service=StoreService.RETURNS), []),
        (StoreQuery(service=PICKUP, city="Kowloon"), ["mongkok", "mongkok-2"]),
        (StoreQuery(has_stock=(("R1", 1),)), ["central", "mongkok"]),
        (StoreQuery(has_stock=(("R1", 3),)), ["central", "mongkok"]),
        (StoreQuery(has_stock=(("R1", 4),)), ["mongkok"]),
        (StoreQuery(has_stock=(("R1", 2), ("R1", 2))), ["mongkok"]),
        (StoreQuery(has_stock=(("R1", 3), ("R2", 1))), ["central"]),
        (StoreQuery(has_stock=(("R1", 1), ("none", 1))), []),
        (StoreQuery(has_stock=(("R1", 2**31 - 1), ("R1", 2**31 - 1))), []),
        (StoreQuery(near=Near(*CENTRAL), city="Kowloon", has_stock=(("R1", 9),)), ["mongkok"]),
    ],
)
async def test_a_filter_keeps_what_it_says(db, query, codes):
    assert await every_page(db, query, 2) == codes


WEEK = [datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=30 * step) for step in range(7 * 48)]
EDGES = [
    datetime(2026, 3, 2, 0, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 3, 2, 1, 0, tzinfo=UTC),
    datetime(2026, 3, 2, 13, 59, 59, tzinfo=UTC),
    datetime(2026, 3, 2, 14, 0, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC),  # London's clock leaps
    datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
    datetime(2026, 3, 29, 3, 29, tzinfo=UTC),
    datetime(2026, 3, 29, 3, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 4, 29, tzinfo=UTC),
]


async def test_who_is_open_is_what_the_rule_says_at_every_half_hour_of_a_week(db):
    seen = set()
    for at in (*WEEK, *EDGES):
        expected = {
            code
            for code, store in OPEN_STORES.items()
            if is_open(
                [OpeningHours(**span) for span in store["hours"]],
                store.get("time_zone", "Asia/Hong_Kong"),
                at,
            )
        }
        found = await stores(db, StoreQuery(open_at=at), 100)
        assert {row.code for row in found.rows} == expected, at
        seen.add(frozenset(expected))
    assert len(seen) > 10


async def test_who_is_closed_is_everybody_else(db):
    for at in WEEK[::17]:
        both = StoreQuery(open_at=at), StoreQuery(closed_at=at)
        found = [{row.code for row in (await stores(db, query, 100)).rows} for query in both]
        assert found[0] | found[1] == {*OPEN_STORES}
        assert not found[0] & found[1]


@pytest.mark.parametrize(
    "query",
    [
        StoreQuery(near=Near(90.1, 0)),
        StoreQuery(near=Near(0, -180.1)),
        StoreQuery(near=Near(float("nan"), 0)),
        StoreQuery(near=Near(0, 0, within_meters=0)),
        StoreQuery(has_stock=(("R1", 0),)),
        StoreQuery(has_stock=(("R1", -1),)),
        StoreQuery(has_stock=tuple((f"S{number}", 1) for number in range(101))),
    ],
)
async def test_what_no_store_can_answer_is_refused(db, query):
    with pytest.raises(RequestError, match="BAD_USER_INPUT"):
        await stores(db, query, 2)
    with pytest.raises(RequestError, match="BAD_USER_INPUT"):
        await stores_total(db, query)


async def test_a_cursor_of_another_point_is_refused(db):
    begun = await stores(db, StoreQuery(near=Near(*CENTRAL)), 1)
    with pytest.raises(RequestError, match="another order"):
        await stores(db, StoreQuery(near=Near(22.3, 114.1)), 1, begun.cursors[0])
    with pytest.raises(RequestError, match="BAD_USER_INPUT"):
        await stores(db, StoreQuery(), 1, begun.cursors[0])
