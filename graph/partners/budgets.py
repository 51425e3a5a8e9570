"""How much one caller may ask for in a minute: points of cost, and requests."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.refusals import RequestCode, RequestError, Text
from graph.door.limits import TooCostly
from persistence.counters import Counters, Take, Taken, Window

_MINUTE = timedelta(minutes=1)


class Overdrawn(RequestError):  # noqa: N818 - like the refusals it is one of
    """RATE_LIMITED or BUDGET_EXHAUSTED, with what there is, and when there will be more."""

    def __init__(self, code: RequestCode, text: Text, window: Window, now: datetime) -> None:
        seconds = max(math.ceil((window.ends_at - now).total_seconds()), 1)
        super().__init__(code, text, retry_after_seconds=seconds)
        self.extensions: dict[str, object] = {}


@dataclass(frozen=True, slots=True)
class Spent:
    """The points an operation was charged before it ran."""

    counters: Counters
    window: Window
    requested: int
    remaining: int

    async def settle(self, actual: int) -> dict[str, object]:
        """What the client is told; points that were not needed after all are given back."""
        unneeded = max(self.requested - actual, 0)
        if unneeded:
            await self.counters.give_back(self.window, unneeded)
        return told(self.requested, actual, self.remaining + unneeded, self.window)


class Budgets:
    """Charges operations to whoever asks for them."""

    def __init__(self, counters: Counters, *, requests_per_minute: int | None) -> None:
        self._counters = counters
        self._requests = requests_per_minute

    async def charge(
        self, caller: str, points: int, *, budget: int | None, now: Callable[[], datetime]
    ) -> Spent | None:
        """What was taken from the caller's budget, None for who has none.

        Raises RATE_LIMITED for one request too many in a minute, BUDGET_EXHAUSTED for points that are not
        left in it, OPERATION_TOO_COSTLY for more points than there ever are.
        """
        if budget is not None and points > budget:
            raise TooCostly("points", points, budget)
        takes: list[Take] = []
        if self._requests is not None:
            takes.append(Take(f"requests:{caller}", 1, self._requests, _MINUTE))
        if budget is not None:
            takes.append(Take(f"points:{caller}", points, budget, _MINUTE))
        if not takes:
            return None
        moment = now()
        taken = await self._counters.take(takes, moment)
        if taken.refused is not None:
            raise self._refusal(taken, takes[taken.refused], points, moment)
        if budget is None:
            return None
        return Spent(self._counters, taken.windows[-1], points, budget - taken.used[-1])

    def _refusal(self, taken: Taken, refused: Take, points: int, now: datetime) -> Overdrawn:
        index = taken.refused or 0
        window = taken.windows[index]
        if refused.name.startswith("requests:"):
            most = refused.most
            return Overdrawn(
                RequestCode.RATE_LIMITED,
                Text(en=f"At most {most} requests a minute.", zh=f"每分钟最多 {most} 次请求。"),
                window,
                now,
            )
        error = Overdrawn(
            RequestCode.BUDGET_EXHAUSTED,
            Text(
                en=f"This minute's {refused.most} points are spent.",
                zh=f"本分钟的 {refused.most} 点预算已用完。",
            ),
            window,
            now,
        )
        left = max(refused.most - taken.used[index], 0)
        error.extensions["cost"] = told(points, 0, left, window)
        return error


def told(requested: int, actual: int, remaining: int, window: Window) -> dict[str, object]:
    """`extensions.cost`."""
    return {
        "requested": requested,
        "actual": actual,
        "remaining": remaining,
        "resetAt": window.ends_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
