"""What simulated labels remember, kept in a file between runs."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import orjson

from devices.simulation.labels import Memory


def load(path: Path) -> dict[str, Memory]:
    """The memories by label; none where there is no file yet."""
    if not path.exists():
        return {}
    return {
        label: Memory(
            version=kept["version"],
            hash=kept["hash"],
            battery=kept["battery"],
            redraws=kept["redraws"],
            staged=_staged(kept["staged"]),
        )
        for label, kept in orjson.loads(path.read_bytes()).items()
    }


def save(path: Path, memories: dict[str, Memory]) -> None:
    """Put the memories where `load` finds them, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_bytes(orjson.dumps(memories))
    os.replace(beside, path)


def _staged(kept: list[object] | None) -> tuple[int, str, datetime] | None:
    if kept is None:
        return None
    version, face_hash, at = kept
    return int(str(version)), str(face_hash), datetime.fromisoformat(str(at))
