"""Members of development: there once their token is used, the same for a name, never again once erased."""

from __future__ import annotations

from domain.access import Principal, PrincipalKind
from graph.newcomers import Newcomers
from graph.tokens import with_an_id
from persistence.database import Database


async def test_whom_a_printed_token_names_is_there_once_it_is_used(fresh_database: str) -> None:
    alice = with_an_id(Principal(PrincipalKind.MEMBER, "alice", tier="gold"))
    assert alice == with_an_id(alice) == with_an_id(Principal(PrincipalKind.MEMBER, "alice", tier="gold"))
    bob = with_an_id(Principal(PrincipalKind.MEMBER, "bob", tier="no such tier"))
    clerk = Principal(PrincipalKind.STAFF, "carol")
    assert with_an_id(clerk) == clerk
    async with Database(fresh_database, size=1) as database:
        for _ in range(2):
            newcomers = Newcomers(database)
            for one in (alice, alice, bob, clerk, Principal(PrincipalKind.MEMBER, "no id")):
                await newcomers.welcome(one)
        async with database.connection() as db:
            made = {(str(row["id"]), row["tier"]) for row in await db.fetch("SELECT id, tier FROM member")}
            assert made == {(alice.subject, "gold"), (bob.subject, "member")}
            await db.execute("UPDATE member SET erased_at = now()")
        await Newcomers(database).welcome(alice)
        async with database.connection() as db:
            assert await db.fetchval("SELECT count(*) FROM member WHERE erased_at IS NULL") == 0
