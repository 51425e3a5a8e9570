"""The list of all promotions, newest first."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from domain.promotions.terms import PromotionState
from persistence.database import Connection, param, statement
from persistence.paging import Page, Place, key, page_of
from persistence.promotions.tables import Promotion

_MOMENT = sa.DateTime(timezone=True)
_at = param("at", _MOMENT)
_state = sa.case(
    (col(Promotion.valid_until) <= _at, PromotionState.ENDED.value),
    (col(Promotion.valid_from) > _at, PromotionState.UPCOMING.value),
    else_=PromotionState.RUNNING.value,
)
_wanted = param("state", sa.Text)
_PAGE = statement(
    select(Promotion)
    .where(
        col(Promotion.id) < param("below"),
        sa.or_(_wanted.is_(None), _state == _wanted),
    )
    .order_by(col(Promotion.id).desc())
    .limit(param("first", sa.BigInteger))
)
_PLACE = Place(["promotions", "newest"], [key])
_ABOVE_ALL = UUID(int=2**128 - 1)


async def promotions_page(
    db: Connection, first: int, after: str | None, *, state: PromotionState | None, at: datetime
) -> Page[Promotion]:
    """A page of all promotions, or of those that are upcoming, running or ended at a moment, newest first.

    Raises BAD_USER_INPUT for a cursor that is none of this list.
    """
    below = _ABOVE_ALL if after is None else _PLACE.values(after)[0]
    rows = await _PAGE.all(
        db, below=below, at=at, state=None if state is None else state.value, first=first + 1
    )
    return page_of(rows, first, place=_PLACE, values=lambda row: [row.id], began=after is None)
