"""`shelfgraph import` as people run it: exit codes, what is said, and a kill in the middle."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from graph.demo.loader import SAMPLE
from persistence.database import Connection, connect
from tests.databases import created
from tests.imports.contents import contents

COMMAND = [sys.executable, "-c", "from graph.cli import main; main()", "import"]


@pytest.fixture
async def dsn(database_server: str, database_template: str) -> AsyncIterator[str]:
    async with created(database_server, template=database_template) as address:
        yield address


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Connection]:
    connection = await connect(dsn)
    yield connection
    await connection.close()


def start(dsn: str, *arguments: str | Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "SHELFGRAPH_DATABASE_URL": dsn, "SHELFGRAPH_ENV": "test", "COLUMNS": "120"}
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ran(dsn: str, *arguments: str | Path) -> tuple[int, str]:
    with start(dsn, *arguments) as process:
        out, err = process.communicate(timeout=120)
    return process.returncode, out + err


async def test_the_exit_code_and_the_screen_tell_what_became_of_a_file(
    dsn: str, db: Connection, tmp_path: Path
) -> None:
    products = tmp_path / "products.csv"
    products.write_text("sku,name_en,gtin\nA,Soup 400g,\nB,[red]Bread[/red],123\n")
    report = tmp_path / "report.csv"

    code, said = ran(dsn, "products", products, "--report", report)
    assert code == 1
    assert "1 bad rows" in said
    assert "Nothing was written" in said
    assert "Traceback" not in said
    with report.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["line", "column", "reason"],
            ["3", "gtin", "A GTIN has 8, 12, 13 or 14 digits; 123 has 3."],
        ]
    assert await db.fetchval("SELECT count(*) FROM product") == 0

    code, said = ran(dsn, "products", products, "--on-error", "skip")
    assert (code, "Written, but for 1 bad rows." in said) == (1, True)
    assert "Net content known of 1 (100.0 %)." in said
    assert await db.fetchval("SELECT array_agg(sku) FROM variant") == ["A"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["stock", "nowhere.csv"], "No such file"),
        (["hk-pricewatch", "nowhere"], "cannot be read"),
        (["stock", "--on-error", "guess", "x.csv"], "guess"),
        (["trousers", "x.csv"], "trousers"),
    ],
)
def test_what_cannot_start_says_why_in_a_line(database_url: str, arguments: list[str], said: str) -> None:
    code, output = ran(database_url, *arguments)
    assert code == 2
    assert said in output
    assert "Traceback" not in output


def test_the_help_names_every_column(database_url: str) -> None:
    code, said = ran(database_url, "prices", "--help")
    assert code == 0
    for column in ("min_quantity", "valid_until", "recorded_at", "campaign", "--dry-run", "--report"):
        assert column in said


async def test_an_import_that_was_killed_leaves_nothing_and_can_be_repeated(dsn: str, db: Connection) -> None:
    empty = await contents(db)
    with start(dsn, "hk-pricewatch", SAMPLE) as process:
        deadline = time.monotonic() + 60
        # It is writing once its transaction holds a lock on the prices.
        while not await db.fetchval(
            """
            SELECT EXISTS (
                SELECT FROM pg_locks WHERE relation = 'price_record'::regclass AND mode = 'RowExclusiveLock'
            )
            """
        ):
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGKILL)
        process.communicate()
    while await db.fetchval("SELECT count(*) FROM pg_locks WHERE relation = 'price_record'::regclass"):
        assert time.monotonic() < deadline
    assert await contents(db) == empty

    code, said = ran(dsn, "hk-pricewatch", SAMPLE)
    assert code == 0
    assert "6,469 price points, 1,878 with an offer" in said
    assert "Net content read from" in said
    filled = await contents(db)
    assert filled["price_record"][0] > 20_000
