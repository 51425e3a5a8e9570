"""A served shelf for the tests of its page: a graph, two gateways, and the page on a real port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette

from devices.shelf import Shelf
from devices.simulated import SimulatedGateway, SimulatedLabel
from graph.shelf_page import shelf_routes
from tests.labels.price_graph import PriceGraph, price, price_graph, variant

LABELS = {
    "wellcome": [
        SimulatedLabel("W1", "oil", "epd-4.2-bwry", "A-1"),
        SimulatedLabel("W2", "tea", "epd-2.9-bwr", "A-2"),
        SimulatedLabel("W3", "milk", "epd-2.13-bwr", "A-3"),
    ],
    "parknshop": [SimulatedLabel("P1", "oil", "epd-2.9-bwr", "B-1")],
}
NAMES = {"wellcome": "惠康 銅鑼灣", "parknshop": "百佳 旺角"}


@dataclass
class Wall:
    """The running whole."""

    graph: PriceGraph
    shelf: Shelf
    app: Starlette
    server: uvicorn.Server
    serving: asyncio.Task[None]
    url: str

    async def end(self) -> None:
        """What a server does when it is told to stop."""
        self.app.state.draining.set()
        self.server.should_exit = True
        await asyncio.wait_for(asyncio.shield(self.serving), 10)


async def token() -> str:
    return "t0k3n"


async def until(true: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is awaited has no event of its own
            await asyncio.sleep(0.01)


@asynccontextmanager
async def served_wall() -> AsyncIterator[Wall]:
    """Every label has its first face when it is handed out."""
    graph = PriceGraph(
        prices={"oil": price(12990, 100), "tea": price(2050, 100, member=1990), "milk": None},
        variants={
            "oil": variant("oil"),
            "tea": variant("tea", zh="錫蘭檸檬茶 250毫升", en="Ceylon Lemon Tea 250mL", brand="陽光"),
            "milk": variant("milk", zh="純牛奶 1公升", en="Pure Milk 1L", brand="保利"),
        },
    )
    async with price_graph(graph):
        shelf = Shelf(
            [
                SimulatedGateway(
                    f"G-{store}", store, labels, url=graph.url, token=token, store_name=NAMES[store]
                )
                for store, labels in LABELS.items()
            ]
        )
        running = asyncio.create_task(shelf.run())
        app = Starlette(routes=shelf_routes(shelf))
        app.state.draining = asyncio.Event()
        taken = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=5)
        )
        server.capture_signals = suppress
        serving = asyncio.create_task(server.serve(sockets=[taken]))
        wall = Wall(graph, shelf, app, server, serving, f"http://127.0.0.1:{taken.getsockname()[1]}")
        try:
            await until(lambda: server.started and shelf.redraw_count == 4 and len(graph.answers) == 2)
            yield wall
        finally:
            if not serving.done():
                await wall.end()
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
