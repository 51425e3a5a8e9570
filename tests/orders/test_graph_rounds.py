"""Many checkouts in one round: each has its own outcome, and all share the statements and the commit."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from resolvers.together import Together
from tests.orders.buying import a_cart, a_key, check_out, make_goods, make_mall, stock, told
from tests.orders.test_graph_promotions import promote
from tests.shop import Shop


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    await make_mall(shop)


async def test_each_of_a_round_is_refused_for_its_own_reasons_only(shop: Shop) -> None:
    plenty, last = await make_goods(shop, central=50), await make_goods(shop, central=1)
    good = [await a_cart(shop, (plenty, 1), store="central") for _ in range(6)]
    rivals = [await a_cart(shop, (last, 1), (plenty, 1), store="central") for _ in range(3)]
    risen = await a_cart(shop, (plenty, 2), store="central")
    empty = await a_cart(shop, store="central")
    unreachable = await a_cart(shop, (plenty, 1), store="central", fulfilment=None)
    twice, key = await a_cart(shop, (plenty, 1), store="central"), a_key()
    asked = [
        *(check_out(shop, cart_id, pay="manual") for cart_id in (*good, *rivals)),
        check_out(shop, risen, "19.99"),
        check_out(shop, empty),
        check_out(shop, unreachable),
        check_out(shop, "Q3Q6bm9uZQ"),
        check_out(shop, twice, key=key, pay="manual"),
        check_out(shop, twice, key=key, pay="manual"),
    ]
    done = await asyncio.gather(*asked)
    codes = Counter(code for one in done for code, _ in told(one))
    assert codes == {
        "INSUFFICIENT_STOCK": 2,
        "PRICE_CHANGED": 1,
        "CART_EMPTY": 1,
        "NOT_FOUND": 1,
        "INVALID_INPUT": 1,
    }
    orders = {one["order"]["id"] for one in done if one["order"] is not None}
    assert len(orders) == 6 + 1 + 1
    assert done[-1] == done[-2]
    assert await stock(shop, last) == (1, 1)
    assert await stock(shop, plenty) == (50, 8)
    async with shop.database() as db:
        # A refused key is free again; the others remember their orders.
        assert await db.fetchval("SELECT count(*) FROM answered WHERE answer ->> 'order' IS NOT NULL") == 8
        assert await db.fetchval("SELECT count(*) FROM answered WHERE answer ->> 'order' IS NULL") == 0


async def test_many_checkouts_share_their_statements(shop: Shop) -> None:
    sku = await make_goods(shop, central=100)
    carts = [await a_cart(shop, (sku, 1), store="central") for _ in range(24)]
    async with shop.watched() as statements:
        done = await asyncio.gather(*(check_out(shop, cart_id, pay="manual") for cart_id in carts))
    assert all(one["order"] is not None for one in done)
    # Whoever came first went alone, a slow machine may begin a round early; the others shared.
    for shared in ("INSERT INTO answered", "INSERT INTO sales_order", "INSERT INTO stock_hold"):
        assert 1 <= sum(shared in statement for statement in statements) <= 6


async def test_a_cap_is_kept_within_a_round(shop: Shop) -> None:
    sku = await make_goods(shop, 1000, central=20)
    await promote(shop, "FIRST-3", {"amountOff": "2"}, sku, mostUses=3)
    carts = [await a_cart(shop, (sku, 1), store="central") for _ in range(8)]
    done = await asyncio.gather(*(check_out(shop, cart_id, "8.00", "manual") for cart_id in carts))
    assert sum(one["order"] is not None for one in done) == 3
    dearer = [("PRICE_CHANGED", ["input", "expectedTotal"])]
    assert [told(one) for one in done if one["order"] is None] == [dearer] * 5
    assert await stock(shop, sku) == (20, 3)
    async with shop.database() as db:
        used = await db.fetchrow("SELECT uses, spent_minor FROM promotion_budget WHERE promotion = 'FIRST-3'")
    assert tuple(used or ()) == (3, 600)


@pytest.mark.parametrize("channel", ["quota", "app"])
async def test_within_a_round_a_channel_sells_what_is_its_own(shop: Shop, channel: str) -> None:
    sku = await make_goods(shop, central=10)
    async with shop.database() as db:
        await db.execute("UPDATE stock_level SET allotted = 4 WHERE sku = $1", sku)
        await db.execute(
            "INSERT INTO stock_allotment (channel, store, sku, remaining) VALUES ('quota', 'central', $1, 4)",
            sku,
        )
    carts = [await a_cart(shop, (sku, 1), channel=channel, store="central") for _ in range(8)]
    done = await asyncio.gather(*(check_out(shop, cart_id, pay="manual") for cart_id in carts))
    won = sum(one["order"] is not None for one in done)
    assert won == (4 if channel == "quota" else 6)
    assert await stock(shop, sku) == (10, won)
    async with shop.database() as db:
        left = await db.fetchval("SELECT remaining FROM stock_allotment WHERE sku = $1", sku)
        allotted = await db.fetchval("SELECT allotted FROM stock_level WHERE sku = $1", sku)
    assert (left, allotted) == ((0, 0) if channel == "quota" else (4, 4))


# ------------------------------------------------------------------ rounds themselves


async def test_nobody_is_left_behind_between_two_rounds() -> None:
    async def serve(asked: Sequence[int]) -> list[int | Exception]:
        return list(asked)

    together = Together(serve)
    for one in range(20):
        assert await asyncio.wait_for(together(one), 5) == one


async def test_who_comes_meanwhile_shares_the_next_round() -> None:
    rounds: list[list[int]] = []

    async def serve(asked: Sequence[int]) -> list[int | Exception]:
        rounds.append(list(asked))
        await asyncio.sleep(0)
        return [one * 2 if one != 4 else KeyError(one) for one in asked]

    together = Together(serve, most=3)
    first = asyncio.create_task(together(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    answers = await asyncio.gather(*map(together, range(2, 7)), return_exceptions=True)
    assert await first == 2
    assert rounds == [[1], [2, 3, 4], [5, 6]]
    assert [answers[0], type(answers[2]), answers[4]] == [4, KeyError, 12]


async def test_a_failed_round_is_served_one_by_one() -> None:
    rounds: list[list[str]] = []

    async def serve(asked: Sequence[str]) -> list[str | Exception]:
        rounds.append(list(asked))
        if "broken" in asked:
            raise ZeroDivisionError
        return [one.upper() for one in asked]

    together = Together(serve)
    answers = await asyncio.gather(*map(together, ["a", "broken", "b"]), return_exceptions=True)
    assert [answers[0], type(answers[1]), answers[2]] == ["A", ZeroDivisionError, "B"]
    assert rounds == [["a", "broken", "b"], ["a"], ["broken"], ["b"]]


async def test_a_round_that_waits_holds_nobody_up() -> None:
    gate = asyncio.Event()

    async def serve(asked: Sequence[str]) -> list[str | Exception]:
        if "slow" in asked:
            await gate.wait()
        return list(asked)

    together = Together(serve)
    slow = asyncio.create_task(together("slow"))
    for _ in range(2):  # its round has begun
        await asyncio.sleep(0)
    assert await asyncio.wait_for(together("fast"), 5) == "fast"
    assert not slow.done()
    gate.set()
    assert await slow == "slow"
