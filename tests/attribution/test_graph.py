"""Scans lead to sales, and every cent of them is credited, through the graph."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.orders.buying import a_cart, a_key, check_out, make_goods, make_mall
from tests.shop import Shop

ISSUE = """mutation M($input: TouchCodesIssueInput!) { done: touchCodesIssue(input: $input) {
  touchCodes { code kind current store { code } clerk sku campaign variant { sku } }
  userErrors { code field } } }"""
REVOKE = """mutation M($input: TouchCodeRevokeInput!) { done: touchCodeRevoke(input: $input) {
  touchCodes { current revokedAt } userErrors { code field } } }"""
TOUCH = """mutation M($input: CartTouchAddInput!) { done: cartTouchAdd(input: $input) {
  cart { attribution { code store { code } clerk campaign } } userErrors { code field } } }"""
RULE = """mutation M($input: AttributionRuleSetInput!) { done: attributionRuleSet(input: $input) {
  rule { version which days share } userErrors { code field } } }"""
RECOMPUTE = """mutation M($input: AttributionRecomputeInput!) { done: attributionRecompute(input: $input) {
  orders userErrors { code field } } }"""
RETURN = """mutation M($input: OrderReturnInput!) { done: orderReturn(input: $input) {
  order { ...A } userErrors { code field } } }
