"""What a soak kills: servers, listeners, Redis and connections, all on one durable database of its own."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx

from graph.settings import Environment, Settings
from graph.tokens import Tokens, principal_for
from persistence import migrate
from persistence.database import connect
from persistence.postgres import EmbeddedPostgres
from persistence.postgres.server import _free_port
from tests.live.conftest import until
from tests.live.listening import Listener
from tests.processes import HouseProcess, leader, serving
from tests.redis_servers import OwnRedis, own_redis
from tests.soak.shop import open_shop

_APPLICATIONS = ("shelfgraph", "shelfgraph hub", "shelfgraph relay", "shelfgraph boundaries")


@dataclass
class Victims:
    """Everything that may die, and how often it did."""

    db: asyncpg.Connection
    servers: list[HouseProcess]
    addresses: list[str]
    listeners: list[Listener]
    redis: OwnRedis | None
    token: str
    chance: random.Random
    deaths: Counter[str] = field(default_factory=Counter)
    longest_handover: float = 0.0

    async def suffer(self, moment: float) -> None:
        """Kills something every few seconds until that moment of the loop's clock; all live afterwards."""
        ways = [self._kill_server, self._kill_leader, self._cut]
        if self.redis is not None:
            ways.append(self._kill_redis)
        while asyncio.get_running_loop().time() < moment:
            await asyncio.sleep(self.chance.uniform(0.5, 4))
            await self.chance.choice(ways)(self.chance.uniform(0, 2))
        await self.ready()

    async def ready(self) -> None:
        """Returns once every server says that it is ready, and every listener listens."""
        async with httpx.AsyncClient(timeout=5) as client:
            for address in self.addresses:

                async def is_ready(address: str = address) -> bool:
                    with suppress(httpx.TransportError):
                        return (await client.get(f"{address}/readyz")).status_code == 200
                    return False

                await until(is_ready, seconds=120)
        await until(lambda: all(one.listens for one in self.listeners), seconds=120)

    async def _kill_server(self, pause: float) -> None:
        await self.ready()  # else all would be starting most of the time, and nothing would be committed
        await self._kill("server", self.chance.choice(self.servers), pause)

    async def _kill_leader(self, pause: float) -> None:
        await self.ready()
        mortal = {one.pid: one for one in (*self.servers, *self.listeners)}
        pid = await leader(self.db, mortal)
        if pid is None:
            return
        killed = asyncio.create_task(self._kill("relay leader", mortal[pid], pause))
        began = asyncio.get_running_loop().time()

        async def is_led_again() -> bool:
            return await leader(self.db, [one.pid for one in (*self.servers, *self.listeners)]) not in (
                None,
                pid,
            )

        await until(is_led_again, seconds=60)
        self.longest_handover = max(self.longest_handover, asyncio.get_running_loop().time() - began)
        await killed

    async def _kill(self, kind: str, victim: HouseProcess | Listener, pause: float) -> None:
        victim.kill()
        self.deaths[kind] += 1
        await asyncio.sleep(pause)
        victim.start()

    async def _kill_redis(self, pause: float) -> None:
        assert self.redis is not None
        self.redis.kill()
        self.deaths["redis"] += 1
        await asyncio.sleep(pause)
        await asyncio.to_thread(self.redis.start)

    async def _cut(self, _: float) -> None:
        application = self.chance.choice(_APPLICATIONS)
        rows = await self.db.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = $1 AND datname = current_database()",
            application,
        )
        self.deaths["database connections"] += len(rows)


@asynccontextmanager
async def victims(seed: int, *, with_redis: bool) -> AsyncIterator[Victims]:
    """Two servers and two listeners on an open shop, ready."""
    async with AsyncExitStack() as stack:
        folder = _folder()
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = EmbeddedPostgres(folder / "database")
        dsn = await asyncio.to_thread(postgres.start)
        stack.callback(postgres.stop)
        await migrate.upgrade(dsn)
        db = await connect(dsn)
        stack.push_async_callback(db.close)
        await open_shop(db)
        redis = stack.enter_context(own_redis()) if with_redis else None
        told: dict[str, object] = {
            "DATABASE_URL": dsn,
            "DATA_DIR": folder / "house",
            "REDIS_URL": redis.url if redis else None,
            "REPLAY_AT_LEAST": 100_000_000,
        }
        ports = [_free_port() for _ in range(2)]
        found = Victims(
            db=db,
            servers=[serving(port, **told) for port in ports],
            addresses=[f"http://127.0.0.1:{port}" for port in ports],
            listeners=[Listener(folder, f"listener-{number}", **told) for number in range(2)],
            redis=redis,
            # Before the servers start: they find the key it is signed with.
            token=_token(folder / "house"),
            chance=random.Random(f"{seed} chaos"),
        )
        for one in (*found.servers, *found.listeners):
            stack.callback(one.kill)
            one.start()
        await found.ready()
        yield found


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="shelfgraph-soak-"))
    folder.chmod(0o711)  # the database may run as another user, who has to get through
    return folder


def _token(folder: Path) -> str:
    settings = Settings(env=Environment.TEST, data_dir=folder)
    now = datetime.now(UTC)
    return Tokens.of(settings).issue(principal_for("admin"), now=now, lifetime=timedelta(days=7))
