"""Signing in by WeChat, against a local server that speaks code2session as it is documented."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devices.wechat_login import MiniProgram
from domain.refusals import RequestError
from tests.makers import make_channel
from tests.members.searching import found_in
from tests.members.signing import signed_in
from tests.shop import Shop, served_app

SIGN_IN = """mutation SignIn($input: WechatSignInInput!) { wechatSignIn(input: $input) { newMember accessToken
  member { id identities { provider subject } } userErrors { code field } } }"""
LINK = """mutation Link($code: String!) { wechatLink(input: {code: $code}) {
  member { id identities { provider } } userErrors { code field } } }"""
SESSION = {"session_key": "HyVFkGl5F5OQWJZZaNzBBg=="}
# What WeChat answers to each code.
ANSWERS: dict[str, Any] = {
    "alice": SESSION | {"openid": "oAlice-in-this-program", "unionid": "uAlice-everywhere"},
    "alice-again": SESSION | {"openid": "oAlice-in-another-one", "unionid": "uAlice-everywhere"},
    "bob": SESSION | {"openid": "oBob-in-this-program"},
    "carol": SESSION | {"openid": "oCarol-in-this-program"},
    "used": {"errcode": 40163, "errmsg": "code been used"},
    "invalid": {"errcode": 40029, "errmsg": "invalid code"},
    "blocked": {"errcode": 40226, "errmsg": "code blocked"},
    "busy": {"errcode": -1, "errmsg": "system error"},
    "too-often": {"errcode": 45011, "errmsg": "api minute-quota reach limit"},
    "empty": {},
    "a-list": ["?"],
    "no-json": None,
    "odd": SESSION | {"openid": 7},
}
ASKED = {"appid": "wx-app", "secret": "app secret", "grant_type": "authorization_code"}


async def code2session(request: Request) -> Response:
    """WeChat's side: JSON that calls itself text, and status 200 whatever it says."""
    asked = dict(request.query_params)
    code = asked.pop("js_code")
    if asked != ASKED:
        return Response(orjson.dumps({"errcode": 40013, "errmsg": "invalid appid"}), media_type="text/plain")
    answer = ANSWERS[code]
    return Response(b"<html>" if answer is None else orjson.dumps(answer), media_type="text/plain")


@pytest.fixture(scope="module")
async def wechat(shop: Shop) -> AsyncIterator[MiniProgram]:
    """The shop's line to a WeChat of this machine."""
    async with shop.database() as db:
        await make_channel(db, "app")
    async with served_app(Starlette(routes=[Route("/sns/jscode2session", code2session)])) as port:
        shop.house.desk.wechat = MiniProgram(f"http://127.0.0.1:{port}/", "wx-app", "app secret")
        yield shop.house.desk.wechat
        shop.house.desk.wechat = None


async def shown(shop: Shop, code: str) -> dict[str, Any]:
    given = {"code": code, "channel": "app"}
    answer: dict[str, Any] = (await shop.ask(SIGN_IN, input=given)).data["wechatSignIn"]
    return answer


async def test_whoever_wechat_knows_is_one_member(shop: Shop, wechat: MiniProgram) -> None:
    first, again, other = [await shown(shop, code) for code in ("alice", "alice-again", "bob")]
    assert (first["newMember"], again["newMember"], other["newMember"]) == (True, False, True)
    assert first["member"]["id"] == again["member"]["id"] != other["member"]["id"]
    assert first["member"]["identities"] == [{"provider": "wechat", "subject": "uAlice-everywhere"}]
    async with shop.database() as db:
        for value in ("uAlice-everywhere", "oAlice-in-this-program", SESSION["session_key"]):
            assert await found_in(db, value) == set()


@pytest.mark.parametrize("code", ["used", "invalid", "blocked", "", "x" * 201])
async def test_a_worthless_code_proves_nothing(shop: Shop, wechat: MiniProgram, code: str) -> None:
    refused = await shown(shop, code)
    assert refused["userErrors"] == [{"code": "CODE_WRONG", "field": ["input", "code"]}]
    assert (refused["accessToken"], refused["member"]) == (None, None)


@pytest.mark.parametrize("code", ["busy", "too-often", "empty", "a-list", "no-json", "odd"])
async def test_a_wechat_that_says_nothing_useful_is_away(shop: Shop, wechat: MiniProgram, code: str) -> None:
    answer = await shop.ask(SIGN_IN, input={"code": code, "channel": "app"})
    assert answer.codes == ["UNAVAILABLE"]


async def test_nobody_is_asked_by_another_name_or_where_nobody_listens(wechat: MiniProgram) -> None:
    for elsewhere in (
        MiniProgram("http://127.0.0.1:1", "wx-app", "app secret"),
        MiniProgram(wechat._address.removesuffix("/sns/jscode2session"), "wx-app", "wrong secret"),
    ):
        with pytest.raises(RequestError, match="UNAVAILABLE"):
            await elsewhere.user("alice")


async def test_wechat_is_linked_to_the_account_one_is_signed_in_to(shop: Shop, wechat: MiniProgram) -> None:
    mine = await signed_in(shop, "+8613500000001")
    for _ in range(2):
        told = (await shop.ask(LINK, token=mine["accessToken"], code="carol")).data["wechatLink"]
        assert told["userErrors"] == []
        assert [one["provider"] for one in told["member"]["identities"]] == ["phone", "wechat"]
    assert (await shown(shop, "carol"))["member"]["id"] == mine["member"]["id"]
    await shown(shop, "bob")
    taken = (await shop.ask(LINK, token=mine["accessToken"], code="bob")).data["wechatLink"]
    assert taken == {"member": None, "userErrors": [{"code": "CONFLICT", "field": ["input", "code"]}]}


async def test_without_a_mini_program_nobody_signs_in_so(shop: Shop, wechat: MiniProgram) -> None:
    shop.house.desk.wechat = None
    refused = await shown(shop, "alice")
    shop.house.desk.wechat = wechat
    assert refused["userErrors"] == [{"code": "INVALID_INPUT", "field": ["input", "code"]}]
