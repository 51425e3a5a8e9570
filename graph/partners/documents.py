"""Published documents as one process finds them: read once, kept, and never remembered as missing."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from graphql import (
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    ValueNode,
    value_from_ast_untyped,
)

from domain.access import Principal, PrincipalKind
from domain.refusals import RequestError, Text
from graph.door.documents import Documents, Operation
from graph.door.errors import Rejected
from graph.door.limits import Limits, TooCostly, points
from persistence.database import Database
from persistence.partners import operations
from persistence.partners.operations import Published
from resolvers.house import Examined

APPS, DEVICES = "app:", "device:"
_MOST_KEPT = 10_000
_LONGEST_ID = 80


def library_of(viewer: Principal) -> str:
    """Whose documents somebody calls: a partner its own, devices and our own applications each other's."""
    if viewer.kind is PrincipalKind.PARTNER:
        return viewer.subject
    return DEVICES if viewer.kind is PrincipalKind.DEVICE else APPS


class PublishedDocuments:
    """Finds the documents that a library holds: of one partner, of all applications, or of all devices.

    A document never changes and is never taken back, so what was found is kept; what was not may be
    published in the next moment, so it is looked for every time.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[tuple[str, str], Published] = {}
        self._ids: dict[tuple[str, str], UUID] = {}

    async def find(self, library: str, wanted: str) -> Published | None:
        """The document under an id in a library, None when it holds none."""
        key = (library, wanted)
        found = self._kept.get(key)
        if found is not None:
            return found
        if len(wanted) > _LONGEST_ID:
            return None
        async with self._database.connection() as db:
            rows = await operations.find(db, wanted.lower())
        mine = [row for row in rows if holds(library, row.client)]
        if not mine:
            return None
        while len(self._kept) >= _MOST_KEPT:
            oldest = next(iter(self._kept))
            gone = self._kept.pop(oldest)
            self._ids.pop((oldest[0], gone.document), None)
        self._kept[key] = mine[0]
        self._ids[library, mine[0].document] = mine[0].id
        return mine[0]

    def id_of(self, library: str, document: str) -> UUID | None:
        """The key of a document that was found in a library, by its text."""
        return self._ids.get((library, document))


def holds(library: str, client: str) -> bool:
    """Whether a library has the documents of a client."""
    return client.startswith(library) if library.endswith(":") else client == library


def examiner(documents: Documents, limits: Limits) -> Callable[[str], Examined]:
    """Says what a document is that somebody would publish; raises RequestError for one that cannot be run."""

    def examine(source: str) -> Examined:
        try:
            operation = documents.operation(source, None)
        except Rejected as rejected:
            said = "; ".join(error.message for error in rejected.errors[:3])
            raise RequestError(rejected.code, Text(en=said, zh=said)) from rejected
        if operation.name is None:
            raise RequestError.bad_input(en="A published operation has a name.", zh="发布的操作必须有名称。")
        cost = usual_points(operation, limits)
        if cost > limits.cost:
            raise TooCostly("points", cost, limits.cost)
        return Examined(operation.name, cost, operation.fields)

    return examine


def usual_points(operation: Operation, limits: Limits) -> int:
    """The points of a call with the operation's own defaults; a size without one counts as a list's does."""
    given: dict[str, object] = {}
    for definition in operation.document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            for variable in definition.variable_definitions or ():
                if variable.default_value is not None:
                    given[variable.variable.name.value] = _size(variable.default_value)
    return points(operation.cost, given, limits)


def _size(value: ValueNode) -> object:
    return value_from_ast_untyped(value) if isinstance(value, IntValueNode | ListValueNode) else None
