"""Subscribers who ask for the same share one reading, without a hole or a contradiction for any of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, NoReturn

import pytest

from domain.channels import ChannelKind
from domain.news import Cursor, LiveKind, News, Topic
from graph.live.listener import MOST_WAITING_BYTES, Notice, Reader
from graph.live.operations import LiveOperations
from graph.live.shared import SharedOperation
from persistence.database import connect, unavailable
from persistence.news import outbox
from persistence.news.hub import Hub
from persistence.news.outbox import OutboxRow
from resolvers.live_stream import LiveStream, What
from tests.door.serving import Speaker
from tests.live.test_graph import AT_CENTRAL, PRICES, heard, listen, set_price
from tests.makers import make_channel, make_product, make_store
from tests.shop import Shop, socket_to

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Trade:
    """A hub that news is handed to by the test, the values news is about, and a stream that reads them.

    A reading takes several turns of the event loop, and sees the values in the middle of them.
    """

    def __init__(self, *, skus: Sequence[str] | None = ("a", "b"), turns: int = 3, size: int = 0) -> None:
        self.hub = Hub("postgresql://nowhere")
        self.hub._cursor = Cursor(1, 0)
        self.hub._recent.begin(Cursor(1, 0))
        self.hub._ready.set()
        self.values = dict.fromkeys("abcdefgh", 0)
        self.turns = turns
        self.size = size
        self.readings = 0
        self.skus = skus
        self.shared = SharedOperation(self.stream(), self.read, lambda: None)

    def stream(self) -> LiveStream[What]:
        return LiveStream(
            self.hub, lambda: NOON, Topic.PRICE, lambda _: True, self.skus, None, lambda what: what
        )

    async def read(self, events: Sequence[Any]) -> list[bytes]:
        self.readings += 1
        for _ in range(self.turns):
            await asyncio.sleep(0)
        seen = dict(self.values)
        for _ in range(self.turns):
            await asyncio.sleep(0)
        return [
            f"{what.kind} {what.cursor.position} {what.sku} {seen.get(what.sku, -1)} ".encode()
            + b"." * self.size
            for what in events
        ]

    async def tell(self, *skus: str) -> None:
        position = self.hub.cursor.position
        rows = [
            OutboxRow(position + n, position + n, "price", sku, None, None, "pricesSet", NOON)
            for n, sku in enumerate(skus, 1)
        ]
        await self.hub._hand_on(rows)


class Hearing:
    """What one listener heard, checked as it comes."""

    def __init__(self) -> None:
        self.reader = Reader()
        self.kinds: list[LiveKind] = []
        self.values: dict[str, int] = {}
        self.cursor = -1

    async def listen(self) -> None:
        async for notice in self.reader:
            kind, position, sku, value, _ = notice.payload.decode().split(" ")
            self.kinds.append(LiveKind(kind))
            if kind == LiveKind.CHANGE:
                assert int(position) > self.cursor, "cursors rise strictly"
            self.cursor = int(position)
            if sku != "None":
                assert int(value) >= self.values.get(sku, 0), "nobody is taken back in time"
                self.values[sku] = int(value)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("late", [0, 1, 5])
@pytest.mark.parametrize("after", [None, 0, 1])
async def test_a_commit_at_any_point_of_a_subscribe_is_neither_missed_nor_contradicted(
    late: int, after: int | None
) -> None:
    """A commit can be read at once; its news comes so many turns of the loop later."""
    for point in range(40):
        trade = Trade()
        trade.values["a"] = 1
        await trade.tell("a")
        hearings = [Hearing(), Hearing(), Hearing()]

        async def commits(trade: Trade = trade, point: int = point) -> None:
            for at, sku in ((point, "a"), (7, "b"), (4, "a")):
                await turns(at)
                trade.values[sku] += 1
                await turns(late)
                await trade.tell(sku)

        listening = [asyncio.create_task(each.listen()) for each in hearings]
        committing = asyncio.create_task(commits())
        for hearing in hearings:
            trade.shared.join(hearing.reader, None if after is None else Cursor(1, after))
            await turns(5)
        await committing
        await turns(60)
        for hearing, task in zip(hearings, listening, strict=True):
            assert not task.done() or task.exception() is None, (point, task.exception())
            assert LiveKind.BOOKMARK in hearing.kinds
            assert hearing.values.get("a", 1) == trade.values["a"], (point, hearing.kinds)
            assert hearing.values.get("b", 0) == trade.values["b"], (point, hearing.kinds)
            assert hearing.cursor == trade.hub.cursor.position
        for task in listening:
            task.cancel()
        trade.shared.close()
        await turns(3)


async def test_who_joins_together_shares_one_snapshot_and_every_change() -> None:
    trade = Trade()
    hearings = [Hearing() for _ in range(20)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each.listen()) for each in hearings]
        for hearing in hearings:
            trade.shared.join(hearing.reader, None)
        await turns(20)
        await trade.tell("a")
        await turns(20)
        for task in tasks:
            task.cancel()
    assert trade.readings == 2
    kinds = [LiveKind.SNAPSHOT, LiveKind.SNAPSHOT, LiveKind.BOOKMARK, LiveKind.CHANGE]
    assert [each.kinds for each in hearings] == [kinds] * 20


async def heard_by(reader: Reader, count: int) -> list[str]:
    async with asyncio.timeout(5):
        return [(await anext(reader)).payload.decode().split(" ")[0] for _ in range(count)]


async def test_who_does_not_read_keeps_the_last_of_each_sku_and_delays_nobody() -> None:
    trade = Trade(skus=None)
    idle, brisk = Reader(), Hearing()
    listening = asyncio.create_task(brisk.listen())
    for reader in (idle, brisk.reader):
        trade.shared.join(reader, None)
    await turns(20)
    for sku in "abaab":
        trade.values[sku] += 1
        await trade.tell(sku)
        await turns(20)
    assert brisk.kinds.count(LiveKind.CHANGE) == 5
    assert await heard_by(idle, 3) == ["BOOKMARK", "CHANGE", "CHANGE"]
    listening.cancel()


@pytest.mark.parametrize(
    ("skus", "then"),
    [
        pytest.param(tuple("abcdefgh"), ["RESYNC", *["SNAPSHOT"] * 8, "BOOKMARK"], id="it begins anew"),
        pytest.param(None, ["CHANGE"] * 5, id="it fetches the rest"),
    ],
)
async def test_who_falls_too_far_behind_goes_on_without_a_hole(
    skus: tuple[str, ...] | None, then: list[str]
) -> None:
    trade = Trade(skus=skus, size=MOST_WAITING_BYTES // 4)
    reader = Reader()
    trade.shared.join(reader, None)
    await turns(20)
    await heard_by(reader, 1 + len(skus or ()))
    for sku in "abcdefgh":
        await trade.tell(sku)
        await turns(20)
    assert reader._waiting_bytes <= MOST_WAITING_BYTES
    assert await heard_by(reader, 3) == ["CHANGE"] * 3
    assert await heard_by(reader, len(then)) == then


def test_one_notice_always_fits() -> None:
    reader = Reader()
    reader.put(Notice(Cursor(1, 1), "a", b"x" * 2 * MOST_WAITING_BYTES))
    assert reader.next() is not None


async def test_silence_is_told_by_one_reading_for_all() -> None:
    trade = Trade()
    operations = LiveOperations(idle_seconds=0.1)
    readers = [Reader(), Reader()]
    for reader in readers:
        operations.join("same", trade.stream(), trade.read, reader)
    for reader in readers:
        assert await heard_by(reader, 4) == ["SNAPSHOT", "SNAPSHOT", "BOOKMARK", "BOOKMARK"]
    assert trade.readings == 2
    for reader in readers:
        reader.leave()
    assert len(operations) == 0


# ------------------------------------------------------------------ through the graph


@pytest.fixture(scope="module")
async def skus(shop: Shop) -> Any:
    async with shop.database() as db:
        await make_channel(db, "app")
        await make_channel(db, "pos", kind=ChannelKind.POS)
        await make_store(db, "central", till_channel="pos")
        more = [(await make_product(db)).skus[0] for _ in range(10)]
    return iter(more)


async def opened(stack: AsyncExitStack, shop: Shop, sku: str, **who: Any) -> Speaker:
    speaker = await stack.enter_async_context(socket_to(shop, **who))
    await listen(speaker, PRICES, context=AT_CENTRAL, skus=[sku])
    for kind in ("SNAPSHOT", "BOOKMARK"):
        assert (await heard(speaker, "priceChanged"))["kind"] == kind
    return speaker


async def statements_for_a_change(shop: Shop, sku: str, speakers: list[Speaker]) -> int:
    async with shop.watched() as statements:
        await set_price(shop, sku, "9.00")
        for speaker in speakers:
            assert (await heard(speaker, "priceChanged"))["price"]["amount"] == {"amount": "9.00"}
    return len(statements)


async def test_ten_subscribers_cost_the_statements_of_one(shop: Shop, skus: Any) -> None:
    alone, together = next(skus), next(skus)
    async with AsyncExitStack() as stack:
        one = await opened(stack, shop, alone)
        ten = [await opened(stack, shop, together) for _ in range(10)]
        statements = {}
        for _ in range(2):  # the first time more is read, and remembered
            for sku, speakers in ((alone, [one]), (together, ten)):
                statements[sku] = await statements_for_a_change(shop, sku, speakers)
        assert statements[together] == statements[alone]


async def test_who_may_see_more_is_told_for_itself(shop: Shop, skus: Any) -> None:
    """A member's own price goes to members of the tier and to nobody else who asks in the same words."""
    sku = next(skus)
    async with AsyncExitStack() as stack:
        visitor = await opened(stack, shop, sku)
        member = await opened(stack, shop, sku, token=shop.token("member", tier="gold"))
        await set_price(shop, sku, "20.00")
        for speaker in (visitor, member):
            assert (await heard(speaker, "priceChanged"))["price"]["amount"] == {"amount": "20.00"}
        await set_price(shop, sku, "15.00", kind="MEMBER", tier="gold")
        amounts = [(await heard(each, "priceChanged"))["price"]["amount"] for each in (visitor, member)]
    assert amounts == [{"amount": "20.00"}, {"amount": "15.00"}]


