"""A client that stops reading costs a bounded amount, delays nobody, and goes on when it reads again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
import strawberry

from domain.news import LiveKind
from graph.door import Limits
from graph.door.door import Door
from graph.door.server import WebSocketProtocol
from resolvers.live_stream import LiveStream, What
from tests.door.schema import Context, Opening
from tests.door.schema import Shop as Behind
from tests.door.serving import Speaker, serve_door, until
from tests.live.test_sharing import Trade

MOST_BYTES = 65_536
_PADDING = "." * 8_000
_LONG = {"socket_send_seconds": 60.0}


class Anybody(Context):
    """A caller like every other."""

    view = "everybody"

    def for_everyone(self) -> Anybody:
        return self

    def for_event(self) -> Anybody:
        return self


class Letting(Opening):
    """Lets anybody in."""

    async def __call__(self, caller: Any) -> Anybody:
        return Anybody(caller, self.shop)


@strawberry.type
class Big:
    """An event that fills buffers."""

    kind: str
    sku: str | None
    value: int
    position: int
    padding: str = _PADDING


def schema_of(trade: Trade) -> Any:
    def event(what: What) -> Big:
        value = trade.values.get(what.sku or "", -1)
        return Big(kind=what.kind, sku=what.sku, value=value, position=what.cursor.position)

    @strawberry.type
    class Query:
        one: int = 1

    @strawberry.type
    class Subscription:
        @strawberry.subscription
        async def big(self) -> AsyncGenerator[Big, None]:
            one = trade.stream()
            stream: Any = LiveStream(one.hub, one.clock, one.topic, one.wants, one.skus, None, event)
            return stream

    return strawberry.Schema(query=Query, subscription=Subscription)._schema


@asynccontextmanager
async def trading(skus: tuple[str, ...] | None, **limits: Any) -> AsyncIterator[tuple[Trade, Any]]:
    trade = Trade(skus=skus)
    behind = Behind()
    bounds = Limits(**(_LONG | limits))
    door = Door(schema_of(trade), Letting(behind), limits=bounds)
    async with serve_door(door, behind, bounds) as running:
        yield trade, running


async def event(speaker: Speaker) -> dict[str, Any]:
    message: Any = await speaker.hear()
    found: dict[str, Any] = message["payload"]["data"]["big"]
    return found


async def opened(speaker: Speaker, events: int) -> None:
    await speaker.init()
    await speaker.ask("subscription { big { kind sku value position padding } }")
    for _ in range(events):
        await event(speaker)


def protocols(running: Any) -> list[WebSocketProtocol]:
    return [one for one in running.server.server_state.connections if isinstance(one, WebSocketProtocol)]


async def rush(trade: Trade, count: int) -> None:
    for number in range(count):
        sku = "abcdefgh"[number % 8]
        trade.values[sku] += 1
        await trade.tell(sku)
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("skus", [tuple("abcdefgh"), None], ids=["with a snapshot", "every sku"])
async def test_a_stopped_reader_is_bounded_delays_nobody_and_goes_on(skus: tuple[str, ...] | None) -> None:
    async with trading(skus) as (trade, running), running.speak() as stopped, running.speak() as brisk:
        await opened(stopped, 1 + len(skus or ()))
        await opened(brisk, 1 + len(skus or ()))
        stopped.connection.transport.pause_reading()
        heard: list[int] = []

        async def listen() -> None:
            while True:
                heard.append((await event(brisk))["position"])

        listening = asyncio.create_task(listen())
        while all(one.has_room for one in protocols(running)):
            await rush(trade, 50)
        await rush(trade, 200)
        waiting = [
            one.transport.get_write_buffer_size()
            + sum(
                listener._waiting_bytes
                for socket in running.door._connections._open
                for listener in socket._operations._heard.values()
                if listener._frames is one
            )
            for one in protocols(running)
        ]
        assert max(waiting) <= MOST_BYTES
        await until(lambda: heard and heard[-1] == trade.hub.cursor.position)
        assert heard == sorted(set(heard)), "in order, and nothing twice"
        listening.cancel()

        stopped.connection.transport.resume_reading()
        values: dict[str, int] = {}
        kinds: Counter[str] = Counter()
        position = 0
        while values != trade.values:
            one = await event(stopped)
            kinds[one["kind"]] += 1
            assert one["position"] >= position
            position = one["position"]
            if one["sku"]:
                assert one["value"] >= values.get(one["sku"], 0)
                values[one["sku"]] = one["value"]
        assert kinds[LiveKind.RESYNC] == (1 if skus else 0)


async def test_who_reads_nothing_for_too_long_is_closed_and_can_come_back() -> None:
    async with trading(None, socket_send_seconds=0.3) as (trade, running), running.speak() as stopped:
        await opened(stopped, 1)
        stopped.connection.transport.pause_reading()
        while running.door.connections:
            await rush(trade, 100)
        stopped.connection.transport.resume_reading()
        assert await stopped.closed() == (1013, "Too slow")


async def test_two_operations_of_one_socket_are_told_apart() -> None:
    async with trading(("a",)) as (trade, running), running.speak() as speaker:
        await speaker.init()
        for id_ in ("1", "a-longer-id-of-a-uuid's-kind"):
            await speaker.ask("subscription { big { kind sku } }", id_)
            for _ in range(2):
                assert (await speaker.hear())["id"] == id_
        await trade.tell("a")
        messages = [await speaker.hear() for _ in range(2)]
        assert sorted(str(each["id"]) for each in messages) == ["1", "a-longer-id-of-a-uuid's-kind"]
        await speaker.say(type="complete", id="1")
        await speaker.say(type="ping")
        assert await speaker.hear() == {"type": "pong"}
        await trade.tell("a")
        assert (await speaker.hear())["id"] == "a-longer-id-of-a-uuid's-kind"
        await speaker.say(type="subscribe", id="a-longer-id-of-a-uuid's-kind", payload={"query": "{ one }"})
        assert (await speaker.closed())[0] == 4409


async def test_the_end_of_the_house_completes_what_is_heard() -> None:
    async with trading(("a",)) as (trade, running), running.speak() as speaker:
        await opened(speaker, 2)
        for subscription in tuple(trade.hub._subscriptions):
            subscription.end()
        assert orjson.dumps(await speaker.hear()) == b'{"id":"1","type":"complete"}'
