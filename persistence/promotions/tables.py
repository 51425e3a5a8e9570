"""The tables of promotions."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import SQLModel

from domain.promotions.benefits import BenefitKind
from domain.promotions.terms import Excludes
from persistence import columns


class Promotion(SQLModel, table=True):
    """A rule above single prices, as `domain.promotions.terms` reads it; an empty list or null means "any".

    `benefit` and `target` are its documents. `version` rises with every change of any promotion: writers take
    turns, so that whoever knows the highest version knows everything below it.
    """

    id: UUID = columns.key()
    code: str = columns.code(unique=True)
    names: dict[str, str] = columns.document()
    kind: BenefitKind = columns.choice(BenefitKind)
    benefit: dict[str, Any] = columns.document()
    target: dict[str, Any] = columns.document()
    currency_code: str = columns.text()
    layer: int = columns.whole()
    priority: int = columns.whole()
    excludes: Excludes = columns.choice(Excludes)
    coupon_only: bool = columns.flag(default=False)
    min_spend_minor: int = columns.long(default=0)
    min_quantity: int = columns.whole(default=0)
    most_minor: int | None = columns.long(nullable=True)
    per_member: int | None = columns.long(nullable=True)
    channels: list[str] = columns.text_list()
    stores: list[str] = columns.text_list()
    tiers: list[str] = columns.text_list()
    campaign: str | None = columns.optional_text()
    valid_from: datetime | None = columns.optional_moment()
    valid_until: datetime | None = columns.optional_moment()
    version: int = columns.long()
    recorded_at: datetime = columns.moment()
    recorded_by: str = columns.text()

    __table_args__ = (
        # Equal when one was ended before it began.
        sa.CheckConstraint("valid_until >= valid_from", name="window"),
        sa.Index("promotion_version", "version"),
        sa.Index("promotion_until", sa.text("coalesce(valid_until, 'infinity'::timestamptz)")),
    )


class PromotionBudget(SQLModel, table=True):
    """How often a promotion may be used and how much it may take off in all, and how far it has come.

    Uses are counted only while there is a limit: without one, orders would wait for each other for nothing.
    """

    __tablename__ = "promotion_budget"

    promotion: str = columns.code(primary=True, refers_to="promotion.code")
    most_uses: int | None = columns.long(nullable=True)
    most_minor: int | None = columns.long(nullable=True)
    uses: int = columns.long(default=0)
    spent_minor: int = columns.long(default=0)

    __table_args__ = (
        sa.CheckConstraint("uses BETWEEN 0 AND most_uses", name="uses"),
        sa.CheckConstraint("spent_minor BETWEEN 0 AND most_minor", name="spent"),
        sa.Index(
            "promotion_budget_limited",
            "promotion",
            postgresql_where=sa.text("most_uses IS NOT NULL OR most_minor IS NOT NULL"),
        ),
    )


class PromotionUse(SQLModel, table=True):
    """How often a member has had a promotion that has a cap for each member."""

    __tablename__ = "promotion_use"

    promotion: str = columns.code(primary=True, refers_to="promotion.code")
    member: str = columns.code(primary=True)
    uses: int = columns.long()

    __table_args__ = (sa.CheckConstraint("uses >= 0", name="uses"),)
