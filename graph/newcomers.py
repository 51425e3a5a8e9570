"""Members for developers: whoever a development token names is there once the token is used."""

from __future__ import annotations

from uuid import UUID

from domain.access import Principal, PrincipalKind
from domain.members.codes import member_key
from persistence.database import Database
from persistence.members import tiers, writes


class Newcomers:
    """Makes members of those whose tokens were printed. For development only."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: set[UUID] = set()

    async def welcome(self, principal: Principal) -> None:
        """Returns once a member who signed in is there, of the tier that the token names if there is one."""
        member_id = member_key(principal.subject)
        if principal.kind is not PrincipalKind.MEMBER or member_id is None or member_id in self._known:
            return
        async with self._database.transaction() as db:
            tier = principal.tier
            if tier is None or await tiers.unknown_tiers(db, [tier]):
                tier = await tiers.lowest_tier(db)
            await writes.make_known(db, member_id, tier=tier)
        self._known.add(member_id)
