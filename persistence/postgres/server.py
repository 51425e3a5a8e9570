"""The server itself: set up once, started and ended, and started again when it dies unasked."""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from persistence.postgres import child, programs
from persistence.postgres.account import Account, account_for
from persistence.postgres.folder import FolderLock, postmaster, wait_for_the_one_before
from persistence.postgres.refusal import EmbeddedPostgresError

DATABASE = "shelfgraph"
_USER = "shelfgraph"
_START_SECONDS = 120.0  # a crash may leave a long log to be read again
_STOP_SECONDS = 15.0
_LARGEST_LOG = 5_000_000
_MOST_RESTARTS = 5  # within a minute
_log = logging.getLogger("shelfgraph.postgres")

_SERVER = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may have 107 characters; data folders are longer
    "max_connections": "60",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",  # our statements are short: planning them would cost more than running them
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_logical_replication_workers": "0",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "log_line_prefix": "%m ",
    # Statements and the values in them may be personal: neither belongs in a log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """A PostgreSQL server that lives below a data folder for as long as it is wanted, or this process lives.

    It listens on a free port of the loopback address and asks for a password only this user can read.
    With `durable=False` it forgets on a power cut, and tests run faster.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self._data_dir = data_dir.absolute()
        self._home = self._data_dir / "postgres"
        self._cluster = self._home / "data"
        self._durable = durable
        self._account = Account()
        self._lock: FolderLock | None = None
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None
        self._stopping = threading.Event()
        self._was_ready = False

    @property
    def dsn(self) -> str:
        """The address of the default database, password included."""
        password = (self._home / "password").read_text().strip()
        return f"postgresql://{_USER}:{password}@127.0.0.1:{self._port}/{DATABASE}"

    def start(self) -> str:
        """The address of the default database, once the server answers; a new folder is set up first.

        Blocks for about a second. Raises EmbeddedPostgresError when the folder is in use or cannot be used.
        """
        try:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            self._lock = FolderLock(self._data_dir)
            self._account = account_for(self._home)
            self._set_up()
            wait_for_the_one_before(self._cluster)
            self._run()
        except OSError as error:
            self.stop()
            raise EmbeddedPostgresError(f"{self._data_dir} cannot be used: {error.strerror}.") from error
        except BaseException:
            self.stop()
            raise
        atexit.register(self.stop)
        self._lock.tell(self.dsn)
        return self.dsn

    def stop(self) -> None:
        """Ends the server in order: open transactions roll back, what was committed is on disk.

        Blocks for some hundredths of a second; may be repeated.
        """
        self._stopping.set()
        process = self._process
        if process is not None:
            for number, patience in (
                (signal.SIGINT, _STOP_SECONDS),
                (signal.SIGQUIT, 5.0),
                (signal.SIGKILL, 5.0),
            ):
                try:
                    process.send_signal(number)
                    process.wait(patience)
                    break
                except subprocess.TimeoutExpired:
                    _log.warning("PostgreSQL does not end, asking more firmly")
        if self._keeper is not None:
            self._keeper.join(_STOP_SECONDS)
        self._process = self._keeper = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        atexit.unregister(self.stop)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _set_up(self) -> None:
        """Makes password, cluster and database in a folder aside, which is renamed once it is whole."""
        for half_made in self._data_dir.glob("postgres.new-*"):
            shutil.rmtree(half_made, ignore_errors=True)
        if self._home.exists():
            if self._account.user is not None and self._home.stat().st_uid != self._account.user:
                self._account.take_all(self._home)  # restored by root, say
            return
        folder = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=self._data_dir))
        password = folder / "password"
        password.touch(0o600)
        password.write_text(secrets.token_urlsafe(32) + "\n")
        self._account.take_all(folder)
        cluster = str(folder / "data")
        # fmt: off
        self._run_once("initdb", [
            "--pgdata", cluster, "--username", _USER, "--pwfile", str(password), "--auth=scram-sha-256",
            "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions",
            # Stretching gains nothing for a password of 256 random bits, and every connection would pay.
            "--set", "scram_iterations=1",
            *([] if self._durable else ["--no-sync"]),
        ])
        # fmt: on
        self._run_once(
            "postgres",
            ["--single", "-D", cluster, *([] if self._durable else ["-F"]), "postgres"],
            said=f"CREATE DATABASE {DATABASE}\n",
        )
        folder.rename(self._home)

    def _run_once(self, program: str, arguments: list[str], *, said: str = "") -> None:
        done = subprocess.run(  # noqa: S603 - our own programs
            self._command(program, arguments, signal.SIGKILL),
            input=said.encode(),
            capture_output=True,
            check=False,
            cwd="/",
            env=programs.environment(),
        )
        if done.returncode != 0:
            raise EmbeddedPostgresError(
                f"{program} failed: {programs.reason(done.stderr.decode(errors='replace'))}"
            )

    def _run(self) -> None:
        for _ in range(5):
            self._port = _free_port()
            self._stopping.clear()
            self._was_ready = False
            began = threading.Event()
            # The kernel ends the server when the thread that started it ends; so one thread stays with it.
            self._keeper = threading.Thread(
                target=self._keep, args=[self._serve_command(), began], name="postgres", daemon=True
            )
            self._keeper.start()
            began.wait()
            if self._is_ready():
                return
            self._keeper.join(_STOP_SECONDS)
            reason = programs.reason((self._home / "log").read_text(errors="replace"))
            if "TCP/IP sockets" not in reason:
                break  # else somebody was given the same port in between
        raise EmbeddedPostgresError(f"PostgreSQL did not start: {reason} (see {self._home / 'log'})")

    def _keep(self, command: list[str], began: threading.Event) -> None:
        """Starts the server and stays with it; one that dies unasked is started again, on the same port."""
        lives: list[float] = []
        while True:
            try:
                with _log_file(self._home / "log") as log:
                    self._process = process = subprocess.Popen(  # noqa: S603 - our own program
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        cwd="/",
                        env=programs.environment(),
                    )
            finally:
                began.set()
            process.wait()
            lives = [born for born in lives if born > time.monotonic() - 60] + [time.monotonic()]
            if self._stopping.is_set() or not self._was_ready:
                return
            if len(lives) > _MOST_RESTARTS:
                _log.error("PostgreSQL ended %s times within a minute, giving up", len(lives))
                return
            _log.error("PostgreSQL ended unasked (status %s), starting it again", process.returncode)
            self._stopping.wait(0.2 * len(lives))

    def _is_ready(self) -> bool:
        process = self._process
        if process is None:
            return False
        give_up = time.monotonic() + _START_SECONDS
        while process.poll() is None and time.monotonic() < give_up:
            told = postmaster(self._cluster)
            if told[:1] == [str(process.pid)] and told[7:8] == ["ready"]:
                self._was_ready = True
                return True
            time.sleep(0.01)
        self._stopping.set()
        if process.poll() is None:
            process.send_signal(signal.SIGQUIT)
        return False

    def _serve_command(self) -> list[str]:
        arguments = ["-D", str(self._cluster), "-p", str(self._port)]
        for name, value in (_SERVER if self._durable else _SERVER | _FORGETFUL).items():
            arguments += ["-c", f"{name}={value}"]
        return self._command("postgres", arguments, signal.SIGINT)

    def _command(self, program: str, arguments: list[str], death_signal: signal.Signals) -> list[str]:
        installed = programs.installed()
        return child.command(
            [str(installed / "bin" / program), *arguments],
            death_signal=death_signal,
            user=self._account.user,
            group=self._account.group,
            capability=self._account.capability_for(self._home, installed),
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _log_file(path: Path) -> IO[bytes]:
    if path.exists() and path.stat().st_size > _LARGEST_LOG:
        path.replace(path.with_suffix(".before"))
    # The folder may be another user's: what lies there is not followed elsewhere.
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600), "ab")
