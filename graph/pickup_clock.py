"""What ends by the clock in the stores: orders that nobody collected."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from persistence.database import Database
from resolvers.house import House
from resolvers.pickup.expiry import expire_pickups

_LOOK_SECONDS = 0.5


async def mind_pickups(house: House) -> None:
    """Ends what was kept long enough, and gives the money back; looks twice a second.

    On a connection of its own: it never makes a request wait for one.
    """
    async with Database(house.database.dsn, size=2) as database:
        own = replace(house, database=database)
        while True:
            if await expire_pickups(own) == 0:
                await asyncio.sleep(_LOOK_SECONDS)
