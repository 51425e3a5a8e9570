"""What is bought and sold during a soak, and the writers who change it without a pause."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field

import httpx

from domain.channels import ChannelKind
from persistence.database import Connection
from tests.makers import make_channel, make_product, make_store

STORES = ("central", "harbour")
SKUS = tuple(f"SOAK-{number:02}" for number in range(24))
_SET = (
    """mutation Set($input: PricesSetInput!) { pricesSet(input: $input) { userErrors { code message } } }"""
)
_ADJUST = """mutation Adjust($input: StockAdjustInput!) {
  stockAdjust(input: $input) { userErrors { code message } } }"""


async def open_shop(db: Connection) -> None:
    """Two stores that sell every sku, with a thousand of each on hand."""
    await make_channel(db, "app")
    await make_channel(db, "pos", kind=ChannelKind.POS)
    for store in STORES:
        await make_store(db, store, till_channel="pos")
    for sku in SKUS:
        await make_product(db, skus=[sku])


@dataclass
class Writers:
    """Writers that set prices and adjust stock through whichever server answers; each write counts once."""

    addresses: list[str]
    token: str
    seed: int
    committed: int = 0
    asked: int = 0
    ending: asyncio.Event = field(default_factory=asyncio.Event)

    async def write_on(self, number: int) -> None:
        """Writes one thing after the other until the end; what was begun is written."""
        chance = random.Random(f"{self.seed} writer {number}")
        async with httpx.AsyncClient(timeout=5) as client:
            turn = 0
            while not self.ending.is_set():
                turn += 1
                document, given = self._wish(chance, f"soak-{self.seed}-{number}-{turn}")
                await self._insist(client, chance, document, given)
                await asyncio.sleep(chance.uniform(0, 0.05))

    def _wish(self, chance: random.Random, key: str) -> tuple[str, dict[str, object]]:
        # Orders and pickups join here, and in audience.py, once there are any.
        sku = chance.choice(SKUS)
        store = chance.choice(STORES)
        if chance.random() < 0.5:
            amount = f"{chance.randrange(100, 10_000) / 100:.2f}"
            price = {"sku": sku, "amount": amount, "currencyCode": "HKD"}
            where = {"kind": "LIST"} if chance.random() < 0.5 else {"kind": "STORE", "store": store}
            return _SET, {"idempotencyKey": key, "prices": [price | where]}
        lines = [{"sku": sku, "delta": chance.randrange(1, 9)}]
        return _ADJUST, {"idempotencyKey": key, "store": store, "reason": "RECEIPT", "lines": lines}

    async def _insist(
        self, client: httpx.AsyncClient, chance: random.Random, document: str, given: dict[str, object]
    ) -> None:
        """Asks, under the same key, until somebody says that it is done."""
        body = {"query": document, "variables": {"input": given}}
        headers = {"Authorization": f"Bearer {self.token}"}
        while True:
            self.asked += 1
            with suppress(httpx.TransportError):
                address = chance.choice(self.addresses)
                answer = await client.post(f"{address}/graphql", json=body, headers=headers)
                told = answer.json()
                if answer.status_code == 200 and "errors" not in told:
                    (payload,) = told["data"].values()
                    assert payload["userErrors"] == [], payload
                    self.committed += 1
                    return
                codes = {error["extensions"]["code"] for error in told["errors"]}
                assert codes <= {"UNAVAILABLE"}, told
            await asyncio.sleep(chance.uniform(0.05, 0.3))
