"""Signing in as people do it: ask for a code, read it, show it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.shop import Answer, Shop

REQUEST = """mutation Request($input: SignInCodeRequestInput!) { signInCodeRequest(input: $input) {
  retryAfter expiresAt userErrors { code field message } } }"""
SIGN_IN = """mutation SignIn($input: SignInInput!) { signIn(input: $input) {
  newMember accessToken refreshToken expiresAt
  member { id name phone consents { purpose granted policyVersion channel } }
  userErrors { code field } } }"""
REFRESH = """mutation Refresh($given: String!) { tokenRefresh(input: {refreshToken: $given}) {
  accessToken refreshToken expiresAt userErrors { code field } } }"""
ME = "{ me { id phone tier { code } } }"


async def requested(shop: Shop, phone: str, channel: str = "app") -> Answer:
    """The answer to a request for a code."""
    return await shop.ask(REQUEST, input={"phone": phone, "channel": channel})


async def code_for(shop: Shop, phone: str) -> str:
    """The code that was sent to a phone."""
    code: str = (await requested(shop, phone)).body["extensions"]["developmentCode"]
    return code


async def shown(shop: Shop, phone: str, code: str, **more: Any) -> dict[str, Any]:
    """What whoever shows a code is answered."""
    given = {"phone": phone, "code": code, "channel": "app", **more}
    answer: dict[str, Any] = (await shop.ask(SIGN_IN, input=given)).data["signIn"]
    return answer


async def signed_in(shop: Shop, phone: str, **more: Any) -> dict[str, Any]:
    """What whoever signs in by a phone is answered."""
    answer = await shown(shop, phone, await code_for(shop, phone), **more)
    assert answer["userErrors"] == []
    return answer


async def refreshed(shop: Shop, token: str) -> dict[str, Any]:
    """What a refresh token is answered."""
    answer: dict[str, Any] = (await shop.ask(REFRESH, given=token)).data["tokenRefresh"]
    return answer


def later(shop: Shop, **by: float) -> None:
    """Lets time pass on the shop's clock."""
    shop.clock.at = shop.clock() + timedelta(**by)
