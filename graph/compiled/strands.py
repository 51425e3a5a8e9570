"""What an operation awaits: begun together, gone on with as soon as each can, in turns of one task.

Every field that awaits something is a coroutine. A task for each would cost more than most of them do, so
they are stepped here, and their operation's task sleeps until one of them has come to its end.
Loaders therefore hear of all keys of a level in one turn of the event loop. Each coroutine still has a
current task of its own, which timeouts and task groups within it rely on: its Strand.
"""

from __future__ import annotations

import asyncio
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Awaitable, Coroutine, Generator
from types import CoroutineType, coroutine
from typing import Any

from graph.compiled.places import At
from graph.compiled.run import PLAIN, Run, close, settled

_left: set[asyncio.Task[Any]] = set()
"""What goes on though no answer waits for it any more."""


class Strand:
    """A coroutine that is stepped by a Weaver; inside it, this is the current task."""

    __slots__ = (
        "__weakref__",
        "_cancels",
        "_future",
        "_name",
        "_throw",
        "at",
        "coro",
        "is_done",
        "task",
        "weaver",
    )

    def __init__(self, weaver: Weaver) -> None:
        self.weaver = weaver
        self.coro: Any = None
        self.at: At
        self.task: asyncio.Task[Any] | None = None
        """What it was handed over to, if it was."""
        self.is_done = False
        self._future: Any = None
        self._throw: BaseException | None = None
        self._cancels = 0
        self._name = ""

    # What asyncio asks of a task.

    def cancel(self, msg: object = None) -> bool:
        """Has CancelledError raised where it waits."""
        if self.task is not None:
            return self.task.cancel(msg)
        if self.is_done:
            return False
        self._cancels += 1
        if self._future is None or not self._future.cancel(msg=msg):
            self._throw = asyncio.CancelledError()
        return True

    def uncancel(self) -> int:
        """Takes one request to cancel back; how many are left."""
        if self.task is not None:
            return self.task.uncancel()
        self._cancels = max(self._cancels - 1, 0)
        return self._cancels

    def cancelling(self) -> int:
        """How many requests to cancel it stand."""
        return self._cancels if self.task is None else self.task.cancelling()

    def done(self) -> bool:
        """Whether it came to its end."""
        return self.is_done if self.task is None else self.task.done()

    def cancelled(self) -> bool:
        """Whether it ended by being cancelled, which nobody can ask once it has."""
        return False

    def get_coro(self) -> Any:
        """What runs in it."""
        return self.coro

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop it runs in."""
        return self.weaver.loop

    def get_name(self) -> str:
        """A name to tell it by."""
        return self._name or f"Strand-{id(self):x}"

    def set_name(self, value: object) -> None:
        """Names it."""
        self._name = str(value)

    # What its weaver asks.

    def step(self) -> Any:
        """Goes on; returns what it waits for then. Raises StopIteration with its value at its end."""
        if self._throw is not None:
            error, self._throw = self._throw, None
            return self.coro.throw(error)
        return self.coro.send(None)

    def wait(self, future: Any) -> None:
        """Has it woken once the future is done, as asyncio's own tasks are."""
        if getattr(future, "_asyncio_future_blocking", None):
            future._asyncio_future_blocking = False
            future.add_done_callback(self.wake)
            self._future = future
            if self._throw is not None and future.cancel():
                self._throw = None
            return
        if future is not None:
            self._throw = RuntimeError(f"Task got bad yield: {future!r}")
        # A bare yield goes on in the next turn of the loop.
        self.weaver.loop.call_soon(self.wake)

    def wake(self, _: object = None) -> None:
        """It can go on."""
        self._future = None
        self.weaver.woken(self)

    def hand_over(self) -> None:
        """Lets it run to its end in a task of its own."""
        future = self._future
        if future is not None:
            future.remove_done_callback(self.wake)
        self.task = self.weaver.loop.create_task(_rest(self.coro, future))
        _left.add(self.task)
        self.task.add_done_callback(_gone)


