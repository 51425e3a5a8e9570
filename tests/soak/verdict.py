"""What became of everything that was committed: counted for those who are promised all, and for screens."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise, zip_longest

import asyncpg
import httpx

from domain.news import Cursor
from resolvers.orders.order import order_key
from tests.live.listening import MARKERS, Heard, Listener
from tests.soak.audience import Journal, Screen
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

    def look(self, screen: Screen, truth: dict[str, str], changed: set[str]) -> None:
        """Counts a screen in, that is promised the committed state at the end."""
        self.delivered += screen.counts["CHANGE"]
        self.duplicated += screen.counts["twice"]
        lost = missing(screen, truth, changed)
        self.lost += len(lost)
        self.losses += [
            f"{screen.watch.field} {screen.watch.context} shows {screen.state.get(sku)} "
            f"for {sku}, not {truth[sku]}; its cursor is {screen.cursor}"
            for sku in lost[:5]
        ]
        self.reordered += len(screen.wrongs)

    def read(self, journal: Journal, committed: dict[str, str]) -> None:
        """Counts a journal in, that is promised every event, by its cursor and in that order."""
        self.delivered += journal.counts["CHANGE"]
        self.duplicated += journal.counts["twice"]
        lost = unread(journal, committed)
        self.lost += len(lost) + journal.counts["RESYNC"]
        self.losses += [f"{journal} never heard of {cursor} {committed[cursor]}" for cursor in lost[:5]]
        # Each came once it is in order, and nothing came that was never committed.
        heard = list(journal.log.items())
        told = [item for item in committed.items() if item[0] in journal.log]
        self.reordered += len(journal.wrongs) + sum(one != other for one, other in zip_longest(heard, told))


def unread(journal: Journal, committed: dict[str, str]) -> list[str]:
    """The cursors of what was committed since its journal began, and is not in it."""
    return [cursor for cursor in committed if cursor not in journal.log]


def missing(screen: Screen, truth: dict[str, str], changed: set[str]) -> list[str]:
    """The skus whose committed state a screen does not show; unasked it shows only what changed."""
    expected = changed if screen.watch.skus is None else screen.watch.skus
    return [sku for sku in expected if screen.state.get(sku, NOTHING) != truth[sku]]


async def committed_news(db: asyncpg.Connection, after: int) -> list[Heard]:
    """Everything that has its position, in its order."""
    rows = await db.fetch(
        "SELECT position, topic, sku FROM outbox WHERE position > $1 ORDER BY position", after
    )
    return [Heard(Cursor(1, row["position"]), row["topic"], row["sku"] or "-") for row in rows]


async def committed_story(db: asyncpg.Connection, journal: Journal) -> dict[str, str]:
    """By cursor: everything a journal is promised since it began, in its order."""
    begun = Cursor.parse(journal.begun or "")
    assert begun is not None, f"{journal} has no beginning"
    order = None if journal.order is None else order_key(journal.order)
    rows = await db.fetch(
        "SELECT position, cause FROM outbox WHERE position > $1 "
        "AND CASE WHEN $2::text IS NULL THEN topic = 'order' AND sku = $3 "
        "ELSE topic = 'pickup' AND store = $2 END ORDER BY position",
        begun.position,
        journal.store,
        None if order is None else str(order),
    )
    return {str(Cursor(1, row["position"])): row["cause"] for row in rows}


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
