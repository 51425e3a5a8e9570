"""What became of everything that was committed: counted for those who are promised all, and for screens."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import asyncpg
import httpx

from domain.news import Cursor
from tests.live.listening import MARKERS, Heard, Listener
from tests.soak.audience import Subscriber
from tests.soak.shop import SKUS

NOTHING = "none"
"""What a screen shows of a sku that is not for sale where it looks."""

_STATE = """query State($skus: [String!]!, $context: SalesContext!) {
  variants(skus: $skus) {
    sku price(context: $context) { amount { amount } } availability(context: $context) { available } } }"""


@dataclass
class Verdict:
    """Counts over all who listened; lost and reordered have to be 0."""

    committed: int = 0
    delivered: int = 0
    duplicated: int = 0
    lost: int = 0
    reordered: int = 0
    losses: list[str] = field(default_factory=list)

    def hear(self, listener: Listener, committed: list[Heard]) -> None:
        """Counts a listener in, who is promised every piece of news."""
        lines = listener.lines()
        heard = listener.happenings()
        self.delivered += len(heard)
        self.duplicated += len(heard) - len(set(heard))
        self.lost += len(set(committed) - set(heard)) + sum(line.topic == "resync" for line in lines)
        self.reordered += sum(
            one.cursor > other.cursor or (one.cursor == other.cursor and other.topic not in MARKERS)
            for one, other in pairwise(lines)
        )
        # Something that was never committed is out of order, too.
        self.reordered += len(set(heard) - set(committed))

    def look(self, subscriber: Subscriber, truth: dict[str, str], changed: set[str]) -> None:
        """Counts a subscriber in, whose screen is promised the committed state at the end."""
        self.delivered += subscriber.counts["CHANGE"]
        self.duplicated += subscriber.counts["twice"]
        lost = missing(subscriber, truth, changed)
        self.lost += len(lost)
        self.losses += [
            f"{subscriber.watch.field} {subscriber.watch.context} shows {subscriber.state.get(sku)} "
            f"for {sku}, not {truth[sku]}; its cursor is {subscriber.cursor}"
            for sku in lost[:5]
        ]
        self.reordered += len(subscriber.wrongs)


def missing(subscriber: Subscriber, truth: dict[str, str], changed: set[str]) -> list[str]:
    """The skus whose committed state a screen does not show; unasked it shows only what changed."""
    expected = changed if subscriber.watch.skus is None else subscriber.watch.skus
    return [sku for sku in expected if subscriber.state.get(sku, NOTHING) != truth[sku]]


async def committed_news(db: asyncpg.Connection, after: int) -> list[Heard]:
    """Everything that has its position, in its order."""
    rows = await db.fetch(
        "SELECT position, topic, sku FROM outbox WHERE position > $1 ORDER BY position", after
    )
    return [Heard(Cursor(1, row["position"]), row["topic"], row["sku"] or "-") for row in rows]


async def committed_state(address: str, token: str, context: dict[str, str], field: str) -> dict[str, str]:
    """What every sku costs, or how many there are, as a server answers."""
    async with httpx.AsyncClient(timeout=30) as client:
        answer = await client.post(
            f"{address}/graphql",
            json={"query": _STATE, "variables": {"skus": SKUS, "context": context}},
            headers={"Authorization": f"Bearer {token}"},
        )
    told = answer.json()
    assert "errors" not in told, told
    state = {}
    for variant in told["data"]["variants"]:
        if field == "stockChanged":
            state[variant["sku"]] = str(variant["availability"]["available"])
        else:
            state[variant["sku"]] = variant["price"]["amount"]["amount"] if variant["price"] else NOTHING
    return state
