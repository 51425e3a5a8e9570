"""`make soak minutes=2 seed=7`: kills at random while writers commit, and counts what became of the news."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress

from rich.console import Console

from tests.live.conftest import until
from tests.live.listening import Heard
from tests.soak.audience import Client, Journal, Screen, Watch
from tests.soak.house import Victims, victims
from tests.soak.shop import SKUS, STORES, Writers
from tests.soak.verdict import (
    Verdict,
    committed_news,
    committed_state,
    committed_story,
    missing,
    unread,
)

_WRITERS = 4
_SETTLE_SECONDS = 60
_AT = {"channel": "pos", "store": STORES[0]}
_ONLINE = {"channel": "app"}
_WATCHES = (
    Watch("priceChanged", _AT, SKUS),
    Watch("priceChanged", _AT, SKUS[:3]),
    Watch("priceChanged", _ONLINE, None),
    Watch("stockChanged", _AT, SKUS),
    Watch("stockChanged", _ONLINE, SKUS[5:9]),
    Watch("stockChanged", _ONLINE, None),
)
_EACH = 4
_ORDERS = 4


def main() -> int:
    """0 when nothing was lost and nothing came out of order."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="how long the kills go on")
    parser.add_argument("--seed", type=int, default=None, help="repeats the choices of an earlier run")
    parser.add_argument("--redis", choices=["with", "without"], default="with")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if asked.seed is None else asked.seed
    return asyncio.run(_soak(asked.minutes, seed, with_redis=asked.redis == "with"))


async def _soak(minutes: float, seed: int, *, with_redis: bool) -> int:
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"seed {seed}, {minutes:g} minutes, {'with' if with_redis else 'without'} Redis")
    async with victims(seed, with_redis=with_redis) as house:
        begun = int(await house.db.fetchval("SELECT head FROM stream"))
        writers = Writers(house.addresses, house.token, seed)
        await writers.order_some(_ORDERS)
        screens = [
            Screen(house.addresses, house.token, random.Random(f"{seed} {number} {watch}"), watch=watch)
            for watch in _WATCHES
            for number in range(_EACH)
        ]
        journals = [
            Journal(house.addresses, house.token, random.Random(f"{seed} {number} {watched}"), **watched)
            for watched in (
                *({"store": store} for store in STORES),
                *({"order": asked.order} for asked in writers.watched),
            )
            for number in range(_EACH)
        ]
        audience: list[Client] = [*screens, *journals]
        watching = [asyncio.create_task(client.watch_on()) for client in audience]
        await until(lambda: all(client.cursor for client in audience), seconds=60)
        writing = [asyncio.create_task(writers.write_on(number)) for number in range(_WRITERS)]
        await house.suffer(asyncio.get_running_loop().time() + 60 * minutes)
        writers.ending.set()
        await asyncio.gather(*writing)
        good = await _judge(console, house, writers, screens, journals, begun)
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
    return 0 if good else 1


async def _judge(
    console: Console,
    house: Victims,
    writers: Writers,
    screens: list[Screen],
    journals: list[Journal],
    begun: int,
) -> bool:
    committed = await _settled(house, begun)
    changed = {
        field: {news.sku for news in committed if news.topic == topic and news.sku in SKUS}
        for field, topic in (("priceChanged", "price"), ("stockChanged", "stock"))
    }
    truths = [
        await committed_state(house.addresses[0], house.token, screen.watch.context, screen.watch.field)
        for screen in screens[::_EACH]
        for _ in range(_EACH)
    ]
    stories = [await committed_story(house.db, journal) for journal in journals]

    def all_told() -> bool:
        return (
            all(one.reached >= begun + len(committed) for one in house.listeners)
            and not any(
                missing(screen, truth, changed[screen.watch.field])
                for screen, truth in zip(screens, truths, strict=True)
            )
            and not any(unread(journal, story) for journal, story in zip(journals, stories, strict=True))
        )

    with suppress(TimeoutError):
        await until(all_told, seconds=_SETTLE_SECONDS)
    everything, values = Verdict(len(committed)), Verdict(len(committed))
    events = Verdict(sum(map(len, stories)))
    for listener in house.listeners:
        everything.hear(listener, committed)
    for screen, truth in zip(screens, truths, strict=True):
        values.look(screen, truth, changed[screen.watch.field])
    for journal, story in zip(journals, stories, strict=True):
        events.read(journal, story)
    verdicts = {
        f"every piece of news, {len(house.listeners)} listeners": everything,
        f"last values, {len(screens)} subscribers": values,
        f"every event of an order or a queue, {len(journals)} subscribers": events,
    }
    _show(console, house, writers, [*screens, *journals], verdicts)
    return not any(verdict.lost or verdict.reordered for verdict in verdicts.values())


async def _settled(house: Victims, begun: int) -> list[Heard]:
    async def all_placed() -> bool:
        return not await house.db.fetchval("SELECT count(*) FROM outbox WHERE position IS NULL")

    await until(all_placed, seconds=_SETTLE_SECONDS)
    return await committed_news(house.db, begun)


def _show(
    console: Console,
    house: Victims,
    writers: Writers,
    audience: Sequence[Client],
    verdicts: Mapping[str, Verdict],
) -> None:
    deaths = ", ".join(f"{count} {kind}" for kind, count in sorted(house.deaths.items()))
    console.print(f"killed: {deaths}; longest hand-over of the relay {house.longest_handover:.2f} s")
    console.print(f"writes: {writers.committed} answered, asked {writers.asked} times")
    for name, verdict in verdicts.items():
        console.print(
            f"{name}: committed {verdict.committed}, delivered {verdict.delivered}, "
            f"duplicated {verdict.duplicated}, lost {verdict.lost}, reordered {verdict.reordered}"
        )
    for client in audience:
        for wrong in client.wrongs[:5]:
            console.print(f"  {client}: {wrong}")
    for verdict in verdicts.values():
        for wrong in verdict.losses:
            console.print(f"  {wrong}")
    total: Counter[str] = sum((client.counts for client in audience), Counter())
    console.print("subscribers: " + ", ".join(f"{count} {kind}" for kind, count in sorted(total.items())))


if __name__ == "__main__":
    sys.exit(main())
