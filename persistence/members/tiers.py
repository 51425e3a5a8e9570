"""Tiers: the ranks of members."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import col, select

from persistence.database import Connection, statement, texts
from persistence.members.tables import Tier

_ALL = statement(select(Tier).where(col(Tier.active)).order_by(col(Tier.rank), col(Tier.code)))
_BY_CODE = statement(select(Tier).where(col(Tier.code) == sa.any_(texts("codes"))))
_LOWEST = statement(
    select(Tier.code).where(col(Tier.active)).order_by(col(Tier.rank), col(Tier.code)).limit(1)
)


async def every_tier(db: Connection) -> list[Tier]:
    """The active tiers, the lowest first."""
    return await _ALL.all(db)


async def tiers_by_code(db: Connection, codes: Sequence[str]) -> dict[str, Tier]:
    """By code: the tiers that are there, those given up too."""
    return {row.code: row for row in await _BY_CODE.all(db, codes=codes)}


async def unknown_tiers(db: Connection, codes: Sequence[str]) -> set[str]:
    """Those of the codes that are no active tier's; asks nothing when there are none."""
    if not codes:
        return set()
    found = await tiers_by_code(db, sorted(set(codes)))
    return {code for code in codes if code not in found or not found[code].active}


async def lowest_tier(db: Connection) -> str:
    """The code of the tier a member begins in. Raises LookupError when there is none."""
    code = await _LOWEST.value(db)
    if code is None:
        raise LookupError("no tier is active: members have to begin in one")
    return str(code)
