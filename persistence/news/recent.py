"""What happened lately, kept in memory, so that those who were away for a moment need no database."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice

from domain.news import Cursor, Happening


class Recent:
    """The latest happenings of one epoch without a gap; None stands for one that this release can't read."""

    def __init__(self, limit: int) -> None:
        self._kept: deque[Happening | None] = deque(maxlen=limit)
        self._last = Cursor(0, 0)

    def begin(self, at: Cursor) -> None:
        """Forgets everything; what is added next follows `at`."""
        self._kept.clear()
        self._last = at

    def add(self, happening: Happening | None) -> Cursor:
        """The happening's cursor, which follows the one before."""
        self._kept.append(happening)
        self._last = Cursor(self._last.epoch, self._last.position + 1)
        return self._last

    def reaches_back_to(self, after: Cursor) -> bool:
        """Whether everything that followed the cursor is remembered."""
        return after.epoch == self._last.epoch and after.position >= self._last.position - len(self._kept)

    def following(
        self, after: Cursor, matches: Callable[[Happening], bool], limit: int
    ) -> tuple[list[Happening], Cursor]:
        """At most `limit` of what matched after a cursor that it reaches back to, and how far it looked."""
        # From the end, where a deque is quick: most were away only for a moment.
        newest_first = list(islice(reversed(self._kept), max(0, self._last.position - after.position)))
        found: list[Happening] = []
        for happening in reversed(newest_first):
            if happening is not None and matches(happening):
                found.append(happening)
                if len(found) == limit:
                    return found, happening.cursor
        return found, self._last
