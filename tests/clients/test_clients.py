"""The clients that browsers use, graphql-ws and graphql-sse of npm, against a real server."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from domain.channels import ChannelKind
from tests.live.test_graph import AT_CENTRAL, PRICES, set_price
from tests.makers import make_channel, make_product, make_store
from tests.shop import Shop, opened, served_app

HERE = Path(__file__).parent


def _is_installed() -> bool:
    """Whether what the lock file names was installed since it last changed."""
    installed = HERE / "node_modules" / ".package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= (HERE / "package-lock.json").stat().st_mtime


@pytest.fixture(scope="module", autouse=True)
def node() -> str:
    """The path of Node, with the clients of the lock file beside this test."""
    is_required = os.environ.get("SHELFGRAPH_REQUIRE_NODE")
    path = shutil.which("node")
    missing = None
    if path is None or shutil.which("npm") is None:
        missing = "Node is not installed"
    elif not _is_installed():
        installing = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = run(installing, cwd=HERE, capture_output=True, text=True, timeout=180, check=False)
        missing = None if done.returncode == 0 else f"npm ci: {done.stderr.strip()[-300:]}"
    if missing is not None:
        if is_required:
            pytest.fail(missing)
        pytest.skip(f"the real clients are not tried: {missing}")
    return path or ""


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    async with shop.database() as db:
        await make_channel(db, "pos", kind=ChannelKind.POS)
        await make_store(db, "central", till_channel="pos")


class Watcher:
    """The script that runs a client, and what it tells."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def told(self, what: str) -> Any:
        """The next thing of a kind that it tells; whatever else comes before is read over."""
        assert self._process.stdout is not None
        async with asyncio.timeout(20):
            while line := await self._process.stdout.readline():
                said = json.loads(line)
                assert "failed" not in said, said
                if what in said:
                    return said[what]
        raise AssertionError(f"it ended without telling {what!r}")


@asynccontextmanager
async def watching(node: str, *arguments: str) -> AsyncIterator[Watcher]:
    """Runs the script until the end of the block."""
    process = await asyncio.create_subprocess_exec(
        node, "watch.mjs", *arguments, cwd=HERE, stdin=PIPE, stdout=PIPE
    )
    try:
        yield Watcher(process)
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(10):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def changed(watcher: Watcher) -> dict[str, Any]:
    """The next change; it goes on where it was, so nothing but bookmarks may come before."""
    while (event := await watcher.told("event"))["kind"] == "BOOKMARK":
        pass
    assert event["kind"] == "CHANGE"
    return dict(event)


@pytest.mark.parametrize("transport", ["ws", "sse", "sse-single"])
async def test_a_client_subscribes_and_goes_on_where_it_was_cut_off(
    shop: Shop, node: str, transport: str
) -> None:
    async with shop.database() as db:
        sku = (await make_product(db)).skus[0]
    await set_price(shop, sku, "20.00")
    variables = json.dumps({"context": AT_CENTRAL, "skus": [sku]})
    async with (
        served_app(shop.app) as port,
        watching(
            node,
            transport,
            f"http://127.0.0.1:{port}/graphql",
            shop.token("member"),
            PRICES,
            variables,
        ) as watcher,
    ):
        assert await watcher.told("answer") == {"data": {"__typename": "Query"}}
        assert (await watcher.told("refused"))["errors"]
        snapshot, bookmark = [await watcher.told("event") for _ in range(2)]
        assert (snapshot["kind"], snapshot["price"]["amount"]["amount"]) == ("SNAPSHOT", "20.00")
        assert bookmark["kind"] == "BOOKMARK"
        await set_price(shop, sku, "21.00")
        change = await watcher.told("event")
        assert (change["kind"], change["price"]["amount"]["amount"]) == ("CHANGE", "21.00")

        await shop.app.state.door.restart_connections()
        missed = await set_price(shop, sku, "22.00")
        if transport == "ws":
            assert await watcher.told("closed") == 1012
        assert (await changed(watcher))["cursor"] == missed
        await set_price(shop, sku, "23.00")
        assert (await changed(watcher))["price"]["amount"]["amount"] == "23.00"


async def test_every_audit_of_graphql_over_http_passes(
    fresh_database: str, tmp_path: Path, node: str
) -> None:
    async with (
        opened(fresh_database, tmp_path, introspection=True) as shop,
        served_app(shop.app) as port,
        asyncio.timeout(60),
    ):
        process = await asyncio.create_subprocess_exec(
            node, "audit.mjs", f"http://127.0.0.1:{port}/graphql", cwd=HERE, stdout=PIPE
        )
        said, _ = await process.communicate()
    results = json.loads(said)
    assert len(results) > 50
    assert [one for one in results if one["status"] != "ok"] == []
