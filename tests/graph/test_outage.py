"""The application while its database is away, and once it is back: nobody restarts anything."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import asyncpg
import httpx
import pytest
import websockets

from domain.channels import ChannelKind
from persistence import migrate
from tests.door.serving import Speaker
from tests.makers import make_channel, make_product, make_store
from tests.persistence.servers import OwnServer, own_server
from tests.shop import Shop, opened, served_app

AT = {"channel": "pos", "store": "central"}
PRICE = """query Price($context: SalesContext!) {
  variant(by: {sku: "MILK"}) { price(context: $context) { amount { amount } } } }"""
PRICES = """subscription Prices($context: SalesContext!) {
  priceChanged(context: $context, skus: ["MILK"]) { kind cursor price { amount { amount } } } }"""
SET = """mutation Set($input: PricesSetInput!) { pricesSet(input: $input) { cursor userErrors { code } } }"""
# What a stranger could learn from: the driver, the server, its address, our own files.
INTERNAL = re.compile(
    r"postgres|asyncpg|sqlalchemy|127\.0\.0\.1|connection|refused|errno|traceback|\.py|select ", re.IGNORECASE
)
_keys = itertools.count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    """A database server of this module alone."""
    with own_server() as mine:
        yield mine


@pytest.fixture(scope="module")
async def shop(server: OwnServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A shop that sells milk for 20.00, on that server."""
    await migrate.upgrade(server.dsn)
    async with opened(server.dsn, tmp_path_factory.mktemp("outage")) as one:
        async with one.database() as db:
            await make_channel(db, "pos", kind=ChannelKind.POS)
            await make_store(db, "central", till_channel="pos")
            await make_product(db, skus=["MILK"])
        (await set_price(one, "20.00")).raise_for_status()
        yield one


async def set_price(shop: Shop, amount: str, key: str | None = None) -> httpx.Response:
    given = {
        "idempotencyKey": key or f"outage-{next(_keys)}",
        "prices": [{"sku": "MILK", "kind": "LIST", "amount": amount, "currencyCode": "HKD"}],
    }
    return await post(shop, SET, token=shop.token("admin"), input=given)


async def post(shop: Shop, query: str, *, token: str | None = None, **variables: object) -> httpx.Response:
    headers = {"Accept-Language": "en"} | ({} if token is None else {"Authorization": f"Bearer {token}"})
    return await shop.client.post(
        "/graphql", json={"query": query, "variables": variables}, headers=headers, timeout=30
    )


async def price(shop: Shop) -> str:
    answer = await post(shop, PRICE, context=AT)
    assert answer.status_code == 200, answer.text
    amount: str = answer.json()["data"]["variant"]["price"]["amount"]["amount"]
    return amount


def must_be_away(answer: httpx.Response) -> None:
    """Fails unless the caller was told to come back, and nothing else."""
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": "UNAVAILABLE", "retryAfterSeconds": 2}
    assert error["message"] == "The service is not available right now; please try again shortly."
    assert not INTERNAL.search(answer.text), answer.text


async def test_requests_are_told_to_come_back_and_are_answered_once_it_is_there(
    shop: Shop, server: OwnServer
) -> None:
    before = await price(shop)
    assert (await shop.client.get("/readyz")).status_code == 200
    with server.away():
        must_be_away(await post(shop, PRICE, context=AT))
        must_be_away(await set_price(shop, "1.00"))
        ready = await shop.client.get("/readyz")
        assert (ready.status_code, "retry-after" in ready.headers) == (503, True)
        assert not INTERNAL.search(ready.text)
        alive = await shop.client.get("/healthz")
        assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert await price(shop) == before
    assert (await shop.client.get("/readyz")).status_code == 200


