"""Who used how much CPU."""

from __future__ import annotations

from collections.abc import Sequence

import psutil


def database_processes() -> list[psutil.Process]:
    """The embedded PostgreSQL's processes, which are below this one; none when it runs elsewhere."""
    return [one for one in psutil.Process().children(recursive=True) if one.name() == "postgres"]


def used(processes: Sequence[psutil.Process]) -> float:
    """CPU seconds, user and system, of the processes and of those below them that have ended."""
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
        total += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return total
