"""The embedded server: it keeps what it was given, ends with us, and survives every way of dying."""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from persistence.postgres import EmbeddedPostgres, EmbeddedPostgresError, programs, running_dsn
from persistence.postgres import server as postgres_server
from persistence.postgres.account import Account, account_for
from persistence.postgres.folder import workers

HOUSE = Path(__file__).parents[2]
IS_ROOT = os.geteuid() == 0
DAEMON = pwd.getpwnam("daemon").pw_uid
HOLD = """
import sys, time
from pathlib import Path
from persistence.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
print(server.start(), flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder that is not there yet, for this test alone."""
    folder = Path(tempfile.mkdtemp(prefix="shelfgraph-"))
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def ready_dir() -> Iterator[Path]:
    """A folder that was set up before, for one test after the other."""
    folder = Path(tempfile.mkdtemp(prefix="shelfgraph-"))
    EmbeddedPostgres(folder / "data", durable=False).__enter__().stop()
    yield folder / "data"
    shutil.rmtree(folder)


def held_by_another(data_dir: Path, *, user: int | None = None) -> subprocess.Popen[str]:
    """A process of its own that keeps a server until its standard input is closed."""
    return subprocess.Popen(
        [sys.executable if user is None else open_python(), "-c", HOLD, str(data_dir)],
        cwd=HOUSE,
        env={
            **os.environ,
            "PYTHONPATH": f"{HOUSE}:{programs.installed().parents[1]}",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise AssertionError(process.communicate()[1])
    return line


def workers_in(data_dir: Path) -> list[int]:
    """Every process that works in the cluster's folder."""
    return workers(data_dir / "postgres" / "data")


async def value(dsn: str, statement: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_what_was_committed_is_there_after_a_restart(data_dir):
    server = EmbeddedPostgres(data_dir)
    dsn = server.start()
    await value(dsn, "CREATE TABLE kept AS SELECT 42 AS it")
    born = (data_dir / "postgres/data/PG_VERSION").stat().st_ctime_ns
    server.stop()
    assert workers_in(data_dir) == []
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncpg.connect(dsn)
    began = time.monotonic()
    dsn = server.start()
    assert time.monotonic() - began < 5
    assert await value(dsn, "SELECT it FROM kept") == 42
    assert (data_dir / "postgres/data/PG_VERSION").stat().st_ctime_ns == born
    server.stop()


async def test_the_server_is_the_one_that_was_promised(ready_dir):
    with EmbeddedPostgres(ready_dir) as server:
        connection = await asyncpg.connect(server.dsn)
        found = {
            name: await connection.fetchval(f"SHOW {name}")
            for name in (
                "listen_addresses",
                "fsync",
                "full_page_writes",
                "synchronous_commit",
                "jit",
                "timezone",
            )
        }
        assert found == {
            "listen_addresses": "127.0.0.1",
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "jit": "off",
            "timezone": "UTC",
        }
        assert connection.get_server_version().major == 18
        locale = await connection.fetchrow(
            "SELECT datlocprovider::text, datlocale, pg_encoding_to_char(encoding) FROM pg_database "
            "WHERE datname = current_database()"
        )
        assert tuple(locale) == ("b", "C.UTF-8", "UTF8")
        await connection.close()


async def test_nobody_else_may_read_or_connect(ready_dir):
    with EmbeddedPostgres(ready_dir, durable=False) as server:
        for private in ("lock", "postgres", "postgres/password", "postgres/log", "postgres/data"):
            assert stat.S_IMODE((ready_dir / private).stat().st_mode) & 0o077 == 0, private
        without = server.dsn.replace(server.dsn.split(":")[2].split("@")[0], "guessed")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(without)


async def test_a_killed_process_takes_its_server_along_and_the_next_one_starts(data_dir):
    holder = held_by_another(data_dir)
    await value(first_line(holder), "CREATE TABLE kept AS SELECT 42 AS it")
    assert workers_in(data_dir)
    holder.kill()
    holder.wait()
    with EmbeddedPostgres(data_dir, durable=False) as server:  # at once, while the orphan may still be ending
        assert await value(server.dsn, "SELECT it FROM kept") == 42


def test_a_killed_process_leaves_nothing_running(ready_dir):
    holder = held_by_another(ready_dir)
    first_line(holder)
    holder.kill()
    holder.wait()
    until = time.monotonic() + 10
    while workers_in(ready_dir) and time.monotonic() < until:
        time.sleep(0.02)
    assert workers_in(ready_dir) == []


def test_a_folder_in_use_names_who_uses_it(ready_dir):
    holder = held_by_another(ready_dir)
    dsn = first_line(holder)
    with pytest.raises(EmbeddedPostgresError) as refused:
        EmbeddedPostgres(ready_dir).start()
    assert str(refused.value) == (
        f"{ready_dir} is in use by process {holder.pid}: stop that one, or set another SHELFGRAPH_DATA_DIR."
    )
    assert running_dsn(ready_dir) == dsn
    holder.communicate("", timeout=20)
    assert holder.returncode == 0
    assert running_dsn(ready_dir) is None
    EmbeddedPostgres(ready_dir, durable=False).__enter__().stop()


def test_a_set_up_killed_half_way_does_not_stop_the_next_start(data_dir):
    holder = held_by_another(data_dir)
    until = time.monotonic() + 20
    while not list(data_dir.glob("postgres.new-*/data/base")) and time.monotonic() < until:
        time.sleep(0.001)
    assert not (data_dir / "postgres").exists()
    holder.kill()
    holder.wait()
    with EmbeddedPostgres(data_dir, durable=False):
        assert [path.name for path in data_dir.iterdir() if path.name.startswith("postgres")] == ["postgres"]


def test_a_number_left_behind_that_now_belongs_to_a_stranger_is_no_hindrance(ready_dir):
    with EmbeddedPostgres(ready_dir, durable=False) as server:
        told = (ready_dir / "postgres/data/postmaster.pid").read_text().split("\n", 1)[1]
    account = account_for(ready_dir / "postgres")
    stranger = subprocess.Popen(
        ["sleep", "60"], user=account.user, group=account.group, extra_groups=[] if account.user else None
    )
    left = ready_dir / "postgres/data/postmaster.pid"
    left.write_text(f"{stranger.pid}\n{told}")
    left.chmod(0o600)
    account.take(left)
    try:
        server.start()
        server.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_server_that_dies_unasked_comes_back_under_the_same_address(data_dir):
    with EmbeddedPostgres(data_dir) as server:
        await value(server.dsn, "CREATE TABLE kept AS SELECT 42 AS it")
        assert server._process is not None
        dead = server._process.pid
        os.kill(dead, signal.SIGKILL)
        until = time.monotonic() + 20
        while True:
            try:
                assert await value(server.dsn, "SELECT it FROM kept") == 42
                break
            except (OSError, asyncpg.PostgresError):
                assert time.monotonic() < until, "it did not come back"
                await asyncio.sleep(0.05)
        assert server._process.pid != dead


def test_long_paths_with_spaces_and_chinese_will_do(data_dir):
    folder = data_dir / ("長路徑 with spaces " + "x" * 100) / ("y" * 100)
    with EmbeddedPostgres(folder, durable=False) as server:
        assert running_dsn(folder) == server.dsn


def test_a_port_taken_in_between_is_left_for_another(ready_dir, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free = postgres_server._free_port()
        ports = iter([taken.getsockname()[1], free])
        monkeypatch.setattr(postgres_server, "_free_port", lambda: next(ports))
        with EmbeddedPostgres(ready_dir, durable=False) as server:
            assert server.dsn.endswith(f":{free}/shelfgraph")


def test_a_folder_that_cannot_be_written_is_said_in_one_line(data_dir):
    data_dir.write_text("a file")
    with pytest.raises(EmbeddedPostgresError) as refused:
        EmbeddedPostgres(data_dir).start()
    assert str(refused.value) == f"{data_dir} cannot be used: File exists."


@pytest.mark.skipif(not IS_ROOT, reason="only root may become somebody else")
class TestAsRoot:
    """PostgreSQL refuses root; what root starts runs as a user without rights."""

    def test_the_server_runs_as_nobody_and_no_parent_is_opened(self, data_dir):
        data_dir.parent.chmod(0o700)
        with EmbeddedPostgres(data_dir, durable=False):
            nobody = pwd.getpwnam("nobody").pw_uid
            assert {Path(f"/proc/{pid}").stat().st_uid for pid in workers_in(data_dir)} == {nobody}
            assert stat.S_IMODE(data_dir.parent.stat().st_mode) == 0o700
            assert data_dir.stat().st_uid == 0

    def test_where_every_folder_is_open_no_capability_is_given(self, data_dir):
        data_dir.parent.chmod(0o755)
        with EmbeddedPostgres(data_dir, durable=False) as server:
            assert server._process is not None
            status = Path(f"/proc/{server._process.pid}/status").read_text()
            reached = (
                Account(65534, 65534).capability_for(data_dir / "postgres", programs.installed()) is None
            )
            assert ("CapEff:\t0000000000000000" in status) is reached

    def test_a_folder_brought_back_by_root_is_handed_over(self, data_dir):
        EmbeddedPostgres(data_dir, durable=False).__enter__().stop()
        Account(0, 0).take_all(data_dir / "postgres")
        with EmbeddedPostgres(data_dir, durable=False):
            assert (data_dir / "postgres").stat().st_uid != 0

    @pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
    @pytest.mark.parametrize(
        ("capabilities", "said"),
        [
            ("+chown,+setuid,+setgid,+setpcap,+dac_override,+kill", None),  # what containers leave to root
            ("+chown,+setuid,+setgid,+setpcap,+kill", "may not enter"),
            ("+dac_override", "this root may not become anybody else"),
        ],
    )
    def test_a_root_with_few_rights_does_with_them_or_says_so_in_one_line(self, data_dir, capabilities, said):
        assert stat.S_IMODE(data_dir.parent.stat().st_mode) == 0o700
        holder = subprocess.run(
            ["setpriv", "--bounding-set", f"-all,{capabilities}", sys.executable, "-c", HOLD, str(data_dir)],
            cwd=HOUSE,
            env={**os.environ, "PYTHONPATH": str(HOUSE), "PYTHONDONTWRITEBYTECODE": "1"},
            input="",
            capture_output=True,
            text=True,
            check=False,
        )
        last = holder.stderr.strip().splitlines()[-1:]
        if said is None:
            assert (holder.returncode, last) == (0, [])
        else:
            assert last[0].startswith(
                "persistence.postgres.refusal.EmbeddedPostgresError: PostgreSQL may not"
            )
            assert said in last[0]

    def test_another_user_runs_it_as_himself_and_root_continues_as_that_user(self, data_dir):
        data_dir.parent.chmod(0o777)
        holder = held_by_another(data_dir, user=DAEMON)
        first_line(holder)
        assert {Path(f"/proc/{pid}").stat().st_uid for pid in workers_in(data_dir)} == {DAEMON}
        holder.communicate("", timeout=20)
        assert holder.returncode == 0

    def test_a_folder_of_somebody_else_is_refused_by_name(self, data_dir):
        data_dir.parent.chmod(0o777)
        EmbeddedPostgres(data_dir, durable=False).__enter__().stop()
        data_dir.chmod(0o777)
        (data_dir / "lock").chmod(0o666)
        holder = held_by_another(data_dir, user=DAEMON)
        _, said = holder.communicate("", timeout=20)
        assert "belongs to user nobody: start as that user, or set another SHELFGRAPH_DATA_DIR." in said


def open_python() -> str:
    """A Python that users other than root may run, to be them with."""
    for found in (sys.executable, "/usr/bin/python3.11", "/usr/bin/python3"):
        real = Path(found).resolve()
        if real.exists() and all(
            folder.stat().st_mode & stat.S_IXOTH for folder in (*real.parents, *HOUSE.parents)
        ):
            return found
    pytest.skip("no Python and project here that users other than root may enter")
