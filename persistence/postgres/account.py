"""As whom PostgreSQL runs: as us, or, since it refuses root, as a user without rights."""

from __future__ import annotations

import os
import pwd
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from persistence.postgres.child import (
    CAP_CHOWN,
    CAP_DAC_OVERRIDE,
    CAP_DAC_READ_SEARCH,
    CAP_SETGID,
    CAP_SETUID,
)
from persistence.postgres.refusal import EmbeddedPostgresError


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group to give root away to; both None to stay who we are."""

    user: int | None = None
    group: int | None = None

    def take(self, path: Path) -> None:
        """Makes the account the owner of a file or folder."""
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group, follow_symlinks=False)

    def take_all(self, folder: Path) -> None:
        """Makes the account the owner of a folder and of everything in it."""
        self.take(folder)
        for path in folder.rglob("*"):
            self.take(path)

    def capability_for(self, folder: Path, programs: Path) -> int | None:
        """The one capability the account needs to work in `folder` with `programs`; None if rights do.

        Parents such as /root are closed to others, and stay so: nobody's permissions are widened.
        """
        if self.user is None:
            return None
        closed = [path for path in (*folder.parents, *programs.parents) if not self._may(path, stat.S_IXOTH)]
        unreadable = not self._may(programs / "share" / "postgres.bki", stat.S_IROTH)
        not_runnable = not self._may(programs / "bin" / "postgres", stat.S_IXOTH)
        if not (closed or unreadable or not_runnable):
            return None
        held = _permitted_capabilities() if sys.platform == "linux" else 0
        for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
            if held >> capability & 1 and not (not_runnable and capability == CAP_DAC_READ_SEARCH):
                return capability
        where = closed[0] if closed else programs
        raise EmbeddedPostgresError(
            f"PostgreSQL may not run as root, and user {self.user} may not enter {where}: "
            "start as another user, or keep project and data where everybody may enter."
        )

    def _may(self, path: Path, right: int) -> bool:
        found = path.stat()
        if found.st_uid == self.user:
            right <<= 6
        elif found.st_gid == self.group:
            right <<= 3
        return bool(found.st_mode & right)


def account_for(folder: Path) -> Account:
    """Who runs PostgreSQL in a folder: we; when we are root, its owner, or `nobody` for a new one.

    Raises EmbeddedPostgresError when the folder belongs to somebody we cannot become.
    """
    owner = folder.stat().st_uid if folder.exists() else None
    me = os.geteuid()
    if me != 0:
        if owner not in (None, me):
            raise EmbeddedPostgresError(
                f"{folder} belongs to user {_name(owner)}: "
                "start as that user, or set another SHELFGRAPH_DATA_DIR."
            )
        return Account()
    held = _permitted_capabilities()
    if not all(held >> capability & 1 for capability in (CAP_CHOWN, CAP_SETGID, CAP_SETUID)):
        raise EmbeddedPostgresError(
            "PostgreSQL may not run as root, and this root may not become anybody else: "
            "start as another user, or set SHELFGRAPH_DATABASE_URL."
        )
    try:
        entry = pwd.getpwuid(owner) if owner else _nobody(pwd.getpwall())
    except KeyError:
        raise EmbeddedPostgresError(f"{folder} belongs to user {owner}, who has no name here.") from None
    return Account(entry.pw_uid, entry.pw_gid)


def _nobody(entries: Iterable[pwd.struct_passwd]) -> pwd.struct_passwd:
    for entry in entries:
        if entry.pw_name == "nobody" and entry.pw_uid != 0:
            return entry
    raise EmbeddedPostgresError(
        "PostgreSQL may not run as root and there is no user `nobody`: start as another user."
    )


def _name(user: int | None) -> str:
    try:
        return pwd.getpwuid(user or 0).pw_name
    except KeyError:
        return str(user)


def _permitted_capabilities() -> int:
    """What this process may do, one bit for each; everything where the system knows no capabilities."""
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith("CapPrm:"):
            return int(line.split()[1], 16)
    return -1
