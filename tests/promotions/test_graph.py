"""Promotions through the graph: set whole or not at all, ended, listed, and told to shoppers."""

from __future__ import annotations

import itertools
from datetime import date
from typing import Any

import pytest

from tests.makers import make_category, make_channel, make_offer_text, make_product, make_store
from tests.shop import Answer, Shop

_keys = itertools.count(1)
SET = """
mutation Set($input: PromotionsSetInput!) {
  promotionsSet(input: $input) {
    promotions {
      id code name en: name(locale: "en") kind currencyCode layer priority excludes couponOnly minQuantity
      minSpend { amount } mostOff { amount } perMember channels stores tiers campaign
      validFrom validUntil state
      target { skus categories brands exceptSkus exceptCategories exceptBrands }
      benefit {
        __typename
        ... on PercentOff { percent }
        ... on AmountOff { amount { amount } }
        ... on BuyGet { buy get percentOff mostSets }
        ... on BundlePrice { quantity amount { amount } mostSets }
        ... on SpendSave { every steps { spend { amount } save { amount } } }
      }
      budget { amount { amount } spent { amount } uses mostUses }
    }
    userErrors { code field message }
  }
}"""
END = """
mutation End($input: PromotionEndInput!) {
  promotionEnd(input: $input) { promotions { code state validUntil } userErrors { code field } }
}"""
LIST = """
query List($first: Int!, $after: String, $state: PromotionState) {
  promotions(first: $first, after: $after, state: $state) {
    nodes { code state }
    pageInfo { hasNextPage endCursor }
  }
}"""
RUNNING = """
query Running($context: SalesContext!, $sku: String) {
  promotionsRunning(context: $context, sku: $sku) { code name benefit { __typename } }
}"""


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    async with shop.database() as db:
        await make_channel(db, "app")
        await make_channel(db, "h5")
        await make_channel(db, "mainland", currency="CNY")
        await make_store(db, "central")
        await make_store(db, "harbour")
        await make_category(db, "food")
        await make_category(db, "dairy", above=["food"])
        await make_product(db, "milk", category="dairy", brands={"en": "Lotus"})
        await make_product(db, "soap")


