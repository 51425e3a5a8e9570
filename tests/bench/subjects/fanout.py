"""Fan-out: one event to thousands of sockets, beside a bare server that encodes once and sends."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import httpx
import orjson
import psutil

from domain.news import News, Topic
from persistence.database import connect
from persistence.news import outbox
from persistence.news.channels import WAITING
from tests.bench.load import Address
from tests.bench.served import free_port, served
from tests.bench.stage import Stage
from tests.bench.subject import Column, Findings, Value, subject

_CROWDS = (1_000, 10_000)
_DELIVERIES = 100_000
_IDLE_SECONDS = 30.0
_MISSED = 10_000
_DOCUMENT = """subscription Live($context: SalesContext!, $skus: [String!], $after: EventCursor) {
  priceChanged(context: $context, skus: $skus, after: $after) {
    kind cursor cause sku price { amount { amount } version }
  }
}"""
_CONTEXT = {"channel": "app"}


class Crowd:
    """A crowd of sockets in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def say(self, **told: Any) -> dict[str, Any]:
        """The answer to one line."""
        assert self._process.stdin is not None
        self._process.stdin.write(orjson.dumps(told) + b"\n")
        return await self.hear()

    async def hear(self) -> dict[str, Any]:
        """The next line."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 180)
        answer: dict[str, Any] = orjson.loads(line)
        return answer

    async def connect(self, count: int, *variables: Mapping[str, object], first: int = 2) -> None:
        """Opens so many subscriptions, the variables in turn."""
        payloads = [{"query": _DOCUMENT, "variables": {"context": _CONTEXT, **each}} for each in variables]
        await self.say(connect=count, subscribe=payloads, first=first)


@asynccontextmanager
async def crowd_at(address: Address) -> AsyncIterator[Crowd]:
    """A crowd in front of a server."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.fanout.crowd",
        address.host,
        str(address.port),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    try:
        yield Crowd(process)
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def bare_server() -> AsyncIterator[Address]:
    """uvicorn alone, in a process of its own."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.bench.fanout.bare", str(port))
    try:
        address = Address("127.0.0.1", port, process.pid)
        async with httpx.AsyncClient() as http:
            for _ in range(300):
                with suppress(httpx.TransportError):
                    await http.post(f"http://127.0.0.1:{port}/?events=0")
                    break
                await asyncio.sleep(0.1)
        yield address
    finally:
        process.terminate()
        await process.wait()


class House:
    """The house's own server: news is committed, the relay and the hub do the rest."""

    def __init__(self, db: asyncpg.Connection, skus: list[str]) -> None:
        self.db = db
        self.skus = skus

    async def tell(self, *skus: str) -> None:
        """Commits news of prices, and wakes the relay as a request would."""
        await outbox.write(self.db, [News(Topic.PRICE, "pricesSet", sku=sku) for sku in skus])
        await self.db.execute(f"NOTIFY {WAITING}")


