"""Counting attempts to sign in: what was tried stays counted, whatever became of it."""

from __future__ import annotations

from domain.members.signing_in import Allowance, too_many
from persistence.members import sign_ins
from resolvers.context import Context


async def count(context: Context, *counted: tuple[str, Allowance], field: str) -> None:
    """Counts one attempt under each name, and one of the caller's network address.

    Refuses TOO_MANY_ATTEMPTS past an allowance. It is committed by itself: a refusal takes nothing back.
    """
    desk = context.house.desk
    over = False
    # In one order, so that nobody waits for each other.
    names = sorted([*counted, (f"address:{context.address}", desk.per_client)], key=lambda one: one[0])
    async with context.house.database.transaction() as db:
        for name, allowance in names:
            tries = await sign_ins.tried(db, name, within=allowance.within, now=context.now)
            over = over or tries > allowance.most
    if over:
        raise too_many(field)
