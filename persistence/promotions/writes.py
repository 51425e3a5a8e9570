"""Setting and ending promotions; writers take turns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.promotions.terms import Promotion as Terms
from persistence.database import Connection, param, statement
from persistence.promotions.documents import written_benefit, written_target
from persistence.promotions.tables import Promotion, PromotionBudget

# An advisory lock of our own: whoever holds it commits before the next one reads the highest version.
_LOCK = 0x5E1F_6A33
_TURN = statement(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
_NEXT = statement(sa.select(sa.func.coalesce(sa.func.max(col(Promotion.version)), 0) + 1))

_TERMS = (
    "names", "kind", "benefit", "target", "currency_code", "layer", "priority", "excludes", "coupon_only",
    "min_spend_minor", "min_quantity", "most_minor", "per_member", "channels", "stores", "tiers", "campaign",
    "valid_from", "valid_until", "version", "recorded_by",
)  # fmt: skip


def _upsert() -> Any:
    row = insert(Promotion).values({name: param(name) for name in ("code", *_TERMS)})
    return row.on_conflict_do_update(
        index_elements=["code"],
        set_={name: row.excluded[name] for name in _TERMS} | {"recorded_at": sa.func.clock_timestamp()},
    ).returning(col(Promotion.id))


def _upsert_budget() -> Any:
    names = ("most_uses", "most_minor")
    row = insert(PromotionBudget).values({name: param(name) for name in ("promotion", *names)})
    return row.on_conflict_do_update(
        index_elements=["promotion"], set_={name: row.excluded[name] for name in names}
    )


_SET = statement(_upsert())
_SET_BUDGET = statement(_upsert_budget())
_END = statement(
    sa.update(Promotion)
    .where(col(Promotion.id) == sa.any_(param("ids", sa.ARRAY(sa.Uuid))))
    .values(
        # One that was to begin later than this ends where it begins: it never counts.
        valid_until=sa.func.greatest(param("ends_at", sa.DateTime(timezone=True)), col(Promotion.valid_from)),
        version=param("new_version", sa.BigInteger),
    )
)


class Budget(NamedTuple):
    """How often a promotion may be used, and how much it may take off in all; None: without end."""

    most_uses: int | None
    most_minor: int | None


async def take_turn(db: Connection) -> None:
    """Waits until nobody else is changing promotions, and has others wait until this transaction ends."""
    await _TURN.value(db)


async def set_promotions(
    db: Connection, promotions: Sequence[tuple[Terms, Budget]], *, recorded_by: str
) -> list[UUID]:
    """The ids of the promotions, created or replaced by code, in the order given; uses so far still count.

    The turn must be taken. Raises asyncpg's CheckViolationError for a budget below what is spent.
    """
    version = await _NEXT.value(db)
    ids = []
    for terms, budget in promotions:
        ids.append(
            await _SET.value(
                db,
                code=terms.code,
                names=dict(terms.names),
                kind=terms.benefit.kind.value,
                benefit=written_benefit(terms.benefit),
                target=written_target(terms.target),
                currency_code=terms.currency_code,
                layer=terms.layer,
                priority=terms.priority,
                excludes=terms.excludes.value,
                coupon_only=terms.coupon_only,
                min_spend_minor=terms.min_spend_minor,
                min_quantity=terms.min_quantity,
                most_minor=terms.most_minor,
                per_member=terms.per_member,
                channels=sorted(terms.channels),
                stores=sorted(terms.stores),
                tiers=sorted(terms.tiers),
                campaign=terms.campaign,
                valid_from=terms.valid_from,
                valid_until=terms.valid_until,
                version=version,
                recorded_by=recorded_by,
            )
        )
        await _SET_BUDGET.run(db, promotion=terms.code, **budget._asdict())
    return ids


async def end_promotions(db: Connection, ids: Sequence[UUID], *, ends_at: datetime) -> None:
    """Ends the promotions at a moment; the turn must be taken."""
    await _END.run(db, ids=ids, ends_at=ends_at, new_version=await _NEXT.value(db))
