"""The promotions that run: a book that each process keeps, and never reads from when it is out of date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from domain.promotions.book import PromotionBook
from persistence.database import Connection, param, statement, texts
from persistence.promotions.documents import promotion_of
from persistence.promotions.tables import Promotion, PromotionBudget

_MOMENT = sa.DateTime(timezone=True)
_FOREVER = sa.text("'infinity'::timestamptz")

_VERSION = statement(sa.select(sa.func.coalesce(sa.func.max(col(Promotion.version)), 0)))
_NOT_OVER = statement(
    select(Promotion)
    .where(sa.func.coalesce(col(Promotion.valid_until), _FOREVER) > param("at", _MOMENT))
    .order_by(col(Promotion.code))
)
_WITH_BUDGET = statement(
    sa.select(col(PromotionBudget.promotion)).where(
        sa.or_(col(PromotionBudget.most_uses).is_not(None), col(PromotionBudget.most_minor).is_not(None))
    )
)
_BY_ID = statement(select(Promotion).where(col(Promotion.id) == sa.any_(param("ids", sa.ARRAY(sa.Uuid)))))
_BY_CODE = statement(select(Promotion).where(col(Promotion.code) == sa.any_(texts("codes"))))
_BUDGETS = statement(select(PromotionBudget).where(col(PromotionBudget.promotion) == sa.any_(texts("codes"))))


class Promotions:
    """The running promotions of the group, compiled once by each process.

    Every read asks for the version first, one row from an index: a book is never older than the transaction
    that asks for it, so that checkout prices with what is committed, without news or waiting.
    """

    def __init__(self) -> None:
        self._version = -1
        self._book = PromotionBook()

    async def book(self, db: Connection, at: datetime) -> PromotionBook:
        """Every promotion that is not over at a moment of the present, compiled; one statement as a rule."""
        version: int = await _VERSION.value(db)
        if version != self._version:
            # A change between the two statements is read already, and read again by whoever comes next.
            limited = {row.promotion for row in await _WITH_BUDGET.all(db)}
            rows = await _NOT_OVER.all(db, at=at)
            self._book = PromotionBook(promotion_of(row, has_budget=row.code in limited) for row in rows)
            self._version = version
        return self._book


async def promotions_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, Promotion]:
    """By id: the promotions that are there, those that are over too."""
    return {row.id: row for row in await _BY_ID.all(db, ids=ids)}


async def promotions_by_code(db: Connection, codes: Sequence[str]) -> dict[str, Promotion]:
    """By code: the promotions that are there, those that are over too."""
    return {row.code: row for row in await _BY_CODE.all(db, codes=codes)}


async def budgets_by_code(db: Connection, codes: Sequence[str]) -> dict[str, PromotionBudget]:
    """By the promotion's code: its budget and how far it has come."""
    return {row.promotion: row for row in await _BUDGETS.all(db, codes=codes)}
