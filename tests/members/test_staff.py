"""Staff sign in by name and password, in one of their stores, and as what they are now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from graph import staff
from graph.settings import Environment, Settings
from tests.makers import make_store
from tests.members.signing import later, refreshed
from tests.shop import Shop

SIGN_IN = """mutation SignIn($input: StaffSignInInput!) { staffSignIn(input: $input) {
  accessToken refreshToken expiresAt roles stores { code } userErrors { code field message } } }"""
MY_WORK = "{ stockLevels(store: %s, skus: []) { onHand } }"
WRONG, TOO_MANY = ("CODE_WRONG", ["input", "password"]), ("TOO_MANY_ATTEMPTS", ["input", "password"])
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
async def settings(shop: Shop) -> Settings:
    async with shop.database() as db:
        for store in ("central", "mongkok"):
            await make_store(db, store)
    return Settings(env=Environment.TEST, database_url=shop.dsn)


@pytest.fixture(autouse=True)
async def now(shop: Shop) -> AsyncIterator[None]:
    yield
    shop.clock.at = None


async def signed_in(shop: Shop, username: str, password: str = PASSWORD, **more: Any) -> dict[str, Any]:
    given = {"username": username, "password": password, **more}
    answer: dict[str, Any] = (await shop.ask(SIGN_IN, input=given)).data["staffSignIn"]
    return answer


def refusals(answer: dict[str, Any]) -> list[tuple[str, list[str]]]:
    assert answer["userErrors"] == [] or answer["accessToken"] is None
    return [(one["code"], one["field"]) for one in answer["userErrors"]]


def seen(shop: Shop, answer: dict[str, Any]) -> tuple[str, str | None, frozenset[str]]:
    principal = shop.tokens.verify(answer["accessToken"], now=shop.clock())
    return principal.subject, principal.store, principal.roles


async def test_a_clerk_works_in_one_store_at_a_time(shop: Shop, settings: Settings) -> None:
    await staff.add(settings, " Amy ", ["mongkok:admin", "central:staff"], password=PASSWORD)
    first = await signed_in(shop, "AMY")
    assert (first["roles"], first["stores"]) == (["staff"], [{"code": "central"}, {"code": "mongkok"}])
    assert seen(shop, first) == ("amy", "central", frozenset({"staff"}))
    assert seen(shop, await signed_in(shop, "amy", store="mongkok")) == ("amy", "mongkok", {"admin"})
    elsewhere = await signed_in(shop, "amy", store="wellcome")
    assert refusals(elsewhere) == [("INVALID_INPUT", ["input", "store"])]
    await staff.add(settings, "head", ["staff"], password=PASSWORD)
    assert seen(shop, await signed_in(shop, "head")) == ("head", None, {"staff"})
    # Renewed, one is what one is by now.
    await staff.add(settings, "amy", ["central:admin"])
    renewed = await refreshed(shop, first["refreshToken"])
    assert seen(shop, renewed) == ("amy", "central", {"admin"})
    await staff.add(settings, "amy", ["mongkok:staff"])
    assert refusals(await refreshed(shop, renewed["refreshToken"])) == [
        ("CODE_WRONG", ["input", "refreshToken"])
    ]


@pytest.mark.parametrize(
    ("username", "roles", "password"),
    [("x", ["boss"], PASSWORD), ("x", ["nowhere:staff"], PASSWORD), ("x", ["staff"], "short")],
)
async def test_an_account_has_a_place_a_role_and_a_password(
    settings: Settings, username: str, roles: list[str], password: str
) -> None:
    with pytest.raises(ValueError, match=r"There is no|A password has"):
        await staff.add(settings, username, roles, password=password)


async def test_who_has_no_account_hears_what_who_has_one_hears(shop: Shop, settings: Settings) -> None:
    await staff.add(settings, "ben", ["central:staff"], password=PASSWORD)
    await staff.add(settings, "oidc-only", ["central:staff"], subject="sub-1")
    for password in ("", "wrong", PASSWORD + " ", "x" * 300):
        assert refusals(await signed_in(shop, "ben", password)) == [WRONG]
    assert refusals(await signed_in(shop, "oidc-only")) == [WRONG]
    assert refusals(await signed_in(shop, "", "x")) == [WRONG]
    nobody = await signed_in(shop, "nobody")
    assert nobody == await signed_in(shop, "ben", "wrong")
    # Two of the four above were not worth a look.
    assert refusals(await signed_in(shop, "ben", "wrong")) == [WRONG]
    assert refusals(await signed_in(shop, "ben", "wrong")) == [WRONG]
    assert refusals(await signed_in(shop, "ben")) == [TOO_MANY]
    for expected in (WRONG, WRONG, WRONG, WRONG, TOO_MANY):
        assert refusals(await signed_in(shop, "nobody")) == [expected]
    later(shop, minutes=15)
    assert refusals(await signed_in(shop, "ben")) == []


async def test_guesses_at_once_are_all_counted(shop: Shop, settings: Settings) -> None:
    await staff.add(settings, "cat", ["central:staff"], password=PASSWORD)
    tries = await asyncio.gather(*(signed_in(shop, "cat", "wrong") for _ in range(12)))
    codes = [refusals(one)[0] for one in tries]
    assert (codes.count(WRONG), codes.count(TOO_MANY)) == (5, 7)


async def test_whoever_leaves_is_out_at_once(shop: Shop, settings: Settings) -> None:
    await staff.add(settings, "dan", ["central:staff"], password=PASSWORD)
    there = await signed_in(shop, "dan")
    document = MY_WORK % '"central"'
    assert (await shop.ask(document, token=there["accessToken"])).data == {"stockLevels": []}
    assert await staff.leave(settings, "dan")
    assert not await staff.leave(settings, "nobody at all")
    assert refusals(await signed_in(shop, "dan")) == [WRONG]
    assert refusals(await refreshed(shop, there["refreshToken"])) == [
        ("CODE_WRONG", ["input", "refreshToken"])
    ]
    await shop.app.state.revoked.look()
    assert (await shop.ask(document, token=there["accessToken"])).codes == ["UNAUTHENTICATED"]
