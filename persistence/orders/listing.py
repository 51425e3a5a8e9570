"""The list of orders, newest first: a page by its keyset, for those who handle them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from domain.orders.states import WAITING, OrderState
from persistence import paging
from persistence.database import Connection, Statement, param, statement, texts
from persistence.orders.tables import SERVED_IN, SalesOrder
from persistence.paging import Page, Place, page_of

_MOMENT = sa.DateTime(timezone=True)
_PLACE = Place(("orders", "placed_at desc"), (paging.moment, paging.key))
_STATEMENTS = 64
_NOW = param("now", _MOMENT)


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """What a list of orders is asked for; what is None leaves nothing out.

    `store` is the one that serves an order: where it is picked up or sent from, else where it was bought.
    `states` are as of `now`, when an order that nobody paid in time has expired by itself.
    """

    now: datetime
    states: tuple[OrderState, ...] | None = None
    channel: str | None = None
    store: str | None = None
    member: str | None = None
    placed_by: str | None = None
    placed_since: datetime | None = None
    placed_before: datetime | None = None

    def values(self) -> dict[str, object]:
        """What the statement is run with."""
        states = set(self.states or ())
        return {
            "states": [state.value for state in states.difference(WAITING)],
            "waiting": [state.value for state in states.intersection(WAITING)],
            "overdue": OrderState.EXPIRED in states,
            "now": self.now,
            "channel": self.channel,
            "store": self.store,
            "member": self.member,
            "placed_by": self.placed_by,
            "placed_since": self.placed_since,
            "placed_before": self.placed_before,
        }

    def shape(self) -> tuple[str, ...]:
        """Which filters are set: each choice of them is a statement of its own, with a plan of its own."""
        names = ("states", "channel", "store", "member", "placed_by", "placed_since", "placed_before")
        return tuple(name for name in names if getattr(self, name) is not None)


def _waits() -> Any:
    """Orders that end by the clock: those still in time, or those overdue, as they are asked for."""
    state, is_over = sa.cast(col(SalesOrder.state), sa.Text), col(SalesOrder.held_until) <= _NOW
    return sa.and_(
        state.in_([sa.literal_column(f"'{each}'") for each in WAITING]),
        sa.or_(
            sa.and_(state == sa.any_(texts("waiting")), is_over.is_not(True)),
            sa.and_(param("overdue", sa.Boolean), is_over),
        ),
    )


_FILTERS: dict[str, Any] = {
    "states": sa.or_(sa.cast(col(SalesOrder.state), sa.Text) == sa.any_(texts("states")), _waits()),
    "channel": col(SalesOrder.channel) == param("channel"),
    "store": param("store", sa.Text) == SERVED_IN,
    "member": col(SalesOrder.member) == param("member"),
    "placed_by": col(SalesOrder.placed_by) == param("placed_by"),
    "placed_since": col(SalesOrder.placed_at) >= param("placed_since", _MOMENT),
    "placed_before": col(SalesOrder.placed_at) < param("placed_before", _MOMENT),
}


@lru_cache(_STATEMENTS)
def _page(filters: tuple[str, ...], after: bool) -> Statement[SalesOrder]:
    key = sa.tuple_(col(SalesOrder.placed_at), col(SalesOrder.id))
    clause = (
        select(SalesOrder)
        .where(*(_FILTERS[name] for name in filters))
        .order_by(col(SalesOrder.placed_at).desc(), col(SalesOrder.id).desc())
        .limit(param("limit", sa.Integer))
    )
    if after:
        clause = clause.where(key < sa.tuple_(param("after_at", _MOMENT), param("after_id", sa.Uuid)))
    return statement(clause)


@lru_cache(_STATEMENTS)
def _count(filters: tuple[str, ...]) -> Statement[Any]:
    return statement(
        sa.select(sa.func.count()).select_from(SalesOrder).where(*(_FILTERS[name] for name in filters))
    )


async def orders(db: Connection, asked: OrderQuery, first: int, after: str | None) -> Page[SalesOrder]:
    """A page of the orders that are asked for, the newest first; raises BAD_USER_INPUT for a bad cursor."""
    values = asked.values() | {"limit": first + 1}
    if after is not None:
        values["after_at"], values["after_id"] = _PLACE.values(after)
    rows = await _page(asked.shape(), after is not None).all(db, **values)
    return page_of(rows, first, place=_PLACE, values=_key, began=after is None)


async def orders_total(db: Connection, asked: OrderQuery) -> int:
    """How many orders are asked for, on all pages."""
    return int(await _count(asked.shape()).value(db, **asked.values()))


def check(after: str | None) -> None:
    """Raises BAD_USER_INPUT for a cursor that is none of this list."""
    if after is not None:
        _PLACE.values(after)


def _key(row: SalesOrder) -> Sequence[object]:
    return row.placed_at, row.id
