"""What a till charges while a shelf label may be showing less: never more than any such face."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class InView(NamedTuple):
    """A face that a label may be showing, with its amounts in minor units; `member_tiers` pay the second."""

    label: str
    amount_minor: int | None
    member_minor: int | None
    member_tiers: tuple[str, ...]
    version: int

    def for_tier(self, tier: str | None) -> int | None:
        """What the face says that somebody of a tier pays; None when it tells no price."""
        if self.member_minor is not None and tier in self.member_tiers:
            if self.amount_minor is None:
                return self.member_minor
            return min(self.amount_minor, self.member_minor)
        return self.amount_minor


class Held(NamedTuple):
    """A price that labels hold down: to what, under which version, and how many labels it waits for."""

    amount_minor: int
    version: int
    labels: int


def held_down(selected_minor: int, in_view: Iterable[InView], tier: str | None) -> Held | None:
    """What is charged instead of a selected price; None when no face that may be in view says less.

    Of several faces that say the least the latest price version is told.
    """
    below = [
        (amount, face)
        for face in in_view
        if (amount := face.for_tier(tier)) is not None and amount < selected_minor
    ]
    if not below:
        return None
    least = min(amount for amount, _ in below)
    version = max(face.version for amount, face in below if amount == least)
    return Held(least, version, len({face.label for _, face in below}))
