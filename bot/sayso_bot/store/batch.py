"""Calls of concurrent handlers leave together, in one pipeline per loop turn.

Under load most of the cost of a call is its own write, wake-up and read. Gathering what one turn of the event loop
asks for doubles what one process gets through. Several pipelines may be under way at once; each call gets its own
answer or error, and nothing that is wrong with one call touches those that travel with it.

Where a disk is waited for (WAITAOF), reads travel apart from writes, and few pipelines of writes are under way: what
is asked meanwhile gathers for the next, so one wait serves many calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from redis.asyncio import Redis
from redis.exceptions import RedisError

MAX_CALLS = 512
WAITING_AT_ONCE = 4
WaitFor: TypeAlias = tuple[int, int, int]
"""What WAITAOF is given: how many local disks (0 or 1), how many replicas', and for how many ms."""


@dataclass(slots=True)
class _Call:
    words: Sequence[str | bytes | int | float]
    answer: asyncio.Future[Any]


class NotOnDisk(RedisError):
    """The calls took effect, but Redis did not confirm in time that they are on disk."""


class Batch:
    """``wait_for`` asks for a WAITAOF after each pipeline that writes."""

    def __init__(self, client: Redis, wait_for: WaitFor | None = None) -> None:
        self._client = client
        self._calls = _Queue()
        self._writes = self._calls if wait_for is None else _Queue(wait_for)
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def waits(self) -> bool:
        """Whether writes wait for a disk."""
        return self._writes.wait_for is not None

    async def call(self, *words: Any, writes: bool) -> Any:
        """The answer to one command. Raises what Redis answered, or the connection's error. Nothing is sent twice.

        Raises `UnicodeEncodeError` for a word that is no text, before anything is sent.
        """
        loop = asyncio.get_running_loop()
        name, *rest = words  # redis-py knows a command, and how to read its answer, by its name as text
        encoded = (word.encode() if isinstance(word, str) else word for word in rest)
        call = _Call((name, *encoded), loop.create_future())
        queue = self._writes if writes else self._calls
        if not queue.waiting:
            loop.call_soon(self._leave, queue)
        queue.waiting.append(call)
        return await call.answer

    async def close(self) -> None:
        """Wait for what is under way."""
        while self._calls.waiting or self._writes.waiting or self._under_way:
            await asyncio.sleep(0)
            await asyncio.gather(*self._under_way, return_exceptions=True)

    def _leave(self, queue: _Queue) -> None:
        while queue.waiting and (queue.wait_for is None or queue.under_way < WAITING_AT_ONCE):
            calls, queue.waiting = queue.waiting[:MAX_CALLS], queue.waiting[MAX_CALLS:]
            queue.under_way += 1
            task = asyncio.create_task(self._send(calls, queue.wait_for))
            self._under_way.add(task)
            task.add_done_callback(lambda task: self._back(task, queue))

    def _back(self, task: asyncio.Task[None], queue: _Queue) -> None:
        self._under_way.discard(task)
        queue.under_way -= 1
        self._leave(queue)

    async def _send(self, calls: list[_Call], wait_for: WaitFor | None) -> None:
        try:
            answers = await (self._execute_durably(calls, wait_for) if wait_for else self._execute(calls))
        except (RedisError, OSError, TimeoutError) as error:
            answers = [error] * len(calls)
        except BaseException:
            for call in calls:
                call.answer.cancel()
            raise
        for call, answer in zip(calls, answers, strict=True):
            if call.answer.done():
                continue
            if isinstance(answer, Exception):
                call.answer.set_exception(answer)
            else:
                call.answer.set_result(answer)

    async def _execute(self, calls: list[_Call], *after: Any) -> list[Any]:
        """All answers, errors among them, and last the one of the command ``after`` where it is given."""
        if len(calls) == 1 and not after:
            return [await self._client.execute_command(*calls[0].words)]  # type: ignore[no-untyped-call]
        async with self._client.pipeline(transaction=False) as pipe:
            for call in calls:
                pipe.execute_command(*call.words)
            if after:
                pipe.execute_command(*after)
            return await pipe.execute(raise_on_error=False)

    async def _execute_durably(self, calls: list[_Call], wait_for: WaitFor) -> list[Any]:
        *answers, confirmed = await self._execute(calls, "WAITAOF", *wait_for)
        local, replicas, _ = wait_for
        if not isinstance(confirmed, Exception) and confirmed[0] >= local and confirmed[1] >= replicas:
            return answers
        late = NotOnDisk("not confirmed on disk in time")
        return [answer if isinstance(answer, Exception) else late for answer in answers]


class _Queue:
    """Calls that wait to leave, and how many pipelines of them are under way."""

    def __init__(self, wait_for: WaitFor | None = None) -> None:
        self.wait_for = wait_for
        self.waiting: list[_Call] = []
        self.under_way = 0
