"""How long small things take in this process: CPU for what computes, the wall clock for what waits."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import NamedTuple


class Each(NamedTuple):
    """Microseconds of one call: of this process's CPU, and until it was over."""

    cpu_us: float
    wall_us: float


_BATCHES = 7


def each(call: Callable[[], object], *, seconds: float = 0.5) -> Each:
    """What one call takes: the median of some batches that together last about so long."""
    count = _count(call, seconds)
    return _median([_batch(call, count) for _ in range(_BATCHES)])


def _count(call: Callable[[], object], seconds: float) -> int:
    call()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds / _BATCHES:
        call()
        count += 1
    return max(1, count)


def _batch(call: Callable[[], object], count: int) -> Each:
    began, used = time.perf_counter(), time.process_time()
    for _ in range(count):
        call()
    return Each((time.process_time() - used) * 1e6 / count, (time.perf_counter() - began) * 1e6 / count)


async def each_awaited(call: Callable[[], Awaitable[object]], *, count: int) -> Each:
    """The same for something that is awaited, in batches of `count` after one of warm-up."""
    taken = []
    for _ in range(_BATCHES + 1):
        began, used = time.perf_counter(), time.process_time()
        for _ in range(count):
            await call()
        cpu, wall = time.process_time() - used, time.perf_counter() - began
        taken.append(Each(cpu * 1e6 / count, wall * 1e6 / count))
    return _median(taken[1:])


def _median(batches: list[Each]) -> Each:
    return Each(median(one.cpu_us for one in batches), median(one.wall_us for one in batches))
