"""How the embedded PostgreSQL says that it cannot be had."""

from __future__ import annotations


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be used; the message is one line for whoever started it."""
