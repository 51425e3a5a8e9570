"""What the house has a say in before an operation runs: which document is meant, and who may run it."""

from __future__ import annotations

from typing import Protocol

from domain.refusals import RequestCode, RequestError, Text
from graph.door.caller import OperationContext
from graph.door.documents import Operation
from graph.door.requests import Asked


class Charge(Protocol):
    """What an operation was charged before it ran."""

    async def settle(self, actual: int) -> dict[str, object]:
        """What the client is told of it in `extensions.cost`, once it came to so many points."""
        ...


class Policy(Protocol):
    """The house's own say, asked once for every operation over every transport."""

    async def document(self, asked: Asked, context: OperationContext) -> str:
        """The text of the document that is meant.

        Raises RequestError: PERSISTED_QUERY_NOT_FOUND, PERSISTED_QUERY_REQUIRED.
        """
        ...

    async def admit(self, operation: Operation, points: int, context: OperationContext) -> Charge | None:
        """Lets an operation of so many points run; None where nothing is charged.

        Raises RequestError: FORBIDDEN, RATE_LIMITED, BUDGET_EXHAUSTED.
        """
        ...


class AnythingGoes:
    """The policy of a door whose house has none: every document of everybody, and nothing published."""

    async def document(self, asked: Asked, context: OperationContext) -> str:
        """The text that was sent. Raises PERSISTED_QUERY_NOT_FOUND where none was."""
        if asked.query is None:
            raise not_found(asked)
        return asked.query

    async def admit(self, operation: Operation, points: int, context: OperationContext) -> Charge | None:
        """Everything runs."""
        return None


def not_found(asked: Asked) -> RequestError:
    """The answer to an id that no document was published under.

    Clients of automatic persisted queries (urql) know it by this very message.
    """
    if asked.is_automatic:
        text = Text(en="PersistedQueryNotFound", zh="PersistedQueryNotFound")
    else:
        text = Text(en="No document is published under this id.", zh="没有以此编号发布的文档。")
    return RequestError(RequestCode.PERSISTED_QUERY_NOT_FOUND, text)


def required() -> RequestError:
    """The answer to a document that its caller has not published."""
    return RequestError(
        RequestCode.PERSISTED_QUERY_REQUIRED,
        Text(
            en="Only published documents are answered here: publish it, and send its documentId.",
            zh="此处只执行已发布的文档：请先发布，再发送其 documentId。",
        ),
    )
