"""The list of a store's pickups, the earliest first: a page by its keyset."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import col

from domain.pickup import OPEN, PickupState
from persistence import paging
from persistence.database import Connection, Statement, param, statement, texts
from persistence.paging import Page, Place, page_of
from persistence.pickup.reads import ROW, StoredPickup
from persistence.pickup.tables import OPEN_STATES, Pickup

_MOMENT = sa.DateTime(timezone=True)
_PLACE = Place(("pickups", "requested_at"), (paging.moment, paging.key))
_READY_NOW = sa.and_(
    col(Pickup.state) == sa.literal_column("'READY'"), col(Pickup.held_until) > param("now", _MOMENT)
)
_OVERDUE = sa.and_(
    col(Pickup.state) == sa.literal_column("'READY'"), col(Pickup.held_until) <= param("now", _MOMENT)
)
_in_store = sa.and_(
    col(Pickup.store) == param("store"),
    sa.or_(
        sa.cast(col(Pickup.state), sa.Text) == sa.any_(texts("states")),
        sa.and_(param("ready", sa.Boolean), _READY_NOW),
        sa.and_(param("overdue", sa.Boolean), _OVERDUE),
    ),
)
_ONLY_OPEN = sa.text(f"pickup.state {OPEN_STATES}")
"""What finds a store's queue by an index of its own, however much was collected there before."""


@cache
def _page(*, open_only: bool, after: bool) -> Statement[StoredPickup]:
    clause = (
        ROW.where(_in_store)
        .order_by(col(Pickup.requested_at), col(Pickup.id))
        .limit(param("limit", sa.Integer))
    )
    if open_only:
        clause = clause.where(_ONLY_OPEN)
    if after:
        clause = clause.where(
            sa.tuple_(col(Pickup.requested_at), col(Pickup.id))
            > sa.tuple_(param("after_at", _MOMENT), param("after_id", sa.Uuid))
        )
    return statement(clause, StoredPickup)


@cache
def _count(*, open_only: bool) -> Statement[Any]:
    clause = sa.select(sa.func.count()).select_from(Pickup).where(_in_store)
    return statement(clause.where(_ONLY_OPEN) if open_only else clause)


class PickupQuery(NamedTuple):
    """A store's pickups in these states as of now, when those that nobody collected in time have expired."""

    store: str
    states: tuple[PickupState, ...]
    now: datetime

    @property
    def open_only(self) -> bool:
        """Whether nothing is asked for that is over."""
        return set(self.states) <= set(OPEN)

    def values(self) -> dict[str, object]:
        """What the statement is run with."""
        return {
            "store": self.store,
            "states": [state.value for state in self.states if state is not PickupState.READY],
            "ready": PickupState.READY in self.states,
            "overdue": PickupState.EXPIRED in self.states,
            "now": self.now,
        }


async def pickups(db: Connection, asked: PickupQuery, first: int, after: str | None) -> Page[StoredPickup]:
    """A page of the pickups asked for, the earliest first; raises BAD_USER_INPUT for a bad cursor."""
    values = asked.values() | {"limit": first + 1}
    if after is not None:
        values["after_at"], values["after_id"] = _PLACE.values(after)
    rows = await _page(open_only=asked.open_only, after=after is not None).all(db, **values)
    return page_of(rows, first, place=_PLACE, values=_key, began=after is None)


async def pickups_total(db: Connection, asked: PickupQuery) -> int:
    """How many pickups are asked for, on all pages."""
    return int(await _count(open_only=asked.open_only).value(db, **asked.values()))


def check(after: str | None) -> None:
    """Raises BAD_USER_INPUT for a cursor that is none of this list."""
    if after is not None:
        _PLACE.values(after)


def _key(row: StoredPickup) -> Sequence[object]:
    return row.requested_at, row.id
