"""What the tests of partners share: a mall with two channels, partners with keys, and ways to call."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from domain.channels import ChannelKind
from domain.partners import document_id
from tests.makers import make_channel, make_price, make_product, make_stock, make_store
from tests.shop import Shop, opened

_numbers = itertools.count(1)

CREATE = """mutation ($input: PartnerCreateInput!) { partnerCreate(input: $input) {
  apiKey userErrors { code field message }
  partner { id code name channels scopes budgetPerMinute maskedFields networks active
    keys { id prefix createdAt lastUsedAt expiresAt revokedAt } } } }"""
SET = """mutation ($input: PartnerSetInput!) { partnerSet(input: $input) {
  partner { code name channels scopes budgetPerMinute maskedFields networks active }
  userErrors { code field } } }"""
ROTATE = """mutation ($input: ApiKeyRotateInput!) { apiKeyRotate(input: $input) {
  apiKey userErrors { code field } partner { keys { prefix expiresAt revokedAt } } } }"""
REVOKE = """mutation ($input: ApiKeyRevokeInput!) { apiKeyRevoke(input: $input) {
  userErrors { code field } partner { keys { prefix revokedAt } } } }"""
PUBLISH = """mutation ($input: OperationsPublishInput!) { operationsPublish(input: $input) {
  operations { id documentId name document cost publishedAt lastUsedAt calls }
  userErrors { code field message } } }"""

NAMES = "query Names { channels { code } }"
SELF = """query Self { partner(code: "acme") { code keys { prefix lastUsedAt }
  operations(first: 10) { nodes { name calls lastUsedAt } } } }"""
PRICE = """query Price($channel: String!, $sku: String!) {
  variant(by: {sku: $sku}) { sku price(context: {channel: $channel}) { amount { amount } } } }"""


@asynccontextmanager
async def mall(dsn: str, folder: Path, **settings: Any) -> AsyncIterator[Shop]:
    """A shop with the channels jd and tmall, the store central, and the sku MILK at 10 and 12 dollars."""
    async with opened(dsn, folder, **settings) as shop:
        async with shop.database() as db:
            for code in ("jd", "tmall"):
                await make_channel(db, code, kind=ChannelKind.MARKETPLACE)
            await make_channel(db, "pos", kind=ChannelKind.POS)
            await make_store(db, "central", till_channel="pos")
            await make_product(db, skus=["MILK"])
            await make_price(db, "MILK", 1000, channel="jd")
            await make_price(db, "MILK", 1200, channel="tmall")
            await make_stock(db, "central", "MILK", 7)
        yield shop


def key_of(name: str) -> str:
    """An idempotency key of its own."""
    return f"{name}-{next(_numbers)}"


async def make_partner(shop: Shop, code: str, **more: Any) -> str:
    """The API key of a new partner: on jd, reading almost all, with a wide budget, unless said otherwise."""
    asked = {
        "idempotencyKey": key_of("create"),
        "code": code,
        "name": code.title(),
        "channels": ["jd"],
        "scopes": ["CATALOG_READ", "PRICE_READ", "STOCK_READ"],
        "budgetPerMinute": 100_000,
        **more,
    }
    answer = await shop.ask(CREATE, token=shop.token("admin"), input=asked)
    done = answer.data["partnerCreate"]
    assert done["userErrors"] == []
    key: str = done["apiKey"]
    return key


async def publish(shop: Shop, client: str, *documents: str) -> list[dict[str, Any]]:
    """What was published."""
    asked = {"partner": client, "documents": list(documents)}
    answer = await shop.ask(PUBLISH, token=shop.token("admin"), input=asked)
    done = answer.data["operationsPublish"]
    assert done["userErrors"] == []
    published: list[dict[str, Any]] = done["operations"]
    return published


async def call(shop: Shop, key: str | None, body: dict[str, Any], **headers: str) -> httpx.Response:
    """The response to a POST with a key."""
    if key is not None:
        headers["X-API-Key"] = key
    return await shop.client.post("/graphql", json=body, headers=headers)


async def outcome(shop: Shop, key: str | None, body: dict[str, Any], **headers: str) -> Any:
    """The data, or the code of the first error."""
    answer = (await call(shop, key, body, **headers)).json()
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else answer["data"]


def by_id(document: str, **variables: Any) -> dict[str, Any]:
    """A call of a published document."""
    return {"documentId": document_id(document), "variables": variables}
