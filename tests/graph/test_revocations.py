"""A sign-in that was ended counts no more: in every process, for every request, and for what is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import websockets

from graph.revoked import LOOK_AGAIN_SECONDS
from graph.tokens import LONGEST_LIFETIME, principal_for
from persistence import revocations
from persistence.news import outbox
from tests.door.serving import Speaker
from tests.ground.test_cli import shelfgraph
from tests.shop import Shop, opened, served_app

ME = "{ __typename }"
PRICES = """subscription { priceChanged(context: {channel: "app"}) { kind } }"""


@pytest.fixture(scope="module")
async def other(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A second process on the same database, under the same key."""
    async with opened(shop.dsn, tmp_path_factory.mktemp("other")) as one:
        one.tokens._key, one.tokens._public = shop.tokens._key, shop.tokens._public
        one.tokens.keys = shop.tokens.keys
        yield one


async def revoke(shop: Shop, name: str, *, news: bool = True) -> None:
    """What a mutation would do."""
    async with shop.database() as db, db.transaction():
        now = datetime.now(UTC)
        said = await revocations.revoke(
            db, name, issued_until=now, kept_until=now + LONGEST_LIFETIME, cause="signOut"
        )
        if news:
            await outbox.write(db, [said])


async def status(shop: Shop, token: str) -> int:
    return (await shop.ask(ME, token=token)).status


async def refused(shop: Shop, token: str) -> None:
    """Returns once the token is refused."""
    async with asyncio.timeout(10):
        while await status(shop, token) != 401:  # noqa: ASYNC110 - news arrives when it does
            await asyncio.sleep(0.02)


def by_token(shop: Shop, token: str) -> str:
    return revocations.token_name(shop.tokens.read(token).token_id)


def by_principal(shop: Shop, token: str) -> str:
    return revocations.principal_name(shop.tokens.read(token).principal)


@pytest.mark.parametrize("named", [by_token, by_principal])
async def test_every_process_hears_of_it(shop: Shop, other: Shop, named: Callable[[Shop, str], str]) -> None:
    subject = f"m-{named.__name__}"
    token, second = shop.token("member", subject=subject), shop.token("member", subject=subject)
    assert [await status(one, token) for one in (shop, other)] == [200, 200]
    await revoke(shop, named(shop, token))
    await refused(shop, token)
    await refused(other, token)
    expected = 200 if named is by_token else 401
    assert [await status(one, second) for one in (shop, other)] == [expected] * 2
    assert await status(other, shop.token("member", subject=subject)) == 200, "who signs in again is let in"
    assert await status(other, shop.token("staff", subject=subject)) == 200, "another kind, another caller"


async def test_what_is_open_ends_too(shop: Shop, other: Shop) -> None:
    token = shop.token("staff", subject="leaver")
    async with AsyncExitStack() as stack:
        sockets = []
        for one in (shop, other):
            port = await stack.enter_async_context(served_app(one.app))
            line = await stack.enter_async_context(
                websockets.connect(
                    f"ws://127.0.0.1:{port}/graphql",
                    subprotocols=[websockets.Subprotocol("graphql-transport-ws")],
                )
            )
            speaker = Speaker(line)
            await speaker.init(authorization=f"Bearer {token}")
            await speaker.ask(PRICES)
            sockets.append(speaker)
        await revoke(shop, "staff:leaver")
        assert [await speaker.closed() for speaker in sockets] == [(4401, "Unauthorized")] * 2
        await sockets[0].connection.wait_closed()


async def test_what_no_news_told_is_found_by_looking_again(shop: Shop) -> None:
    assert LOOK_AGAIN_SECONDS <= 15
    token = shop.token("member", subject="quiet")
    await revoke(shop, "member:quiet", news=False)
    assert await status(shop, token) == 200
    assert await shop.app.state.revoked.look()
    assert await status(shop, token) == 401
    assert not await shop.app.state.revoked.look(), "nothing new"


async def test_what_has_run_out_by_itself_is_forgotten(shop: Shop) -> None:
    past = datetime.now(UTC) - timedelta(days=1)
    async with shop.database() as db:
        await revocations.revoke(db, "member:long-gone", issued_until=past, kept_until=past, cause="x")
        assert "member:long-gone" not in {one.name for one in await revocations.since(db, past)}
        await revocations.revoke(db, "member:gone", issued_until=past, kept_until=past, cause="x")
        kept = await db.fetch("SELECT name FROM revocation WHERE name LIKE '%gone'")
    assert [row["name"] for row in kept] == ["member:gone"]


async def test_a_later_revocation_is_never_undone_by_an_earlier_one(shop: Shop) -> None:
    now = datetime.now(UTC)
    async with shop.database() as db:
        for at in (now, now - timedelta(hours=1)):
            await revocations.revoke(
                db, "member:twice", issued_until=at, kept_until=at + LONGEST_LIFETIME, cause="x"
            )
        [row] = [one for one in await revocations.since(db, now - timedelta(1)) if one.name == "member:twice"]
    assert (row.issued_until, row.kept_until) == (now, now + LONGEST_LIFETIME)


async def test_no_token_outlives_what_is_remembered_of_it(shop: Shop) -> None:
    with pytest.raises(ValueError, match="31 days"):
        shop.tokens.issue(
            principal_for("member"), now=shop.clock(), lifetime=LONGEST_LIFETIME + timedelta(seconds=1)
        )


async def test_the_command_revokes_on_a_running_server(shop: Shop, tmp_path: Path) -> None:
    settings = {"DATABASE_URL": shop.dsn, "DATA_DIR": str(tmp_path)}
    token = shop.token("member", subject="by-hand")
    run = lambda *arguments: asyncio.to_thread(shelfgraph, "revoke", *arguments, **settings)  # noqa: E731
    assert (await run("--all-of", "member:by-hand"))[:2] == (0, "Revoked: member:by-hand.")
    await refused(shop, token)


@pytest.mark.parametrize(
    "arguments", [[], ["x", "--all-of", "member:m"], ["--all-of", "m"], ["--all-of", "token:x"], ["garbage"]]
)
def test_the_command_refuses_what_names_nobody(arguments: list[str], tmp_path: Path) -> None:
    code, said, why = shelfgraph("revoke", *arguments, DATA_DIR=str(tmp_path))
    assert (code, said, bool(why)) == (2, "", True)
