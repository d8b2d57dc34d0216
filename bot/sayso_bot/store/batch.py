"""Calls of concurrent handlers leave together, in one pipeline per loop turn.

Under load most of the cost of a call is its own write, wake-up and read. Gathering what is asked meanwhile multiplies
what one process gets through: a few lanes carry one pipeline each, and what arrives while all are busy leaves together
with the first that is back. Each call gets its own answer or error, and nothing that is wrong with one call touches
those that travel with it.

Where a disk is waited for (WAITAOF), reads travel on other lanes than writes, and one wait serves a whole pipeline.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any, TypeAlias

from redis.asyncio import Redis
from redis.exceptions import RedisError

from sayso_bot.store.lane import Call, Command, Lane

MAX_CALLS = 512
LANES = 4
WaitFor: TypeAlias = tuple[int, int, int]
"""What WAITAOF is given: how many local disks (0 or 1), how many replicas', and for how many ms."""


class NotOnDisk(RedisError):
    """The calls took effect, but Redis did not confirm in time that they are on disk."""


class Batch:
    """``wait_for`` asks for a WAITAOF after each pipeline that writes."""

    def __init__(self, client: Redis, wait_for: WaitFor | None = None) -> None:
        self._calls = _Queue(client)
        self._writes = self._calls if wait_for is None else _Queue(client, wait_for)
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def waits(self) -> bool:
        """Whether writes wait for a disk."""
        return self._writes.wait_for is not None

    def call(self, command: Command, *, writes: bool) -> asyncio.Future[Any]:
        """The answer to one command: what Redis answered, or the connection's error. Nothing is sent twice."""
        call = Call.of(command)
        queue = self._writes if writes else self._calls
        if not queue.waiting:
            asyncio.get_running_loop().call_soon(self._leave, queue)
        queue.waiting.append(call)
        return call.answer

    async def close(self) -> None:
        """Wait for what is under way, and close the connections."""
        while self._calls.waiting or self._writes.waiting or self._under_way:
            await asyncio.sleep(0)
            await asyncio.gather(*self._under_way, return_exceptions=True)
        for lane in {*self._calls.idle, *self._writes.idle}:
            await lane.close()

    def _leave(self, queue: _Queue) -> None:
        pipelines = math.ceil(len(queue.waiting) / MAX_CALLS)
        for _ in range(min(pipelines, len(queue.idle))):
            task = asyncio.create_task(self._carry(queue, queue.idle.pop()))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _carry(self, queue: _Queue, lane: Lane) -> None:
        """Carry what waits, until nothing does."""
        try:
            while calls := queue.take():
                if queue.waiting:  # more than one pipeline carries: another lane may be free
                    asyncio.get_running_loop().call_soon(self._leave, queue)
                await self._send(queue, lane, calls)
        finally:
            queue.idle.append(lane)
            if queue.waiting:
                asyncio.get_running_loop().call_soon(self._leave, queue)

    async def _send(self, queue: _Queue, lane: Lane, calls: list[Call]) -> None:
        try:
            if queue.wait_for is None:
                await lane.execute(calls, Call.hear)
            else:
                await _execute_durably(lane, calls, queue.wait_for)
        except TimeoutError as error:
            _fail(calls + queue.take_all(), error)  # Redis says nothing, so it would say nothing to those that wait
        except (RedisError, OSError) as error:
            _fail(calls, error)
        except Exception as error:  # an answer that cannot be read is told, and never taken for a cancellation
            _fail(calls, RedisError(f"unreadable answer: {type(error).__name__}"))
            raise
        except BaseException:
            for call in calls:
                call.answer.cancel()
            raise


def _fail(calls: list[Call], error: Exception) -> None:
    for call in calls:
        call.hear(error)


async def _execute_durably(lane: Lane, calls: list[Call], wait_for: WaitFor) -> None:
    """Nobody is told anything before all of it is on disk; a refusal changed nothing, so it needs no disk."""
    answers: list[Any] = []
    await lane.execute([*calls, Call.of(Command.of("WAITAOF", *wait_for))], lambda _, answer: answers.append(answer))
    *answers, confirmed = answers
    local, replicas, _ = wait_for
    is_on_disk = not isinstance(confirmed, Exception) and confirmed[0] >= local and confirmed[1] >= replicas
    for call, answer in zip(calls, answers, strict=True):
        call.hear(answer if is_on_disk or isinstance(answer, Exception) else NotOnDisk("not confirmed on disk in time"))


class _Queue:
    """Calls that wait to leave, and the lanes that are free to carry them."""

    def __init__(self, client: Redis, wait_for: WaitFor | None = None) -> None:
        self.wait_for = wait_for
        self.waiting: list[Call] = []
        self.idle = [Lane(client) for _ in range(LANES)]

    def take(self) -> list[Call]:
        calls, self.waiting = self.waiting[:MAX_CALLS], self.waiting[MAX_CALLS:]
        return calls

    def take_all(self) -> list[Call]:
        calls, self.waiting = self.waiting, []
        return calls
