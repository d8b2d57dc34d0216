"""Calls of concurrent handlers leave together, in one pipeline per loop turn.

Under load most of the cost of a call is its own write, wake-up and read. Gathering what one turn of the event loop
asks for doubles what one process gets through. Several pipelines may be under way at once; each call gets its own
answer or error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

MAX_CALLS = 512


@dataclass(slots=True)
class _Call:
    words: Sequence[Any]
    writes: bool
    answer: asyncio.Future[Any]


class NotOnDisk(RedisError):
    """The calls took effect, but Redis did not confirm in time that they are on disk."""


class Batch:
    """``wait_for`` is None, or (local, replicas, ms) for a WAITAOF after each pipeline that writes."""

    def __init__(self, client: Redis, wait_for: tuple[int, int, int] | None = None) -> None:
        self._client = client
        self._wait_for = wait_for
        self._waiting: list[_Call] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def call(self, *words: Any, writes: bool) -> Any:
        """The answer to one command. Raises what Redis answered, or the connection's error. Nothing is sent twice."""
        loop = asyncio.get_running_loop()
        call = _Call(words, writes, loop.create_future())
        if not self._waiting:
            loop.call_soon(self._leave)
        self._waiting.append(call)
        return await call.answer

    async def close(self) -> None:
        """Wait for what is under way."""
        while self._waiting or self._under_way:
            await asyncio.sleep(0)
            await asyncio.gather(*self._under_way, return_exceptions=True)

    def _leave(self) -> None:
        calls, self._waiting = self._waiting, []
        for start in range(0, len(calls), MAX_CALLS):
            task = asyncio.create_task(self._send(calls[start : start + MAX_CALLS]))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _send(self, calls: list[_Call]) -> None:
        try:
            answers = await self._execute(calls)
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

    async def _execute(self, calls: list[_Call]) -> list[Any]:
        durable = self._wait_for is not None and any(call.writes for call in calls)
        if len(calls) == 1 and not durable:
            return [await self._client.execute_command(*calls[0].words)]  # type: ignore[no-untyped-call]
        async with self._client.pipeline(transaction=False) as pipe:
            for call in calls:
                pipe.execute_command(*call.words)
            if durable and self._wait_for is not None:
                pipe.execute_command("WAITAOF", *self._wait_for)
            answers = await pipe.execute(raise_on_error=False)
        if not durable or self._wait_for is None:
            return answers
        confirmed = answers.pop()
        if isinstance(confirmed, Exception):
            raise confirmed
        if confirmed[0] >= self._wait_for[0] and confirmed[1] >= self._wait_for[1]:
            return answers
        late = NotOnDisk("not confirmed on disk in time")
        return [late if call.writes else answer for call, answer in zip(calls, answers, strict=True)]
