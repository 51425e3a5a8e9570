"""Partners through the graph: taken on, let in by keys, bound to their channels, documents and fields."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.partners import document_id
from tests.partners.calling import (
    CREATE,
    NAMES,
    PRICE,
    PUBLISH,
    REVOKE,
    ROTATE,
    SELF,
    SET,
    by_id,
    call,
    key_of,
    make_partner,
    mall,
    outcome,
    publish,
)
from tests.shop import Shop

MISSING = "PERSISTED_QUERY_NOT_FOUND"
REQUIRED = "PERSISTED_QUERY_REQUIRED"
OUT = "UNAUTHENTICATED"


@pytest.fixture(scope="module")
async def shop(fresh_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A mall where partners and devices may send published documents only."""
    async with mall(fresh_database, tmp_path_factory.mktemp("partners"), free_documents="own-apps") as one:
        yield one


async def changed(shop: Shop, document: str, **given: Any) -> dict[str, Any]:
    """The payload of a mutation by an administrator."""
    asked = {"idempotencyKey": key_of("change"), **given}
    answer = await shop.ask(document, token=shop.token("admin"), input=asked)
    payload: dict[str, Any] = next(iter(answer.data.values()))
    return payload


async def heard(shop: Shop) -> None:
    """Waits until every news so far was heard by what follows partners."""
    await shop.app.state.keys._look(lambda: None)


async def test_a_partner_is_taken_on_and_told_its_key_once(shop: Shop) -> None:
    given = {
        "idempotencyKey": "taken-on",
        "code": "acme",
        "name": " Acme ",
        "channels": ["jd", "jd"],
        "scopes": ["PRICE_READ", "CATALOG_READ"],
        "budgetPerMinute": 500,
        "maskedFields": ["Product.brand"],
        "networks": ["10.0.0.0/8"],
    }
    first = (await shop.ask(CREATE, token=shop.token("admin"), input=given)).data["partnerCreate"]
    key, partner = first["apiKey"], first["partner"]
    assert partner | {"id": "", "keys": []} == {
        "id": "",
        "code": "acme",
        "name": "Acme",
        "channels": ["jd"],
        "scopes": ["CATALOG_READ", "PRICE_READ"],
        "budgetPerMinute": 500,
        "maskedFields": ["Product.brand"],
        "networks": ["10.0.0.0/8"],
        "active": True,
        "keys": [],
    }
    assert [key.startswith(one["prefix"]) for one in partner["keys"]] == [True]
    # Repeated it is the same key; what is stored tells nobody what it is.
    again = (await shop.ask(CREATE, token=shop.token("admin"), input=given)).data["partnerCreate"]
    assert again["apiKey"] == key
    async with shop.database() as db:
        stored = [str(row) for table in ("api_key", "answered") for row in await db.fetch(f"TABLE {table}")]
    secret = key.removeprefix(partner["keys"][0]["prefix"])
    assert not any(secret in row or key in row for row in stored)
    other = await changed(shop, CREATE, **{**given, "idempotencyKey": "another"})
    assert [error["code"] for error in other["userErrors"]] == ["CONFLICT"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"code": "A"}, "code"),
        ({"code": "app:h5"}, "code"),
        ({"name": " "}, "name"),
        ({"channels": []}, "channels"),
        ({"channels": ["nowhere"]}, "channels"),
        ({"budgetPerMinute": 0}, "budgetPerMinute"),
        ({"maskedFields": ["Product.nothing"]}, "maskedFields"),
        ({"maskedFields": ["brand"]}, "maskedFields"),
        ({"networks": ["10.0.0.1/8"]}, "networks"),
        ({"networks": ["here"]}, "networks"),
        ({"keyExpiresAt": "2020-01-01T00:00:00Z"}, "keyExpiresAt"),
    ],
)
async def test_terms_that_cannot_be_are_refused(shop: Shop, given: dict[str, Any], field: str) -> None:
    asked = {"code": "never", "name": "N", "channels": ["jd"], "scopes": [], "budgetPerMinute": 1} | given
    payload = await changed(shop, CREATE, **asked)
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [
        ("INVALID_INPUT", ["input", field])
    ]