class Weaver:
    """Takes one run's strands to their ends."""

    __slots__ = ("_broken", "_ended", "_run", "_spare", "_task", "_waiter", "_waiting", "loop")

    def __init__(self, run: Run) -> None:
        self.loop = asyncio.get_running_loop()
        self._run = run
        self._task: Any = asyncio.current_task()
        self._ended: list[tuple[Any, Any, At]] = []
        """What came to its end and is not in the answer yet: its error, its value, and its place."""
        self._waiting: dict[Strand, None] = {}
        self._waiter: asyncio.Future[None] | None = None
        self._spare: Strand | None = None
        self._broken: BaseException | None = None
        """What ends the whole operation: a cancellation, or worse."""

    async def weave(self) -> None:
        """Returns once nothing of the run is awaited any more."""
        run, new = self._run, self._run.new
        while True:
            while new or self._ended:
                if len(new) == 1 and not self._ended and not self._waiting and self._broken is None:
                    # Alone it needs no strand: it runs in our task.
                    await self._alone(*new.pop())
                else:
                    self._turn()
            if self._waiting and (run.nulled or run.is_nulled) and self._broken is None:
                self._leave_dead()
            if not self._waiting:
                break
            await self._sleep()
        if self._broken is not None:
            raise self._broken

    def woken(self, strand: Strand) -> None:
        """A strand can go on, and does at once: as soon as a task of its own would."""
        if strand not in self._waiting:
            return  # it goes on elsewhere
        del self._waiting[strand]
        self._step(strand, self._ended)
        waiter = self._waiter
        if waiter is not None and not waiter.done() and (self._ended or not self._waiting):
            waiter.set_result(None)

    async def _sleep(self) -> None:
        self._waiter = self.loop.create_future()
        try:
            await self._waiter
        except asyncio.CancelledError as cancelled:
            # As a gathering of tasks would: all of it is cancelled, and has its time to clean up.
            self._break(cancelled)
        finally:
            self._waiter = None

    def _break(self, error: BaseException) -> None:
        self._broken = self._broken or error
        for strand in tuple(self._waiting):
            strand.cancel()

    async def _alone(self, awaited: Awaitable[Any], at: At) -> None:
        run = self._run
        if (run.nulled or run.is_nulled) and run.is_dead(at):
            close(awaited)
            return
        try:
            value = await awaited
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the field's
            run.failed_later(error, at)
        else:
            self._finish(value, at)

    def _turn(self) -> None:
        """The first step of everything that is new, and then what follows from all that came to its end."""
        loop, task, run = self.loop, self._task, self._run
        ended, self._ended = self._ended, []
        begun = run.new[:]
        run.new.clear()
        if begun:
            if task is not None:
                _leave_task(loop, task)
            try:
                self._begin(begun, ended)
            finally:
                if task is not None:
                    _enter_task(loop, task)
        if self._broken is not None:
            return
        for error, value, at in ended:
            if error is not None:
                run.failed_later(error, at)
            elif not (run.nulled or run.is_nulled) or not run.is_dead(at):
                self._finish(value, at)

    def _begin(self, begun: list[tuple[Any, At]], ended: list[tuple[Any, Any, At]]) -> None:
        run = self._run
        for awaited, at in begun:
            if self._broken is not None or ((run.nulled or run.is_nulled) and run.is_dead(at)):
                close(awaited)
                continue
            strand = self._spare
            if strand is None:
                strand = Strand(self)
            strand.coro = awaited if awaited.__class__ is CoroutineType else _awaiting(awaited)
            strand.at = at
            self._step(strand, ended)
            # One that ended at once was seen by nobody, and serves the next.
            self._spare = strand if strand.is_done and not strand._cancels else None
            if self._spare is not None:
                strand.is_done = False

    def _step(self, strand: Strand, ended: list[tuple[Any, Any, At]]) -> None:
        loop = self.loop
        _enter_task(loop, strand)  # type: ignore[arg-type]
        try:
            future = strand.step()
        except StopIteration as stop:
            strand.is_done = True
            ended.append((None, stop.value, strand.at))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the field's
            strand.is_done = True
            ended.append((error, None, strand.at))
        except BaseException as error:  # noqa: BLE001 - raised again when everything has ended
            strand.is_done = True
            if self._broken is None:
                self._break(error)
        else:
            self._waiting[strand] = None
            strand.wait(future)
        finally:
            _leave_task(loop, strand)  # type: ignore[arg-type]

    def _finish(self, value: Any, at: At) -> None:
        """Puts what a place was awaited for where it belongs."""
        run = self._run
        try:
            if value.__class__ not in PLAIN:
                value = settled(value)
            at[2][at[1]] = at[3].complete(run, value, at)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the field's
            run.failed_later(error, at)

    def _leave_dead(self) -> None:
        """The answer does not wait for what is no part of it any more."""
        for strand in [one for one in self._waiting if self._run.is_dead(one.at)]:
            del self._waiting[strand]
            strand.hand_over()


async def weave(run: Run) -> None:
    """Awaits all that a run has begun, and all that follows from it.

    Raises CancelledError, once everything has cleaned up, when the task is cancelled meanwhile.
    """
    await Weaver(run).weave()


async def _awaiting(awaited: Awaitable[Any]) -> Any:
    return await awaited


@coroutine
def _rest(begun: Coroutine[Any, Any, Any], future: Any) -> Generator[Any, Any, Any]:
    """What is left of a coroutine that waits for a future; it was begun elsewhere."""
    if future is not None:
        try:
            future._asyncio_future_blocking = True
            yield future
        except BaseException:
            begun.close()
            raise
    return (yield from begun)


def _gone(task: asyncio.Task[Any]) -> None:
    _left.discard(task)
    if not task.cancelled():
        task.exception()
