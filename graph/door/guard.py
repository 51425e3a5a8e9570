"""The time an operation has, and whether somebody still waits for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

from starlette.types import Receive

from domain.refusals import RequestCode, RequestError, Text

_LOOK_AFTER_SECONDS = 0.05
"""Most operations are answered by then and cost no more than one timer that never fires."""


class HungUp(Exception):  # noqa: N818 - nobody is there to be told
    """The client left before the answer was there."""


def out_of_time() -> RequestError:
    """The answer to an operation that took longer than it may."""
    return RequestError(
        RequestCode.TIMEOUT,
        Text(en="The operation took too long and was stopped.", zh="操作超时，已被终止。"),
    )


class Guard:
    """Cancels what runs inside after so many seconds, or once the client is gone.

    Raises `late` (RequestError with TIMEOUT unless said otherwise) or HungUp in place of the cancellation.
    Without `receive` nobody is listened for: the work is then finished for whoever asks again.
    """

    __slots__ = ("_because", "_late", "_receive", "_seconds", "_task", "_timer", "_watching")

    def __init__(
        self,
        seconds: float,
        receive: Receive | None = None,
        late: Callable[[], Exception] = out_of_time,
    ) -> None:
        self._seconds = seconds
        self._receive = receive
        self._late = late
        self._because: Exception | None = None
        self._watching: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(
            min(_LOOK_AFTER_SECONDS, self._seconds), self._look_after
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()
        if self._because is not None and self._task is not None:
            # Ours is taken back; who else cancelled the task meanwhile still has it cancelled.
            others = self._task.uncancel()
            if kind is asyncio.CancelledError and others == 0:
                raise self._because from None

    def _look_after(self) -> None:
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        try:
            async with asyncio.timeout(max(self._seconds - _LOOK_AFTER_SECONDS, 0)):
                await self._until_gone()
        except TimeoutError:
            self._because = self._late()
        else:
            self._because = HungUp()
        if self._task is not None:
            self._task.cancel()

    async def _until_gone(self) -> None:
        if self._receive is None:
            await asyncio.Event().wait()
            return
        while (await self._receive())["type"] != "http.disconnect":
            pass
