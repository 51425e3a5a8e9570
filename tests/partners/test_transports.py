"""Two partners over every transport: each sees what it should, and nothing else."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets

from domain.partners import document_id
from tests.door.serving import Speaker
from tests.door.streams import Events
from tests.partners.calling import PRICE, SET, by_id, key_of, make_partner, mall, outcome, publish
from tests.shop import Shop, served_app

STOCK = """query Stock($channel: String!, $sku: String!) {
  variant(by: {sku: $sku}) { availability(context: {channel: $channel, store: "central"}) { status } } }"""
NAMED = "query Named { channels { code name } }"
WATCH = """subscription Watch($channel: String!, $sku: String!) {
  priceChanged(context: {channel: $channel}, skus: [$sku]) { kind price { amount { amount } } } }"""
DOCUMENTS = {"price": PRICE, "stock": STOCK, "named": NAMED, "watch": WATCH}

Ask = Callable[[str, str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Asks with a key for the document under an id; answers the first result."""


@pytest.fixture(scope="module")
async def shop(fresh_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with mall(fresh_database, tmp_path_factory.mktemp("transports"), free_documents="own-apps") as one:
        yield one


@pytest.fixture(scope="module")
async def keys(shop: Shop) -> dict[str, str]:
    """alpha trades on jd, with prices and without names; beta on tmall, with stock and names."""
    alpha = await make_partner(
        shop, "alpha", scopes=["CATALOG_READ", "PRICE_READ"], maskedFields=["Channel.name"]
    )
    beta = await make_partner(shop, "beta", channels=["tmall"], scopes=["CATALOG_READ", "STOCK_READ"])
    await publish(shop, "alpha", PRICE, STOCK, WATCH)
    await publish(shop, "beta", PRICE, STOCK, NAMED, WATCH)
    return {"alpha": alpha, "beta": beta}


@pytest.fixture(scope="module")
async def port(shop: Shop) -> AsyncIterator[int]:
    async with served_app(shop.app) as one:
        yield one


# Plain HTTP: an empty TLS context saves reading every authority for each client.
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@asynccontextmanager
async def client(port: int) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", verify=TLS) as http:
        yield http


async def by_post(port: int, key: str, id_: str, variables: dict[str, Any]) -> dict[str, Any]:
    async with client(port) as http:
        body = {"documentId": id_, "variables": variables}
        response = await http.post("/graphql", json=body, headers={"X-API-Key": key})
        return dict(response.json())


async def by_get(port: int, key: str, id_: str, variables: dict[str, Any]) -> dict[str, Any]:
    async with client(port) as http:
        extensions = {"persistedQuery": {"version": 1, "sha256Hash": id_.partition(":")[2]}}
        asked = {"extensions": json.dumps(extensions), "variables": json.dumps(variables)}
        response = await http.get("/graphql", params=asked, headers={"X-API-Key": key})
        if "errors" in response.json():
            assert response.headers["cache-control"] == "no-store"
        return dict(response.json())


async def by_socket(port: int, key: str, id_: str, variables: dict[str, Any]) -> dict[str, Any]:
    async with websockets.connect(
        f"ws://127.0.0.1:{port}/graphql", subprotocols=[websockets.Subprotocol("graphql-transport-ws")]
    ) as connection:
        speaker = Speaker(connection)
        await speaker.init(apiKey=key)
        await speaker.say(type="subscribe", id="1", payload={"documentId": id_, "variables": variables})
        heard = await speaker.hear()
        return {"errors": heard["payload"]} if heard["type"] == "error" else dict(heard["payload"])


async def by_stream(port: int, key: str, id_: str, variables: dict[str, Any]) -> dict[str, Any]:
    headers = {"X-API-Key": key, "Accept": "text/event-stream"}
    body = {"documentId": id_, "variables": variables}
    async with client(port) as http, http.stream("POST", "/graphql", json=body, headers=headers) as response:
        return dict((await Events(response).next()).data)


TRANSPORTS = {"post": by_post, "get": by_get, "socket": by_socket, "stream": by_stream}
MISSING, BAD, FORBIDDEN = "PERSISTED_QUERY_NOT_FOUND", "BAD_USER_INPUT", "FORBIDDEN"
# Who asks for what on which channel, and what the answer is: data, or the code of the error.
SEEN: list[tuple[str, str, str, Any]] = [
    ("alpha", "price", "jd", {"variant": {"sku": "MILK", "price": {"amount": {"amount": "10.00"}}}}),
    ("alpha", "price", "tmall", BAD),
    ("alpha", "stock", "jd", FORBIDDEN),
    ("alpha", "named", "jd", MISSING),
    ("beta", "price", "tmall", FORBIDDEN),
    ("beta", "stock", "tmall", {"variant": {"availability": {"status": "IN_STOCK"}}}),
    ("beta", "stock", "jd", BAD),
    ("beta", "named", "tmall", {"channels": [{"code": "tmall", "name": "Tmall"}]}),
]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_each_sees_what_it_should_and_nothing_else(
    shop: Shop, keys: dict[str, str], port: int, transport: str
) -> None:
    ask = TRANSPORTS[transport]
    for who, what, channel, expected in SEEN:
        variables = {} if what == "named" else {"channel": channel, "sku": "MILK"}
        answer = await ask(port, keys[who], document_id(DOCUMENTS[what]), variables)
        errors = answer.get("errors")
        found = errors[0]["extensions"]["code"] if errors else answer["data"]
        assert found == expected, (who, what, channel)
        if not errors:
            assert answer["extensions"]["cost"]["remaining"] > 0


@pytest.mark.parametrize("transport", ["socket", "stream"])
async def test_streams_are_bound_alike(shop: Shop, keys: dict[str, str], port: int, transport: str) -> None:
    ask, watch = TRANSPORTS[transport], document_id(WATCH)
    seen = await ask(port, keys["alpha"], watch, {"channel": "jd", "sku": "MILK"})
    assert seen["data"]["priceChanged"] == {"kind": "SNAPSHOT", "price": {"amount": {"amount": "10.00"}}}
    for who, channel, code in (("alpha", "tmall", BAD), ("beta", "tmall", FORBIDDEN)):
        refused = await ask(port, keys[who], watch, {"channel": channel, "sku": "MILK"})
        assert refused["errors"][0]["extensions"]["code"] == code


async def test_a_socket_is_closed_when_its_partner_is_suspended(shop: Shop, port: int) -> None:
    key = await make_partner(shop, "watching")
    await publish(shop, "watching", WATCH)
    async with websockets.connect(
        f"ws://127.0.0.1:{port}/graphql", subprotocols=[websockets.Subprotocol("graphql-transport-ws")]
    ) as connection:
        speaker = Speaker(connection)
        await speaker.init(apiKey=key)
        variables = {"channel": "jd", "sku": "MILK"}
        await speaker.say(
            type="subscribe", id="1", payload={"documentId": document_id(WATCH), "variables": variables}
        )
        assert (await speaker.hear())["type"] == "next"
        asked = {"idempotencyKey": key_of("suspend"), "partner": "watching", "active": False}
        await shop.ask(SET, token=shop.token("admin"), input=asked)
        assert (await speaker.closed())[0] == 4401


async def test_a_spent_budget_is_told_with_when_to_come_back(shop: Shop) -> None:
    key = await make_partner(shop, "poor", budgetPerMinute=5)
    await publish(shop, "poor", PRICE)
    body = by_id(PRICE, channel="jd", sku="MILK")
    shop.clock.at = shop.clock()  # both in one minute
    try:
        assert (await outcome(shop, key, body))["variant"]["sku"] == "MILK"  # 3 points of 5
        response = await shop.client.post("/graphql", json=body, headers={"X-API-Key": key})
    finally:
        shop.clock.at = None
    assert response.status_code == 429
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "BUDGET_EXHAUSTED"
    assert error["extensions"]["cost"]["requested"] == 3
    assert error["extensions"]["cost"]["remaining"] == 2
    assert 1 <= int(response.headers["retry-after"]) <= 60
    assert error["extensions"]["retryAfterSeconds"] == int(response.headers["retry-after"])
