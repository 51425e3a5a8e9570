"""Who uses a data folder: one process at a time, told by a lock that no death leaves behind."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from pathlib import Path

from persistence.postgres.refusal import EmbeddedPostgresError

_PATIENCE_SECONDS = 15.0


class FolderLock:
    """A data folder's lock, held until it is released or this process ends, however it ends."""

    def __init__(self, data_dir: Path) -> None:
        """Holds the lock. Raises EmbeddedPostgresError that names the process which holds it already."""
        self._file = os.fdopen(os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600), "r+")
        for patience in (0.05, 0.1, 0.0):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(patience)  # whoever only looks holds it for a moment
            else:
                self._write(str(os.getpid()))
                return
        holder = self._file.readline().strip()
        self._file.close()
        raise EmbeddedPostgresError(
            f"{data_dir} is in use by process {holder or '(unknown)'}: "
            "stop that one, or set another SHELFGRAPH_DATA_DIR."
        )

    def tell(self, dsn: str) -> None:
        """Lets processes of the same user join the server at this address."""
        self._write(f"{os.getpid()}\n{dsn}")

    def release(self) -> None:
        """Leaves the folder to others."""
        self._file.truncate(0)
        self._file.close()

    def _write(self, text: str) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.write(text + "\n")
        self._file.flush()


def running_dsn(data_dir: Path) -> str | None:
    """The address of the server that another process runs in this folder; None when there is none."""
    try:
        with (data_dir / "lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                lines = lock.read().split()
                return lines[1] if len(lines) > 1 else None
    except OSError:
        return None
    return None


def postmaster(cluster: Path) -> list[str]:
    """The lines in which a server tells its number (first) and state (eighth); empty when none does."""
    try:
        return [line.strip() for line in (cluster / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        return []


def workers(cluster: Path) -> list[int]:
    """The numbers of all processes of a server that work in the folder, as far as can be seen."""
    return [pid for pid in _servers() if _works_in(pid, cluster)]


def wait_for_the_one_before(cluster: Path) -> None:
    """Returns once no server works in the folder any more.

    One whose process was killed is ending already; it is asked again, more firmly, when it takes long.
    Raises EmbeddedPostgresError when it stays.
    """
    began = time.monotonic()
    while alive := workers(cluster):
        waited = time.monotonic() - began
        if waited > 2 * _PATIENCE_SECONDS:
            raise EmbeddedPostgresError(
                f"PostgreSQL still runs in {cluster} as process {min(alive)}: end it first."
            )
        main = postmaster(cluster)[:1]
        if waited > _PATIENCE_SECONDS and main and int(main[0]) in alive:
            os.kill(int(main[0]), signal.SIGQUIT)
        time.sleep(0.05)
    _forget_a_stranger(cluster)


def _forget_a_stranger(cluster: Path) -> None:
    """Removes the number a dead server left behind if another program has it now, as after a restart.

    PostgreSQL would take that program for a server and not start. Of a number nobody has it sees by itself
    that it is stale, and then makes sure by shared memory that no process of that server is left; where we
    cannot see the same, the file stays.
    """
    main = postmaster(cluster)[:1]
    if not main or not main[0].isdecimal() or not Path(f"/proc/{main[0]}").exists():
        return
    if not any(_works_in(pid, cluster) is None for pid in _servers()):
        (cluster / "postmaster.pid").unlink(missing_ok=True)


def _servers() -> list[int]:
    """Every process called postgres; none where there is no /proc."""
    found = []
    for entry in Path("/proc").iterdir() if Path("/proc").exists() else ():
        if entry.name.isdecimal():
            try:
                if (entry / "comm").read_text().strip() == "postgres":
                    found.append(int(entry.name))
            except OSError:
                continue  # it ended meanwhile
    return found


def _works_in(pid: int, cluster: Path) -> bool | None:
    """Whether a process works in the folder; None when we are not allowed to know."""
    try:
        if os.fsencode(cluster) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return True  # also where, as in a container, root may not look at others' folders
        return Path(os.readlink(f"/proc/{pid}/cwd")) == cluster.resolve()
    except PermissionError:
        return None
    except OSError:
        return False