async def test_a_change_that_cannot_be_read_is_told_once_the_database_is_back(
    shop: Shop, skus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku = next(skus)
    asked = asyncio.Event()

    def away() -> NoReturn:
        asked.set()
        raise unavailable()

    async with AsyncExitStack() as stack:
        speaker = await opened(stack, shop, sku)
        with monkeypatch.context() as outage:
            outage.setattr(shop.house.database, "connection", away)
            db = await connect(shop.dsn)
            await outbox.write(db, [News(Topic.PRICE, "pricesSet", sku=sku)])
            await db.close()
            async with asyncio.timeout(10):
                await asked.wait()
            # It is tried again, and nobody hears of it.
            asked.clear()
            async with asyncio.timeout(10):
                await asked.wait()
        change = await heard(speaker, "priceChanged")
    assert (change["kind"], change["sku"], change["variant"]) == ("CHANGE", sku, {"sku": sku})


async def test_who_joins_where_it_left_off_is_told_what_it_missed_and_then_what_all_are(
    shop: Shop, skus: Any
) -> None:
    sku = next(skus)
    before = await set_price(shop, sku, "1.00")
    missed = await set_price(shop, sku, "2.00")
    async with AsyncExitStack() as stack:
        first = await opened(stack, shop, sku)
        back = await stack.enter_async_context(socket_to(shop))
        await listen(back, PRICES, context=AT_CENTRAL, skus=[sku], after=before)
        change, bookmark = [await heard(back, "priceChanged") for _ in range(2)]
        assert (change["kind"], change["cursor"]) == ("CHANGE", missed)
        assert bookmark["kind"] == "BOOKMARK"
        await set_price(shop, sku, "3.00")
        assert await heard(first, "priceChanged") == await heard(back, "priceChanged")


async def test_no_cursor_is_refused_also_when_others_listen(shop: Shop, skus: Any) -> None:
    sku = next(skus)
    async with AsyncExitStack() as stack:
        await opened(stack, shop, sku)
        wrong = await stack.enter_async_context(socket_to(shop))
        for id_, after in (("1", "yesterday"), ("2", 7)):
            await listen(wrong, PRICES, id_, context=AT_CENTRAL, skus=[sku], after=after)
            message: Any = await wrong.hear()
            payload = message["payload"]
            errors = payload if message["type"] == "error" else payload["errors"]
            assert errors[0]["extensions"]["code"] == "BAD_USER_INPUT"
