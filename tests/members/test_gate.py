"""Who sees what of a member: the rule in a table, and through the graph."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product
from uuid import UUID

import pytest

from domain.access import PartnerScope, Principal, PrincipalKind
from domain.channels import ChannelKind
from domain.members.codes import FRESH_FOR, member_number, member_serial
from domain.members.consents import ConsentPurpose
from domain.members.sight import Sight, masked_name, masked_phone, masked_subject, sight
from resolvers.shapes import global_id
from tests.makers import (
    make_channel,
    make_consent,
    make_member,
    make_order,
    make_product,
    make_stock,
    make_store,
)
from tests.shop import Shop

ME, OTHER = "0193b6d2-6f52-7c1e-9a57-5be1f6a4c0d1", "0193b6d2-6f52-7c1e-9a57-5be1f6a4c0d2"
SCOPE = frozenset({PartnerScope.MEMBER_READ.value})
VIEWERS = {
    "visitor": Principal(PrincipalKind.VISITOR, ""),
    "the member": Principal(PrincipalKind.MEMBER, ME),
    "another member": Principal(PrincipalKind.MEMBER, OTHER, tier="gold"),
    "clerk": Principal(PrincipalKind.STAFF, "c", store="central"),
    "head office": Principal(PrincipalKind.STAFF, "h"),
    "admin": Principal(PrincipalKind.STAFF, "a", roles=frozenset({"admin"})),
    "device": Principal(PrincipalKind.DEVICE, "d", store="central"),
    "partner": Principal(PrincipalKind.PARTNER, "p", scopes=SCOPE),
    "partner without scope": Principal(PrincipalKind.PARTNER, "q"),
}
CLIENTELING, SHARING = ConsentPurpose.CLIENTELING, ConsentPurpose.DATA_SHARING
# By viewer, and the one purpose that is granted: (presented, dealt with) → what is seen. All else is nothing.
SEEN = {
    ("the member", None): dict.fromkeys(product((False, True), repeat=2), Sight.OWN),
    ("clerk", CLIENTELING): {
        (False, True): Sight.SERVED, (True, True): Sight.SERVED, (True, False): Sight.KNOWN,
    },
    ("admin", CLIENTELING): {
        (False, True): Sight.SERVED, (True, True): Sight.SERVED, (True, False): Sight.KNOWN,
    },
    ("partner", SHARING): {(False, True): Sight.KNOWN, (True, True): Sight.KNOWN},
}  # fmt: skip


@pytest.mark.parametrize("who", VIEWERS)
@pytest.mark.parametrize("purpose", [None, *ConsentPurpose])
def test_what_is_seen_of_a_member(who: str, purpose: ConsentPurpose | None) -> None:
    expected = SEEN.get((who, purpose)) or (SEEN.get((who, None)) if who == "the member" else None) or {}
    consents = frozenset() if purpose is None else frozenset({purpose})
    for presented, dealt_with in product((False, True), repeat=2):
        seen = sight(VIEWERS[who], ME, consents=consents, presented=presented, dealt_with=dealt_with)
        assert seen is expected.get((presented, dealt_with), Sight.NOTHING), (presented, dealt_with)


@pytest.mark.parametrize(
    ("shown", "hidden"),
    [
        (masked_phone("13812345678"), "138****5678"),
        (masked_phone("91234567"), "91****67"),
        (masked_phone("12345"), "****"),
        (masked_phone(""), "****"),
        (masked_name("陳大文"), "陳**"),
        (masked_name(""), "**"),
        (masked_subject("oXy12345678Zz9"), "****8Zz9"),
        (masked_subject("short"), "****"),
    ],
)
def test_what_is_masked(shown: str, hidden: str) -> None:
    assert shown == hidden


def test_a_member_number_tells_of_a_slip_and_is_no_order_number() -> None:
    numbers = {member_number(serial) for serial in range(1, 500)}
    assert len(numbers) == 499
    assert [member_serial(member_number(serial)) for serial in (1, 7, 10**12)] == [1, 7, 10**12]
    assert member_serial(f" {member_number(3).lower()} ") == 3
    for wrong in ("", "M", member_number(3)[1:], member_number(3)[:-1] + "x", "X" + member_number(3)):
        assert member_serial(wrong) is None


# ------------------------------------------------------------------ through the graph

PHONE, NAME, OPENID = "+8613812345678", "陳大文", "oWeChat-openid-0001"
SELF = """{ me { id memberCode name phone tier { code name rank earnRate benefits } createdAt
  identities { provider subject linkedAt } consents { purpose granted policyVersion channel at }
  orders(first: 5) { nodes { number } totalCount } } }"""
LOOK = """query Look($by: MemberBy!) { member(by: $by) { id memberCode name phone tier { code }
  identities { provider subject } consents { purpose granted } orders(first: 5) { nodes { number } } } }"""
ORDER = """query Order($id: ID!) { node(id: $id) { ... on Order { number member { id name phone } } } }"""
LOOKS = "{ me { memberCode memberNumber looks { by store how at } } }"
RECORD = """mutation Record($input: OrderRecordInput!) { orderRecord(input: $input) {
  order { member { name } } userErrors { code field } } }"""
NODE = "query Node($id: ID!) { node(id: $id) { ... on Member { phone name } } }"


@pytest.fixture(scope="module")
async def mall(shop: Shop) -> None:
    async with shop.database() as db:
        pos = await make_channel(db, "pos", kind=ChannelKind.POS)
        for store in ("central", "mongkok"):
            await make_store(db, store, till_channel=pos)


async def somebody(shop: Shop, *consents: ConsentPurpose, phone: str = PHONE) -> UUID:
    """A member with a name, a phone and an openid, who agreed to this."""
    async with shop.database() as db:
        member = await make_member(
            db, shop.house.vault, tier="gold", name=NAME, phone=phone, wechat=OPENID + phone
        )
        if consents:
            await make_consent(db, member, *consents)
        return member


async def test_a_member_reads_all_there_is_and_others_nothing(shop: Shop, mall: None) -> None:
    member = await somebody(shop, ConsentPurpose.MARKETING)
    token = shop.token("member", subject=str(member))
    told = (await shop.ask(SELF, token=token)).data["me"]
    assert told["id"] == global_id("Me", member)
    assert (told["name"], told["phone"]) == (NAME, PHONE)
    assert told["tier"] == {"code": "gold", "name": "Gold", "rank": 20, "earnRate": "1.5", "benefits": []}
    assert [(one["provider"], one["subject"]) for one in told["identities"]] == [
        ("phone", PHONE),
        ("wechat", OPENID + PHONE),
    ]
    assert [(one["purpose"], one["granted"]) for one in told["consents"]] == [("MARKETING", True)]
    assert told["orders"] == {"nodes": [], "totalCount": 0}
    for stranger in (None, shop.token("member"), shop.token("member", subject=OTHER), shop.token("admin")):
        assert (await shop.ask(SELF, token=stranger)).data == {"me": None}
    keys = [{"id": told["id"]}, {"memberCode": told["memberCode"]}, {"phone": PHONE}]
    nosy = [None, shop.token("member", subject=OTHER), shop.token("staff", store="central"),
            shop.token("device", store="central")]  # fmt: skip
    for by, stranger in product(keys, nosy):
        assert (await shop.ask(LOOK, token=stranger, by=by)).data == {"member": None}
        assert (await shop.ask(NODE, token=stranger, id=told["id"])).data == {"node": None}


async def test_a_clerk_sees_what_was_agreed_to_and_it_is_written_down(shop: Shop, mall: None) -> None:
    phone = "+85291234567"
    member = await somebody(shop, CLIENTELING, phone=phone)
    async with shop.database() as db:
        order = await make_order(db, channel="pos", store="central", member=str(member))
    here, there = (shop.token("staff", store=store) for store in ("central", "mongkok"))
    seen = await shop.ask(LOOK, token=here, by={"phone": "91234567"})
    told = seen.data["member"]
    assert (told["name"], told["phone"], told["tier"]) == (NAME, "91****67", {"code": "gold"})
    assert [one["subject"] for one in told["identities"]] == ["91****67", "****4567"]
    assert len(told["orders"]["nodes"]) == 1
    assert len(seen.statements) == 7
    stranger = (await shop.ask(LOOK, token=there, by={"phone": phone})).data["member"]
    assert (stranger["name"], stranger["phone"]) == ("陳**", "91****67")
    assert (stranger["identities"], stranger["orders"]) == ([], {"nodes": []})
    # A number that anybody may have read off a card gives less, even here.
    card = (await shop.ask(LOOK, token=here, by={"memberCode": told["memberCode"]})).data["member"]
    assert (card["name"], card["orders"]) == ("陳**", {"nodes": []})
    # Without asking for the member, only where one was served.
    bought = (await shop.ask(ORDER, token=here, id=global_id("Or", order))).data["node"]
    assert bought["member"] == {"id": told["id"], "name": NAME, "phone": "91****67"}
    elsewhere = (await shop.ask(ORDER, token=there, id=global_id("Or", order))).data["node"]
    assert elsewhere == {"number": bought["number"], "member": None}
    looks = (await shop.ask(LOOKS, token=shop.token("member", subject=str(member)))).data["me"]["looks"]
    assert [(look["by"], look["store"], look["how"]) for look in looks] == [
        ("staff:staff-1", "central", "order"), ("staff:staff-1", "central", "number"),
        ("staff:staff-1", "mongkok", "phone"), ("staff:staff-1", "central", "phone"),
    ]  # fmt: skip
    async with shop.database() as db:
        await make_consent(db, member, CLIENTELING, granted=False)
    assert (await shop.ask(LOOK, token=here, by={"phone": phone})).data == {"member": None}


async def test_a_fresh_code_shows_the_member_once_and_for_two_minutes(shop: Shop, mall: None) -> None:
    member = await somebody(shop, CLIENTELING, phone="+85261234567")
    mine, there = shop.token("member", subject=str(member)), shop.token("staff", store="mongkok")

    async def code() -> str:
        made: str = (await shop.ask(LOOKS, token=mine)).data["me"]["memberCode"]
        return made

    async def seen(code: str, token: str = there) -> dict[str, str] | None:
        told: dict[str, str] | None = (await shop.ask(LOOK, token=token, by={"memberCode": code})).data[
            "member"
        ]
        return told

    first = await code()
    assert first != await code()
    found = await seen(first.lower())
    # Whoever shows it stands there, in a store that never served the member before.
    assert found is not None
    assert found["name"] == NAME
    assert await seen(first) is None
    late, forged = await code(), f"{(await code())[:-1]}A"
    assert await seen(forged if forged != late else f"{forged[:-1]}B") is None
    shop.clock.at = shop.clock() + FRESH_FOR
    assert await seen(late) is None
    shop.clock.at = None
    for worthless in ("C", "C" + "A" * 40, "C🙂", ""):
        assert await seen(worthless) is None


def recorded(sku: str, number: str, code: str, sold_at: datetime) -> dict[str, object]:
    return {
        "idempotencyKey": number, "externalNumber": number, "soldAt": sold_at.isoformat(),
        "context": {"channel": "pos", "store": "central"},
        "lines": [{"sku": sku, "quantity": 1, "unitPrice": "10.00"}],
        "payment": {"provider": "cash", "amount": "10.00", "currencyCode": "HKD"},
        "fulfilment": {"kind": "CARRY_OUT", "store": "central"}, "memberCode": code,
    }  # fmt: skip


async def test_a_till_names_the_member_by_what_it_scanned(shop: Shop, mall: None) -> None:
    member = await somebody(shop, CLIENTELING, phone="+85262345678")
    mine, till = shop.token("member", subject=str(member)), shop.token("staff", store="central")
    async with shop.database() as db:
        sku = (await make_product(db)).skus[0]
        await make_stock(db, "central", sku, 10)
    me = (await shop.ask(LOOKS, token=mine)).data["me"]
    now = shop.clock()
    for number, code, sold_at, expected in (
        ("by-fresh-code", me["memberCode"], now, None),
        ("used-before", me["memberCode"], now, "CODE_WRONG"),
        ("by-card", me["memberNumber"], now, None),
        ("unknown", "M0000000000", now, "NOT_FOUND"),
        ("forged", "C" + "A" * 40, now, "NOT_FOUND"),
    ):
        told = (await shop.ask(RECORD, token=till, input=recorded(sku, number, code, sold_at))).data
        errors = [(one["code"], one["field"]) for one in told["orderRecord"]["userErrors"]]
        assert errors == ([] if expected is None else [(expected, ["input", "memberCode"])]), number
        if expected is None:
            assert told["orderRecord"]["order"]["member"]["name"] == NAME
    # A till that was offline tells of it days later: what counts is when it was shown.
    again = (await shop.ask(LOOKS, token=mine)).data["me"]["memberCode"]
    shop.clock.at = now + timedelta(days=3)
    late = recorded(sku, "late", again, now + timedelta(minutes=8))
    told = (await shop.ask(RECORD, token=shop.token("staff", store="central"), input=late)).data[
        "orderRecord"
    ]
    assert [one["code"] for one in told["userErrors"]] == ["CODE_EXPIRED"]
    offline = recorded(sku, "offline", again, now + timedelta(minutes=1))
    told = (await shop.ask(RECORD, token=shop.token("staff", store="central"), input=offline)).data[
        "orderRecord"
    ]
    shop.clock.at = None
    assert told["userErrors"] == []
