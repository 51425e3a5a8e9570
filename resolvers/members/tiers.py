"""Tiers in the graph."""

from __future__ import annotations

from decimal import Decimal

import strawberry

from domain.access import EVERYONE
from domain.locales import translated
from persistence.members import tiers as tiers_db
from persistence.members.tables import Tier as StoredTier
from resolvers.context import Info
from resolvers.fields import field, query
from resolvers.shapes import FromRow, shape


@shape(EVERYONE, description="A rank of members.")
class Tier(FromRow[StoredTier]):
    row: strawberry.Private[StoredTier]
    code: str
    rank: int = strawberry.field(description="the higher, the better")
    earn_rate: Decimal = strawberry.field(description="points earned where one would be")
    benefits: list[str]

    @field(description="In the caller's language.")
    def name(self, info: Info) -> str:
        return translated(self.row.names, info.context.locale, info.context.house.default_locale)


@query(EVERYONE, description="Every tier, the lowest first.")
async def tiers(info: Info) -> list[Tier]:
    async with info.context.house.database.connection() as db:
        return [Tier.of(row) for row in await tiers_db.every_tier(db)]
