"""Background work that ends with the service, and whose failures are never silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any

from sayso_bot.ports import Log

FINISH_SECONDS = 1.0
CANCEL_AGAIN_SECONDS = 1.0


async def cancelled(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Cancel ``tasks`` and wait for their ends, whatever these are.

    They are asked until they have ended: `asyncio.wait_for` of Python 3.11, which redis-py uses too, loses a
    cancellation that comes together with what it waited for.
    """
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=CANCEL_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)


class Tasks:
    """Work that handlers leave behind, such as answering a tap after it was acknowledged."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._tasks: set[asyncio.Future[None]] = set()

    def spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda done: _report(done, self._log))

    async def end(self) -> None:
        """Let what is under way finish for a moment, then cancel it."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=FINISH_SECONDS)
        await cancelled(tuple(self._tasks))


@asynccontextmanager
async def tasks(log: Log) -> AsyncIterator[Tasks]:
    """A group that is ended on leaving."""
    group = Tasks(log)
    try:
        yield group
    finally:
        await group.end()


@asynccontextmanager
async def running(work: Awaitable[None], log: Log, ended: Callable[[], None] = lambda: None) -> AsyncIterator[None]:
    """Run ``work``, which is meant never to end by itself, while inside; ``ended`` is called if it does."""
    task = asyncio.ensure_future(work)

    def done(task: asyncio.Future[None]) -> None:
        _report(task, log)
        if not task.cancelled():
            ended()

    task.add_done_callback(done)
    try:
        yield
    finally:
        await cancelled([task])


def _report(task: asyncio.Future[None], log: Log) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("task_failed", error=type(error).__name__, exc_info=error)
