"""Passwords of staff, hashed by argon2id; whoever has no account waits as long as who has one."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

# OWASP's smallest advice for argon2id: 19 MiB, two passes, one lane; some 30 ms of one core.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_AT_ONCE = 4
_NOBODY = _HASHER.hash("nobody has this password")


class Passwords:
    """Hashes and checks passwords beside the event loop, a few at a time."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def fits(self, password: str, password_hash: str | None) -> bool:
        """Whether it is the password behind the hash; never without one, and that takes as long."""
        async with self._places:
            fits = await asyncio.to_thread(_verified, password, password_hash or _NOBODY)
        return fits and password_hash is not None


def hashed(password: str) -> str:
    """What is kept of a password."""
    return _HASHER.hash(password)


def _verified(password: str, password_hash: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False