async def test_what_needs_no_database_is_answered_all_the_while(shop: Shop, server: OwnServer) -> None:
    with server.away():
        answer = await post(shop, "{ __typename }")
        assert (answer.status_code, answer.json()) == (200, {"data": {"__typename": "Query"}})
        wrong = await post(shop, "{ nonsense }")
        assert wrong.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_a_mutation_that_was_told_to_come_back_is_done_once_with_the_same_key(
    shop: Shop, server: OwnServer
) -> None:
    with server.away():
        must_be_away(await set_price(shop, "21.00", key="patient"))
    first = await set_price(shop, "21.00", key="patient")
    again = await set_price(shop, "21.00", key="patient")
    assert first.json()["data"]["pricesSet"]["userErrors"] == []
    assert again.json()["data"] == first.json()["data"]
    assert await price(shop) == "21.00"
    async with shop.database() as db:
        assert await db.fetchval("SELECT count(*) FROM price_record WHERE amount_minor = 2100") == 1


async def test_a_request_whose_database_goes_away_midway_is_told_so(shop: Shop, server: OwnServer) -> None:
    blocker = await asyncpg.connect(server.dsn)
    await blocker.execute("BEGIN; LOCK TABLE variant IN ACCESS EXCLUSIVE MODE")
    waiting = asyncio.create_task(post(shop, PRICE, context=AT))
    # As a server that ends does to each of its connections, in an order that nobody knows.
    end = """SELECT pg_terminate_backend(pid) FROM pg_locks
             WHERE NOT granted AND relation = 'variant'::regclass"""
    while not await blocker.fetchval(end):  # noqa: ASYNC110 - a lock has no event
        await asyncio.sleep(0.02)
    must_be_away(await waiting)
    await blocker.close()
    assert await price(shop)


async def heard(speaker: Speaker, kind: str) -> str | None:
    """The price in the next event of a kind; the stream's own marks before it are read over."""
    while True:
        message = await speaker.hear()
        payload = message.get("payload")
        assert message["type"] == "next", message
        assert isinstance(payload, dict), payload
        assert "errors" not in payload, payload
        event = payload["data"]["priceChanged"]
        if event["kind"] == kind:
            return event["price"] and event["price"]["amount"]["amount"]
        assert event["kind"] in ("SNAPSHOT", "BOOKMARK"), event


async def test_subscriptions_opened_before_hear_of_changes_after(shop: Shop, server: OwnServer) -> None:
    (await set_price(shop, "22.00")).raise_for_status()
    async with (
        served_app(shop.app) as port,
        websockets.connect(
            f"ws://127.0.0.1:{port}/graphql", subprotocols=[websockets.Subprotocol("graphql-transport-ws")]
        ) as line,
    ):
        speaker = Speaker(line)
        await speaker.init()
        await speaker.ask(PRICES, variables={"context": AT})
        assert await heard(speaker, "SNAPSHOT") == "22.00"
        await heard(speaker, "BOOKMARK")
        before = "22.00"
        for amount in ("23.00", "24.00"):
            with server.away():
                await asyncio.sleep(0.3)
            (await set_price(shop, amount)).raise_for_status()
            # Around a snapshot or a reconnect an event may come twice, but never an older after a newer.
            while (told := await heard(speaker, "CHANGE")) != amount:
                assert told == before
            before = amount


async def test_a_socket_opened_meanwhile_is_told_so_and_may_ask_again(shop: Shop, server: OwnServer) -> None:
    (await set_price(shop, "25.00")).raise_for_status()
    async with (
        served_app(shop.app) as port,
        websockets.connect(
            f"ws://127.0.0.1:{port}/graphql", subprotocols=[websockets.Subprotocol("graphql-transport-ws")]
        ) as line,
    ):
        speaker = Speaker(line)
        with server.away():
            await speaker.init()
            await speaker.ask(PRICE, variables={"context": AT})
            told = await speaker.hear()
            assert '"UNAVAILABLE"' in str(told).replace("'", '"')
            assert not INTERNAL.search(str(told))
            while (await speaker.hear())["type"] == "next":
                pass
        await speaker.ask(PRICES, "2", variables={"context": AT})
        assert await heard(speaker, "SNAPSHOT") == "25.00"


async def test_it_starts_without_its_database_and_serves_once_that_is_there(
    shop: Shop, server: OwnServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = await price(shop)
    async with AsyncExitStack() as stack:
        with server.away():
            early = await stack.enter_async_context(opened(server.dsn, tmp_path_factory.mktemp("early")))
            must_be_away(await post(early, PRICE, context=AT))
        assert await price(early) == before
        assert (await early.client.get("/readyz")).status_code == 200
