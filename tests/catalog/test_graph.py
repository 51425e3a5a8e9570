"""The product list through the schema: whole answers, and how many statements they take."""

from __future__ import annotations

import pytest

from domain.channels import StockPolicy
from tests.makers import (
    make_allotment,
    make_category,
    make_channel,
    make_product,
    make_public_price,
    make_stock,
    make_store,
)

PAGE = """
query ($context: SalesContext!, $first: Int!, $after: String, $search: String, $where: ProductWhere,
       $sort: ProductSort) {
  products(context: $context, first: $first, after: $after, search: $search, where: $where, sort: $sort) {
    nodes { handle name }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
COUNT = "query ($context: SalesContext!) { products(context: $context, first: 1) { totalCount } }"
FACETS = """
query ($context: SalesContext!, $where: ProductWhere) {
  products(context: $context, first: 1, where: $where) { facets { name values { value label count } } }
}
"""
APP = {"channel": "app"}


@pytest.fixture(scope="module")
async def mall(shop):
    async with shop.database() as db:
        await make_channel(db, "app", currency="HKD")
        await make_store(db, "central", till_channel="app")
        await make_category(db, "drinks", names={"en": "Drinks", "zh-CN": "饮料"})
        for handle, name, name_zh, minor, units in (
            ("milk", "Milk", "牛奶", 1250, 3),
            ("tea", "Green Tea", "绿茶", 2000, 0),
            ("soap", "Soap", "肥皂", None, 8),
        ):
            made = await make_product(
                db,
                handle,
                names={"en": name, "zh-CN": name_zh},
                brands={"en": "Plain", "zh-CN": "朴"},
                category=None if handle == "soap" else "drinks",
                attributes={"size": "small"},
            )
            if minor is not None:
                await make_public_price(db, made.skus[0], minor, channel="app")
            await make_stock(db, "central", made.skus[0], units)
    return shop


async def handles(mall, **variables):
    answer = await mall.ask(PAGE, **{"context": APP, "first": 10, **variables})
    return [node["handle"] for node in answer.data["products"]["nodes"]]


async def test_a_page_of_products_is_one_statement(mall):
    await mall.ask(PAGE, context=APP, first=2, sort="PRICE_ASC")
    answer = await mall.ask(PAGE, context=APP, first=1, sort="PRICE_ASC", locale="zh-CN")
    listed = answer.data["products"]
    cursor = listed["pageInfo"]["endCursor"]
    assert listed == {
        "nodes": [{"handle": "milk", "name": "牛奶"}],
        "pageInfo": {
            "hasNextPage": True,
            "hasPreviousPage": False,
            "startCursor": cursor,
            "endCursor": cursor,
        },
    }
    assert len(answer.statements) == 1
    rest = (await mall.ask(PAGE, context=APP, first=5, sort="PRICE_ASC", after=cursor)).data["products"]
    assert [node["handle"] for node in rest["nodes"]] == ["tea"]
    assert (rest["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasPreviousPage"]) == (False, True)


async def test_what_is_not_selected_is_not_read(mall):
    for document in (COUNT, FACETS):
        await mall.ask(document, context=APP)
        assert len((await mall.ask(document, context=APP)).statements) == 1
    assert (await mall.ask(COUNT, context=APP)).data == {"products": {"totalCount": 3}}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"search": "牛奶"}, ["milk"]),
        ({"search": "tea"}, ["tea"]),
        ({"where": {"category": "drinks"}, "sort": "NAME"}, ["tea", "milk"]),
        ({"where": {"brand": ["Plain"], "inStock": True}, "sort": "NAME"}, ["milk", "soap"]),
        ({"where": {"inStock": False}}, ["tea"]),
        ({"where": {"brand": [], "attributes": []}, "sort": "NAME"}, ["tea", "milk", "soap"]),
        ({"where": {"price": {"min": "12.50", "max": "20"}}, "sort": "PRICE_DESC"}, ["tea", "milk"]),
        ({"where": {"price": {"min": "12.501"}}}, ["tea"]),
        ({"where": {"price": {"max": "19.999"}}}, ["milk"]),
        ({"where": {"price": {"max": "9" * 30}}, "sort": "NAME"}, ["tea", "milk"]),
        ({"where": {"price": {"min": "9" * 30}}}, []),
        (
            {"where": {"attributes": [{"name": "size", "oneOf": ["small"]}]}, "sort": "NAME"},
            ["tea", "milk", "soap"],
        ),
        ({"where": {"attributes": [{"name": "size", "oneOf": ["large"]}]}}, []),
        ({"where": {"updatedSince": "2200-01-01T00:00:00Z"}}, []),
    ],
)
async def test_filters_reach_the_list(mall, variables, expected):
    assert await handles(mall, **variables) == expected


async def test_in_stock_means_what_the_channel_asked_for_may_sell(mall):
    async with mall.database() as db:
        await make_channel(db, "jd", stock_policy=StockPolicy.ALLOTTED)
        await make_allotment(db, "jd", "central", "SOAP", 8)
    mall.house.directory.forget()  # as the news of a new channel would have it
    where = {"inStock": True}
    assert await handles(mall, where=where) == ["milk"]
    assert await handles(mall, where=where, context={"channel": "jd"}) == ["soap"]
    async with mall.database() as db:
        await db.execute("DELETE FROM stock_allotment")
        await db.execute("UPDATE stock_level SET allotted = 0")


async def test_facets_speak_the_callers_language_and_can_be_asked_for(mall):
    answer = await mall.ask(FACETS, context=APP, locale="zh-CN")
    assert answer.data["products"]["facets"] == [
        {"name": "category", "values": [{"value": "drinks", "label": "饮料", "count": 2}]},
        {"name": "brand", "values": [{"value": "Plain", "label": "朴", "count": 3}]},
        {
            "name": "price",
            "values": [
                {"value": "10.00..19.99", "label": "HKD 10.00 – 19.99", "count": 1},
                {"value": "20.00..49.99", "label": "HKD 20.00 – 49.99", "count": 1},
            ],
        },
    ]


@pytest.mark.parametrize(
    "variables",
    [
        {"first": 0},
        {"first": 101},
        {"first": -1},
        {"after": "nonsense"},
        {"after": ""},
        {"context": {"channel": "nowhere"}},
        {"context": {"channel": "app", "store": "nowhere"}},
        {"where": {"brand": [str(number) for number in range(101)]}},
    ],
)
async def test_bad_input_is_told_once_and_asks_no_product(mall, variables):
    await mall.ask(COUNT, context=APP)
    answer = await mall.ask(PAGE, **{"context": APP, "first": 10, **variables})
    assert answer.codes == ["BAD_USER_INPUT"]
    assert not any("FROM product" in text for text in answer.statements)


async def test_a_partner_without_prices_or_stock_can_not_find_them_out_by_filters(mall):
    async def codes(scopes, **variables):
        key = mall.token("partner", scopes=scopes)
        response = await mall.client.post(
            "/graphql",
            json={"query": PAGE, "variables": {"context": APP, "first": 1, **variables}},
            headers={"X-API-Key": key},
        )
        return [error["extensions"]["code"] for error in response.json().get("errors", [])]

    needs = {"PRICE_READ": [{"sort": "PRICE_ASC"}, {"where": {"price": {"min": "1"}}}]}
    needs["STOCK_READ"] = [{"where": {"inStock": True}}, {"where": {"inStock": False}}]
    for scope, questions in needs.items():
        for question in questions:
            assert await codes(["CATALOG_READ"], **question) == ["FORBIDDEN"]
            assert await codes(["CATALOG_READ", scope], **question) == []
    assert await codes(["CATALOG_READ"], sort="NAME") == []
    assert await codes(["PRICE_READ"]) == ["FORBIDDEN"]
