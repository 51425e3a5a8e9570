"""Setting products through the graph, and reading them back by every key."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.makers import make_category, make_channel, make_price, make_product
from tests.shop import Shop

_keys = itertools.count(1)

SET = """
mutation Set($input: ProductsSetInput!) {
  productsSet(input: $input) {
    products { id handle name brand description category { code path } images { url alt }
               attributes { name value }
               variants { id sku gtin name options { name value } netContent netContentUnit origin } }
    userErrors { code field message }
  }
}"""
BY_KEY = """
query Keys($handle: String!, $sku: String!, $gtin: String!, $ids: [ID!]!) {
  product(by: {handle: $handle}) { name }
  bySku: variant(by: {sku: $sku}) { product { handle } }
  byGtin: variant(by: {gtin: $gtin}) { sku }
  nodes(ids: $ids) { __typename id }
}"""


def milk(handle: str, **more: Any) -> dict[str, Any]:
    return {
        "handle": handle,
        "names": [{"locale": "en", "text": "Fresh Milk"}, {"locale": "zh-HK", "text": "鮮牛奶"}],
        "variants": [{"sku": f"{handle}-1"}],
    } | more


async def set_products(shop: Shop, *products: dict[str, Any], token: str | None = None) -> Any:
    given = {"idempotencyKey": f"products-{next(_keys)}", "products": list(products)}
    answer = await shop.ask(SET, token=token or shop.token("admin"), input=given)
    return answer.data["productsSet"]


@pytest.fixture(scope="module", autouse=True)
async def dairy(shop: Shop) -> None:
    async with shop.database() as db:
        await make_channel(db, "app")
        await make_category(db, "food", names={"en": "Food"})
        await make_category(db, "dairy", above=["food"], names={"en": "Dairy", "zh-HK": "奶類"})


async def test_a_product_set_is_the_product_read(shop: Shop) -> None:
    told = await set_products(
        shop,
        milk(
            "milk-full",
            brands=[{"locale": "en", "text": "Meadow"}],
            descriptions=[{"locale": "en", "text": "From one farm."}],
            category="dairy",
            images=[{"url": "https://shop.example/milk.jpg", "alt": "a carton"}],
            attributes=[{"name": "fat", "value": "3.6 %"}],
            variants=[
                {
                    "sku": "MF-1",
                    "gtin": "4006381333931",
                    "netContent": "1.5",
                    "netContentUnit": "LITRE",
                    "origin": "Australia",
                    "options": [{"name": "size", "value": "1.5 L"}],
                },
                {"sku": "MF-2", "names": [{"locale": "en", "text": "Fresh Milk, six"}]},
            ],
        ),
    )
    assert told["userErrors"] == []
    (product,) = told["products"]
    ids = [product["id"], *(variant.pop("id") for variant in product["variants"])]
    assert product == {
        "id": ids[0],
        "handle": "milk-full",
        "name": "Fresh Milk",
        "brand": "Meadow",
        "description": "From one farm.",
        "category": {"code": "dairy", "path": ["food", "dairy"]},
        "images": [{"url": "https://shop.example/milk.jpg", "alt": "a carton"}],
        "attributes": [{"name": "fat", "value": "3.6 %"}],
        "variants": [
            {
                "sku": "MF-1",
                "gtin": "4006381333931",
                "name": "Fresh Milk",
                "options": [{"name": "size", "value": "1.5 L"}],
                "netContent": "1.5",
                "netContentUnit": "LITRE",
                "origin": "Australia",
            },
            {
                "sku": "MF-2",
                "gtin": None,
                "name": "Fresh Milk, six",
                "options": [],
                "netContent": None,
                "netContentUnit": None,
                "origin": None,
            },
        ],
    }
    found = await shop.ask(
        BY_KEY, locale="zh-HK", handle="milk-full", sku="MF-2", gtin="4006381333931", ids=[*ids, "nonsense"]
    )
    assert found.data == {
        "product": {"name": "鮮牛奶"},
        "bySku": {"product": {"handle": "milk-full"}},
        "byGtin": {"sku": "MF-1"},
        "nodes": [
            {"__typename": "Product", "id": ids[0]},
            {"__typename": "ProductVariant", "id": ids[1]},
            {"__typename": "ProductVariant", "id": ids[2]},
            None,
        ],
    }


async def test_setting_again_replaces_and_keeps_the_ids(shop: Shop) -> None:
    (first,) = (await set_products(shop, milk("milk-again", category="dairy")))["products"]
    (again,) = (
        await set_products(
            shop,
            milk("milk-again", names=[{"locale": "en", "text": "Whole Milk"}], variants=[{"sku": "MA-9"}]),
        )
    )["products"]
    assert again["id"] == first["id"]
    assert (again["name"], again["category"]) == ("Whole Milk", None)
    assert [variant["sku"] for variant in again["variants"]] == ["MA-9"]


async def test_a_variant_with_prices_does_not_just_go(shop: Shop) -> None:
    await set_products(shop, milk("milk-priced"))
    async with shop.database() as db:
        await make_price(db, "milk-priced-1", 1000)
    told = await set_products(shop, milk("milk-priced", variants=[{"sku": "other"}]))
    assert [(error["code"], error["field"]) for error in told["userErrors"]] == [
        ("CONFLICT", ["input", "products"])
    ]
    kept = await shop.ask('{ variant(by: {sku: "milk-priced-1"}) { sku } }')
    assert kept.data == {"variant": {"sku": "milk-priced-1"}}


async def test_everything_wrong_is_said_at_once_and_nothing_is_done(shop: Shop) -> None:
    told = await set_products(
        shop,
        milk("good"),
        milk("good"),
        milk(" bad "),
        milk("nameless", names=[]),
        milk("bare", variants=[]),
        milk(
            "wrong",
            names=[{"locale": "en", "text": "a"}, {"locale": "en", "text": " "}],
            images=[{"url": "javascript:alert(1)"}],
            attributes=[{"name": "fat", "value": ""}],
            variants=[
                {"sku": "w-1", "gtin": "4006381333932"},
                {"sku": "w-1", "netContent": "1"},
                {"sku": "w-3", "netContent": "0", "netContentUnit": "GRAM"},
            ],
        ),
    )
    assert told["products"] == []
    assert {error["code"] for error in told["userErrors"]} == {"INVALID_INPUT"}
    assert {"/".join(error["field"][2:]) for error in told["userErrors"]} == {
        "1/handle",
        "1/variants/0/sku",
        "2/handle",
        "2/variants/0/sku",
        "3/names",
        "4/variants",
        "5/names/1/text",
        "5/names/1/locale",
        "5/images/0/url",
        "5/attributes/0",
        "5/variants/0/gtin",
        "5/variants/1/sku",
        "5/variants/1/netContentUnit",
        "5/variants/2/netContent",
    }
    assert (await shop.ask('{ product(by: {handle: "good"}) { id } }')).data == {"product": None}


async def test_what_clashes_with_what_is_there_is_named(shop: Shop) -> None:
    async with shop.database() as db:
        await make_product(db, "theirs", skus=["T-1"], gtins=["96385074"])
    told = await set_products(
        shop,
        milk("mine-1", category="nowhere"),
        milk("mine-2", variants=[{"sku": "m2-1"}, {"sku": "T-1"}]),
        milk("mine-3", variants=[{"sku": "m3-1", "gtin": "96385074"}]),
    )
    assert sorted((error["code"], "/".join(error["field"][2:])) for error in told["userErrors"]) == [
        ("CONFLICT", "1/variants/1/sku"),
        ("CONFLICT", "2/variants/0/gtin"),
        ("NOT_FOUND", "0/category"),
    ]


async def test_who_may_set_products(shop: Shop) -> None:
    given = {"idempotencyKey": "who", "products": [milk("nobody")]}
    assert (await shop.ask(SET, input=given)).codes == ["UNAUTHENTICATED"]
    assert (await shop.ask(SET, token=shop.token("member"), input=given)).codes == ["FORBIDDEN"]


@pytest.mark.parametrize(("count", "refused"), [(0, True), (1, False), (1001, True)])
async def test_a_request_takes_one_to_a_thousand_products(shop: Shop, count: int, refused: bool) -> None:
    told = await set_products(shop, *(milk(f"many-{number}") for number in range(count)))
    assert bool(told["userErrors"]) is refused


async def test_a_price_record_is_for_those_who_set_prices(shop: Shop) -> None:
    async with shop.database() as db:
        sku = (await make_product(db)).skus[0]
        await make_price(db, sku, 1000)
    trace = f"""{{ variant(by: {{sku: "{sku}"}}) {{
      priceTrace(context: {{channel: "app"}}) {{ candidates {{ id }} }} }} }}"""
    told = await shop.ask(trace, token=shop.token("admin"))
    (candidate,) = told.data["variant"]["priceTrace"]["candidates"]
    ask = "query Node($id: ID!) { node(id: $id) { __typename } }"
    assert (await shop.ask(ask, id=candidate["id"])).data == {"node": None}
    seen = await shop.ask(ask, token=shop.token("admin"), id=candidate["id"])
    assert seen.data == {"node": {"__typename": "PriceRecord"}}
