"""Requests that are served together: who comes while others are served waits for the next round.

As a loader groups the reads of one request, this groups what many requests of a process want at once: one
transaction, one commit and a handful of statements for all of them. Nobody waits for company: whoever comes
alone is served alone, and the busier the process, the more share a round.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar, cast

from domain.refusals import RequestError

AskedT = TypeVar("AskedT")
AnswerT = TypeVar("AnswerT")

MOST = 100
"""So many share a round at most."""
_PATIENCE_SECONDS = 0.05
"""A round that takes longer, because of somebody's lock, holds nobody else up: another one begins."""
_ROUNDS_AT_ONCE = 4

Serve = Callable[[Sequence[AskedT]], Awaitable[Sequence[AnswerT | Exception]]]


class Together(Generic[AskedT, AnswerT]):
    """Serves calls in rounds: `serve` answers many at once, in order, an exception where one is refused.

    When it raises, nothing of the round was done, and each of it is served anew alone, so that nobody fails
    for another's sake. An outage reaches everybody at once.
    """

    def __init__(self, serve: Serve[AskedT, AnswerT], *, most: int = MOST) -> None:
        self._serve = serve
        self._most = most
        self._waiting: deque[tuple[AskedT, asyncio.Future[AnswerT]]] = deque()
        self._servants: set[asyncio.Task[None]] = set()

    async def __call__(self, asked: AskedT) -> AnswerT:
        """The answer; a caller that is cancelled is served all the same."""
        answer: asyncio.Future[AnswerT] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if not self._servants:
            self._begin()
        return await answer

    def _begin(self) -> None:
        self._servants.add(asyncio.create_task(self._serve_rounds(), name="together"))

    def _lose_patience(self) -> None:
        if self._waiting and len(self._servants) < _ROUNDS_AT_ONCE:
            self._begin()

    async def _serve_rounds(self) -> None:
        # Whoever came in the same turn of the loop is there by now.
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                count = min(len(self._waiting), self._most)
                late = loop.call_later(_PATIENCE_SECONDS, self._lose_patience)
                try:
                    await self._round([self._waiting.popleft() for _ in range(count)])
                finally:
                    late.cancel()
        finally:
            # In the very turn that found nobody waiting: whoever comes next begins anew.
            self._servants.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _round(self, calls: Sequence[tuple[AskedT, asyncio.Future[AnswerT]]]) -> None:
        try:
            answers: Sequence[AnswerT | Exception] = await self._serve([asked for asked, _ in calls])
        except Exception as error:  # noqa: BLE001 - whatever it was, it is told to whoever asked
            if len(calls) > 1 and not isinstance(error, RequestError):
                for call in calls:
                    await self._round([call])
                return
            answers = [error] * len(calls)
        except BaseException:
            for _, future in calls:
                future.cancel()
            raise
        for (_, future), answer in zip(calls, answers, strict=True):
            if future.done():
                continue  # whoever asked does not wait any more
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
