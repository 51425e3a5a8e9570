"""What `shelfgraph operations` does: publishes documents, and tells which of them a schema would break."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from graphql import GraphQLSchema, GraphQLSyntaxError, build_schema, parse, specified_rules, validate

from graph.door.documents import Documents
from graph.door.limits import Limits
from graph.ground import Company, migrated_database
from graph.partners.documents import examiner
from graph.partners.manifests import Found, Unreadable
from graph.schema import build_schema as house_schema
from graph.settings import Settings
from persistence.database import connect
from persistence.partners import operations
from persistence.partners.operations import Promised
from persistence.partners.tables import PersistedOperation
from resolvers.partners.publishing import MOST_DOCUMENTS, publish

_MOST_SAID = 3


async def publish_documents(
    settings: Settings, client: str, found: Sequence[Found]
) -> list[PersistedOperation]:
    """The documents as they are published now, in the order given. Refused when any of them cannot be."""
    limits = Limits()
    examine = examiner(Documents(house_schema(), limits, introspection=False), limits)
    texts = [one.document for one in found]
    async with migrated_database(settings, Company.BESIDE) as dsn:
        db = await connect(dsn)
        try:
            async with db.transaction():
                ids = []
                for start in range(0, len(texts), MOST_DOCUMENTS):
                    batch = texts[start : start + MOST_DOCUMENTS]
                    ids += await publish(db, examine, client, batch, now=datetime.now(UTC))
                rows = await operations.operations_by_id(db, ids)
        finally:
            await db.close()
    return [rows[one] for one in ids]


class Broken(NamedTuple):
    """A published document that a schema does not fit, and why."""

    operation: Promised
    because: list[str]


async def broken_by(
    settings: Settings, schema: GraphQLSchema, clients: Sequence[str] | None
) -> tuple[int, list[Broken]]:
    """How many documents are published, by anybody or by some clients, and those the schema would break."""
    async with migrated_database(settings, Company.BESIDE) as dsn:
        db = await connect(dsn)
        try:
            promised = await operations.every_operation(db, clients)
        finally:
            await db.close()
    broken = [Broken(one, errors) for one in promised if (errors := _errors(schema, one.document))]
    # What is missed most comes first.
    broken.sort(key=lambda one: -one.operation.calls)
    return len(promised), broken


def schema_of(path: Path | None) -> GraphQLSchema:
    """The schema in a file, this program's own without one. Raises Unreadable."""
    if path is None:
        return house_schema()
    try:
        return build_schema(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}.") from error
    except (GraphQLSyntaxError, TypeError) as error:
        raise Unreadable(f"{path} is no schema: {error}") from error


def _errors(schema: GraphQLSchema, document: str) -> list[str]:
    errors = validate(schema, parse(document), specified_rules)
    return [error.message for error in errors[:_MOST_SAID]]
