"""Members sign in by a code: whoever shows the right one, once, in time, and not too often."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.makers import make_channel, make_price, make_product, make_store
from tests.members.searching import found_in
from tests.members.signing import (
    ME,
    SIGN_IN,
    code_for,
    later,
    refreshed,
    requested,
    shown,
    signed_in,
)
from tests.shop import Shop

_phones = itertools.count(1)
SIGN_OUT = "mutation { signOut { userErrors { code } } }"


@pytest.fixture(scope="module")
async def skus(shop: Shop) -> list[str]:
    async with shop.database() as db:
        await make_channel(db, "app")
        await make_store(db, "central", till_channel=await make_channel(db, "pos"))
        skus = [(await make_product(db)).skus[0] for _ in range(3)]
        for sku in skus:
            await make_price(db, sku, 1000)
    return skus


@pytest.fixture(autouse=True)
async def now(shop: Shop, skus: list[str]) -> AsyncIterator[None]:
    """The wall clock again after each test."""
    yield
    shop.clock.at = None


@pytest.fixture
def phone() -> str:
    """A phone that no other test has."""
    return f"+86138{next(_phones):08d}"


def refusals(answer: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [(one["code"], one["field"]) for one in answer["userErrors"]]


async def test_whoever_shows_the_code_is_a_member(shop: Shop, phone: str) -> None:
    asked = await requested(shop, phone)
    told = asked.data["signInCodeRequest"]
    assert (told["retryAfter"], told["userErrors"]) == (60, [])
    code = asked.body["extensions"]["developmentCode"]
    assert len(code) == 6
    assert code.isdigit()
    # As the shop's own customers dial it.
    first = await shown(
        shop, phone.removeprefix("+86"), code, consents=["MARKETING", "CLIENTELING"], policyVersion="2026-01"
    )
    assert (first["newMember"], first["member"]["phone"]) == (True, phone)
    agreed = first["member"]["consents"]
    assert {(one["purpose"], one["granted"], one["policyVersion"]) for one in agreed} == {
        ("MARKETING", True, "2026-01"), ("CLIENTELING", True, "2026-01"),
    }  # fmt: skip
    me = (await shop.ask(ME, token=first["accessToken"])).data["me"]
    assert me == {"id": first["member"]["id"], "phone": phone, "tier": {"code": "member"}}
    later(shop, seconds=61)
    again = await signed_in(shop, phone)
    assert (again["newMember"], again["member"]["id"]) == (False, me["id"])
    assert again["member"]["consents"] == first["member"]["consents"]


async def test_known_and_unknown_phones_are_answered_alike(shop: Shop, phone: str) -> None:
    await signed_in(shop, phone)
    later(shop, seconds=61)
    known, unknown = await requested(shop, phone), await requested(shop, f"+86139{next(_phones):08d}")
    assert known.data["signInCodeRequest"].keys() == unknown.data["signInCodeRequest"].keys()
    assert known.data["signInCodeRequest"]["retryAfter"] == unknown.data["signInCodeRequest"]["retryAfter"]
    assert known.statements == unknown.statements
    wrong = {"phone": "+8613700000000", "code": "x", "channel": "app"}
    of_unknown = await shop.ask(SIGN_IN, input=wrong)
    of_known = await shop.ask(SIGN_IN, input=wrong | {"phone": phone})
    assert of_known.body == of_unknown.body
    assert of_known.statements == of_unknown.statements


async def test_wrong_old_used_and_late_codes_prove_nothing(shop: Shop, phone: str) -> None:
    wrong, late = [("CODE_WRONG", ["input", "code"])], [("CODE_EXPIRED", ["input", "code"])]
    old = await code_for(shop, phone)
    assert refusals(await shown(shop, phone, "")) == wrong
    assert refusals(await shown(shop, f"+86139{next(_phones):08d}", old)) == wrong
    later(shop, seconds=61)
    fresh = await code_for(shop, phone)
    if fresh != old:
        assert refusals(await shown(shop, phone, old)) == wrong
    later(shop, seconds=299.9)
    assert (await shown(shop, phone, fresh))["userErrors"] == []
    assert refusals(await shown(shop, phone, fresh)) == wrong
    later(shop, seconds=61)
    last = await code_for(shop, phone)
    later(shop, seconds=300)
    assert refusals(await shown(shop, phone, last)) == late


async def test_a_code_has_five_tries_and_a_phone_an_allowance(shop: Shop, phone: str) -> None:
    code = await code_for(shop, phone)
    wrong = "000000" if code != "000000" else "111111"
    tried = [refusals(await shown(shop, phone, wrong))[0][0] for _ in range(5)]
    assert tried == ["CODE_WRONG"] * 5
    assert refusals(await shown(shop, phone, code)) == [("TOO_MANY_ATTEMPTS", ["input", "code"])]
    too_soon = (await requested(shop, phone)).data["signInCodeRequest"]
    assert (refusals(too_soon), too_soon["expiresAt"]) == ([("TOO_MANY_ATTEMPTS", ["input", "phone"])], None)
    assert 1 <= too_soon["retryAfter"] <= 60
    later(shop, seconds=61)
    code = await code_for(shop, phone)
    for _ in range(9):
        await shown(shop, phone, wrong)
    later(shop, seconds=61)
    fresh = await code_for(shop, phone)
    assert refusals(await shown(shop, phone, fresh)) == [("TOO_MANY_ATTEMPTS", ["input", "code"])]
    later(shop, minutes=15)
    assert (await signed_in(shop, phone))["newMember"] is True


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"phone": "12"}, "phone"),
        ({"phone": "not a phone"}, "phone"),
        ({"phone": "9" * 200}, "phone"),
        ({"channel": "radio"}, "channel"),
        ({"consents": ["MARKETING"]}, "policyVersion"),
        ({"consents": ["MARKETING"], "policyVersion": ""}, "policyVersion"),
        ({"consents": ["MARKETING", "BIOMETRIC"], "policyVersion": "1"}, "consents.1"),
    ],
)
async def test_what_cannot_be_is_refused_and_uses_no_code(
    shop: Shop, phone: str, more: dict[str, Any], field: str
) -> None:
    code = await code_for(shop, phone)
    assert refusals(await shown(shop, **({"phone": phone, "code": code} | more))) == [
        ("INVALID_INPUT", ["input", *field.split(".")])
    ]
    assert (await shown(shop, phone, code))["userErrors"] == []


# ------------------------------------------------------------------ carts

CREATE = """mutation Create($lines: [CartLineInput!]!) {
  cartCreate(input: {context: {channel: "app"}, lines: $lines}) { cart { id } } }"""
CART = "query Cart($id: ID!) { cart(id: $id) { member { phone } lines { quantity variant { sku } } } }"


async def cart_of(shop: Shop, lines: dict[str, int], token: str | None = None) -> str:
    given = [{"sku": sku, "quantity": quantity} for sku, quantity in lines.items()]
    made: str = (await shop.ask(CREATE, token=token, lines=given)).data["cartCreate"]["cart"]["id"]
    return made


async def test_a_visitors_cart_goes_along_and_takes_up_the_members_own(
    shop: Shop, phone: str, skus: list[str]
) -> None:
    before = await signed_in(shop, phone)
    own = await cart_of(shop, {skus[0]: 2, skus[1]: 1}, before["accessToken"])
    visitors = await cart_of(shop, {skus[2]: 1, skus[0]: 3})
    later(shop, seconds=61)
    code = await code_for(shop, phone)
    for nobodys in ("Q3Q", before["member"]["id"], await cart_of(shop, {}, shop.token("member"))):
        refused = await shown(shop, phone, code, cartId=nobodys)
        assert refusals(refused) == [("NOT_FOUND", ["input", "cartId"])]
    after = await shown(shop, phone, code, cartId=visitors)
    assert after["userErrors"] == []
    cart = (await shop.ask(CART, token=after["accessToken"], id=visitors)).data["cart"]
    assert cart["member"] == {"phone": phone}
    assert {line["variant"]["sku"]: line["quantity"] for line in cart["lines"]} == {
        skus[2]: 1, skus[0]: 5, skus[1]: 1,
    }  # fmt: skip
    # It is nobody else's now, and the other is gone.
    assert (await shop.ask(CART, id=visitors)).data == {"cart": None}
    assert (await shop.ask(CART, token=after["accessToken"], id=own)).data == {"cart": None}


# ------------------------------------------------------------------ tokens


async def test_a_refresh_token_is_good_once_and_a_thief_ends_it_all(shop: Shop, phone: str) -> None:
    first = await signed_in(shop, phone)
    later(shop, seconds=61)
    elsewhere = await signed_in(shop, phone)
    second = await refreshed(shop, first["refreshToken"])
    assert second["userErrors"] == []
    third = await refreshed(shop, second["refreshToken"])
    assert len({one["refreshToken"] for one in (first, second, third)}) == 3
    assert (await shop.ask(ME, token=third["accessToken"])).data["me"]["phone"] == phone
    wrong = [("CODE_WRONG", ["input", "refreshToken"])]
    assert refusals(await refreshed(shop, first["refreshToken"])) == wrong
    # Neither the thief nor the robbed goes on; another sign-in of the member does.
    assert refusals(await refreshed(shop, third["refreshToken"])) == wrong
    for token in (first["accessToken"], third["accessToken"]):
        assert (await shop.ask(ME, token=token)).codes == ["UNAUTHENTICATED"]
    assert (await shop.ask(ME, token=elsewhere["accessToken"])).data["me"]["phone"] == phone
    for never in ("", "x", first["accessToken"]):
        assert refusals(await refreshed(shop, never)) == wrong


async def test_tokens_end_by_the_clock_and_by_signing_out(shop: Shop, phone: str) -> None:
    mine = await signed_in(shop, phone)
    assert (await shop.ask(SIGN_OUT)).codes == ["UNAUTHENTICATED"]
    assert (await shop.ask(SIGN_OUT, token=mine["accessToken"])).data == {"signOut": {"userErrors": []}}
    assert (await shop.ask(ME, token=mine["accessToken"])).codes == ["UNAUTHENTICATED"]
    assert refusals(await refreshed(shop, mine["refreshToken"])) == [
        ("CODE_WRONG", ["input", "refreshToken"])
    ]
    later(shop, seconds=61)
    late = await signed_in(shop, phone)
    later(shop, minutes=15, seconds=1)
    assert (await shop.ask(ME, token=late["accessToken"])).codes == ["UNAUTHENTICATED"]
    renewed = await refreshed(shop, late["refreshToken"])
    later(shop, days=30)
    assert refusals(await refreshed(shop, renewed["refreshToken"])) == [
        ("CODE_EXPIRED", ["input", "refreshToken"])
    ]


async def test_the_tokens_themselves_are_kept_nowhere(shop: Shop, phone: str) -> None:
    code = await code_for(shop, phone)
    mine = await shown(shop, phone, code)
    async with shop.database() as db:
        for value in (mine["refreshToken"], mine["accessToken"], phone, phone.removeprefix("+86")):
            assert await found_in(db, value) == set()
