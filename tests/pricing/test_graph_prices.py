"""Setting, ending, reading and tracing prices through the graph."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from domain.catalog.content import ContentUnit
from domain.channels import ChannelKind
from tests.makers import make_channel, make_offer_text, make_product, make_store, make_tier
from tests.shop import Shop

_keys = itertools.count(1)
_SOONER, _LATER = "2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"

SET = """
mutation Set($input: PricesSetInput!) {
  pricesSet(input: $input) {
    prices { id sku kind amount { amount currencyCode minorUnits } channel store tier campaign minQuantity
             validFrom validUntil source }
    cursor
    userErrors { code field message }
  }
}"""
END = """
mutation End($input: PriceEndInput!) {
  priceEnd(input: $input) { prices { id validUntil } cursor userErrors { code field } }
}"""
PRICE = """
query Price($sku: String!, $context: SalesContext!, $quantity: Int! = 1) {
  variant(by: {sku: $sku}) {
    price(context: $context, quantity: $quantity) {
      amount { amount } kind source version validUntil
      compareAt { amount } memberAmount { amount }
      unitPrice { amount { amount } per unit }
      upcoming { amount { amount } from waitingForLabels }
    }
  }
}"""
TRACE = """
query Trace($sku: String!, $context: SalesContext!) {
  variant(by: {sku: $sku}) {
    priceTrace(context: $context) { charged { amount } candidates { won reason explanation source campaign } }
  }
}"""


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    async with shop.database() as db:
        await make_channel(db, "app")
        await make_channel(db, "pos", kind=ChannelKind.POS)
        await make_store(db, "central", till_channel="pos")
        await make_store(db, "harbour", till_channel="pos")


@pytest.fixture
async def sku(shop: Shop) -> str:
    """A litre of milk nobody has priced yet."""
    async with shop.database() as db:
        made = await make_product(
            db,
            names={"en": "Fresh Milk 1L", "zh-HK": "鮮牛奶 1公升"},
            net_content=Decimal(1),
            net_content_unit=ContentUnit.LITRE,
        )
    return made.skus[0]


def row(sku: str, amount: str, kind: str = "LIST", **more: Any) -> dict[str, Any]:
    return {"sku": sku, "kind": kind, "amount": amount, "currencyCode": "HKD", **more}


async def set_prices(shop: Shop, *rows: dict[str, Any], token: str | None = None, **more: Any) -> Any:
    given = {"idempotencyKey": f"key-{next(_keys)}", "prices": list(rows), **more}
    answer = await shop.ask(SET, token=token or shop.token("admin"), input=given)
    return answer.data["pricesSet"]


async def price(shop: Shop, sku: str, quantity: int = 1, token: str | None = None, **context: Any) -> Any:
    answer = await shop.ask(
        PRICE, token=token, sku=sku, context={"channel": "app"} | context, quantity=quantity
    )
    return answer.data["variant"]["price"]


async def test_a_price_set_is_the_price_told(shop: Shop, sku: str) -> None:
    assert await price(shop, sku) is None
    told = await set_prices(shop, row(sku, "20.90", source="list-2026"))
    assert told["userErrors"] == []
    assert told["cursor"] is not None
    assert told["prices"] == [
        {
            "id": told["prices"][0]["id"],
            "sku": sku,
            "kind": "LIST",
            "amount": {"amount": "20.90", "currencyCode": "HKD", "minorUnits": "2090"},
            "channel": None,
            "store": None,
            "tier": None,
            "campaign": None,
            "minQuantity": 1,
            "validFrom": None,
            "validUntil": None,
            "source": "list-2026",
        }
    ]
    now = await price(shop, sku)
    assert int(now.pop("version")) > 1_700_000_000_000_000
    assert now == {
        "amount": {"amount": "20.90"},
        "kind": "LIST",
        "source": "list-2026",
        "validUntil": None,
        "compareAt": None,
        "memberAmount": None,
        "unitPrice": {"amount": {"amount": "2.09"}, "per": "100", "unit": "MILLILITRE"},
        "upcoming": None,
    }


async def test_a_repeated_request_has_its_first_answer_and_no_second_effect(shop: Shop, sku: str) -> None:
    given = {"idempotencyKey": f"key-{sku}", "prices": [row(sku, "9.50")]}
    admin = shop.token("admin")
    first = await shop.ask(SET, token=admin, input=given)
    version = (await price(shop, sku))["version"]
    again = await shop.ask(SET, token=admin, input=given | {"prices": [row(sku, "9.5")]})
    assert again.data == first.data
    assert (await price(shop, sku))["version"] == version
    other = await shop.ask(SET, token=admin, input=given | {"prices": [row(sku, "9.51")]})
    assert [error["code"] for error in other.data["pricesSet"]["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    # Another caller's keys are its own.
    theirs = await shop.ask(SET, token=shop.token("admin", subject="bob"), input=given)
    assert theirs.data["pricesSet"]["userErrors"] == []


async def test_one_bad_row_refuses_them_all_with_every_reason(shop: Shop, sku: str) -> None:
    told = await set_prices(
        shop,
        row(sku, "10.00"),
        row("no-such-sku", "10.00"),
        row(sku, "10.005", minQuantity=2),
        row(sku, "-1.00", kind="SALE"),
        row(sku, "10.00", channel="nowhere"),
        row(sku, "10.00", kind="STORE"),
        row(sku, "11.00"),
        row(sku, "9.00", kind="BARGAIN", campaign="cut", validFrom=_LATER, validUntil=_SOONER),
        row(sku, "8.00", kind="LIVE"),
        row(sku, "8.00", kind="CLEARANCE", minQuantity=0),
        row(sku, "10000000000.01", channel="pos"),
        row(sku, "10.00", channel="app", currencyCode="CNY"),
        row(sku, "10.00", minQuantity=3, currencyCode="CNY"),
        row(sku, "10.00", kind="STORE", store="nowhere"),
        row(sku, "10.00", minQuantity=4, validUntil="2020-01-01T00:00:00Z"),
        row(sku, "10.00", minQuantity=5, source=""),
        row(sku, "10.00", minQuantity=6, campaign="c" * 65),
    )
    assert (told["prices"], told["cursor"]) == ([], None)
    found = {(error["field"][2], error["field"][3]) for error in told["userErrors"]}
    assert found == {
        ("1", "sku"),
        ("2", "amount"),
        ("3", "amount"),
        ("4", "channel"),
        ("5", "store"),
        ("6", "validFrom"),
        ("7", "validUntil"),
        ("8", "campaign"),
        ("9", "minQuantity"),
        ("10", "amount"),
        ("11", "currencyCode"),
        ("12", "currencyCode"),
        ("13", "store"),
        ("14", "validUntil"),
        ("15", "source"),
        ("16", "campaign"),
    }
    assert {error["code"] for error in told["userErrors"]} == {"INVALID_INPUT"}
    assert await price(shop, sku) is None


async def test_just_inside_every_limit_rows_are_taken_and_each_is_its_own(shop: Shop, sku: str) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
    told = await set_prices(
        shop,
        row(sku, "0.00"),
        row(sku, "10000000000.00", channel="pos"),
        row(sku, "10.00", minQuantity=2, validUntil=_SOONER),
        row(sku, "11.00", minQuantity=2, validFrom=_SOONER, validUntil=_LATER),
        row(sku, "12.00", minQuantity=2, validFrom=_LATER),
        row(sku, "10.00", minQuantity=3, validUntil=soon),
        row(sku, "10.00", kind="STORE", store="central"),
        row(sku, "10.00", minQuantity=5, source=f"s-{sku}".ljust(200, "s")),
        row(sku, "10.00", minQuantity=6, campaign="c" * 64),
    )
    assert told["userErrors"] == []
    assert len(told["prices"]) == 9


async def test_the_database_keeps_no_infinite_moment(shop: Shop, sku: str) -> None:
    async with shop.database() as db:
        for bad in ({"valid_from": "-infinity"}, {"valid_from": "infinity"}, {"valid_until": "infinity"}):
            ((name, moment),) = bad.items()
            with pytest.raises(asyncpg.CheckViolationError, match="price_record_finite"):
                await db.execute(
                    "INSERT INTO price_record "  # noqa: S608 - the names are written above
                    f"(sku, kind, amount_minor, currency_code, source, sequence, recorded_by, {name}) "
                    f"VALUES ($1, 'LIST', 1, 'HKD', 'endless', 1, 'tests', '{moment}')",
                    sku,
                )


async def test_a_refusal_speaks_the_callers_language(shop: Shop, sku: str) -> None:
    given = {"idempotencyKey": "chinese", "prices": [row("没有", "1.00")]}
    answer = await shop.ask(SET, token=shop.token("admin"), locale="zh-CN", input=given)
    (error,) = answer.data["pricesSet"]["userErrors"]
    assert error["message"] == "没有商品“没有”。"


@pytest.mark.parametrize(("count", "refused"), [(0, True), (1, False), (1000, False), (1001, True)])
async def test_a_request_takes_one_to_a_thousand_rows(
    shop: Shop, sku: str, count: int, refused: bool
) -> None:
    rows = [row(sku, "10.00", minQuantity=quantity + 1) for quantity in range(count)]
    told = await set_prices(shop, *rows)
    assert bool(told["userErrors"]) is refused
    assert len(told["prices"]) == (0 if refused else count)


async def test_who_may_set_prices(shop: Shop, sku: str) -> None:
    given = {"idempotencyKey": "who", "prices": [row(sku, "5.00")]}
    visitor = await shop.ask(SET, input=given)
    assert (visitor.status, visitor.codes) == (200, ["UNAUTHENTICATED"])
    for kind in ("member", "device"):
        assert (await shop.ask(SET, token=shop.token(kind), input=given)).codes == ["FORBIDDEN"]
    clerk = shop.token("staff", store="central")
    theirs = await set_prices(shop, row(sku, "5.00", kind="STORE", store="harbour"), token=clerk)
    assert [(error["code"], error["field"]) for error in theirs["userErrors"]] == [
        ("NOT_FOUND", ["input", "prices", "0", "store"])
    ]
    own = await set_prices(shop, row(sku, "5.00", kind="STORE", store="central"), token=clerk)
    assert own["userErrors"] == []


async def test_a_source_is_used_once(shop: Shop, sku: str) -> None:
    await set_prices(shop, row(sku, "5.00", source=f"ref-{sku}"))
    told = await set_prices(shop, row(sku, "6.00", source=f"ref-{sku}"))
    assert [(error["code"], error["field"]) for error in told["userErrors"]] == [
        ("CONFLICT", ["input", "prices", "0", "source"])
    ]


async def test_a_till_is_priced_as_its_stores_till_channel(shop: Shop, sku: str) -> None:
    await set_prices(shop, row(sku, "20.00"), row(sku, "18.00", kind="STORE", store="central", channel="pos"))
    assert (await price(shop, sku, channel="pos", store="central"))["amount"] == {"amount": "18.00"}
    assert (await price(shop, sku, channel="pos", store="harbour"))["amount"] == {"amount": "20.00"}
    assert (await price(shop, sku, channel="app", store="central"))["amount"] == {"amount": "20.00"}


async def test_the_store_of_a_token_counts_when_none_is_named(shop: Shop, sku: str) -> None:
    await set_prices(shop, row(sku, "20.00"), row(sku, "18.00", kind="STORE", store="central"))
    clerk = shop.token("staff", store="central")
    assert (await price(shop, sku, token=clerk))["amount"] == {"amount": "18.00"}
    assert (await price(shop, sku))["amount"] == {"amount": "20.00"}


async def test_a_member_pays_the_price_of_the_tier_in_the_token(shop: Shop, sku: str) -> None:
    await set_prices(shop, row(sku, "20.00"), row(sku, "17.00", kind="MEMBER", tier="gold"))
    visitor = await price(shop, sku)
    assert (visitor["amount"], visitor["memberAmount"]) == ({"amount": "20.00"}, {"amount": "17.00"})
    member = await price(shop, sku, token=shop.token("member", tier="gold"))
    assert (member["amount"], member["memberAmount"]) == ({"amount": "17.00"}, None)


async def test_a_campaign_price_needs_its_code(shop: Shop, sku: str) -> None:
    await set_prices(shop, row(sku, "20.00"), row(sku, "9.90", kind="LIVE", campaign="room-8"))
    assert (await price(shop, sku))["amount"] == {"amount": "20.00"}
    assert (await price(shop, sku, campaign="room-8"))["amount"] == {"amount": "9.90"}
    told = await shop.ask(TRACE, sku=sku, context={"channel": "app"})
    assert all(each["campaign"] is None for each in told.data["variant"]["priceTrace"]["candidates"])
    staff = await shop.ask(TRACE, token=shop.token("admin"), sku=sku, context={"channel": "app"})
    reasons = {each["campaign"]: each["reason"] for each in staff.data["variant"]["priceTrace"]["candidates"]}
    assert reasons == {None: "WON", "room-8": "WRONG_CAMPAIGN"}


async def test_an_ended_price_uncovers_the_one_before(shop: Shop, sku: str) -> None:
    await set_prices(shop, row(sku, "20.00"))
    later = await set_prices(shop, row(sku, "25.00"))
    before = await price(shop, sku)
    assert before["amount"] == {"amount": "25.00"}
    ids = [later["prices"][0]["id"]]
    ended = await shop.ask(END, token=shop.token("admin"), input={"idempotencyKey": f"end-{sku}", "ids": ids})
    assert ended.data["priceEnd"]["userErrors"] == []
    after = await price(shop, sku)
    assert after["amount"] == {"amount": "20.00"}
    assert int(after["version"]) > int(before["version"])
    again = await shop.ask(
        END, token=shop.token("admin"), input={"idempotencyKey": f"end-again-{sku}", "ids": ids}
    )
    assert [error["code"] for error in again.data["priceEnd"]["userErrors"]] == ["CONFLICT"]


async def test_a_price_that_has_not_begun_can_be_ended(shop: Shop, sku: str) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    told = await set_prices(shop, row(sku, "20.00"), row(sku, "15.00", kind="SALE", validFrom=soon))
    assert (await price(shop, sku))["upcoming"]["amount"] == {"amount": "15.00"}
    given = {"idempotencyKey": f"never-{sku}", "ids": [told["prices"][1]["id"]]}
    ended = await shop.ask(END, token=shop.token("admin"), input=given)
    assert ended.data["priceEnd"]["userErrors"] == []
    assert (await price(shop, sku))["upcoming"] is None


@pytest.mark.parametrize("bad", ["", "zzzz", "UHIBogcZulxyrZZbG3Fd5H3X"])
async def test_an_unknown_price_is_not_found(shop: Shop, bad: str) -> None:
    given = {"idempotencyKey": f"unknown-{bad}", "ids": [bad]}
    told = await shop.ask(END, token=shop.token("admin"), input=given)
    assert [(error["code"], error["field"]) for error in told.data["priceEnd"]["userErrors"]] == [
        ("NOT_FOUND", ["input", "ids", "0"])
    ]


async def test_a_price_does_not_end_in_the_past(shop: Shop, sku: str) -> None:
    told = await set_prices(shop, row(sku, "20.00"))
    given = {
        "idempotencyKey": f"past-{sku}",
        "ids": [told["prices"][0]["id"]],
        "at": "2020-01-01T00:00:00Z",
    }
    refused = await shop.ask(END, token=shop.token("admin"), input=given)
    assert [(error["code"], error["field"]) for error in refused.data["priceEnd"]["userErrors"]] == [
        ("INVALID_INPUT", ["input", "at"])
    ]


async def test_the_past_is_for_staff_and_says_what_was(shop: Shop, sku: str) -> None:
    await set_prices(shop, row(sku, "20.00"))
    between = datetime.now(UTC).isoformat()
    await set_prices(shop, row(sku, "30.00"))
    staff = shop.token("admin")
    then = await price(shop, sku, token=staff, at=between)
    now = await price(shop, sku, token=staff)
    assert (then["amount"], now["amount"]) == ({"amount": "20.00"}, {"amount": "30.00"})
    assert int(then["version"]) < int(now["version"])
    visitor = await shop.ask(PRICE, sku=sku, context={"channel": "app", "at": between})
    assert visitor.codes == ["FORBIDDEN"]


@pytest.mark.parametrize("context", [{"channel": "nowhere"}, {"channel": "app", "store": "nowhere"}])
async def test_an_unknown_place_is_bad_input(shop: Shop, sku: str, context: dict[str, str]) -> None:
    answer = await shop.ask(PRICE, sku=sku, context=context)
    assert answer.codes == ["BAD_USER_INPUT"]


async def test_a_stores_own_words_for_its_offer(shop: Shop, sku: str) -> None:
    async with shop.database() as db:
        today = datetime.now(UTC).date()
        await make_offer_text(db, "central", sku, "2 for $14", since=today - timedelta(days=3))
        await make_offer_text(
            db, "harbour", sku, "over", since=today - timedelta(days=9), until=today - timedelta(days=2)
        )
    offers = """query Offers($sku: String!, $context: SalesContext!) {
      variant(by: {sku: $sku}) { offerText(context: $context) { text until } } }"""
    for store, told in (("central", {"text": "2 for $14", "until": None}), ("harbour", None), (None, None)):
        answer = await shop.ask(offers, sku=sku, context={"channel": "pos", "store": store})
        assert answer.data["variant"]["offerText"] == told


async def test_a_hundred_prices_take_one_statement_for_variants_and_one_for_prices(shop: Shop) -> None:
    async with shop.database() as db:
        skus = [(await make_product(db)).skus[0] for _ in range(100)]
    await set_prices(shop, *(row(sku, "10.00") for sku in skus))
    many = """query Many($skus: [String!]!) {
      variants(skus: $skus) { sku price(context: {channel: "app"}) { amount { amount } version } } }"""
    await shop.ask(many, skus=skus)
    answer = await shop.ask(many, skus=skus)
    assert [variant["price"]["amount"]["amount"] for variant in answer.data["variants"]] == ["10.00"] * 100
    assert len(answer.statements) == 2


@pytest.mark.parametrize(
    ("field", "moment", "taken"),
    [
        ("validUntil", "9999-12-31T23:59:59.999999Z", False),
        ("validUntil", "9999-12-31T23:59:59.999Z", True),
        ("validUntil", "9999-12-31T23:59:59-01:00", False),
        ("validFrom", "0001-01-01T00:00:00Z", False),
        ("validFrom", "1899-12-31T23:59:59.999999Z", False),
        ("validFrom", "1900-01-01T00:00:00Z", True),
    ],
)
async def test_a_moment_at_the_end_of_time_spoils_no_price(
    shop: Shop, sku: str, field: str, moment: str, taken: bool
) -> None:
    await set_prices(shop, row(sku, "20.00"))
    given = {"idempotencyKey": f"far-{next(_keys)}", "prices": [row(sku, "19.00", "SALE", **{field: moment})]}
    answer = await shop.ask(SET, token=shop.token("admin"), input=given)
    assert answer.codes == ([] if taken else ["BAD_USER_INPUT"])
    assert (await price(shop, sku))["amount"] == {"amount": "19.00" if taken else "20.00"}
    traced = await shop.ask(
        TRACE, token=shop.token("admin"), sku=sku, context={"channel": "app", "at": "1900-01-01T00:00:00Z"}
    )
    assert traced.data["variant"]["priceTrace"]["charged"] is None


@pytest.mark.parametrize("amount", ["12.50\n", "١٢", "１２", " 12", "1e1"])
async def test_an_amount_is_written_in_plain_digits(shop: Shop, sku: str, amount: str) -> None:
    given = {"idempotencyKey": f"digits-{next(_keys)}", "prices": [row(sku, amount)]}
    answer = await shop.ask(SET, token=shop.token("admin"), input=given)
    assert answer.codes == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("kind", ["member", "device", "partner"])
async def test_a_campaigns_code_is_traced_for_staff_only(shop: Shop, sku: str, kind: str) -> None:
    await set_prices(shop, row(sku, "20.00"), row(sku, "9.00", "LIVE", channel="app", campaign="room-7"))
    principal = {"X-API-Key": shop.token("partner")} if kind == "partner" else {}
    if kind != "partner":
        principal = {"Authorization": f"Bearer {shop.token(kind)}"}
    body = {"query": TRACE, "variables": {"sku": sku, "context": {"channel": "app"}}}
    answer = await shop.client.post("/graphql", json=body, headers=principal)
    traced = answer.json()["data"]["variant"]["priceTrace"]["candidates"]
    assert [each["campaign"] for each in traced] == [None]
    staff = await shop.ask(TRACE, token=shop.token("admin"), sku=sku, context={"channel": "app"})
    assert "room-7" in [each["campaign"] for each in staff.data["variant"]["priceTrace"]["candidates"]]


async def test_a_price_counts_from_after_the_wait_for_its_variant(shop: Shop, sku: str) -> None:
    told = await set_prices(shop, row(sku, "20.00"))
    soon = datetime.now(UTC) + timedelta(milliseconds=150)
    end = {"idempotencyKey": f"wait-{next(_keys)}", "ids": [told["prices"][0]["id"]], "at": soon.isoformat()}
    async with shop.database() as db:
        async with db.transaction():
            await db.execute("SELECT FROM variant WHERE sku = $1 FOR UPDATE", sku)
            setting = asyncio.create_task(set_prices(shop, row(sku, "21.00")))
            ending = asyncio.create_task(shop.ask(END, token=shop.token("admin"), input=end))
            await asyncio.sleep(0.4)
            released = datetime.now(UTC)
        assert (await setting)["userErrors"] == []
        recorded = await db.fetchval("SELECT max(recorded_at) FROM price_record WHERE sku = $1", sku)
    assert recorded >= released
    errors = (await ending).data["priceEnd"]["userErrors"]
    assert [(error["code"], error["field"]) for error in errors] == [("INVALID_INPUT", ["input", "at"])]


@pytest.mark.parametrize("by", ["{}", '{sku: "a", gtin: "b"}', "{sku: null}"])
async def test_a_choice_of_one_key_is_of_one_key(shop: Shop, by: str) -> None:
    assert (await shop.ask(f"{{ variant(by: {by}) {{ id }} }}")).codes == ["BAD_USER_INPUT"]


async def test_comparisons_and_traces_of_a_list_take_one_statement_each(shop: Shop) -> None:
    async with shop.database() as db:
        skus = [(await make_product(db)).skus[0] for _ in range(20)]
    await set_prices(shop, *(row(sku, "10.00") for sku in skus))
    await set_prices(shop, *(row(sku, "8.00", kind="SALE") for sku in skus))
    many = """query Many($skus: [String!]!) { variants(skus: $skus) {
      price(context: {channel: "app"}) { amount { amount } compareAt { amount } }
      priceTrace(context: {channel: "app"}) { candidates { won } } } }"""
    answer = await shop.ask(many, skus=skus)
    assert [variant["price"]["compareAt"] for variant in answer.data["variants"]] == [
        {"amount": "10.00"}
    ] * 20
    assert len(answer.statements) == 4


async def test_a_trace_of_too_many_records_keeps_those_that_count_here(shop: Shop, sku: str) -> None:
    await set_prices(shop, row(sku, "20.00"), row(sku, "18.00", channel="app", validFrom=_LATER))
    judged = """query Trace($sku: String!) { variant(by: {sku: $sku}) {
      priceTrace(context: {channel: "app"}) { complete charged { amount } candidates { won reason } } } }"""
    for more, complete in ((498, True), (1, False), (400, False)):
        async with shop.database() as db:
            tier = await make_tier(db)
        others = [row(sku, "9.00", "CLEARANCE", channel="pos", minQuantity=n + 1) for n in range(more)]
        for other in others:
            other["tier"] = tier
        assert (await set_prices(shop, *others))["userErrors"] == []
        told = (await shop.ask(judged, sku=sku)).data["variant"]["priceTrace"]
        assert told["complete"] is complete
        assert told["charged"] == {"amount": "20.00"}
        assert len(told["candidates"]) == 500
        assert [each["reason"] for each in told["candidates"][:2]] == ["WON", "NOT_YET_VALID"]


@pytest.mark.parametrize("tier", ["", "x" * 65])
async def test_a_tier_has_a_name(shop: Shop, sku: str, tier: str) -> None:
    told = await set_prices(shop, row(sku, "5.00", kind="MEMBER", tier=tier))
    assert ("INVALID_INPUT", "tier") in {(error["code"], error["field"][-1]) for error in told["userErrors"]}


async def test_prices_of_a_tier_that_is_not_there_are_refused_by_their_index(shop: Shop, sku: str) -> None:
    async with shop.database() as db:
        given_up = await make_tier(db, active=False)
    rows = [row(sku, "5.00", kind="MEMBER", tier=tier) for tier in ("gold", "golden", given_up)]
    told = await set_prices(shop, *rows)
    assert told["prices"] == []
    assert [(error["code"], error["field"]) for error in told["userErrors"]] == [
        ("INVALID_INPUT", ["input", "prices", index, "tier"]) for index in ("1", "2")
    ]
