"""The embedded PostgreSQL: a real server of our own, started and ended with the process that needs it."""

from persistence.postgres.folder import running_dsn
from persistence.postgres.refusal import EmbeddedPostgresError
from persistence.postgres.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "running_dsn"]
