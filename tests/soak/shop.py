"""What is bought and sold during a soak, and the writers who change it without a pause."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import httpx

from domain.channels import ChannelKind
from persistence.database import Connection
from tests.makers import make_channel, make_product, make_store

STORES = ("central", "harbour")
SKUS = tuple(f"SOAK-{number:02}" for number in range(24))
ORDERED = "SOAK-ORDERED"
"""What is ordered; nobody watches how many there are."""
_SET = (
    """mutation Set($input: PricesSetInput!) { pricesSet(input: $input) { userErrors { code message } } }"""
)
_ADJUST = """mutation Adjust($input: StockAdjustInput!) {
  stockAdjust(input: $input) { userErrors { code message } } }"""

_ORDER = """mutation Order($input: OrderRecordInput!) {
  orderRecord(input: $input) { order { id pickup { id } } userErrors { code message } } }"""
_READY = """mutation Ready($input: PickupReadyInput!) {
  pickupReady(input: $input) { userErrors { code message } } }"""
_ROTATE = """mutation Rotate($input: PickupCodeRotateInput!) {
  pickupCodeRotate(input: $input) { userErrors { code message } } }"""


async def open_shop(db: Connection) -> None:
    """Two stores that sell every sku, with a thousand of each on hand."""
    await make_channel(db, "app")
    await make_channel(db, "pos", kind=ChannelKind.POS)
    for store in STORES:
        await make_store(db, store, till_channel="pos")
    for sku in SKUS:
        await make_product(db, skus=[sku])
    await make_product(db, skus=[ORDERED])


class Asked(NamedTuple):
    """An order that waits in a store, by the ids of the order and of its pickup."""

    order: str
    pickup: str


@dataclass
class Writers:
    """Writers that set prices, adjust stock and order through whichever server answers; each counts once.

    Of the orders that are watched each keeps waiting, under one code after the other.
    """

    addresses: list[str]
    token: str
    seed: int
    committed: int = 0
    asked: int = 0
    watched: list[Asked] = field(default_factory=list)
    requested: list[Asked] = field(default_factory=list)
    ending: asyncio.Event = field(default_factory=asyncio.Event)

    async def order_some(self, count: int) -> None:
        """Orders as many to be watched."""
        chance = random.Random(f"{self.seed} orders")
        async with httpx.AsyncClient(timeout=5) as client:
            for number in range(count):
                wish = self._order(chance.choice(STORES), f"soak-{self.seed}-watched-{number}")
                self.watched.append(_asked(await self._insist(client, chance, *wish)))

    async def write_on(self, number: int) -> None:
        """Writes one thing after the other until the end; what was begun is written."""
        chance = random.Random(f"{self.seed} writer {number}")
        async with httpx.AsyncClient(timeout=5) as client:
            turn = 0
            while not self.ending.is_set():
                turn += 1
                document, given = self._wish(chance, f"soak-{self.seed}-{number}-{turn}")
                payload = await self._insist(client, chance, document, given)
                if document is _ORDER:
                    self.requested.append(_asked(payload))
                await asyncio.sleep(chance.uniform(0, 0.05))

    def _wish(self, chance: random.Random, key: str) -> tuple[str, dict[str, object]]:
        sku = chance.choice(SKUS)
        store = chance.choice(STORES)
        kind = chance.random()
        if kind < 0.1:
            return self._order(store, key)
        if kind < 0.2 and self.requested:
            return _READY, {"idempotencyKey": key, "pickupId": self.requested.pop().pickup}
        if kind < 0.3:
            return _ROTATE, {"pickupId": chance.choice(self.watched).pickup}
        if kind < 0.65:
            amount = f"{chance.randrange(100, 10_000) / 100:.2f}"
            price = {"sku": sku, "amount": amount, "currencyCode": "HKD"}
            where = {"kind": "LIST"} if chance.random() < 0.5 else {"kind": "STORE", "store": store}
            return _SET, {"idempotencyKey": key, "prices": [price | where]}
        lines = [{"sku": sku, "delta": chance.randrange(1, 9)}]
        return _ADJUST, {"idempotencyKey": key, "store": store, "reason": "RECEIPT", "lines": lines}

    @staticmethod
    def _order(store: str, key: str) -> tuple[str, dict[str, object]]:
        return _ORDER, {
            "idempotencyKey": key,
            "externalNumber": key,
            "soldAt": datetime.now(UTC).isoformat(),
            "context": {"channel": "app", "store": store},
            "lines": [{"sku": ORDERED, "quantity": 1, "unitPrice": "10.00"}],
            "payment": {"provider": "elsewhere", "amount": "10.00", "currencyCode": "HKD"},
            "fulfilment": {"kind": "PICKUP", "store": store},
        }

    async def _insist(
        self, client: httpx.AsyncClient, chance: random.Random, document: str, given: dict[str, object]
    ) -> dict[str, Any]:
        """The payload of what is asked, under the same key, until somebody says that it is done."""
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
                    answered: dict[str, Any] = payload
                    return answered
                codes = {error["extensions"]["code"] for error in told["errors"]}
                assert codes <= {"UNAVAILABLE"}, told
            await asyncio.sleep(chance.uniform(0.05, 0.3))


def _asked(payload: dict[str, Any]) -> Asked:
    return Asked(payload["order"]["id"], payload["order"]["pickup"]["id"])
