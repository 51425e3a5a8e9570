"""Publishing documents: examined, weighed and kept, for a client to call by their ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from domain.access import ADMINS, PARTNER_READERS
from domain.partners import OWN_CLIENT
from domain.refusals import Refusal, RefusalCode, Refused, RequestError, Text
from persistence.database import Connection
from persistence.partners import book, operations
from persistence.partners.operations import NewDocument
from resolvers.context import Info
from resolvers.fields import mutation
from resolvers.house import Examined
from resolvers.partners.partner import PersistedOperation
from resolvers.partners.setting import no_such_partner
from resolvers.shapes import Payload, shape

MOST_DOCUMENTS = 1_000


@strawberry.input
class OperationsPublishInput:
    partner: str = strawberry.field(
        description="a partner's code, or an application of the group's own, such as app:mini-program or "
        "device:gateway"
    )
    documents: list[str] = strawberry.field(
        description="1 to 1,000, each with one operation that has a name, and the fragments it uses"
    )


@shape(PARTNER_READERS)
class OperationsPublishPayload(Payload):
    operations: list[PersistedOperation] = strawberry.field(
        default_factory=list, description="in the order given"
    )


@mutation(
    OperationsPublishPayload,
    ADMINS,
    description="Publish documents for a client, all of them or none; it calls them by documentId from then "
    "on. What was published before stays. For administrators.",
)
async def operations_publish(info: Info, input: OperationsPublishInput) -> OperationsPublishPayload:
    house = info.context.house
    async with house.database.transaction() as db:
        ids = await publish(db, house.partners.examine, input.partner, input.documents, now=info.context.now)
        rows = await operations.operations_by_id(db, ids)
    return OperationsPublishPayload(operations=[PersistedOperation.of(rows[one]) for one in ids])


async def publish(
    db: Connection,
    examine: Callable[[str], Examined],
    client: str,
    documents: Sequence[str],
    *,
    now: datetime,
) -> list[UUID]:
    """The ids of a client's documents, published in this transaction, in the order given.

    Refuses NOT_FOUND for a client that is unknown, INVALID_INPUT for each document that it could not run.
    """
    if not 1 <= len(documents) <= MOST_DOCUMENTS:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"Publish 1 to {MOST_DOCUMENTS} documents at a time.",
            zh=f"一次可发布 1 至 {MOST_DOCUMENTS} 个文档。",
            field=("input", "documents"),
        )
    masked = await _masked(db, client)
    found: list[NewDocument] = []
    refusals: list[Refusal] = []
    for index, document in enumerate(documents):
        try:
            examined = examine(document)
        except RequestError as error:
            refusals.append(_refusal(index, error.text))
            continue
        if hidden := sorted(examined.fields & masked):
            refusals.append(_refusal(index, _hidden(hidden)))
        found.append(NewDocument(document, examined.name, examined.cost))
    if refusals:
        raise Refused(*refusals)
    return await operations.publish(db, client, found, now=now)


async def _masked(db: Connection, client: str) -> frozenset[str]:
    """The fields that a client may not select; refuses NOT_FOUND for one that is unknown."""
    if OWN_CLIENT.fullmatch(client):
        return frozenset()
    known = (await book.partners_by_code(db, [client])).get(client)
    if known is None:
        raise no_such_partner(client)
    return frozenset(known.masked_fields)


def _hidden(fields: list[str]) -> Text:
    return Text(
        f"It selects what this partner may not see: {', '.join(fields)}.",
        f"其中包含该合作方无权查看的字段：{'、'.join(fields)}。",
    )


def _refusal(index: int, text: Text) -> Refusal:
    return Refusal(RefusalCode.INVALID_INPUT, text, ("input", "documents", str(index)))
