"""What members decide: consents at once and for the record, a name, and to be forgotten everywhere."""

from __future__ import annotations

import itertools
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from resolvers.shapes import parse_global_id
from tests.makers import make_channel, make_order, make_store
from tests.members.searching import found_in
from tests.members.signing import ME, later, refreshed, signed_in
from tests.shop import Shop

_phones = itertools.count(1)
CONSENT = """mutation Consent($input: ConsentSetInput!) { consentSet(input: $input) {
  member { consents { purpose granted policyVersion } } userErrors { code field } } }"""
NAME = """mutation Name($name: String) { memberNameSet(input: {name: $name}) {
  member { name } userErrors { code } } }"""
ERASE = """mutation Erase($key: String!) { memberErase(input: {idempotencyKey: $key}) {
  erasedAt userErrors { code field } } }"""
PERSON = "Chan Tai Man the Unforgettable"
STREET = "99 Forget-me-not Road"


@pytest.fixture(scope="module")
async def mall(shop: Shop) -> None:
    async with shop.database() as db:
        await make_channel(db, "app")
        await make_store(db, "central", till_channel=await make_channel(db, "pos"))


@pytest.fixture
async def mine(shop: Shop, mall: None) -> dict[str, Any]:
    """A new member's sign-in."""
    return await signed_in(shop, f"+86137{next(_phones):08d}")


def key_of(mine: dict[str, Any]) -> UUID:
    known = parse_global_id(mine["member"]["id"])
    assert known is not None
    return known[1]


async def said(shop: Shop, token: str | None, purpose: str, granted: bool, **more: str) -> dict[str, Any]:
    given = {"purpose": purpose, "granted": granted, "policyVersion": "2026-02", "channel": "app", **more}
    answer: dict[str, Any] = (await shop.ask(CONSENT, token=token, input=given)).data["consentSet"]
    return answer


async def test_a_purpose_is_withdrawn_as_it_is_granted(shop: Shop, mine: dict[str, Any]) -> None:
    token = mine["accessToken"]
    for purpose, granted in itertools.product(("CLIENTELING", "BIOMETRIC"), (True, False, True)):
        told = await said(shop, token, purpose, granted)
        assert told["userErrors"] == []
        assert {"purpose": purpose, "granted": granted, "policyVersion": "2026-02"} in told["member"][
            "consents"
        ]
    async with shop.database() as db:
        history = await db.fetch(
            "SELECT purpose, granted FROM member_consent WHERE member_id = $1 ORDER BY id", key_of(mine)
        )
        assert [tuple(row) for row in history] == [
            (purpose, granted) for purpose in ("CLIENTELING", "BIOMETRIC") for granted in (True, False, True)
        ]
        for change in ("UPDATE member_consent SET granted = true", "DELETE FROM member_consent"):
            with pytest.raises(asyncpg.RaiseError):
                await db.execute(change)


async def test_a_consent_names_its_text_and_its_channel(shop: Shop, mine: dict[str, Any]) -> None:
    for more, field in (
        ({"policyVersion": ""}, "policyVersion"),
        ({"policyVersion": "x" * 65}, "policyVersion"),
        ({"channel": "radio"}, "channel"),
    ):
        told = await said(shop, mine["accessToken"], "MARKETING", True, **more)
        assert told == {"member": None, "userErrors": [{"code": "INVALID_INPUT", "field": ["input", field]}]}
    for stranger, code in ((None, "UNAUTHENTICATED"), (shop.token("admin"), "FORBIDDEN")):
        given = {"purpose": "MARKETING", "granted": True, "policyVersion": "1", "channel": "app"}
        assert (await shop.ask(CONSENT, token=stranger, input=given)).codes == [code]
        assert (await shop.ask(ERASE, token=stranger, key="k")).codes == [code]


async def test_whoever_is_erased_is_found_nowhere_and_the_books_still_balance(
    shop: Shop, mine: dict[str, Any]
) -> None:
    token, member, phone = mine["accessToken"], key_of(mine), mine["member"]["phone"]
    assert (await shop.ask(NAME, token=token, name=PERSON)).data["memberNameSet"]["member"] == {
        "name": PERSON
    }
    address = {
        "name": PERSON, "phone": phone, "region": "HK", "city": "HK", "street": STREET, "postal_code": None,
    }  # fmt: skip
    async with shop.database() as db:
        order = await make_order(
            db, channel="app", member=str(member), fulfilment="DELIVERY", address=address
        )
        await db.execute("UPDATE sales_order SET state = 'SHIPPED' WHERE id = $1", order)
        await db.execute(
            "INSERT INTO cart (channel, member, fulfilment) VALUES ('app', $1, $2)",
            str(member),
            {"kind": "DELIVERY", "store": None, "address": address},
        )
        assert await found_in(db, STREET) == {"sales_order", "cart"}
        money = "SELECT sum(total_minor), count(*) FROM sales_order"
        before = await db.fetchrow(money)
    refused = (await shop.ask(ERASE, token=token, key="now")).data["memberErase"]
    assert refused == {"erasedAt": None, "userErrors": [{"code": "ORDER_STATE_FORBIDS", "field": None}]}
    async with shop.database() as db:
        await db.execute("UPDATE sales_order SET state = 'COMPLETED' WHERE id = $1", order)
    done = (await shop.ask(ERASE, token=token, key="now")).data["memberErase"]
    assert done["userErrors"] == []
    assert done["erasedAt"] is not None
    async with shop.database() as db:
        blind = shop.house.vault.blind("phone", phone)
        for value in (phone, phone.removeprefix("+86"), PERSON, STREET, blind):
            assert await found_in(db, value) == set()
        assert await db.fetchrow(money) == before
        assert await db.fetchval("SELECT member FROM sales_order WHERE id = $1", order) == str(member)
    assert (await shop.ask(ME, token=token)).codes == ["UNAUTHENTICATED"]
    assert (await refreshed(shop, mine["refreshToken"]))["userErrors"][0]["code"] == "CODE_WRONG"
    later(shop, seconds=61)
    again = await signed_in(shop, phone)
    shop.clock.at = None
    assert (again["newMember"], again["member"]["id"] == mine["member"]["id"]) == (True, False)
