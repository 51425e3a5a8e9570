"""A sample of real coupon redemptions; `make replay` does all 2,102."""

from __future__ import annotations

import pytest

from persistence.database import connect
from tests.loyalty.journey import FOLDER, OFF_MINOR, redemptions, replay


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the data of complete_journey is not here")
async def test_real_redemptions_go_through_as_they_did(fresh_database: str) -> None:
    every = redemptions(FOLDER)
    assert len(every) == 2102
    chosen = every[::20]
    db = await connect(fresh_database)
    try:
        async with db.transaction():
            journey = await replay(db, FOLDER, chosen)
        used = await db.fetchval("SELECT count(*) FROM coupon WHERE state = 'USED'")
    finally:
        await db.close()
    assert journey.wrong == []
    assert (journey.used, used, journey.off_minor) == (106, 106, 106 * OFF_MINOR)