@pytest.mark.parametrize("kind", ["staff", "member", "device", None])
async def test_partners_are_for_administrators(shop: Shop, kind: str | None) -> None:
    token = None if kind is None else shop.token(kind)
    expected = "UNAUTHENTICATED" if kind is None else "FORBIDDEN"
    for document in (CREATE, SET, ROTATE, REVOKE, PUBLISH):
        asked: dict[str, Any] = {"partner": "acme", "documents": []} if document is PUBLISH else {}
        if document is CREATE:
            asked = {"code": "x", "name": "X", "channels": [], "scopes": [], "budgetPerMinute": 1}
        if document in (SET, ROTATE, REVOKE):
            asked = {"partner": "acme"} | ({"prefix": "p"} if document is REVOKE else {})
        if document is not PUBLISH:
            asked["idempotencyKey"] = "k"
        answer = await shop.client.post(
            "/graphql",
            json={"query": document, "variables": {"input": asked}},
            headers={} if token is None else {"Authorization": f"Bearer {token}"},
        )
        codes = [error["extensions"]["code"] for error in answer.json()["errors"]]
        assert codes == ([expected] if kind != "device" else [REQUIRED]), document


async def test_a_partner_calls_its_own_documents_only(shop: Shop) -> None:
    mine, other = await make_partner(shop, "caller"), await make_partner(shop, "neighbour")
    (published,) = await publish(shop, "caller", NAMES)
    assert (published["documentId"], published["name"], published["cost"]) == (document_id(NAMES), "Names", 5)
    only = {"channels": [{"code": "jd"}]}
    hex_ = document_id(NAMES).partition(":")[2]
    for body in (
        by_id(NAMES),
        {"documentId": hex_},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hex_}}},
        {"query": NAMES},  # its own words are as good as their hash
    ):
        assert await outcome(shop, mine, body) == only
    assert await outcome(shop, other, by_id(NAMES)) == MISSING
    assert await outcome(shop, other, {"query": NAMES}) == REQUIRED
    assert await outcome(shop, mine, {"query": "{ channels { code } }"}) == REQUIRED
    assert await outcome(shop, mine, {"documentId": "sha256:" + "0" * 64}) == MISSING
    for wrong in ("", "md5:", "sha256:", "x" * 5_000, "crc:1"):
        assert await outcome(shop, mine, {"documentId": wrong}) == MISSING
    # Our own applications have theirs, and need none.
    assert await outcome(shop, None, by_id(NAMES)) == MISSING
    await publish(shop, "app:h5", NAMES)
    assert len((await outcome(shop, None, by_id(NAMES)))["channels"]) == 3
    assert len((await outcome(shop, None, {"query": "{ channels { code } }"}))["channels"]) == 3
    device = {"Authorization": f"Bearer {shop.token('device', store='central')}"}
    assert await outcome(shop, None, {"query": NAMES}, **device) == REQUIRED
    assert await outcome(shop, None, by_id(NAMES), **device) == MISSING
    await publish(shop, "device:gateway", NAMES)
    assert len((await outcome(shop, None, by_id(NAMES), **device))["channels"]) == 3


async def test_relay_and_codegen_name_documents_by_other_hashes(shop: Shop) -> None:
    key = await make_partner(shop, "hashed")
    await publish(shop, "hashed", NAMES)
    for hash_ in (hashlib.md5(NAMES.encode()), hashlib.sha1(NAMES.encode())):  # noqa: S324
        assert "channels" in await outcome(shop, key, {"documentId": hash_.hexdigest()})


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("{ channels { code } }", "name"),
        ("query A { channels { code } } query B { channels { name } }", "several"),
        ("query A { channels { nothing } }", "nothing"),
        ("query A {", "Syntax"),
        ("query A { __schema { types { name } } }", "introspection"),
    ],
)
async def test_only_what_can_be_run_is_published(shop: Shop, document: str, says: str) -> None:
    payload = (
        await shop.ask(
            PUBLISH, token=shop.token("admin"), input={"partner": "acme", "documents": [NAMES, document]}
        )
    ).data["operationsPublish"]
    (error,) = payload["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID_INPUT", ["input", "documents", "1"])
    assert says.lower() in error["message"].lower()
    assert payload["operations"] == []


