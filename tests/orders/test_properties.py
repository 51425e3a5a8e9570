"""Checkouts, payments, cancellations and returns in random order, several at a time: the books are right."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from persistence.inventory import books
from tests.chance import examples
from tests.orders.buying import (
    DONE,
    ORDER,
    a_cart,
    a_key,
    by_token,
    check_out,
    make_goods,
    make_mall,
    notify,
    stock,
)
from tests.shop import Shop

UNITS, PRICE = 12, 333


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    await make_mall(shop)


@dataclass
class World:
    """One article and everything that was done with it; counted from the answers alone."""

    shop: Shop
    sku: str
    orders: list[Any] = field(default_factory=list)
    shipped: int = 0
    restocked: int = 0

    async def buy(self, units: int, way: int) -> None:
        """An order of so many, to be paid at once, later or never; refused when they are not there."""
        cart_id = await a_cart(self.shop, (self.sku, units), store="central")
        done = await check_out(self.shop, cart_id, pay=("ok", "manual", "decline", "double")[way % 4])
        if done["order"] is not None:
            self.orders.append(done)
        else:
            assert [error["code"] for error in done["userErrors"]] == ["INSUFFICIENT_STOCK"]

    async def notice(self, place: int, way: int) -> None:
        """A notice about some order's payment: captured, declined, or of another amount."""
        done = self._some(place)
        if done is None or done["nextAction"] is None:
            return
        outcome, more = (("captured", {}), ("declined", {}), ("captured", {"amount": "0.01"}))[way % 3]
        assert await notify(self.shop, done, outcome, **more) in (200, 409)

    async def cancel(self, place: int, way: int) -> None:
        """Some order cancelled, if its state allows."""
        await self._act("orderCancel", self._some(place), reason="changed my mind")

    async def ship(self, place: int, way: int) -> None:
        """Some order shipped, if its state allows."""
        done = self._some(place)
        gone = await self._act("orderShip", done, token=self.shop.token("admin"), carrier="SF")
        if gone:
            self.shipped += done["order"]["lines"][0]["quantity"]

    async def bring_back(self, place: int, way: int) -> None:
        """A unit of some order brought back, if there is one left; every other one is restocked."""
        done = self._some(place)
        if done is None:
            return
        line = {"lineId": done["order"]["lines"][0]["id"], "quantity": 1, "restock": way % 2 == 0}
        if await self._act("orderReturn", done, store="central", lines=[line], reason="too sweet"):
            self.restocked += line["restock"]

    def _some(self, place: int) -> Any:
        return self.orders[place % len(self.orders)] if self.orders else None

    async def _act(self, name: str, done: Any, *, token: str | None = None, **given: Any) -> bool:
        if done is None:
            return False
        kind = name[0].upper() + name[1:]
        document = f"mutation M($input: {kind}Input!) {{ done: {name}(input: $input) {DONE} }}{ORDER}"
        given |= {"idempotencyKey": a_key(), "orderId": done["order"]["id"]}
        if token is None:
            given["orderToken"] = done["orderToken"]
        answer = (await self.shop.ask(document, token=token, input=given)).data["done"]
        codes = {error["code"] for error in answer["userErrors"]}
        assert codes <= {"ORDER_STATE_FORBIDS", "INVALID_INPUT"}
        return not codes

    async def check(self) -> None:
        """The books: stock against movements, holds and what the answers said; money against payments."""
        on_hand, reserved = await stock(self.shop, self.sku)
        orders = [await by_token(self.shop, done["orderToken"]) for done in self.orders]
        assert on_hand == UNITS - self.shipped + self.restocked
        assert 0 <= reserved <= on_hand
        kept = [order for order in orders if order["state"] in ("PENDING_PAYMENT", "PAID")]
        assert reserved == sum(order["lines"][0]["quantity"] for order in kept)
        async with self.shop.database() as db:
            assert await books.differences(db) == []
            holds = await db.fetchval(
                "SELECT coalesce(sum(quantity), 0) FROM stock_hold WHERE sku = $1 AND state = 'HELD'",
                self.sku,
            )
            rows = await db.fetch(
                "SELECT o.id, o.state, o.total_minor, o.refunded_minor, "
                "coalesce(sum(p.captured_minor), 0) AS paid, coalesce(sum(p.refunded_minor), 0) AS back, "
                "(SELECT coalesce(sum(amount_minor), 0) FROM refund r WHERE r.order_id = o.id) AS refunds "
                "FROM sales_order o JOIN order_line l ON l.order_id = o.id "
                "JOIN payment p ON p.order_id = o.id "
                "WHERE l.sku = $1 GROUP BY o.id",
                self.sku,
            )
        assert holds == reserved
        for row in rows:
            assert row["back"] == row["refunds"]
            kept_money = row["paid"] - row["back"]
            owed = row["total_minor"] - row["refunded_minor"]
            assert kept_money == (0 if row["state"] in ("PENDING_PAYMENT", "CANCELLED", "EXPIRED") else owed)
        for order in orders:
            line = order["lines"][0]
            whole = line["returnedQuantity"] == line["quantity"]
            assert whole is (order["state"] == "RETURNED")
            if whole:
                assert line["refunded"] == line["lineTotal"]


DOINGS = ("buy", "buy", "notice", "notice", "cancel", "ship", "ship", "bring_back", "bring_back")
_step = st.tuples(st.sampled_from(DOINGS), st.integers(1, 6), st.integers(0, 11))


@settings(
    max_examples=examples(12),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(rounds=st.lists(st.lists(_step, min_size=1, max_size=4), min_size=3, max_size=10))
async def test_the_books_are_right_whatever_happens(
    shop: Shop, rounds: list[list[tuple[str, int, int]]]
) -> None:
    world = World(shop, await make_goods(shop, PRICE, central=UNITS))
    for together in rounds:
        await asyncio.gather(*(getattr(world, name)(first, second) for name, first, second in together))
        await world.check()
