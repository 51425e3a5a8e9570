"""A changeover by the clock, with real processes: whoever should have raised it is killed a moment before."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from devices.simulated import SimulatedGateway, SimulatedLabel
from domain.channels import ChannelKind
from graph.settings import Environment, Settings
from graph.tokens import Tokens, principal_for
from persistence.postgres.server import _free_port
from tests.door.serving import Speaker
from tests.live.conftest import Live, until
from tests.makers import make_channel, make_product, make_store
from tests.processes import leader, serving, working

COUNT = 300
LISTED, CUT = 2000, 1500
SKUS = [f"CHANGE-{number:03}" for number in range(COUNT)]
PRICES = """
subscription Prices($context: SalesContext!, $skus: [String!]) {
  priceChanged(context: $context, skus: $skus) { kind cause sku occurredAt price { amount { minorUnits } } }
}"""


@pytest.fixture
def folders() -> Iterator[list[Path]]:
    """Two empty folders."""
    with ExitStack() as stack:
        yield [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2)]


@pytest.fixture
async def mall(live: Live) -> Live:
    """A store with a till channel, and articles at one list price."""
    await make_channel(live.db, "pos", kind=ChannelKind.POS)
    await make_store(live.db, "central", till_channel="pos")
    await make_product(live.db, names={"en": "Milk 1L", "zh-HK": "牛奶 1公升"}, skus=SKUS)
    await price_all(live, LISTED, None)
    return live


async def price_all(live: Live, minor: int, valid_from: datetime | None) -> None:
    await live.db.execute(
        """
        INSERT INTO price_record
            (sku, kind, amount_minor, currency_code, valid_from, source, sequence, recorded_by)
        SELECT sku, 'LIST', $1::bigint, 'HKD', $2::timestamptz, $1 || sku, 2001 - $1, 'tests'
        FROM unnest($3::text[]) AS sku
        """,
        minor,
        valid_from,
        SKUS,
    )


async def ready(port: int) -> None:
    """Returns once the server says that it is ready."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client, asyncio.timeout(60):
        while True:
            with suppress(httpx.TransportError):
                if (await client.get("/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.1)


async def heard(speaker: Speaker) -> dict[str, Any]:
    message: Any = await speaker.hear()
    assert message["type"] == "next", message
    assert "errors" not in message["payload"], message
    event: dict[str, Any] = message["payload"]["data"]["priceChanged"]
    return event


async def test_a_changeover_is_heard_once_and_shown_though_its_process_was_killed(
    mall: Live, folders: list[Path]
) -> None:
    port = _free_port()
    tokens = Tokens.of(Settings(env=Environment.TEST, data_dir=folders[1]))

    async def token() -> str:
        device = principal_for("device", store="central", subject="G1")
        return tokens.issue(device, now=datetime.now(UTC), lifetime=timedelta(hours=1))

    labels = [SimulatedLabel(f"L{number}", SKUS[number], "epd-2.13-bwr") for number in (0, 150, 299)]
    gateway = SimulatedGateway("G1", "central", labels, url=f"ws://127.0.0.1:{port}/graphql", token=token)

    def shown() -> list[int | None]:
        faces = [gateway.shown(label.code) for label in labels]
        return [face.fields.amount.minor_units if face and face.fields.amount else None for face in faces]

    async def leads() -> bool:
        return await leader(mall.db, [worker.pid]) is not None

    with working(DATA_DIR=folders[0], DATABASE_URL=mall.dsn) as worker:
        await until(leads, seconds=60)
        with serving(port, DATA_DIR=folders[1], DATABASE_URL=mall.dsn):
            await ready(port)
            async with (
                websockets.connect(
                    f"ws://127.0.0.1:{port}/graphql",
                    subprotocols=[websockets.Subprotocol("graphql-transport-ws")],
                ) as line,
            ):
                speaker = Speaker(line)
                await speaker.init()
                asked = {"context": {"channel": "pos", "store": "central"}, "skus": SKUS}
                await speaker.ask(PRICES, variables=asked)
                kinds = Counter([(await heard(speaker))["kind"] for _ in range(COUNT + 1)])
                assert kinds == {"SNAPSHOT": COUNT, "BOOKMARK": 1}
                hanging = asyncio.create_task(gateway.run())
                try:
                    await until(lambda: shown() == [LISTED] * 3, seconds=30)
                    moment = datetime.now(UTC) + timedelta(seconds=2.5)
                    await price_all(mall, CUT, moment)
                    assert datetime.now(UTC) < moment - timedelta(seconds=1)
                    await until(lambda: datetime.now(UTC) > moment - timedelta(milliseconds=50))
                    worker.kill()
                    changes = await changes_of(speaker)
                    await until(lambda: shown() == [CUT] * 3, seconds=30)
                    told_after = [(change["heard_at"] - moment).total_seconds() for change in changes]
                    print(f"told {min(told_after):.2f} to {max(told_after):.2f} s after the moment")  # noqa: T201 - for eyes
                finally:
                    hanging.cancel()
                    with suppress(asyncio.CancelledError):
                        await hanging
    assert Counter(change["sku"] for change in changes) == dict.fromkeys(SKUS, 1)
    assert {change["cause"] for change in changes} == {"priceBoundary"}
    assert {change["price"]["amount"]["minorUnits"] for change in changes} == {str(CUT)}
    assert {datetime.fromisoformat(change["occurredAt"]) for change in changes} == {moment}
    told = await mall.db.fetch("SELECT sku, count(position) FROM outbox GROUP BY sku")
    assert {row[0]: row[1] for row in told} == dict.fromkeys(SKUS, 1)


async def changes_of(speaker: Speaker) -> list[dict[str, Any]]:
    """The changes that are heard until every article has changed and nothing more comes."""
    found: list[dict[str, Any]] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(60):
            while True:
                async with asyncio.timeout(1 if len(found) >= COUNT else 30):
                    event = await heard(speaker)
                if event["kind"] == "CHANGE":
                    found.append(event | {"heard_at": datetime.now(UTC)})
    return found
