"""Equal versions mean equal prices, also when a change is committed while the clock changes another."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.live.conftest import until
from tests.makers import make_channel, make_product
from tests.shop import Answer, Shop

_keys = itertools.count(1)
SET = """mutation Set($input: PricesSetInput!) { pricesSet(input: $input) { userErrors { code field } } }"""
PRICE = """query Price($sku: String!) {
  variant(by: {sku: $sku}) { price(context: {channel: "app"}) { amount { amount } version } } }"""


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    async with shop.database() as db:
        await make_channel(db, "app")


@pytest.fixture
async def sku(shop: Shop) -> str:
    """An article at HKD 20.00."""
    async with shop.database() as db:
        made = (await make_product(db)).skus[0]
    await set_price(shop, made, "20.00")
    return made


async def set_price(shop: Shop, sku: str, amount: str) -> Answer:
    row = {"sku": sku, "kind": "LIST", "amount": amount, "currencyCode": "HKD"}
    given = {"idempotencyKey": f"key-{next(_keys)}", "prices": [row]}
    return await shop.ask(SET, token=shop.token("admin"), input=given)


async def plan(shop: Shop, sku: str, moments: Sequence[datetime]) -> None:
    """Boundaries that change the variant's version at these moments, and no price that a visitor pays."""
    rows = [
        {
            "sku": sku,
            "kind": "MEMBER",
            "tier": "gold",
            "minQuantity": number + 2,
            "amount": "15.00",
            "currencyCode": "HKD",
            "validFrom": moment.isoformat(),
        }
        for number, moment in enumerate(moments)
    ]
    given = {"idempotencyKey": f"key-{next(_keys)}", "prices": rows}
    answer = await shop.ask(SET, token=shop.token("admin"), input=given)
    assert answer.data["pricesSet"]["userErrors"] == []


async def told(shop: Shop, sku: str) -> tuple[int, str]:
    """The version and the amount a visitor is told."""
    price: dict[str, Any] = (await shop.ask(PRICE, sku=sku)).data["variant"]["price"]
    return int(price["version"]), price["amount"]["amount"]


async def test_a_change_that_a_boundary_overtook_is_told_under_a_version_of_its_own(
    shop: Shop, sku: str
) -> None:
    boundary = datetime.now(UTC) + timedelta(seconds=0.7)
    await plan(shop, sku, [boundary])
    async with shop.database() as db:
        # Whoever has changed a price waits here, with nothing left to do but to write its news and commit.
        async with db.transaction():
            await db.execute("LOCK TABLE outbox IN SHARE MODE")
            setting = asyncio.create_task(set_price(shop, sku, "25.00"))

            async def waits() -> bool:
                return bool(
                    await db.fetchval(
                        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'outbox'::regclass "
                        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                    )
                )

            await until(waits)
            assert datetime.now(UTC) < boundary
            await until(lambda: datetime.now(UTC) > boundary)
            before = await told(shop, sku)
            assert before == (int(boundary.timestamp() * 1_000_000), "20.00")
        assert (await setting).data["pricesSet"]["userErrors"] == []
    after = await told(shop, sku)
    assert after[1] == "25.00"
    assert after[0] > before[0]


async def test_no_version_has_two_prices_while_changes_and_boundaries_race(shop: Shop, sku: str) -> None:
    start = datetime.now(UTC) + timedelta(seconds=0.2)
    moments = [start + timedelta(seconds=0.6 * number) for number in range(6)]
    await plan(shop, sku, moments)
    amounts: dict[int, set[str]] = {}
    changes = 0

    async def change() -> None:
        nonlocal changes
        while datetime.now(UTC) < moments[-1]:
            answer = await set_price(shop, sku, f"{20 + next(_keys) % 7}.00")
            changes += answer.codes == []

    async def read() -> None:
        while datetime.now(UTC) < moments[-1]:
            version, amount = await told(shop, sku)
            amounts.setdefault(version, set()).add(amount)

    await asyncio.gather(change(), read(), read())
    assert changes > 1
    assert {version: found for version, found in amounts.items() if len(found) > 1} == {}


async def test_a_change_that_boundaries_overtake_at_every_try_is_not_made(shop: Shop, sku: str) -> None:
    now = datetime.now(UTC)
    await plan(shop, sku, [now + timedelta(seconds=0.05 * number) for number in range(1, 120)])
    answer = await set_price(shop, sku, "25.00")
    assert answer.codes == ["UNAVAILABLE"]
    assert (await told(shop, sku))[1] == "20.00"
