"""What the house's processes call to one another through PostgreSQL, and the locks they agree on."""

from __future__ import annotations

from typing import NamedTuple

WAITING = "shelfgraph_waiting"
"""Sent after a commit that wrote news: the relay need not wait for its next look."""

TOLD = "shelfgraph_told"
"""Sent by the relay once per batch, with the epoch and the head it has reached."""

# Pairs, so that they never meet the locks of migrations, which are single numbers.
RELAY_LOCK = (0x5E1F, 1)


class Told(NamedTuple):
    """How far the news reaches, as the relay tells it."""

    epoch: int
    head: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.head}"

    @classmethod
    def parse(cls, payload: str) -> Told | None:
        """What was told, or None for a payload of another release."""
        epoch, _, head = payload.partition(".")
        return cls(int(epoch), int(head)) if epoch.isdecimal() and head.isdecimal() else None