def wanted(code: str, benefit: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A promotion as a client asks for it: a tenth off everything unless told otherwise."""
    names = [{"locale": "en", "text": f"{code} in English"}, {"locale": "zh-CN", "text": f"{code} 中文"}]
    return {
        "code": code,
        "names": names,
        "currencyCode": "HKD",
        "benefit": benefit or {"percentOff": "10"},
    } | more


async def ask_to_set(shop: Shop, *many: dict[str, Any], kind: str = "admin", **more: Any) -> Answer:
    key = more.pop("key", f"key-{next(_keys)}")
    asked = {"idempotencyKey": key, "promotions": list(many)}
    return await shop.ask(SET, token=shop.token(kind, **more), input=asked)


async def refused(shop: Shop, *many: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    """What is wrong, and where in the promotions."""
    payload = (await ask_to_set(shop, *many, **more)).data["promotionsSet"]
    assert payload["promotions"] == []
    return [(one["code"], ".".join(one["field"][2:])) for one in payload["userErrors"]]


async def test_everything_that_is_set_is_answered(shop: Shop) -> None:
    answer = await ask_to_set(
        shop,
        wanted(
            "ALL",
            {"spendSave": {"steps": [{"spend": "100", "save": "10"}, {"spend": "200", "save": "30.5"}]}},
            target={
                "skus": ["SOAP", "MILK"],
                "categories": ["food"],
                "brands": ["Lotus"],
                "exceptSkus": ["SOAP"],
                "exceptCategories": ["dairy"],
                "exceptBrands": ["Peak"],
            },
            priority=5,
            couponOnly=True,
            minSpend="50",
            minQuantity=2,
            mostOff="99.90",
            perMember=3,
            budget="1000",
            mostUses=50,
            channels=["h5", "app"],
            stores=["central"],
            tiers=["gold"],
            campaign="room-8",
            validFrom="2030-01-01T00:00:00Z",
            validUntil="2030-02-01T00:00:00Z",
        ),
    )
    payload = answer.data["promotionsSet"]
    assert payload["userErrors"] == []
    (one,) = payload["promotions"]
    assert one.pop("id")
    assert one == {
        "code": "ALL",
        "name": "ALL in English",
        "en": "ALL in English",
        "kind": "SPEND_SAVE",
        "currencyCode": "HKD",
        "layer": 2,
        "priority": 5,
        "excludes": "LAYER",
        "couponOnly": True,
        "minQuantity": 2,
        "minSpend": {"amount": "50.00"},
        "mostOff": {"amount": "99.90"},
        "perMember": 3,
        "channels": ["app", "h5"],
        "stores": ["central"],
        "tiers": ["gold"],
        "campaign": "room-8",
        "validFrom": "2030-01-01T00:00:00.000Z",
        "validUntil": "2030-02-01T00:00:00.000Z",
        "state": "UPCOMING",
        "target": {
            "skus": ["MILK", "SOAP"],
            "categories": ["food"],
            "brands": ["Lotus"],
            "exceptSkus": ["SOAP"],
            "exceptCategories": ["dairy"],
            "exceptBrands": ["Peak"],
        },
        "benefit": {
            "__typename": "SpendSave",
            "every": False,
            "steps": [
                {"spend": {"amount": "100.00"}, "save": {"amount": "10.00"}},
                {"spend": {"amount": "200.00"}, "save": {"amount": "30.50"}},
            ],
        },
        "budget": {
            "amount": {"amount": "1000.00"},
            "spent": {"amount": "0.00"},
            "uses": 0,
            "mostUses": 50,
        },
    }


@pytest.mark.parametrize(
    ("benefit", "answered"),
    [
        ({"percentOff": "12.5"}, {"__typename": "PercentOff", "percent": "12.5"}),
        ({"amountOff": "5"}, {"__typename": "AmountOff", "amount": {"amount": "5.00"}}),
        (
            {"buyGet": {"buy": 2, "get": 1}},
            {"__typename": "BuyGet", "buy": 2, "get": 1, "percentOff": "100", "mostSets": None},
        ),
        (
            {"bundlePrice": {"quantity": 2, "amount": "55", "mostSets": 3}},
            {"__typename": "BundlePrice", "quantity": 2, "amount": {"amount": "55.00"}, "mostSets": 3},
        ),
    ],
)
async def test_every_benefit_comes_back(
    shop: Shop, benefit: dict[str, Any], answered: dict[str, Any]
) -> None:
    payload = (await ask_to_set(shop, wanted("KIND", benefit))).data["promotionsSet"]
    assert payload["promotions"][0]["benefit"] == answered
    assert (payload["promotions"][0]["layer"], payload["promotions"][0]["excludes"]) == (1, "LINE")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"code": ""}, "code"),
        ({"code": " X"}, "code"),
        ({"code": "x" * 101}, "code"),
        ({"names": []}, "names"),
        ({"names": [{"locale": "en", "text": " "}]}, "names.0.text"),
        ({"names": [{"locale": "en", "text": "a"}, {"locale": "en", "text": "b"}]}, "names.1.locale"),
        ({"benefit": {"percentOff": "0"}}, "benefit.percentOff"),
        ({"benefit": {"percentOff": "100.01"}}, "benefit.percentOff"),
        ({"benefit": {"percentOff": "0.001"}}, "benefit.percentOff"),
        ({"benefit": {"amountOff": "0"}}, "benefit.amountOff"),
        ({"benefit": {"amountOff": "0.001"}}, "benefit.amountOff"),
        ({"benefit": {"amountOff": "-1"}}, "benefit.amountOff"),
        ({"benefit": {"amountOff": "10000000000.01"}}, "benefit.amountOff"),
        ({"benefit": {"buyGet": {"buy": 0, "get": 1}}}, "benefit.buyGet.buy"),
        ({"benefit": {"buyGet": {"buy": 1, "get": 0}}}, "benefit.buyGet.get"),
        ({"benefit": {"buyGet": {"buy": 1, "get": 1001}}}, "benefit.buyGet.get"),
        ({"benefit": {"buyGet": {"buy": 1, "get": 1, "percentOff": "101"}}}, "benefit.buyGet.percentOff"),
        ({"benefit": {"buyGet": {"buy": 1, "get": 1, "mostSets": 0}}}, "benefit.buyGet.mostSets"),
        ({"benefit": {"bundlePrice": {"quantity": 0, "amount": "1"}}}, "benefit.bundlePrice.quantity"),
        ({"benefit": {"bundlePrice": {"quantity": 2, "amount": "-1"}}}, "benefit.bundlePrice.amount"),
        ({"benefit": {"spendSave": {"steps": []}}}, "benefit.spendSave.steps"),
        (
            {"benefit": {"spendSave": {"steps": [{"spend": "1", "save": "2"}]}}},
            "benefit.spendSave.steps.0.save",
        ),
        (
            {"benefit": {"spendSave": {"steps": [{"spend": "9", "save": "2"}, {"spend": "9", "save": "3"}]}}},
            "benefit.spendSave.steps.1",
        ),
        (
            {
                "benefit": {
                    "spendSave": {
                        "steps": [{"spend": "9", "save": "2"}, {"spend": "10", "save": "3"}],
                        "every": True,
                    }
                }
            },
            "benefit.spendSave.steps",
        ),
        ({"layer": 0}, "layer"),
        ({"layer": 10}, "layer"),
        ({"priority": 1001}, "priority"),
        ({"priority": -1001}, "priority"),
        ({"minQuantity": -1}, "minQuantity"),
        ({"minSpend": "0"}, "minSpend"),
        ({"mostOff": "0"}, "mostOff"),
        ({"perMember": 0}, "perMember"),
        ({"budget": "0"}, "budget"),
        ({"mostUses": 0}, "mostUses"),
        ({"channels": ["app", "nowhere"]}, "channels.1"),
        ({"channels": ["mainland"]}, "channels.0"),
        ({"stores": ["nowhere"]}, "stores.0"),
        ({"tiers": [""]}, "tiers.0"),
        ({"tiers": ["gold", "tin"]}, "tiers.1"),
        ({"campaign": ""}, "campaign"),
        ({"campaign": "x" * 65}, "campaign"),
        ({"target": {"skus": ["MILK", "NOTHING"]}}, "target.skus.1"),
        ({"target": {"exceptSkus": ["NOTHING"]}}, "target.exceptSkus.0"),
        ({"target": {"categories": ["nowhere"]}}, "target.categories.0"),
        ({"target": {"brands": [""]}}, "target.brands.0"),
        ({"target": {"brands": ["x"] * 1001}}, "target.brands"),
        ({"validUntil": "2020-01-01T00:00:00Z"}, "validUntil"),
        ({"validFrom": "2030-01-01T00:00:00Z", "validUntil": "2030-01-01T00:00:00Z"}, "validUntil"),
    ],
)
async def test_a_row_that_is_wrong_is_refused_with_its_place(
    shop: Shop, change: dict[str, Any], where: str
) -> None:
    found = await refused(shop, wanted("GOOD-ROW"), wanted("BAD-ROW") | change)
    assert found == [("INVALID_INPUT", f"1.{where}")]
    listed = await shop.ask(LIST, token=shop.token("admin"), first=100)
    assert "GOOD-ROW" not in {one["code"] for one in listed.data["promotions"]["nodes"]}


async def test_every_wrong_row_is_told_at_once(shop: Shop) -> None:
    found = await refused(
        shop,
        wanted("TWICE", layer=0, priority=5000),
        wanted("TWICE"),
        wanted("THIRD", stores=["nowhere"]),
    )
    assert found == [
        ("INVALID_INPUT", "0.layer"),
        ("INVALID_INPUT", "0.priority"),
        ("CONFLICT", "1.code"),
        ("INVALID_INPUT", "2.stores.0"),
    ]


@pytest.mark.parametrize(("count", "taken"), [(0, False), (1, True), (200, True), (201, False)])
async def test_a_request_takes_1_to_200(shop: Shop, count: int, taken: bool) -> None:
    answer = await ask_to_set(shop, *(wanted(f"MANY-{number}", couponOnly=True) for number in range(count)))
    payload = answer.data["promotionsSet"]
    assert len(payload["promotions"]) == (count if taken else 0)
    assert [one["field"] for one in payload["userErrors"]] == ([] if taken else [["input", "promotions"]])


async def test_a_repeated_request_has_its_first_answer(shop: Shop) -> None:
    first = await ask_to_set(shop, wanted("ONCE"), key="once")
    again = await ask_to_set(shop, wanted("ONCE"), key="once")
    assert again.data == first.data
    other = await ask_to_set(shop, wanted("OTHER"), key="once")
    errors = other.data["promotionsSet"]["userErrors"]
    assert [one["code"] for one in errors] == ["IDEMPOTENCY_KEY_REUSED"]


async def test_setting_a_code_again_replaces_it_under_the_same_id(shop: Shop) -> None:
    first = (await ask_to_set(shop, wanted("AGAIN"))).data["promotionsSet"]["promotions"][0]
    again = await ask_to_set(shop, wanted("AGAIN", {"amountOff": "1"}, layer=3))
    after = again.data["promotionsSet"]["promotions"][0]
    assert after["id"] == first["id"]
    assert (first["kind"], after["kind"], after["layer"]) == ("PERCENT_OFF", "AMOUNT_OFF", 3)
    assert await refused(shop, wanted("AGAIN", currencyCode="CNY")) == [("CONFLICT", "0.currencyCode")]


async def test_staff_of_a_store_set_and_end_its_promotions_only(shop: Shop) -> None:
    theirs = wanted("CENTRAL-ONLY", stores=["central"])
    answer = await ask_to_set(shop, theirs, kind="staff", store="central")
    promotion_id = answer.data["promotionsSet"]["promotions"][0]["id"]
    for stranger in (
        wanted("X"),
        wanted("X", stores=["harbour"]),
        wanted("X", stores=["central", "harbour"]),
    ):
        assert await refused(shop, stranger, kind="staff", store="central") == [("NOT_FOUND", "0.stores")]
    # Nor do they take a code that another store has.
    stolen = wanted("CENTRAL-ONLY", stores=["harbour"])
    assert await refused(shop, stolen, kind="staff", store="harbour") == [("NOT_FOUND", "0.stores")]
    asked = {"idempotencyKey": "end-theirs", "ids": [promotion_id]}
    harbour = await shop.ask(END, token=shop.token("staff", store="harbour"), input=asked)
    assert [one["code"] for one in harbour.data["promotionEnd"]["userErrors"]] == ["NOT_FOUND"]
    central = await shop.ask(END, token=shop.token("staff", store="central"), input=asked)
    assert central.data["promotionEnd"]["promotions"][0]["state"] == "ENDED"


@pytest.mark.parametrize(
    ("kind", "codes"), [(None, ["UNAUTHENTICATED"]), ("member", ["FORBIDDEN"]), ("device", ["FORBIDDEN"])]
)
async def test_who_may_not_set_end_or_list(shop: Shop, kind: str | None, codes: list[str]) -> None:
    token = None if kind is None else shop.token(kind)
    body = {"idempotencyKey": "no", "promotions": [wanted("NO")]}
    assert (await shop.ask(SET, token=token, input=body)).codes == codes
    assert (await shop.ask(END, token=token, input={"idempotencyKey": "no", "ids": []})).codes == codes
    assert (await shop.ask(LIST, token=token, first=1)).codes == codes


async def test_an_end_is_now_or_later_and_once(shop: Shop) -> None:
    made = await ask_to_set(shop, wanted("ENDS-1"), wanted("ENDS-2"))
    one, two = (promotion["id"] for promotion in made.data["promotionsSet"]["promotions"])
    admin = shop.token("admin")

    async def end(*ids: str, **more: Any) -> dict[str, Any]:
        asked = {"idempotencyKey": f"end-{next(_keys)}", "ids": list(ids)} | more
        payload: dict[str, Any] = (await shop.ask(END, token=admin, input=asked)).data["promotionEnd"]
        return payload

    past = await end(one, at="2020-01-01T00:00:00Z")
    assert past["userErrors"] == [{"code": "INVALID_INPUT", "field": ["input", "at"]}]
    unknown = await end(one, "nonsense")
    assert unknown["userErrors"] == [{"code": "NOT_FOUND", "field": ["input", "ids", "1"]}]
    later = await end(one, at="2031-01-01T00:00:00Z")
    assert later["promotions"] == [
        {"code": "ENDS-1", "state": "RUNNING", "validUntil": "2031-01-01T00:00:00.000Z"}
    ]
    both = await end(two, one)
    assert [promotion["state"] for promotion in both["promotions"]] == ["ENDED", "ENDED"]
    again = await end(two)
    assert again["userErrors"] == [{"code": "CONFLICT", "field": ["input", "ids", "0"]}]


async def test_the_list_is_read_page_by_page_newest_first(shop: Shop) -> None:
    admin = shop.token("admin")
    await ask_to_set(shop, *(wanted(f"PAGE-{number}") for number in range(3)))
    seen: list[str] = []
    after = None
    for _ in range(3):
        answer = await shop.ask(LIST, token=admin, first=1, after=after)
        assert len(answer.statements) == 1
        page = answer.data["promotions"]
        seen += [one["code"] for one in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
    assert seen == ["PAGE-2", "PAGE-1", "PAGE-0"]
    upcoming = await shop.ask(LIST, token=admin, first=100, state="UPCOMING")
    assert {one["state"] for one in upcoming.data["promotions"]["nodes"]} == {"UPCOMING"}
    assert (await shop.ask(LIST, token=admin, first=1, after="nonsense")).codes == ["BAD_USER_INPUT"]
    assert (await shop.ask(LIST, token=admin, first=101)).codes == ["BAD_USER_INPUT"]


async def test_a_node_is_for_staff_and_budgets_too(shop: Shop) -> None:
    made = await ask_to_set(shop, wanted("NODE"))
    promotion_id = made.data["promotionsSet"]["promotions"][0]["id"]
    document = "query Node($id: ID!) { node(id: $id) { id ... on Promotion { code } } }"
    for kind, code in (("admin", "NODE"), ("member", None)):
        found = (await shop.ask(document, token=shop.token(kind), id=promotion_id)).data["node"]
        assert (found and found["code"]) == code
    document = '{ promotionsRunning(context: {channel: "app"}) { budget { uses } } }'
    assert "FORBIDDEN" in (await shop.ask(document, token=shop.token("member"))).codes


async def test_shoppers_are_told_what_runs_for_them(shop: Shop) -> None:
    await ask_to_set(
        shop,
        wanted("RUN-ALL"),
        wanted("RUN-FOOD", target={"categories": ["food"]}, priority=1),
        wanted("RUN-LOTUS", {"amountOff": "1"}, target={"brands": ["Lotus"]}, layer=2),
        wanted("RUN-H5", channels=["h5"]),
        wanted("RUN-COUPON", couponOnly=True),
        wanted("RUN-MEMBERS", perMember=1, layer=3),
        wanted("RUN-CENTRAL", stores=["central"], layer=4),
        wanted("RUN-LATER", validFrom="2030-01-01T00:00:00Z", layer=5),
    )

    async def running(kind: str | None = None, sku: str | None = None, **where: Any) -> list[str]:
        answer = await shop.ask(
            RUNNING, token=kind and shop.token(kind), context={"channel": "app"} | where, sku=sku
        )
        codes = [one["code"] for one in answer.data["promotionsRunning"]]
        return [code.removeprefix("RUN-") for code in codes if code.startswith("RUN-")]

    assert await running() == ["FOOD", "ALL", "LOTUS"]
    assert await running(sku="MILK") == ["FOOD", "ALL", "LOTUS"]
    assert await running(sku="SOAP") == ["ALL"]
    assert await running(sku="NOTHING") == []
    assert await running("member") == ["FOOD", "ALL", "LOTUS", "MEMBERS"]
    assert await running(channel="h5") == ["FOOD", "ALL", "H5", "LOTUS"]
    assert await running(store="central") == ["FOOD", "ALL", "LOTUS", "CENTRAL"]
    assert await running(at="2030-01-01T00:00:00Z") == ["FOOD", "ALL", "LOTUS", "LATER"]
    past = await shop.ask(
        RUNNING, token=shop.token("admin"), context={"channel": "app", "at": "2020-01-01T00:00:00Z"}
    )
    assert past.codes == ["BAD_USER_INPUT"]
    chinese = await shop.ask(RUNNING, context={"channel": "h5"}, locale="zh-CN")
    assert "RUN-H5 中文" in {one["name"] for one in chinese.data["promotionsRunning"]}
    assert len(chinese.statements) == 2  # the book's version, and the rows


async def test_an_offer_in_words_says_what_it_means_where_that_is_plain(shop: Shop) -> None:
    async with shop.database() as db:
        await make_offer_text(
            db, "central", "MILK", "Buy 2 at $30 / Buy 3 to save $9", since=date(2026, 1, 1)
        )
        await make_offer_text(db, "central", "SOAP", "Buy 2 at $30 / a gift", since=date(2026, 1, 1))
    document = """
    query Offers($context: SalesContext!) {
      variants(skus: ["MILK", "SOAP"]) {
        offerText(context: $context) { text meanings { kind quantity amount percent get } }
      }
    }"""
    answer = await shop.ask(document, context={"channel": "app", "store": "central"})
    nothing = {"percent": None, "get": None}
    assert [one["offerText"] for one in answer.data["variants"]] == [
        {
            "text": "Buy 2 at $30 / Buy 3 to save $9",
            "meanings": [
                {"kind": "BUY_FOR", "quantity": 2, "amount": "30"} | nothing,
                {"kind": "BUY_SAVE", "quantity": 3, "amount": "9"} | nothing,
            ],
        },
        {"text": "Buy 2 at $30 / a gift", "meanings": None},
    ]
