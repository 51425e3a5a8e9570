"""The last step before a program of PostgreSQL: a file run by itself, gives root away and becomes it.

PostgreSQL refuses to run as root, and has to end when the process that needs it is gone, even by `kill -9`.
Both are properties of a process, so they are set in the child itself, between fork and exec; a program does
this safely where a function called after fork in a process with threads does not.
"""

from __future__ import annotations

import ctypes
import os
import sys

# linux/capability.h
CAP_CHOWN = 0
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAP_SETGID = 6
CAP_SETUID = 7

# linux/prctl.h, linux/securebits.h, linux/capability.h
_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CAPABILITY_VERSION_3 = 0x20080522


def command(
    program: list[str], *, death_signal: int, user: int | None, group: int | None, capability: int | None
) -> list[str]:
    """The command line that becomes `program` as that user; `death_signal` ends it with the caller's thread.

    `capability` lets it walk through folders that are closed to that user, and nothing more.
    """
    told = (os.getpid(), death_signal, user, group, capability)
    return [
        sys.executable,
        "-I",
        "-S",
        __file__,
        *("-" if one is None else str(one) for one in told),
        *program,
    ]


def _become(
    parent: int, death_signal: int, user: int | None, group: int | None, capability: int | None
) -> None:
    os.setsid()  # Ctrl-C is for the server above, which still needs its database to end in order
    libc = ctypes.CDLL(None, use_errno=True)
    if user is not None and group is not None:
        if capability is not None:
            # Else access(2), which PostgreSQL asks about its own files, would leave the capability out.
            _checked(libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0))
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
        if capability is not None:
            _keep_only(libc, capability)
    if sys.platform == "linux":
        # After the change of user, which clears it.
        _checked(libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0))
    if os.getppid() != parent:
        sys.exit("the process that started this is gone")


def _keep_only(libc: ctypes.CDLL, capability: int) -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    mask = 1 << capability
    # effective, permitted, inheritable, for capabilities below 32 and then from 32 on
    _checked(libc.capset(header, (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)))
    _checked(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0))


def _checked(answer: int) -> None:
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    _parent, _signal, _user, _group, _capability = (None if one == "-" else int(one) for one in sys.argv[1:6])
    assert _parent is not None and _signal is not None  # noqa: S101, PT018 - what `command` wrote
    try:
        _become(_parent, _signal, _user, _group, _capability)
    except OSError as error:
        sys.exit(f"FATAL: could not give up root: {error}")
    os.execv(sys.argv[6], sys.argv[6:])  # noqa: S606 - the whole point
