"""Published documents: kept once for each client, found by their hashes, counted as they are called."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from domain.partners import document_id
from persistence.database import Connection, given, param, statement, texts
from persistence.paging import Page, Place, key, page_of
from persistence.partners.tables import FieldUse, PersistedOperation

_MOMENT = sa.DateTime(timezone=True)
_ABOVE_ALL = UUID(int=2**128 - 1)


class NewDocument(NamedTuple):
    """A document that was found valid, its name and its cost."""

    document: str
    name: str
    cost: int


def _publish() -> sa.Executable:
    row = insert(PersistedOperation).values(
        client=param("client"),
        document_id=param("document_id"),
        md5=param("md5"),
        sha1=param("sha1"),
        name=param("name"),
        document=param("document"),
        cost=param("cost"),
        published_at=param("now", _MOMENT),
    )
    # Published again it is the same document; what it costs may have changed with the schema.
    return row.on_conflict_do_update(
        constraint="persisted_operation_document", set_={"cost": row.excluded.cost}
    ).returning(col(PersistedOperation.id))


_PUBLISH = statement(_publish())
_BY_ID = statement(
    select(PersistedOperation).where(col(PersistedOperation.id) == sa.any_(param("ids", sa.ARRAY(sa.Uuid))))
)
_PAGE = statement(
    select(PersistedOperation)
    .where(col(PersistedOperation.client) == param("client"), col(PersistedOperation.id) < param("below"))
    .order_by(col(PersistedOperation.id).desc())
    .limit(param("first", sa.BigInteger))
)
_PLACE = Place(["operations", "newest"], [key])


async def publish(
    db: Connection, client: str, documents: Sequence[NewDocument], *, now: datetime
) -> list[UUID]:
    """The ids of a client's documents in the order given; one that was published before keeps its own."""
    ids: list[UUID] = []
    for one in documents:
        text = one.document.encode()
        ids.append(
            await _PUBLISH.value(
                db,
                client=client,
                document_id=document_id(one.document),
                md5=hashlib.md5(text, usedforsecurity=False).hexdigest(),
                sha1=hashlib.sha1(text, usedforsecurity=False).hexdigest(),
                name=one.name,
                document=one.document,
                cost=one.cost,
                now=now,
            )
        )
    return ids


async def operations_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, PersistedOperation]:
    """By id: the documents that are there."""
    return {row.id: row for row in await _BY_ID.all(db, ids=ids)}


async def operations_page(
    db: Connection, client: str, first: int, after: str | None
) -> Page[PersistedOperation]:
    """A page of a client's documents, newest first. Raises BAD_USER_INPUT for a cursor of another list."""
    below = _ABOVE_ALL if after is None else _PLACE.values(after)[0]
    rows = await _PAGE.all(db, client=client, below=below, first=first + 1)
    return page_of(rows, first, place=_PLACE, values=lambda row: [row.id], began=after is None)


# ------------------------------------------------------------------ found by those who call them


class Published(NamedTuple):
    """A published document, and by whom."""

    id: UUID
    client: str
    document: str


_COLUMNS = tuple(col(getattr(PersistedOperation, name)) for name in Published._fields)
_FIND = {
    kind: statement(sa.select(*_COLUMNS).where(column == param("hash")), Published)
    for kind, column in (
        ("sha256", col(PersistedOperation.document_id)),
        ("md5", col(PersistedOperation.md5)),
        ("sha1", col(PersistedOperation.sha1)),
    )
}
_KIND_BY_LENGTH = {64: "sha256", 32: "md5", 40: "sha1"}


async def find(db: Connection, wanted: str) -> list[Published]:
    """Who published a document under an id: `sha256:<hex>`, or the bare hex of a SHA-256, MD5 or SHA-1."""
    kind, mark, digest = wanted.rpartition(":")
    if not mark:
        kind = _KIND_BY_LENGTH.get(len(digest), "")
    query = _FIND.get(kind)
    if query is None:
        return []
    return await query.all(db, hash=f"sha256:{digest}" if kind == "sha256" else digest)


# ------------------------------------------------------------------ counted


class Calls(NamedTuple):
    """How often a document was called since it was last counted, and when for the last time."""

    calls: int
    last_used_at: datetime


_called = given("called", id=sa.Uuid, calls=sa.BigInteger, last_used_at=_MOMENT)
_COUNT = statement(
    sa.update(PersistedOperation)
    .where(col(PersistedOperation.id) == _called.c.id)
    .values(
        calls=col(PersistedOperation.calls) + _called.c.calls,
        last_used_at=sa.func.greatest(col(PersistedOperation.last_used_at), _called.c.last_used_at),
    )
)


async def count_calls(db: Connection, calls: Mapping[UUID, Calls]) -> None:
    """Adds to how often documents were called."""
    ids = sorted(calls)
    await _COUNT.run(
        db,
        id=ids,
        calls=[calls[one].calls for one in ids],
        last_used_at=[calls[one].last_used_at for one in ids],
    )


_used = given("used", field=sa.Text, client=sa.Text, day=sa.Date, operations=sa.BigInteger)


def _add_uses() -> sa.Executable:
    row = insert(FieldUse).from_select(
        ["field", "client", "day", "operations"],
        sa.select(_used.c.field, _used.c.client, _used.c.day, _used.c.operations),
    )
    return row.on_conflict_do_update(
        index_elements=["field", "client", "day"],
        set_={"operations": col(FieldUse.operations) + row.excluded.operations},
    )


_ADD_USES = statement(_add_uses())


async def count_fields(db: Connection, uses: Mapping[tuple[str, str, date], int]) -> None:
    """Adds to how often fields were selected, by field, client and day."""
    keys = sorted(uses, key=str)
    await _ADD_USES.run(
        db,
        field=[field for field, _, _ in keys],
        client=[client for _, client, _ in keys],
        day=[day for _, _, day in keys],
        operations=[uses[one] for one in keys],
    )


class Promised(NamedTuple):
    """A published document as `operations check` reads it."""

    client: str
    document_id: str
    name: str
    document: str
    last_used_at: datetime | None
    calls: int


_promised = tuple(col(getattr(PersistedOperation, name)) for name in Promised._fields)
_ALL = statement(
    sa.select(*_promised).order_by(col(PersistedOperation.client), col(PersistedOperation.document_id)),
    Promised,
)
_OF_CLIENTS = statement(
    sa.select(*_promised)
    .where(col(PersistedOperation.client) == sa.any_(texts("clients")))
    .order_by(col(PersistedOperation.client), col(PersistedOperation.document_id)),
    Promised,
)


async def every_operation(db: Connection, clients: Sequence[str] | None = None) -> list[Promised]:
    """Everything that was ever published, by anybody or by some clients."""
    return await (_ALL.all(db) if clients is None else _OF_CLIENTS.all(db, clients=list(clients)))