class Cost:
    """CPU and memory of one process."""

    def __init__(self, address: Address) -> None:
        self._process = psutil.Process(address.pid)

    @property
    def cpu(self) -> float:
        """Seconds so far."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    @property
    def memory(self) -> int:
        """Bytes now."""
        return int(self._process.memory_info().rss)


@subject("fanout", "one event to 10,000 sockets beside a bare server that encodes once", place=7)
async def fanout(stage: Stage) -> Findings:
    """Real servers in processes of their own, a crowd of loopback sockets in a third."""
    found = Findings(
        "Fan-out: identical subscribers, beside uvicorn alone encoding once",
        (
            Column("what", "what"),
            Column("subscribers", "subscribers"),
            Column("house", "house", "", 2),
            Column("bare", "bare", "", 2),
            Column("ratio", "ratio", "", 2),
            Column("goal", "goal"),
        ),
    )
    dsn = await stage.mall()
    db = await connect(dsn)
    try:
        skus = [row[0] for row in await db.fetch("SELECT sku FROM variant ORDER BY sku LIMIT 10000")]
        house = House(db, skus)
        for count in _CROWDS:
            async with bare_server() as address:
                bare = await _identical(address, count, None)
            async with served(dsn, stage.folder) as address:
                ours = await _identical(address, count, house)
            for name, goal in _GOALS.items():
                if name in ours:
                    found.rows.append(_row(name, count, ours[name], bare.get(name), goal))
        async with served(dsn, stage.folder) as address:
            found.rows.append(
                _row(
                    "one of 1,000 skus each, of a match, µs CPU",
                    1_000,
                    await _single(address, house),
                    None,
                    "follows matches",
                )
            )
            found.rows.append(
                _row(
                    "200 commits/s, commit to client p99, ms",
                    1_000,
                    await _steady(address, house),
                    None,
                    "≤ 250",
                )
            )
            found.rows.append(
                _row("10,000 missed events replayed, s", 1, await _replay(address, house), None, "≤ 2")
            )
    finally:
        await db.close()
    found.notes.append("CPU is the server process's own; sockets are loopback, the crowd is a third process.")
    return found


_GOALS = {
    "CPU per delivered message, µs": "≤ 1.1 × bare",
    "one event to all, p99, ms": "≤ 1.3 × bare",
    "memory of a subscriber, KiB": "≤ 30",
    "CPU to connect one, ms": "≤ 0.6",
    "idle, % of a core": "≤ 3",
}


async def _identical(address: Address, count: int, house: House | None) -> dict[str, float]:
    cost = Cost(address)
    async with crowd_at(address) as crowd, httpx.AsyncClient() as http:
        sku = house.skus[0] if house else ""

        async def tell(events: int) -> None:
            if house is None:
                await http.post(f"http://{address.host}:{address.port}/?events={events}", timeout=120)
            else:
                await house.tell(*[sku] * events)

        await crowd.connect(20, {"skus": [sku]})
        cpu, memory = cost.cpu, cost.memory
        await crowd.connect(count, {"skus": [sku]})
        cpu, memory = cost.cpu - cpu, cost.memory - memory
        found = {
            "memory of a subscriber, KiB": memory / count / 1024,
            "CPU to connect one, ms": 1000 * cpu / count,
        }
        await asyncio.sleep(1)
        everybody = count + 20
        one_to_all = []
        used = cost.cpu
        rounds = max(5, _DELIVERIES // count)
        for _ in range(rounds):
            await crowd.say(expect=everybody)
            began = time.monotonic()
            told = asyncio.create_task(tell(1))
            heard = await crowd.hear()
            await told
            if heard["heard"] != everybody or heard["lost"]:
                raise AssertionError(f"{heard['heard']} of {everybody} heard, {heard['lost']} lost")
            one_to_all.append(1000 * (heard["p99"] - began))
        found["CPU per delivered message, µs"] = 1e6 * (cost.cpu - used) / rounds / everybody
        found["one event to all, p99, ms"] = sorted(one_to_all)[len(one_to_all) // 2]
        if count == max(_CROWDS):
            used = cost.cpu
            await asyncio.sleep(_IDLE_SECONDS)
            found["idle, % of a core"] = 100 * (cost.cpu - used) / _IDLE_SECONDS
        return found


async def _single(address: Address, house: House) -> float:
    cost = Cost(address)
    async with crowd_at(address) as crowd:
        await crowd.connect(1_000, *({"skus": [sku]} for sku in house.skus[:1_000]))
        used, rounds = cost.cpu, 20
        for number in range(rounds):
            await crowd.say(expect=10)
            await house.tell(*house.skus[number * 10 : number * 10 + 10])
            await crowd.hear()
        return 1e6 * (cost.cpu - used) / rounds / 10


async def _steady(address: Address, house: House) -> float:
    """The 99th percentile in milliseconds; 1,000 subscribers to a sku each, a commit for each in turn."""
    skus = house.skus[:1_000]
    async with crowd_at(address) as crowd:
        await crowd.connect(len(skus), *({"skus": [sku]} for sku in skus))
        await crowd.say(expect=len(skus), names=True)
        committed: dict[str, float] = {}
        began = time.monotonic()
        for number, sku in enumerate(skus):
            await asyncio.sleep(max(0.0, began + number / 200 - time.monotonic()))
            await house.tell(sku)
            committed[sku] = time.monotonic()
        heard = await crowd.hear()
        late = sorted(1000 * (at - committed[sku]) for sku, at in heard["each"])
        if len(late) != len(skus):
            raise AssertionError(f"{len(late)} of {len(skus)} heard")
        return late[int(len(late) * 0.99) - 1]


async def _replay(address: Address, house: House) -> float:
    """Seconds from asking until 10,000 missed events were told, the last of each sku of the mall."""
    reach = await outbox.head(house.db)
    skus = house.skus
    for start in range(0, _MISSED, 1_000):
        await house.tell(*(skus[number % len(skus)] for number in range(start, start + 1_000)))
    while (await outbox.head(house.db)).position < reach.position + _MISSED:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    async with crowd_at(address) as crowd:
        began = time.monotonic()
        await crowd.connect(1, {"after": str(reach)}, first=min(len(skus), _MISSED) + 1)
        return time.monotonic() - began


def _row(what: str, subscribers: int, house: float, bare: float | None, goal: str) -> dict[str, Value]:
    return {
        "what": what,
        "subscribers": subscribers,
        "house": house,
        "bare": bare,
        "ratio": house / bare if bare else None,
        "goal": goal,
    }
