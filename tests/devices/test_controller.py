"""A controller with simulated labels against the real graph: claims, work, reports, losses and takeovers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from devices.control.controller import Controller, ControllerState, Fenced
from devices.control.graph import Graph, GraphAway, GraphRefused, Patience, signed_in
from devices.faces import draw_packed
from devices.simulation.labels import Behaviour, Memory, SimulatedLabels
from devices.simulation.radio import SimulatedRadio
from domain.gateways import FaceJob, RadioRefused
from domain.labels import LABEL_MODELS, FaceTemplate
from domain.shelf import LabelError
from tests.devices.samples import OIL
from tests.labels.shelf import Shelf, make_shelf
from tests.shop import Shop, served_app

QUICK = Behaviour(poll=0.1, loss=0.1, redraw=0.01, check_in=None)
PATIENCE = Patience(answer=5, first_wait=0.02, longest_wait=0.1)


@pytest.fixture(scope="module")
async def url(shop: Shop) -> AsyncIterator[str]:
    async with served_app(shop.app) as port:
        yield f"http://127.0.0.1:{port}/graphql"


@asynccontextmanager
async def controlled(
    here: Shelf, url: str, memories: dict[str, Memory]
) -> AsyncIterator[tuple[Controller, asyncio.Task[None]]]:
    """A controller at work; its labels remember what they are given."""

    async def token() -> str:
        return here.device

    labels = SimulatedLabels(QUICK, random.Random(1), memories)
    async with Graph(url, token, PATIENCE) as graph:
        controller = Controller(
            here.gateway, graph, SimulatedRadio(labels, pictures=False), patience=PATIENCE
        )
        running = asyncio.create_task(controller.run())
        try:
            yield controller, running
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError, Fenced):
                await running


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await true():  # noqa: ASYNC110 - the graph is asked as a user would
            await asyncio.sleep(0.05)


INTEGRITY = "query($store: String!) { shelfIntegrity(store: $store) { labels inSync } }"


async def all_in_sync(here: Shelf) -> bool:
    answer = await here.shop.ask(INTEGRITY, token=here.staff, store=here.store)
    counted = answer.data["shelfIntegrity"]
    return bool(counted["labels"] == counted["inSync"])


async def test_labels_follow_the_prices_through_losses_and_restarts(shop: Shop, url: str) -> None:
    here = await make_shelf(shop)
    milk, tea = await here.article(1000), await here.article(2000)
    for sku in (milk, milk, tea):
        await here.label(sku)
    memories: dict[str, Memory] = {}

    async def drawn(redraws: int) -> bool:
        return sum(memory.redraws for memory in memories.values()) >= redraws and await all_in_sync(here)

    async with controlled(here, url, memories) as (controller, _):
        await until(lambda: drawn(3))
        assert controller.state is ControllerState.LIVE
        await here.price(milk, "9.50")
        await until(lambda: drawn(5))
    await here.price(tea, "21.00")
    async with controlled(here, url, memories) as (controller, _):
        await until(lambda: drawn(6))
        assert set(controller.outcomes) <= {"ACCEPTED", "DUPLICATE", "STALE"}
    # What they showed already cost no radio after the restart.
    assert sum(memory.redraws for memory in memories.values()) == 6


async def test_whoever_claims_last_drives_the_gateway(shop: Shop, url: str) -> None:
    here = await make_shelf(shop)
    await here.label(await here.article(1000))
    async with controlled(here, url, {}) as (first, running):
        await until(lambda: all_in_sync(here))
        async with controlled(here, url, {}):
            with pytest.raises(Fenced):
                await asyncio.wait_for(running, 10)
            assert first.state is ControllerState.FENCED


async def test_a_device_signs_in_by_its_secret(shop: Shop, url: str) -> None:
    register = """mutation($input: DeviceRegisterInput!) { deviceRegister(input: $input) { secret } }"""
    here = await make_shelf(shop)
    given = {"idempotencyKey": "k1", "code": "GW-SECRET", "kind": "GATEWAY", "store": here.store}
    answer = await shop.ask(register, token=here.staff, input=given)
    secret = answer.data["deviceRegister"]["secret"]
    async with Graph(url, signed_in(url, "GW-SECRET", secret), PATIENCE) as graph:
        assert await graph.ask('{ device(code: "GW-SECRET") { code } }') == {"device": {"code": "GW-SECRET"}}
    async with Graph(url, signed_in(url, "GW-SECRET", "wrong"), PATIENCE) as graph:
        with pytest.raises(GraphRefused):
            await graph.ask("{ __typename }")


async def test_a_graph_that_is_away_is_told_from_one_that_refuses(url: str) -> None:
    async def nobody() -> None:
        return None

    async with Graph("http://127.0.0.1:9/graphql", nobody, PATIENCE) as nowhere:
        with pytest.raises(GraphAway):
            await nowhere.ask("{ __typename }")
        with pytest.raises(GraphAway):
            async with nowhere.hear("subscription { x }"):
                pass
    async with Graph(url, nobody, PATIENCE) as visitor:
        with pytest.raises(GraphRefused) as refused:
            await visitor.ask('{ labels(store: "x", first: 1) { totalCount } }')
        assert refused.value.code == "UNAUTHENTICATED"
        with pytest.raises(GraphAway):
            await visitor.fetch("/faces/none.png")


async def test_a_face_for_another_panel_is_refused() -> None:
    small, large = LABEL_MODELS["epd-2.9-bwr"], LABEL_MODELS["epd-4.2-bwry"]

    async def fetch(address: str) -> bytes:
        return draw_packed(OIL, FaceTemplate.REGULAR, small) if address == "/small" else b"a page"

    radio = SimulatedRadio(SimulatedLabels(QUICK))
    await radio.show(FaceJob("L1", 1, "h", small, "/small", ""), fetch)
    for model, address in ((large, "/small"), (small, "/other")):
        with pytest.raises(RadioRefused) as refused:
            await radio.show(FaceJob("L2", 1, "h", model, address, ""), fetch)
        assert refused.value.error is LabelError.INVALID_IMAGE
    assert set(radio.labels.memories) == {"L1"}
