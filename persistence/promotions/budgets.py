"""Budgets and caps of promotions: taken with the order, given back when it comes to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from persistence.database import Connection, given, param, statement, texts
from persistence.promotions.tables import Promotion, PromotionBudget, PromotionUse


class Use(NamedTuple):
    """One use of a promotion, and what it took off."""

    promotion: str
    amount_minor: int


_budget, _capped = PromotionBudget, PromotionUse
_uses = given("used", promotion=sa.Text, amount_minor=sa.BigInteger)
_of_basket = col(_budget.promotion) == _uses.c.promotion
_is_limited = sa.or_(col(_budget.most_uses).is_not(None), col(_budget.most_minor).is_not(None))

# In the order of their codes, as everybody locks them, so that two orders never wait for each other.
_LOCK = statement(
    sa.select(col(_budget.promotion))
    .where(col(_budget.promotion) == sa.any_(texts("promotions")), _is_limited)
    .order_by(col(_budget.promotion))
    .with_for_update(key_share=True)
)
_TAKE = statement(
    sa.update(_budget)
    .where(
        _of_basket,
        sa.or_(col(_budget.most_uses).is_(None), col(_budget.uses) < col(_budget.most_uses)),
        sa.or_(
            col(_budget.most_minor).is_(None),
            col(_budget.spent_minor) + _uses.c.amount_minor <= col(_budget.most_minor),
        ),
    )
    .values(
        uses=col(_budget.uses) + 1,
        spent_minor=col(_budget.spent_minor) + _uses.c.amount_minor,
    )
    .returning(col(_budget.promotion))
)
_GIVE_BACK = statement(
    sa.update(_budget)
    .where(_of_basket)
    .values(
        # A limit may have been set after the use: what was never counted is not taken away.
        uses=sa.func.greatest(col(_budget.uses) - 1, 0),
        spent_minor=sa.func.greatest(col(_budget.spent_minor) - _uses.c.amount_minor, 0),
    )
)
_CAPS = statement(
    sa.select(col(Promotion.code), col(Promotion.per_member)).where(
        col(Promotion.code) == sa.any_(texts("promotions")), col(Promotion.per_member).is_not(None)
    )
)
_TAKE_OF_MEMBER = statement(
    insert(_capped)
    .values(promotion=param("promotion"), member=param("member"), uses=1)
    .on_conflict_do_update(
        index_elements=["promotion", "member"],
        set_={"uses": col(_capped.uses) + 1},
        where=col(_capped.uses) < param("per_member", sa.BigInteger),
    )
)
_GIVE_BACK_TO_MEMBER = statement(
    sa.update(_capped)
    .where(
        col(_capped.promotion) == sa.any_(texts("promotions")),
        col(_capped.member) == param("of_member"),
        col(_capped.uses) > 0,
    )
    .values(uses=col(_capped.uses) - 1)
)
_SPENT = statement(
    sa.select(col(_budget.promotion)).where(
        col(_budget.promotion) == sa.any_(texts("promotions")),
        sa.or_(
            col(_budget.uses) >= col(_budget.most_uses), col(_budget.spent_minor) >= col(_budget.most_minor)
        ),
    )
)
_HAD = statement(
    sa.select(col(_capped.promotion))
    .join(Promotion, col(Promotion.code) == col(_capped.promotion))
    .where(
        col(_capped.promotion) == sa.any_(texts("promotions")),
        col(_capped.member) == param("member"),
        col(_capped.uses) >= col(Promotion.per_member),
    )
)


async def used_up(db: Connection, promotions: Sequence[str], member: str | None) -> frozenset[str]:
    """Those of the promotions whose budget is spent, or that the member has had as often as one may."""
    if not promotions:
        return frozenset()
    spent = {row.promotion for row in await _SPENT.all(db, promotions=promotions)}
    if member is not None:
        spent |= {row.promotion for row in await _HAD.all(db, promotions=promotions, member=member)}
    return frozenset(spent)


async def take(db: Connection, uses: Sequence[Use], member: str | None) -> list[str]:
    """The codes of the promotions that could not be had any more, in order; empty when all were taken.

    Part of the caller's transaction, which must end without a commit when anything was refused. Promotions
    without budget and cap are passed over. The rows stay locked until the transaction ends: take late in it.
    """
    if not uses:
        return []
    codes = [use.promotion for use in uses]
    budgeted = {row.promotion for row in await _LOCK.all(db, promotions=codes)}
    refused: set[str] = set()
    if budgeted:
        refused |= budgeted - {row.promotion for row in await _TAKE.all(db, **_columns(uses, budgeted))}
    caps = {row.code: row.per_member for row in await _CAPS.all(db, promotions=codes)}
    for code in sorted(caps):
        if member is None or not await _TAKE_OF_MEMBER.run(
            db, promotion=code, member=member, per_member=caps[code]
        ):
            refused.add(code)
    return sorted(refused)


async def give_back(db: Connection, uses: Sequence[Use], member: str | None) -> None:
    """Undoes what `take` counted for an order that is cancelled or has expired; the caller does so once."""
    if not uses:
        return
    codes = [use.promotion for use in uses]
    budgeted = {row.promotion for row in await _LOCK.all(db, promotions=codes)}
    if budgeted:
        await _GIVE_BACK.run(db, **_columns(uses, budgeted))
    if member is not None:
        await _GIVE_BACK_TO_MEMBER.run(db, promotions=codes, of_member=member)


def _columns(uses: Sequence[Use], wanted: set[str]) -> dict[str, list[Any]]:
    held = [use for use in uses if use.promotion in wanted]
    return {
        "promotion": [use.promotion for use in held],
        "amount_minor": [use.amount_minor for use in held],
    }
