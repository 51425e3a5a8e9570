"""`make faults checkouts=1000 seed=7`: kills of the server and of PostgreSQL in the middle of checkouts."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import asyncpg
import httpx
import psutil
from rich.console import Console

from persistence import migrate
from persistence.database import connect
from persistence.postgres import EmbeddedPostgres
from tests.bench.served import free_port
from tests.faults.shoppers import SECRET, Ledger, Shopper
from tests.faults.verdict import wrong
from tests.live.conftest import until
from tests.makers import make_channel, make_price, make_product, make_store
from tests.processes import HouseProcess, serving

_SHOPPERS = 12
_PLENTY, _FEW = 1_000_000, 40
_SKUS = [f"GOODS-{number:02}" for number in range(12)]
_RARE = "RARE"


def main() -> int:
    """0 when nothing was lost and nothing happened twice."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--checkouts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=None, help="repeats the choices of an earlier run")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if asked.seed is None else asked.seed
    return asyncio.run(_run(asked.checkouts, seed))


async def _run(checkouts: int, seed: int) -> int:
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"seed {seed}, {checkouts:,} checkouts of {_SHOPPERS} shoppers")
    ledger, began = Ledger(), time.perf_counter()
    async with AsyncExitStack() as stack:
        folder = _folder()
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = EmbeddedPostgres(folder / "database")
        dsn = await asyncio.to_thread(postgres.start)
        stack.callback(postgres.stop)
        await _open_shop(dsn)
        port = free_port()
        server = stack.enter_context(
            serving(port, DATABASE_URL=dsn, DATA_DIR=folder / "house", SANDBOX_SECRET=SECRET.decode())
        )
        address = f"http://127.0.0.1:{port}"
        await _ready(address)
        deaths: Counter[str] = Counter()
        killer = asyncio.create_task(_kill_on(server, address, random.Random(seed), deaths))
        try:
            await _shop(address, checkouts, ledger, seed)
        finally:
            killer.cancel()
            with suppress(asyncio.CancelledError):
                await killer
        await _ready(address)
        db = await connect(dsn)
        stack.push_async_callback(db.close)
        await until(lambda: _is_quiet(db), seconds=60)
        found = await wrong(db, ledger)
    console.print(
        f"{time.perf_counter() - began:.0f} s; killed: "
        + ", ".join(f"{kind} {count} times" for kind, count in sorted(deaths.items()))
    )
    console.print(
        f"{len(ledger.bought):,} orders, {len(ledger.paid):,} paid, {len(ledger.cancelled):,} cancelled, "
        f"{ledger.asked_again:,} requests sent again, refused: {dict(ledger.refused)}"
    )
    for line in found:
        console.print(line, style="red", markup=False)
    console.print("nothing lost, nothing twice" if not found else f"seed {seed}: not as it has to be")
    return 1 if found else 0


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="shelfgraph-faults-"))
    folder.chmod(0o711)  # the database may run as another user, who has to get through
    return folder


async def _open_shop(dsn: str) -> None:
    await migrate.upgrade(dsn)
    db = await connect(dsn)
    try:
        await make_channel(db, "app")
        for store in ("central", "harbour"):
            await make_store(db, store)
        for sku in (*_SKUS, _RARE):
            await make_product(db, skus=[sku])
            await make_price(db, sku, 1000)
            units = _FEW if sku == _RARE else _PLENTY
            for store in ("central", "harbour"):
                await db.execute(
                    "INSERT INTO stock_level (store, sku, on_hand) VALUES ($1, $2, $3)", store, sku, units
                )
                await db.execute(
                    "INSERT INTO stock_movement (store, sku, delta, reason, moved_by) "
                    "VALUES ($1, $2, $3, 'RECEIPT', 'faults')",
                    store,
                    sku,
                    units,
                )
    finally:
        await db.close()


async def _shop(address: str, checkouts: int, ledger: Ledger, seed: int) -> None:
    numbers = iter(range(checkouts))

    async def shop_on(place: int) -> None:
        chance = random.Random(f"{seed} {place}")
        shopper = Shopper(address, ledger, chance)
        for number in numbers:
            skus = chance.sample(_SKUS, chance.randint(1, 3))
            await shopper.buy(number, [*skus, _RARE] if chance.random() < 0.2 else skus)

    async with asyncio.TaskGroup() as group:
        for place in range(_SHOPPERS):
            group.create_task(shop_on(place))


async def _kill_on(server: HouseProcess, address: str, chance: random.Random, deaths: Counter[str]) -> None:
    """Kills the server or PostgreSQL at random moments while both serve, until it is cancelled."""
    while True:
        await _ready(address)
        await asyncio.sleep(chance.uniform(0.2, 6))
        if chance.random() < 0.5:
            server.kill()
            server.start()
            deaths["server"] += 1
        elif (postmaster := _postmaster()) is not None:
            # It is started again on its port by whoever watches it, and recovers from its log.
            os.kill(postmaster, signal.SIGKILL)
            deaths["PostgreSQL"] += 1


def _postmaster() -> int | None:
    ours = {one.pid: one for one in psutil.Process().children(recursive=True) if one.name() == "postgres"}
    for pid, process in ours.items():
        with suppress(psutil.Error):
            if process.ppid() not in ours:
                return pid
    return None


async def _ready(address: str) -> None:
    async with httpx.AsyncClient(timeout=5) as http:

        async def is_ready() -> bool:
            with suppress(httpx.TransportError):
                return (await http.get(f"{address}/readyz")).status_code == 200
            return False

        await until(is_ready, seconds=120)


async def _is_quiet(db: asyncpg.Connection) -> bool:
    """Whether providers have said all they had to, and all news has its place."""
    return not await db.fetchval(
        "SELECT EXISTS (SELECT FROM outbox WHERE position IS NULL) "
        "OR EXISTS (SELECT FROM refund WHERE state = 'PENDING')"
    )


if __name__ == "__main__":
    sys.exit(main())
