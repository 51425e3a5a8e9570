"""The connections of one process that stay open: counted, and ended when their sign-in counts no more."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Protocol

from domain.refusals import RequestCode, RequestError, Text
from graph.door.caller import Standing
from graph.door.limits import Limits

_BACK_IN_SECONDS = 5


class Connection(Protocol):
    """One connection that stays open."""

    async def restart(self) -> None:
        """Ends it so that its client connects again, to whichever process takes over."""

    async def dismiss(self, because: RequestError) -> None:
        """Ends it because what it was let in with counts no more: TokenExpired, or UNAUTHENTICATED."""


class Connections:
    """Every socket and event stream of the process, and as whom each was let in.

    `must_stand` raises for a sign-in that has expired or was revoked. It is asked again every
    `sign_in_check_seconds`, and by `check` when something was revoked: a stream does not outlive its sign-in,
    however long it is silent.
    """

    def __init__(self, limits: Limits, must_stand: Callable[[Standing], None]) -> None:
        self._limits = limits
        self._must_stand = must_stand
        self._open: dict[Connection, Standing | None] = {}
        self._signed_in: Counter[Hashable] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._dismissing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection, standing: Standing | None = None) -> None:
        """Counts a new connection in. Raises RATE_LIMITED when there are too many, or too many of one."""
        if len(self._open) >= self._limits.connections:
            raise _too_many(
                en="This server has all the connections it can hold.", zh="该服务器的连接数已达上限。"
            )
        self._open[connection] = None
        try:
            self.sign_in(connection, standing)
        except RequestError:
            del self._open[connection]
            raise

    def sign_in(self, connection: Connection, standing: Standing | None) -> None:
        """Counts the connection as its caller's. Raises RATE_LIMITED when that has too many."""
        if connection not in self._open:
            return  # it has ended meanwhile
        before = self._open[connection]
        if standing is not None:
            most = self._limits.caller_connections
            is_more = before is None or before.principal != standing.principal
            if is_more and self._signed_in[standing.principal] >= most:
                raise _too_many(
                    en=f"At most {most} connections are open for one sign-in.",
                    zh=f"同一身份最多同时打开 {most} 个连接。",
                )
            self._signed_in[standing.principal] += 1
        self._open[connection] = standing
        self._count_out(before)
        self._watch()

    def leave(self, connection: Connection) -> None:
        """Counts a connection out; doing so again changes nothing."""
        self._count_out(self._open.pop(connection, None))

    async def restart(self) -> None:
        """Ends all of them so that their clients connect again."""
        await asyncio.gather(*(connection.restart() for connection in tuple(self._open)))

    def check(self) -> None:
        """Dismisses everybody whose sign-in counts no more."""
        for connection, standing in tuple(self._open.items()):
            if standing is None:
                continue
            try:
                self._must_stand(standing)
            except RequestError as because:
                if because.code is RequestCode.UNAUTHENTICATED:
                    self._dismiss(connection, because)

    def _dismiss(self, connection: Connection, because: RequestError) -> None:
        task = asyncio.get_running_loop().create_task(connection.dismiss(because))
        self._dismissing.add(task)
        task.add_done_callback(self._dismissing.discard)

    def _watch(self) -> None:
        if self._timer is None and self._signed_in:
            seconds = self._limits.sign_in_check_seconds
            self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        self.check()
        self._watch()

    def _count_out(self, standing: Standing | None) -> None:
        if standing is None:
            return
        self._signed_in[standing.principal] -= 1
        if not self._signed_in[standing.principal]:
            del self._signed_in[standing.principal]


def _too_many(*, en: str, zh: str) -> RequestError:
    return RequestError(RequestCode.RATE_LIMITED, Text(en=en, zh=zh), retry_after_seconds=_BACK_IN_SECONDS)
