"""The command as people type it: a process of its own, its exit code, and what it printed."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from domain.access import PrincipalKind
from domain.news import Cursor
from graph.cli import app
from graph.settings import Settings
from graph.tokens import Tokens
from persistence import migrate
from persistence.database import connect
from persistence.news import outbox
from persistence.postgres.server import _free_port
from tests.databases import created

HOUSE = Path(__file__).parents[2]


def shelfgraph(*arguments: str, **variables: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHELFGRAPH_")}
    done = subprocess.run(
        [sys.executable, "-c", "from graph.cli import main; main()", *arguments],
        cwd=HOUSE,
        env=kept | {"COLUMNS": "100"} | {f"SHELFGRAPH_{name}": value for name, value in variables.items()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def test_help_names_every_command():
    code, said, _ = shelfgraph("--help")
    assert code == 0
    for command in ("serve", "worker", "migrate", "restored", "token", "settings", "schema"):
        assert command in said


@pytest.mark.parametrize("arguments", [["--help"], ["token", "--help"], ["token", "staff"]])
def test_nothing_heavy_is_imported_for_small_things(arguments, tmp_path):
    look = (
        "import sys\nfrom graph.cli import main\ntry: main()\nexcept SystemExit as e: assert not e.code\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", look, *arguments],
        cwd=HOUSE,
        env=os.environ | {"SHELFGRAPH_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"strawberry", "sqlalchemy", "sqlmodel", "asyncpg", "alembic", "PIL", "starlette", "uvicorn"}
    assert heavy.isdisjoint(done.stderr.split())


def test_the_reference_of_settings_is_printed_and_masked():
    code, said, _ = shelfgraph("settings", PORT="8001", SANDBOX_SECRET="hunter2")
    assert code == 0
    assert "\nSHELFGRAPH_PORT=8001\n" in said
    assert "hunter2" not in said


def test_bad_settings_are_a_line_each():
    code, said, complained = shelfgraph("settings", PORT="0", ENV="staging")
    assert (code, said) == (2, "")
    assert [line.split("=")[0] for line in complained.splitlines()] == ["SHELFGRAPH_ENV", "SHELFGRAPH_PORT"]


def test_a_misspelt_setting_is_pointed_out():
    assert shelfgraph("settings", PROT="1")[2] == "SHELFGRAPH_PROT is no setting and has no effect."


def test_a_token_signs_in_for_twelve_hours(tmp_path):
    code, said, _ = shelfgraph(
        "token", "admin", "--store", "wellcome", "--subject", "mei", DATA_DIR=str(tmp_path)
    )
    assert code == 0
    told = Tokens.of(Settings(data_dir=tmp_path)).read(said)
    assert (told.principal.kind, told.principal.subject) == (PrincipalKind.STAFF, "mei")
    assert (told.principal.store, told.principal.is_admin) == ("wellcome", True)
    left = told.expires_at - datetime.now(UTC)
    assert timedelta(hours=11, minutes=58) < left <= timedelta(hours=12)


@pytest.mark.parametrize("env", ["test", "production"])
def test_outside_development_no_token_is_printed(tmp_path, env):
    code, said, complained = shelfgraph("token", "admin", ENV=env, SANDBOX_SECRET="s", DATA_DIR=str(tmp_path))
    assert (code, said) == (2, "")
    assert complained == f"Tokens are printed in development only; SHELFGRAPH_ENV is {env}."
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_kind_is_refused_in_one_line(tmp_path):
    code, _, complained = shelfgraph("token", "king", DATA_DIR=str(tmp_path))
    assert code == 2
    assert complained == "There is no kind 'king': take one of staff, admin, member, device, partner."


async def test_restored_raises_the_epoch_of_events_each_time(fresh_database):
    for epoch in (2, 3):
        code, said, _ = shelfgraph("restored", DATABASE_URL=fresh_database)
        assert code == 0
        assert said.startswith(f"The epoch is {epoch}: ")
        db = await connect(fresh_database)
        assert await outbox.head(db) == Cursor(epoch, 0)
        await db.close()


async def test_migrate_says_where_the_database_stands_and_repeats_without_effect(database_server):
    async with created(database_server) as dsn:
        for word in ("Migrated to", "Already at"):
            code, said, _ = shelfgraph("migrate", DATABASE_URL=dsn)
            assert (code, said) == (0, f"{word} {migrate.head()}.")


def test_a_database_out_of_reach_is_one_line():
    code, _, complained = shelfgraph("migrate", DATABASE_URL="postgresql://x@127.0.0.1:1/x")
    assert code == 2
    assert complained.startswith("The database cannot be reached: ")
    assert len(complained.splitlines()) == 1


def test_the_schema_is_printed_or_written(tmp_path, monkeypatch):
    monkeypatch.setenv("SHELFGRAPH_ENV", "test")
    here = CliRunner()
    printed = here.invoke(app, ["schema", "export"])
    assert printed.exit_code == 0
    assert "type Query {" in printed.stdout
    assert here.invoke(app, ["schema", "export", "--output", str(tmp_path / "schema.graphql")]).exit_code == 0
    assert (tmp_path / "schema.graphql").read_text() == printed.stdout
    refused = here.invoke(app, ["schema", "export", "--output", str(tmp_path / "no" / "schema.graphql")])
    assert (refused.exit_code, refused.stderr.strip()) == (
        2,
        f"{tmp_path}/no/schema.graphql cannot be written: No such file or directory.",
    )


def test_an_operation_is_explained_or_said_not_to_be_one(tmp_path, monkeypatch):
    monkeypatch.setenv("SHELFGRAPH_ENV", "test")
    here = CliRunner()
    file = tmp_path / "page.graphql"
    file.write_text('query ($all: Boolean!) { product(by: {handle: "x"}) { id handle @include(if: $all) } }')
    explained = here.invoke(app, ["operations", "explain", str(file)])
    assert explained.exit_code == 0
    assert "# F" in explained.stdout
    assert "resolvers.catalog.products.product" in explained.stdout
    assert "v = src.handle" in explained.stdout
    assert (
        "v = src.handle" not in here.invoke(app, ["operations", "explain", str(file), "--off", "all"]).stdout
    )
    for text, because in (("{ nothing }", "Cannot query field"), ("{", "is no document")):
        file.write_text(text)
        refused = here.invoke(app, ["operations", "explain", str(file)])
        assert refused.exit_code == 2
        assert because in refused.stderr


def running(*arguments: str, **variables: str) -> subprocess.Popen[str]:
    """The command as a process that goes on; its lines are JSON."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHELFGRAPH_")}
    variables = {"ENV": "test"} | variables
    return subprocess.Popen(
        [sys.executable, "-c", "from graph.cli import main; main()", *arguments],
        cwd=HOUSE,
        env=kept | {f"SHELFGRAPH_{name}": value for name, value in variables.items()},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def said_until(process: subprocess.Popen[str], event: str) -> dict[str, object]:
    """The first line about the event; everything before it is read and forgotten."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        told = json.loads(line) if line.startswith("{") else {}
        if told.get("event") == event:
            return told
    raise AssertionError(f"it never said {event!r}: {''.join(lines)}")


async def test_the_whole_graph_is_served_and_ends_in_order(database_server):
    async with created(database_server) as dsn:
        process = running("serve", "--port", str(_free_port()), DATABASE_URL=dsn)
        address = str(said_until(process, "ready")["address"])
        async with httpx.AsyncClient(base_url=address) as client:
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/readyz")).status_code == 200
            answer = await client.post("/graphql", json={"query": "{ __typename }"})
            assert answer.json() == {"data": {"__typename": "Query"}}
        process.send_signal(signal.SIGTERM)
        said_until(process, "ended")
        assert process.wait(20) == 0


async def test_a_worker_works_beside_and_ends_in_order(database_server):
    async with created(database_server) as dsn:
        process = running("worker", DATABASE_URL=dsn)
        said_until(process, "working")
        process.send_signal(signal.SIGTERM)
        said_until(process, "ending")
        assert process.wait(20) == 0
