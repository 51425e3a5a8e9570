"""A simulated gateway on a real socket: snapshot, change, resume, and what it must not draw."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from PIL import Image

from devices.price_stream import Patience, StreamState
from devices.simulated import Redraw, SimulatedGateway, SimulatedLabel
from domain.labels import LABEL_MODELS, FaceTemplate
from domain.news import LiveKind
from tests.labels.price_graph import PriceGraph, price, price_graph, send_next, variant

OIL = SimulatedLabel("L1", "oil", "epd-2.9-bwr", "A1")
OIL_BIG = SimulatedLabel("L2", "oil", "epd-4.2-bwry", "A2")
TEA = SimulatedLabel("L3", "tea", "epd-2.13-bwr", "A3")
SOON = Patience(answer=5, silence=30, first_wait=0.02, longest_wait=0.1)


async def token() -> str:
    return "t0k3n"


@asynccontextmanager
async def gateway_on(
    graph: PriceGraph, labels: Sequence[SimulatedLabel] = (OIL, OIL_BIG, TEA), patience: Patience = SOON
) -> AsyncIterator[SimulatedGateway]:
    gateway = SimulatedGateway(
        "G1", "wellcome", labels, url=graph.url, token=token, patience=patience, chance=random.Random(1)
    )
    running = asyncio.create_task(gateway.run())
    try:
        yield gateway
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def until(true: Callable[[], bool], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is awaited has no event of its own
            await asyncio.sleep(0.005)


def shows(gateway: SimulatedGateway, label: str) -> int | None:
    face = gateway.shown(label)
    return face.fields.amount.minor_units if face and face.fields.amount else None


@pytest.fixture
async def graph() -> AsyncIterator[PriceGraph]:
    async with price_graph(PriceGraph(prices={"oil": price(12990, 100), "tea": price(2050, 100)})) as graph:
        yield graph


async def test_a_snapshot_gives_every_label_its_face(graph: PriceGraph) -> None:
    async with gateway_on(graph) as gateway:
        await until(lambda: gateway.redraw_count == 3 and bool(graph.answers))
        assert gateway.state is StreamState.LIVE
        for label in (OIL, OIL_BIG, TEA):
            face, model = gateway.shown(label.code), LABEL_MODELS[label.model]
            assert face is not None
            assert Image.open(io.BytesIO(face.png)).size == (model.width, model.height)
            assert (face.template, face.price_version, face.redraws) == (FaceTemplate.REGULAR, 100, 1)
            assert face.fields.name_zh == "初榨橄欖油 1公升"
            assert face.fields.unit_price is not None
    assert graph.greetings == [{"authorization": "Bearer t0k3n"}]
    assert graph.asked == [{"context": {"channel": "pos", "store": "wellcome"}, "skus": ["oil", "tea"]}]
    assert gateway.state is StreamState.STOPPED


async def test_a_change_redraws_the_labels_of_its_sku_and_no_other(graph: PriceGraph) -> None:
    async with gateway_on(graph) as gateway:
        await until(lambda: gateway.redraw_count == 3 and bool(graph.answers))
        tea, oil = gateway.shown("L3"), gateway.shown("L1")
        heard: list[Redraw] = []
        gateway.listen(heard.append)
        await graph.change("oil", price(9990, 200, was=12990))
        await until(lambda: gateway.redraw_count == 5)
        face = gateway.shown("L1")
        assert face is not None
        assert oil is not None
        assert (face.template, face.price_version, face.redraws) == (FaceTemplate.PROMOTION, 200, 2)
        assert face.png != oil.png
        assert gateway.shown("L3") is tea
    assert [(r.label, r.kind, r.cause, r.store) for r in heard] == [
        ("L1", LiveKind.CHANGE, "test", "wellcome"),
        ("L2", LiveKind.CHANGE, "test", "wellcome"),
    ]
    assert all(r.ink_ms is not None and 0 <= r.ink_ms < 5000 for r in heard)


async def test_after_a_cut_only_what_was_missed_is_drawn(graph: PriceGraph) -> None:
    async with gateway_on(graph) as gateway:
        await until(lambda: gateway.redraw_count == 3 and bool(graph.answers))
        await graph.change("tea", price(2100, 150))
        await until(lambda: shows(gateway, "L3") == 2100)
        await graph.cut()
        await graph.change("oil", price(9990, 200))
        await until(lambda: shows(gateway, "L1") == shows(gateway, "L2") == 9990)
        assert gateway.redraw_count == 6
        assert [asked.get("after") for asked in graph.asked] == [None, graph.cursor(1)]


async def test_a_bookmark_moves_the_place_to_resume_from(graph: PriceGraph) -> None:
    async with gateway_on(graph) as gateway:
        await until(lambda: bool(graph.answers))
        await graph.change("elsewhere", price(1, 1))
        await graph.tell(graph.event("BOOKMARK", graph.cursor()))
        await graph.change("tea", price(2100, 150))
        await until(lambda: shows(gateway, "L3") == 2100)
        await graph.tell(graph.event("BOOKMARK", graph.cursor(1_000)))
        await asyncio.sleep(0.05)
        await graph.cut()
        await until(lambda: len(graph.asked) == 2)
        assert graph.asked[1]["after"] == graph.cursor(1_000)


async def test_a_cut_within_the_snapshot_is_not_resumed_from(graph: PriceGraph) -> None:
    async def half(socket: object, name: str, variables: dict[str, object]) -> None:
        graph.asked.append({"half": True})
        await send_next(socket, name, graph.event("SNAPSHOT", graph.cursor(7), "oil"))
        await asyncio.sleep(0.05)
        socket.transport.abort()

    whole, graph._open = graph._open, half
    async with gateway_on(graph) as gateway:
        await until(lambda: {"half": True} in graph.asked)
        graph._open = whole
        await until(lambda: shows(gateway, "L3") == 2050)
    assert all("after" not in asked for asked in graph.asked)


async def test_an_older_version_is_ignored_and_an_equal_one_costs_no_redraw(graph: PriceGraph) -> None:
    async with gateway_on(graph) as gateway:
        await until(lambda: gateway.redraw_count == 3 and bool(graph.answers))
        await graph.change("oil", price(1, 99))
        await graph.change("oil", price(12990, 100))
        await graph.change("oil", price(12990, 101))
        await graph.change("tea", price(2100, 101))
        await until(lambda: shows(gateway, "L3") == 2100)
        face = gateway.shown("L1")
        assert face is not None
        assert (shows(gateway, "L1"), face.redraws, face.price_version) == (12990, 1, 101)
        assert gateway.ignored_count == 1


async def test_a_resync_is_believed_even_where_it_is_older(graph: PriceGraph) -> None:
    async with gateway_on(graph) as gateway:
        await until(lambda: gateway.redraw_count == 3 and bool(graph.answers))
        await graph.change("tea", price(2100, 150))
        await until(lambda: shows(gateway, "L3") == 2100)
        graph.forgotten = 5
        graph.prices["oil"] = price(11110, 50)
        await graph.cut()
        await until(lambda: shows(gateway, "L1") == 11110)
        assert graph.asked[-1]["after"] == graph.cursor(1)
        await graph.cut()
        await until(lambda: len(graph.asked) == 3)


async def test_a_sku_without_a_price_shows_that_it_is_not_sold_here(graph: PriceGraph) -> None:
    async with gateway_on(graph) as gateway:
        await until(lambda: gateway.redraw_count == 3 and bool(graph.answers))
        await graph.change("tea", None)
        await until(lambda: shows(gateway, "L3") is None)
        face = gateway.shown("L3")
        assert face is not None
        assert (face.template, face.price_version) == (FaceTemplate.NOT_FOR_SALE, None)
        await graph.change("tea", price(2050, 99))
        await graph.change("tea", price(2200, 160))
        await until(lambda: shows(gateway, "L3") == 2200)


async def test_the_last_of_many_changes_is_what_stays(graph: PriceGraph) -> None:
    async with gateway_on(graph) as gateway:
        await until(lambda: gateway.redraw_count == 3 and bool(graph.answers))
        drawn: list[int | None] = []
        gateway.listen(lambda r: drawn.append(r.face.price_version) if r.label == "L1" else None)
        for number in range(200):
            await graph.change("oil", price(1000 + number, 1000 + number))
        await until(lambda: shows(gateway, "L1") == shows(gateway, "L2") == 1199)
        assert drawn == sorted(drawn, key=lambda version: version or 0)
        assert gateway.ignored_count == 0


async def test_many_skus_are_asked_for_in_parts_of_500() -> None:
    labels = [SimulatedLabel(f"L{n}", f"s{n:04}", "epd-2.13-bwr") for n in range(501)]
    names = {label.sku: variant(label.sku, zh="茶") for label in labels}
    async with (
        price_graph(PriceGraph({label.sku: price(100, 1) for label in labels}, names)) as graph,
        gateway_on(graph, labels) as gateway,
    ):
        await until(lambda: gateway.redraw_count == 501, seconds=30)
        assert sorted(len(asked["skus"]) for asked in graph.asked) == [1, 500]
        await graph.change("s0500", price(101, 2))
        await until(lambda: shows(gateway, "L500") == 101)


@pytest.mark.parametrize(
    "trouble",
    [{"silent_after_ack": True}, {"refusal": [{"message": "no", "extensions": {"code": "FORBIDDEN"}}]}],
)
async def test_a_server_that_does_not_answer_is_called_again(
    graph: PriceGraph, trouble: dict[str, object]
) -> None:
    vars(graph).update(trouble)
    patience = Patience(answer=1, silence=0.2, first_wait=0.01, longest_wait=0.02)
    async with gateway_on(graph, patience=patience) as gateway:
        await until(lambda: len(graph.greetings) >= 3)
        assert gateway.redraw_count == 0
        assert gateway.state is not StreamState.LIVE
        graph.silent_after_ack, graph.refusal = False, None
        await until(lambda: gateway.redraw_count == 3 and bool(graph.answers))


async def test_a_gateway_that_starts_before_the_server_waits_for_it() -> None:
    graph = PriceGraph({"oil": price(12990, 100), "tea": price(2050, 100)})
    async with price_graph(graph):
        pass
    async with gateway_on(graph) as gateway:
        await until(lambda: gateway.state is StreamState.WAITING)
        async with price_graph(graph):
            await until(lambda: gateway.redraw_count == 3 and bool(graph.answers))


@pytest.mark.parametrize(
    ("failures", "low", "high"),
    [(1, 0.125, 0.25), (2, 0.25, 0.5), (3, 0.5, 1), (7, 7.5, 15), (5000, 7.5, 15)],
)
def test_waits_double_up_to_their_bound(failures: int, low: float, high: float) -> None:
    waits = [Patience().wait(failures, random.Random(seed)) for seed in range(200)]
    assert low <= min(waits) < low * 1.1
    assert high * 0.95 < max(waits) <= high


async def test_redraws_can_be_followed(graph: PriceGraph) -> None:
    async with gateway_on(graph, [TEA]) as gateway:
        redraws = gateway.redraws()
        first = await asyncio.wait_for(anext(redraws), 5)
        await graph.change("tea", price(2100, 150))
        second = await asyncio.wait_for(anext(redraws), 5)
        await redraws.aclose()
        assert (first.kind, first.ink_ms) == (LiveKind.SNAPSHOT, None)
        assert (second.kind, second.face.redraws) == (LiveKind.CHANGE, 2)
        assert gateway._listeners == set()


@pytest.mark.parametrize(
    ("labels", "fault"),
    [([OIL, OIL], ValueError), ([SimulatedLabel("L9", "oil", "epd-13.3")], KeyError)],
)
def test_a_shelf_that_can_not_be_is_refused(labels: list[SimulatedLabel], fault: type[Exception]) -> None:
    with pytest.raises(fault):
        SimulatedGateway("G1", "wellcome", labels, url="ws://127.0.0.1:9", token=token)
