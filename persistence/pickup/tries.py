"""The wrong codes of callers, counted whether or not anything else of their request is committed."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from domain.pickup import Tries
from persistence.database import Connection, param, statement
from persistence.pickup.tables import PickupTries

_ALONE = statement(
    sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(param("who_where", sa.Text), 7)))
)
_TRIES = statement(
    select(PickupTries).where(
        col(PickupTries.principal) == param("principal"), col(PickupTries.store) == param("store")
    )
)
_new_tries = insert(PickupTries).values(
    principal=param("principal"),
    store=param("store"),
    wrong_at=param("wrong_at"),
    locked_until=param("locked_until"),
)
_KEEP_TRIES = statement(
    _new_tries.on_conflict_do_update(
        index_elements=["principal", "store"],
        set_={
            "wrong_at": _new_tries.excluded.wrong_at,
            "locked_until": _new_tries.excluded.locked_until,
        },
    )
)


async def of_caller(db: Connection, principal: str, store: str) -> Tries:
    """The wrong codes of a caller in a store, who tries no other one there until the transaction ends."""
    await _ALONE.value(db, who_where=f"{principal}\n{store}")
    row = await _TRIES.one_or_none(db, principal=principal, store=store)
    return (
        Tries() if row is None else Tries(tuple(map(datetime.fromisoformat, row.wrong_at)), row.locked_until)
    )


async def keep(db: Connection, principal: str, store: str, tries: Tries) -> None:
    """Keeps the wrong codes of a caller in a store."""
    await _KEEP_TRIES.run(
        db,
        principal=principal,
        store=store,
        wrong_at=[moment.isoformat() for moment in tries.wrong_at],
        locked_until=tries.locked_until,
    )