async def test_a_key_is_rotated_with_a_grace_and_expires(shop: Shop) -> None:
    old = await make_partner(shop, "turning")
    await publish(shop, "turning", NAMES)
    now = shop.clock()
    payload = await changed(shop, ROTATE, partner="turning", graceSeconds=60)
    new = payload["apiKey"]
    keys = payload["partner"]["keys"]
    assert keys[0]["expiresAt"] is None
    assert datetime.fromisoformat(keys[1]["expiresAt"]) - now < timedelta(seconds=62)
    await heard(shop)
    for key in (old, new):
        assert "channels" in await outcome(shop, key, by_id(NAMES))
    try:
        shop.clock.at = now + timedelta(seconds=62)
        assert await outcome(shop, old, by_id(NAMES)) == OUT
        assert "channels" in await outcome(shop, new, by_id(NAMES))
    finally:
        shop.clock.at = None
    # Without a grace it is revoked at once.
    payload = await changed(shop, ROTATE, partner="turning", graceSeconds=0)
    assert [key["revokedAt"] is not None for key in payload["partner"]["keys"]] == [False, True, True]
    await heard(shop)
    assert await outcome(shop, new, by_id(NAMES)) == OUT
    assert "channels" in await outcome(shop, payload["apiKey"], by_id(NAMES))
    for wrong in (-1, 40 * 86_400):
        refused = await changed(shop, ROTATE, partner="turning", graceSeconds=wrong)
        assert [error["field"] for error in refused["userErrors"]] == [["input", "graceSeconds"]]


async def test_a_key_is_revoked_and_a_partner_suspended(shop: Shop) -> None:
    key = await make_partner(shop, "leaving")
    await publish(shop, "leaving", NAMES)
    assert "channels" in await outcome(shop, key, by_id(NAMES))
    await changed(shop, SET, partner="leaving", active=False)
    await heard(shop)
    assert await outcome(shop, key, by_id(NAMES)) == OUT
    payload = await changed(shop, SET, partner="leaving", active=True, channels=["tmall"])
    assert payload["partner"]["channels"] == ["tmall"]
    assert payload["partner"]["scopes"] == ["CATALOG_READ", "PRICE_READ", "STOCK_READ"]
    await heard(shop)
    assert await outcome(shop, key, by_id(NAMES)) == {"channels": [{"code": "tmall"}]}
    revoked = await changed(shop, REVOKE, partner="leaving", prefix=key[:12])
    assert revoked["partner"]["keys"][0]["revokedAt"] is not None
    await heard(shop)
    assert await outcome(shop, key, by_id(NAMES)) == OUT
    again = await changed(shop, REVOKE, partner="leaving", prefix=key[:12])
    assert [error["code"] for error in again["userErrors"]] == ["NOT_FOUND"]


async def test_a_key_that_was_never_issued_costs_no_query(shop: Shop) -> None:
    key = await make_partner(shop, "guessed")
    for wrong in (key[:-1] + ("A" if key[-1] != "A" else "B"), "sgk_" + "A" * 59, "sgk_", key + "A"):
        async with shop.watched() as statements:
            assert await outcome(shop, wrong, {"query": NAMES}) == OUT
        assert statements == []


async def test_networks_say_where_a_key_may_be_used(shop: Shop) -> None:
    key = await make_partner(shop, "bound", networks=["192.0.2.0/24"])
    await publish(shop, "bound", NAMES)
    assert await outcome(shop, key, by_id(NAMES)) == OUT
    await changed(shop, SET, partner="bound", networks=["192.0.2.0/24", "127.0.0.0/8"])
    await heard(shop)
    assert "channels" in await outcome(shop, key, by_id(NAMES))


