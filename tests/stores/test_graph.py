"""The list of stores through the schema."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.channels import StockPolicy
from tests.makers import make_allotment, make_channel, make_product, make_stock, make_store

LIST = """
query ($first: Int!, $after: String, $near: StoreNear, $where: StoreWhere) {
  stores(first: $first, after: $after, near: $near, where: $where) {
    totalCount edges { cursor node { code distanceMeters openNow } } pageInfo { hasNextPage endCursor }
  }
}
"""
ONE = 'query { store(code: "admiralty") { code distanceMeters } }'
CENTRAL = {"point": {"latitude": 22.2819, "longitude": 114.1582}}
DAYTIME = [{"weekday": day, "opens": "09:00", "closes": "22:00"} for day in range(7)]
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
async def mall(shop):
    async with shop.database() as db:
        await make_store(db, "central", at=(22.2819, 114.1582), hours=DAYTIME)
        await make_store(db, "admiralty", at=(22.2795, 114.1653), hours=[])
        await make_store(db, "shenzhen", at=(22.5431, 114.0579), city="Shenzhen")
        await make_store(db, "gone", active=False)
        made = await make_product(db, "rice", skus=["RICE"])
        await make_stock(db, "admiralty", made.skus[0], 2)
        await make_channel(db, "jd", stock_policy=StockPolicy.ALLOTTED)
        await make_stock(db, "central", made.skus[0], 1)
        await make_allotment(db, "jd", "central", made.skus[0], 1)
    shop.clock.at = NOON
    yield shop
    shop.clock.at = None


async def listed(mall, **variables):
    found = (await mall.ask(LIST, **{"first": 10, **variables})).data["stores"]
    assert found["totalCount"] == len(found["edges"])
    return [(edge["node"]["code"], edge["node"]["distanceMeters"]) for edge in found["edges"]]


async def test_stores_come_by_code_in_two_statements_with_their_count(mall):
    await mall.ask(LIST, first=2)
    answer = await mall.ask(LIST, first=2)
    found = answer.data["stores"]
    assert [edge["node"] for edge in found["edges"]] == [
        {"code": "admiralty", "distanceMeters": None, "openNow": False},
        {"code": "central", "distanceMeters": None, "openNow": True},
    ]
    assert (found["totalCount"], found["pageInfo"]["hasNextPage"]) == (3, True)
    assert len(answer.statements) == 2
    rest = (await mall.ask(LIST, first=2, after=found["pageInfo"]["endCursor"])).data["stores"]
    assert [edge["node"]["code"] for edge in rest["edges"]] == ["shenzhen"]


async def test_near_a_point_the_nearest_comes_first_with_its_distance(mall):
    assert await listed(mall, near=CENTRAL) == [("central", 0), ("admiralty", 779), ("shenzhen", 30855)]
    assert await listed(mall, near={**CENTRAL, "withinMeters": 778}) == [("central", 0)]
    # One that was asked for by its code has no distance, whatever was listed before.
    assert (await mall.ask(ONE)).data == {"store": {"code": "admiralty", "distanceMeters": None}}


@pytest.mark.parametrize(
    ("where", "codes"),
    [
        ({"city": "Shenzhen"}, ["shenzhen"]),
        ({"openNow": True}, ["central", "shenzhen"]),
        ({"openNow": False}, ["admiralty"]),
        ({"service": "PICKUP"}, ["admiralty", "central", "shenzhen"]),
        ({"service": "RETURNS"}, []),
        ({"hasStock": [{"sku": "RICE", "quantity": 2}]}, ["admiralty"]),
        ({"hasStock": [{"sku": "RICE", "quantity": 3}]}, []),
        ({"hasStock": [{"sku": "RICE", "quantity": 1}]}, ["admiralty"]),
        ({"hasStock": [{"sku": "RICE", "quantity": 1}], "stockChannel": "jd"}, ["central"]),
        ({"hasStock": [{"sku": "RICE", "quantity": 2}], "stockChannel": "jd"}, []),
        ({"hasStock": []}, ["admiralty", "central", "shenzhen"]),
    ],
)
async def test_filters_reach_the_list(mall, where, codes):
    assert [code for code, _ in await listed(mall, where=where)] == codes


@pytest.mark.parametrize(
    "variables",
    [
        {"first": 0},
        {"first": 101},
        {"after": "nonsense"},
        {"near": {"point": {"latitude": 91, "longitude": 0}}},
        {"near": {**CENTRAL, "withinMeters": 0}},
        {"where": {"hasStock": [{"sku": "RICE", "quantity": 0}]}},
        {"where": {"hasStock": [{"sku": "RICE", "quantity": 1}], "stockChannel": "nowhere"}},
    ],
)
async def test_bad_input_is_told_once(mall, variables):
    answer = await mall.ask(LIST, **{"first": 10, **variables})
    assert answer.codes == ["BAD_USER_INPUT"]
