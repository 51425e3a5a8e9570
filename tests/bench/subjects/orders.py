"""Orders under load: whole journeys of many shoppers, and one article that many more want than there are."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from contextlib import AsyncExitStack
from statistics import quantiles

import psutil

from persistence.database import Database
from tests.bench.cpu import database_processes, used
from tests.bench.load import Address
from tests.bench.served import served
from tests.bench.shopper import Shopper
from tests.bench.stage import Stage
from tests.bench.subject import Column, Findings, subject
from tests.makers import make_channel, make_price, make_product, make_stock, make_store

_SHOPPERS = 32
_SKUS = 200
_PLENTY = 10_000_000
_HOT_UNITS, _HOT_BUYERS, _HOT_CONNECTIONS = 1000, 5000, 200
_FILLING = 8
_CODE = re.compile(r"'code': '([A-Z_]+)'")
_STEPS = ("cartCreate", "cartFulfilmentSet", "checkout", "notice", "journey")
_COLUMNS = (
    Column("what", "step"),
    Column("answers", "answers"),
    Column("per_second", "per s"),
    Column("p50_ms", "p50", "ms", 1),
    Column("p99_ms", "p99", "ms", 1),
    Column("server_cpu_ms", "server CPU", "ms", 2),
    Column("database_cpu_ms", "database CPU", "ms", 2),
)


@subject("orders", "journeys from cart to paid at 32 shoppers, and a rush for one article", place=6)
async def orders(stage: Stage) -> Findings:
    """A real server on a database of its own with fsync on; shoppers share the machine with both."""
    dsn = await stage.database()
    async with Database(dsn, size=1) as database, database.connection() as db:
        await make_channel(db, "app")
        await make_store(db, "central")
        goods = (await make_product(db, "goods", skus=[f"SKU-{number}" for number in range(_SKUS)])).skus
        hot = (await make_product(db, "hot")).skus[0]
        for sku in (*goods, hot):
            await make_price(db, sku, 1000)
            await make_stock(db, "central", sku, _HOT_UNITS if sku == hot else _PLENTY)
    found = Findings("Orders: from a cart to its payment", _COLUMNS)
    async with served(dsn, stage.folder) as address:
        await _journeys(stage, address, goods, found)
        await _rush(address, hot, found)
    found.notes.append("Shoppers, server and PostgreSQL (fsync on) share this machine's cores.")
    return found


async def _journeys(stage: Stage, address: Address, goods: list[str], found: Findings) -> None:
    numbers, skus = itertools.count(), itertools.cycle(goods)
    async with AsyncExitStack() as stack:
        shoppers = [await stack.enter_async_context(Shopper(address)) for _ in range(_SHOPPERS)]

        async def shop_for(shopper: Shopper, seconds: float) -> None:
            ends = time.perf_counter() + seconds
            while time.perf_counter() < ends:
                await shopper.journey(next(skus), f"journey-{next(numbers)}")

        await asyncio.gather(*(shop_for(one, 1.0) for one in shoppers))
        for one in shoppers:
            one.took.clear()
        before = _cpu(address)
        began = time.perf_counter()
        await asyncio.gather(*(shop_for(one, stage.effort.seconds * 3) for one in shoppers))
        seconds, after = time.perf_counter() - began, _cpu(address)
    done = sum(len(one.took["journey"]) for one in shoppers)
    for step in _STEPS:
        took = [each * 1000 for one in shoppers for each in one.took[step]]
        row: dict[str, str | int | float | None] = {
            "what": step,
            "answers": len(took),
            "per_second": len(took) / seconds,
            "p50_ms": quantiles(took, n=100)[49],
            "p99_ms": quantiles(took, n=100)[98],
        }
        if step == "journey":
            row["server_cpu_ms"] = (after[0] - before[0]) * 1000 / done
            row["database_cpu_ms"] = (after[1] - before[1]) * 1000 / done
        found.rows.append(row)


def _cpu(address: Address) -> tuple[float, float]:
    return used([psutil.Process(address.pid)]), used(database_processes())


async def _filled(address: Address, sku: str, count: int) -> list[str]:
    """The ids of so many carts that hold one of a sku; nobody times how they are filled."""
    async with AsyncExitStack() as stack:
        few = [await stack.enter_async_context(Shopper(address)) for _ in range(_FILLING)]

        async def fill(shopper: Shopper) -> list[str]:
            return [await shopper.fill(sku) for _ in range(count // _FILLING)]

        return [cart_id for ids in await asyncio.gather(*map(fill, few)) for cart_id in ids]


async def _rush(address: Address, hot: str, found: Findings) -> None:
    carts = await _filled(address, hot, _HOT_BUYERS)
    async with AsyncExitStack() as stack:
        buyers = [await stack.enter_async_context(Shopper(address)) for _ in range(_HOT_CONNECTIONS)]
        shares = [carts[place::_HOT_CONNECTIONS] for place in range(_HOT_CONNECTIONS)]

        async def rush(buyer: Shopper, mine: list[str]) -> list[str]:
            said = []
            for cart_id in mine:
                try:
                    done = await buyer.buy(cart_id, "rush")
                except RuntimeError as refused:
                    code = _CODE.search(str(refused))
                    said.append(code[1] if code else str(refused)[:80])
                else:
                    said.append("won" if done["order"] is not None else done["userErrors"][0]["code"])
            return said

        began = time.perf_counter()
        said = [
            word
            for words in await asyncio.gather(*(rush(*pair) for pair in zip(buyers, shares, strict=True)))
            for word in words
        ]
        seconds = time.perf_counter() - began
    took = [one * 1000 for buyer in buyers for one in buyer.took["checkout"]]
    found.rows.append(
        {
            "what": "rush for one article",
            "answers": len(said),
            "per_second": len(said) / seconds,
            "p50_ms": quantiles(took, n=100)[49],
            "p99_ms": quantiles(took, n=100)[98],
        }
    )
    others = [f"{said.count(word):,} {word}" for word in sorted(set(said) - {"won", "INSUFFICIENT_STOCK"})]
    found.notes.append(
        f"The rush: {_HOT_BUYERS:,} buyers in {_HOT_CONNECTIONS} connections for {_HOT_UNITS:,} units: "
        f"{said.count('won'):,} won, {said.count('INSUFFICIENT_STOCK'):,} heard INSUFFICIENT_STOCK"
        f"{', others ' + ', '.join(others) if others else ''}."
    )
