"""Background work that ends with the service, and whose failures are never silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from sayso_bot.ports import Log

FINISH_SECONDS = 1.0


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
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def tasks(log: Log) -> AsyncIterator[Tasks]:
    """A group that is ended on leaving."""
    group = Tasks(log)
    try:
        yield group
    finally:
        await group.end()


@asynccontextmanager
async def running(work: Awaitable[None], log: Log) -> AsyncIterator[None]:
    """Run ``work``, which is meant never to end by itself, while inside."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: _report(done, log))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _report(task: asyncio.Future[None], log: Log) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("task_failed", error=type(error).__name__, exc_info=error)