fragment A on Order { attribution { store { code } clerk channel share amount { amount } } }"""
SHIP = """mutation M($input: OrderShipInput!) { done: orderShip(input: $input) { order { state } } }"""
CREDITED = """query Q($by: OrderBy!) { order(by: $by) {
  attribution { store { code } clerk channel share amount { amount } } } }"""
REPORT = """query Q($since: DateTime!, $before: DateTime!, $store: String, $rule: Int) {
  attributionReport(since: $since, before: $before, store: $store, rule: $rule) {
    store { code } clerk channel orders amount { amount } } }"""


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    await make_mall(shop)


async def told(shop: Shop, document: str, token: str | None = None, **given: Any) -> Any:
    return (await shop.ask(document, token=token, input=given)).data["done"]


def codes(payload: Any) -> list[tuple[str, list[str]]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def a_code(shop: Shop, store: str, **more: Any) -> str:
    """A new touch code of a store."""
    token = shop.token("staff", store=store)
    given = {"idempotencyKey": a_key(), "store": store, "kind": "SHELF"} | more
    (made,) = (await told(shop, ISSUE, token, **given))["touchCodes"]
    code: str = made["code"]
    return code


async def bought(shop: Shop, *touched: str, minor: int = 1001) -> Any:
    """The payload of a checkout of three of an article, in a cart that these codes led to."""
    sku = await make_goods(shop, minor, central=50)
    cart_id = await a_cart(shop, (sku, 3))
    for code in touched:
        assert codes(await told(shop, TOUCH, cartId=cart_id, code=code)) == []
    return await check_out(shop, cart_id)


def parts(order: Any) -> list[tuple[str | None, str | None, str, str]]:
    return [
        (
            one["store"]["code"] if one["store"] else None,
            one["clerk"],
            one["share"],
            one["amount"]["amount"],
        )
        for one in order["attribution"]
    ]


async def credited(shop: Shop, done: Any) -> list[tuple[str | None, str | None, str, str]]:
    answer = await shop.ask(CREDITED, by={"token": done["orderToken"]})
    return parts(answer.data["order"])


async def test_a_code_is_issued_scanned_printed_and_revoked(shop: Shop) -> None:
    sku = await make_goods(shop, central=1)
    central = shop.token("staff", store="central")
    given = {
        "idempotencyKey": a_key(),
        "store": "central",
        "kind": "POSTER",
        "count": 2,
        "clerk": "ada",
        "sku": sku,
        "campaign": "autumn",
    }
    issued = await told(shop, ISSUE, central, **given)
    assert issued == await told(shop, ISSUE, central, **given)
    first, second = issued["touchCodes"]
    assert first == {
        "code": first["code"],
        "kind": "POSTER",
        "current": True,
        "store": {"code": "central"},
        "clerk": "ada",
        "sku": sku,
        "campaign": "autumn",
        "variant": {"sku": sku},
    }
    price = """query Q($code: String!, $context: SalesContext!) {
      touchCode(code: $code) { variant { price(context: $context) { amount { amount } } } } }"""
    context = {"channel": "app", "store": "central"}
    scanned = await shop.ask(price, code=first["code"], context=context)
    assert scanned.data["touchCode"]["variant"]["price"]["amount"] == {"amount": "10.00"}
    sheet = "query Q($codes: [String!]!, $link: String!) { touchSheet(codes: $codes, link: $link) }"
    asked = {"codes": [first["code"], second["code"], "unknown"], "link": "https://shop.test/t/{code}"}
    svg = (await shop.ask(sheet, token=central, **asked)).data["touchSheet"]
    assert svg.count("<svg") == 3  # the sheet, and two codes on it
    assert first["code"] in svg
    assert (await shop.ask(sheet, token=central, **asked | {"link": "nowhere"})).codes == ["BAD_USER_INPUT"]
    listed = "query Q($store: String!) { touchCodes(store: $store, first: 1) { nodes { code } } }"
    page = (await shop.ask(listed, token=central, store="central")).data["touchCodes"]
    assert len(page["nodes"]) == 1
    harbour = shop.token("staff", store="harbour")
    assert (await shop.ask(listed, token=harbour, store="central")).data["touchCodes"]["nodes"] == []
    assert codes(await told(shop, REVOKE, harbour, code=first["code"])) == [("NOT_FOUND", ["input", "code"])]
    revoked = await told(shop, REVOKE, central, code=first["code"])
    assert revoked["touchCodes"][0]["current"] is False
    cart_id = await a_cart(shop, (sku, 1))
    assert codes(await told(shop, TOUCH, cartId=cart_id, code=first["code"])) == [
        ("CODE_EXPIRED", ["input", "code"])
    ]
    touched = await told(shop, TOUCH, cartId=cart_id, code=second["code"])
    assert touched["cart"]["attribution"] == [
        {"code": second["code"], "store": {"code": "central"}, "clerk": "ada", "campaign": "autumn"}
    ]
    for more, field in (
        ({"count": 0}, "count"),
        ({"clerk": ""}, "clerk"),
        ({"store": "harbour"}, "store"),
        ({"sku": "none"}, "sku"),
        ({"validUntil": "2020-01-01T00:00:00Z"}, "validUntil"),
    ):
        refused = await told(shop, ISSUE, central, **given | {"idempotencyKey": a_key()} | more)
        assert [path for _, path in codes(refused)] == [["input", field]]


async def test_a_sale_is_credited_and_a_return_takes_its_part_back(shop: Shop) -> None:
    admin = shop.token("admin")
    began = datetime.now(UTC)
    shelf, badge = await a_code(shop, "central"), await a_code(shop, "harbour", kind="BADGE", clerk="bob")
    assert await credited(shop, await bought(shop, shelf)) == [(None, None, "1", "30.03")]  # no rule yet
    rule = {"idempotencyKey": a_key(), "which": "EVERY", "days": 7, "share": "0.5"}
    every = (await told(shop, RULE, admin, **rule))["rule"]
    assert (every["which"], every["share"]) == ("EVERY", "0.5")
    done = await bought(shop, shelf, badge, "a-link")
    # 3003: half to who sold it, a quarter each, what is left over to the earliest.
    assert await credited(shop, done) == [
        ("central", None, "0.25", "7.51"),
        ("harbour", "bob", "0.25", "7.51"),
        (None, None, "0.5", "15.01"),
    ]
    rule |= {"idempotencyKey": a_key(), "which": "LAST", "share": "1"}
    last = await told(shop, RULE, admin, **rule)
    shipped = {"idempotencyKey": a_key(), "orderId": done["order"]["id"], "carrier": "SF"}
    await told(shop, SHIP, admin, **shipped)
    back = {
        "idempotencyKey": a_key(),
        "orderId": done["order"]["id"],
        "orderToken": done["orderToken"],
        "store": "kiosk",
        "lines": [{"lineId": done["order"]["lines"][0]["id"], "quantity": 1, "restock": True}],
        "reason": "too many",
    }
    # 2002 are left, under the rule of the sale.
    returned = await told(shop, RETURN, **back)
    assert parts(returned["order"]) == [
        ("central", None, "0.25", "5.01"),
        ("harbour", "bob", "0.25", "5.00"),
        (None, None, "0.5", "10.01"),
    ]
    other = await bought(shop, badge, shelf)
    assert await credited(shop, other) == [("central", None, "1", "30.03")]
    report = await shop.ask(REPORT, token=admin, since=began.isoformat(), before=soon())
    rows = report.data["attributionReport"]
    assert {(one["store"] or {}).get("code"): one["amount"]["amount"] for one in rows} == {
        "central": "35.04",
        "harbour": "5.00",
        None: "40.04",
    }
    async with shop.database() as db:
        sold = await db.fetchval(
            "SELECT sum(total_minor - refunded_minor) FROM sales_order WHERE payment_state <> 'PENDING'"
        )
    assert sum(Decimal(one["amount"]["amount"]) for one in rows) == Decimal(sold) / 100
    assert len(report.statements) <= 3
    mine = await shop.ask(
        REPORT, token=shop.token("staff", store="harbour"), since=began.isoformat(), before=soon()
    )
    assert [(one["clerk"], one["orders"]) for one in mine.data["attributionReport"]] == [("bob", 1)]
    # As if the last rule had always been in force.
    version = last["rule"]["version"]
    period = {"placedSince": began.isoformat(), "placedBefore": soon()}
    for _ in range(2):
        assert (await told(shop, RECOMPUTE, admin, rule=version, **period))["orders"] == 3
    tried = await shop.ask(REPORT, token=admin, since=began.isoformat(), before=soon(), rule=version)
    assert {
        (one["store"]["code"], one["clerk"]): one["amount"]["amount"]
        for one in tried.data["attributionReport"]
    } == {("central", None): "60.06", ("harbour", "bob"): "20.02"}
    unchanged = await shop.ask(REPORT, token=admin, since=began.isoformat(), before=soon())
    assert unchanged.data == report.data
    assert codes(await told(shop, RECOMPUTE, admin, rule=99, **period)) == [("NOT_FOUND", ["input", "rule"])]


async def test_what_is_cancelled_is_nobodys_credit(shop: Shop) -> None:
    done = await bought(shop, await a_code(shop, "central"))
    cancel = """mutation M($input: OrderCancelInput!) { orderCancel(input: $input) {
      order { attribution { amount { amount } } } } }"""
    given = {"idempotencyKey": a_key(), "orderId": done["order"]["id"], "orderToken": done["orderToken"]}
    answer = await shop.ask(cancel, input=given | {"reason": "changed my mind"})
    shown = answer.data["orderCancel"]["order"]["attribution"]
    assert [one["amount"]["amount"] for one in shown] == ["0.00"]


async def test_who_may_not_ask_is_told_so(shop: Shop) -> None:
    period = {"since": soon(), "before": soon()}
    assert (await shop.ask(REPORT, token=shop.token("admin"), **period)).codes == ["BAD_USER_INPUT"]
    for token, code in ((None, "UNAUTHENTICATED"), (shop.token("member"), "FORBIDDEN")):
        assert (await shop.ask(REPORT, token=token, **period)).codes == [code]
    rule = {"idempotencyKey": a_key(), "which": "EVERY", "days": 7}
    assert (await shop.ask(RULE, token=shop.token("staff"), input=rule)).codes == ["FORBIDDEN"]
    for more, field in (({"days": 0}, "days"), ({"share": "1.1"}, "share"), ({"share": "0.00001"}, "share")):
        refused = await told(shop, RULE, shop.token("admin"), **rule | more)
        assert codes(refused) == [("INVALID_INPUT", ["input", field])]


def soon() -> str:
    """A moment that everything of this test is before."""
    return (datetime.now(UTC) + timedelta(minutes=1)).replace(microsecond=0).isoformat()