async def test_masked_fields_are_neither_published_nor_answered(shop: Shop) -> None:
    key = await make_partner(shop, "masked", maskedFields=["Channel.name"])
    hidden = "query Hidden { channels { ...C } } fragment C on Channel { name }"
    by_node = "query Hidden($id: ID!) { node(id: $id) { ... on Channel { name } } }"
    for document in (hidden, by_node):
        asked = {"partner": "masked", "documents": [document]}
        payload = (await shop.ask(PUBLISH, token=shop.token("admin"), input=asked)).data["operationsPublish"]
        assert "Channel.name" in payload["userErrors"][0]["message"]
    await changed(shop, SET, partner="masked", maskedFields=[])
    await publish(shop, "masked", hidden, NAMES)
    await heard(shop)
    assert "channels" in await outcome(shop, key, by_id(hidden))
    # A mask counts also for what was published before it.
    await changed(shop, SET, partner="masked", maskedFields=["Channel.name"])
    await heard(shop)
    assert await outcome(shop, key, by_id(hidden)) == "FORBIDDEN"
    assert "channels" in await outcome(shop, key, by_id(NAMES))


async def test_there_are_no_channels_for_a_partner_but_its_own(shop: Shop) -> None:
    jd, tmall = await make_partner(shop, "on-jd"), await make_partner(shop, "on-tmall", channels=["tmall"])
    for client in ("on-jd", "on-tmall"):
        await publish(shop, client, PRICE)
    prices = {}
    for key in (jd, tmall):
        for channel in ("jd", "tmall", "nowhere"):
            answer = (await call(shop, key, by_id(PRICE, channel=channel, sku="MILK"))).json()
            prices[key, channel] = (
                answer["errors"][0]["extensions"]["code"]
                if "errors" in answer
                else answer["data"]["variant"]["price"]["amount"]["amount"]
            )
    assert [prices[jd, one] for one in ("jd", "tmall", "nowhere")] == [
        "10.00",
        "BAD_USER_INPUT",
        "BAD_USER_INPUT",
    ]
    assert [prices[tmall, one] for one in ("jd", "tmall")] == ["BAD_USER_INPUT", "12.00"]


async def test_a_partner_without_a_scope_is_told_so(shop: Shop) -> None:
    key = await make_partner(shop, "scoped", scopes=["CATALOG_READ"])
    await publish(shop, "scoped", PRICE)
    answer = (await call(shop, key, by_id(PRICE, channel="jd", sku="MILK"))).json()
    assert answer["data"] == {"variant": {"sku": "MILK", "price": None}}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]


async def test_calls_and_last_use_are_counted(shop: Shop) -> None:
    await changed(shop, SET, partner="acme", networks=[], maskedFields=[])
    key = (await changed(shop, ROTATE, partner="acme"))["apiKey"]
    await publish(shop, "acme", SELF, PRICE)
    for _ in range(3):
        await call(shop, key, by_id(PRICE, channel="jd", sku="MILK"))
    await shop.app.state.usage.write()
    partner = (await outcome(shop, key, by_id(SELF)))["partner"]
    calls = {one["name"]: one["calls"] for one in partner["operations"]["nodes"]}
    assert (calls["Price"], calls["Self"]) == ("3", "0")
    assert partner["keys"][0]["lastUsedAt"] is not None
    async with shop.database() as db:
        used = await db.fetchval(
            "SELECT operations FROM field_use WHERE field = 'Price.amount' AND client = 'acme'"
        )
    assert used == 3


async def test_whose_a_partner_is_to_see(shop: Shop) -> None:
    key = await make_partner(shop, "curious")
    look = """query Look($code: String!) {
      partner(code: $code) { id code operations(first: 1) { nodes { id } } } }"""
    await publish(shop, "curious", look)
    own = (await outcome(shop, key, by_id(look, code="curious")))["partner"]
    assert own["code"] == "curious"
    for code in ("acme", "nobody"):
        assert await outcome(shop, key, by_id(look, code=code)) == {"partner": None}
    staff = await shop.ask(look, token=shop.token("staff"), code="curious")
    assert staff.data["partner"]["id"] == own["id"]
    nodes = "query N($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    ids = [own["id"], own["operations"]["nodes"][0]["id"]]
    assert (await shop.ask(nodes, token=shop.token("staff"), ids=ids)).data["nodes"] == [
        {"id": one} for one in ids
    ]
    assert (await shop.ask(nodes, token=shop.token("member"), ids=ids)).data["nodes"] == [None, None]
