"""Findings for eyes and for machines: tables on the terminal, one JSON file with the machine's facts."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import orjson
import psutil
from rich.console import Console
from rich.table import Table

from tests.bench.subject import Column, Findings, Value

_PACKAGES = ("asyncpg", "graphql-core", "sqlalchemy", "starlette", "strawberry-graphql", "uvicorn", "uvloop")


def machine() -> dict[str, Value]:
    """What the figures depend on, as far as the machine can tell."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }


def _cpu_model() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def show(findings: Findings, out: Console) -> None:
    """Prints a table and the notes below it."""
    out.print(findings.title, style="bold", highlight=False)
    table = Table()
    for column in findings.columns:
        title = f"{column.title}\n{column.unit}" if column.unit else column.title
        is_text = any(isinstance(row.get(column.key), str) for row in findings.rows)
        table.add_column(title, justify="left" if is_text else "right", no_wrap=True)
    for row in findings.rows:
        table.add_row(*(shown(row.get(column.key), column) for column in findings.columns))
    out.print(table)
    for note in findings.notes:
        out.print(f"  {note}", style="dim", highlight=False)
    out.print()


def shown(value: Value, column: Column) -> str:
    """A value as its column writes it; nothing where nothing was measured."""
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:,.{column.digits}f}"


def as_json(measured: Sequence[tuple[str, Findings]], facts: dict[str, Value], command: str) -> bytes:
    """The whole run: when, how, on what, and by subject the columns with their units and the rows."""
    # What else the machine did meanwhile is part of the result.
    facts = {**facts, "load_after": round(os.getloadavg()[0], 2)}
    run = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "machine": facts,
        "subjects": {
            name: {
                "title": found.title,
                "columns": {
                    column.key: {"title": column.title, "unit": column.unit} for column in found.columns
                },
                "rows": [dict(row) for row in found.rows],
                "notes": found.notes,
            }
            for name, found in measured
        },
    }
    return orjson.dumps(run, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
