"""Batches of coupons: counted, written to the database, and their codes to a file, all or none."""

from __future__ import annotations

from typing import TextIO

from domain.loyalty.coupons import CODES_PURPOSE, coupon_code, valid_until
from graph.ground import Company, running_database
from graph.household import utc_now
from graph.settings import Settings
from graph.vault import vault_of
from persistence.database import connect
from persistence.loyalty import coupons as coupons_db


class CannotIssue(Exception):  # noqa: N818 - an answer for the terminal
    """Why no coupons were issued."""


async def issue_to(settings: Settings, campaign: str, count: int, file: TextIO) -> None:
    """Writes the codes of so many new coupons to a file.

    Raises CannotIssue for a campaign that is not there, is over, or has not so many left.
    """
    secret, now = vault_of(settings).secret(CODES_PURPOSE), utc_now()
    async with running_database(settings, Company.BESIDE) as dsn:
        db = await connect(dsn)
        try:
            async with db.transaction():
                found = (await coupons_db.campaigns(db, [campaign])).get(campaign)
                if found is None:
                    raise CannotIssue(f'There is no coupon campaign "{campaign}".')
                if found.valid_until <= now:
                    raise CannotIssue("This campaign is over.")
                if not await coupons_db.count(db, campaign, count):
                    raise CannotIssue(f"This campaign has not {count:,} coupons left to issue.")
                issuing = coupons_db.issue_batch(
                    db,
                    campaign,
                    count,
                    code=lambda one: coupon_code(secret, one),
                    valid_until=valid_until(found.valid_until, found.valid_days, now),
                    now=now,
                )
                async for codes in issuing:
                    file.write("".join(f"{code}\n" for code in codes))
        finally:
            await db.close()
