"""One connection to Redis on which whole pipelines go out and come back.

redis-py makes, checks and ends the connection and reads the answers. What its own pipeline does anew for each call
(packing in Python, a timer for each answer, a lock on the pool) is done here once for all that travel together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import hiredis
from redis.asyncio import Redis
from redis.exceptions import ReadOnlyError, ResponseError


class Words(NamedTuple):
    """Words of a command in Redis's protocol, and how many they are."""

    number: int
    packed: bytes

    @classmethod
    def of(cls, *words: Any) -> Words:
        """Raises `UnicodeEncodeError` for a word that is no text."""
        return cls(len(words), hiredis.pack_command(words).partition(b"\n")[2])


class Command(NamedTuple):
    """A whole command in Redis's protocol. ``name`` is its first word."""

    name: str
    packed: bytes

    @classmethod
    def of(cls, name: str, *words: Any) -> Command:
        """Raises `UnicodeEncodeError` for a word that is no text."""
        return cls(name, hiredis.pack_command((name, *words)))

    @classmethod
    def joined(cls, name: str, *parts: Words) -> Command:
        """Of parts that were packed before: what many commands share is packed once. ``name`` begins the first."""
        number, packed = 0, [b""]
        for part in parts:
            number += part.number
            packed.append(part.packed)
        packed[0] = b"*%d\r\n" % number
        return cls(name, b"".join(packed))


@dataclass(slots=True)
class Call:
    """A command on its way, and whoever waits for its answer."""

    command: Command
    answer: asyncio.Future[Any]

    def hear(self, answer: Any) -> None:
        """Tell whoever waits, if anybody still does."""
        if self.answer.done():
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)

    @classmethod
    def of(cls, command: Command) -> Call:
        return cls(command, asyncio.get_running_loop().create_future())


class Lane:
    """Connects when it is first used, and anew whenever the connection was lost."""

    def __init__(self, client: Redis) -> None:
        pool = client.connection_pool
        self._shapes: Mapping[Any, Any] = client.response_callbacks
        self._seconds: float = pool.connection_kwargs["socket_timeout"]
        self._connection: Any = pool.connection_class(**{**pool.connection_kwargs, "socket_timeout": None})

    async def execute(self, calls: Sequence[Call], hear: Callable[[Call, Any], None]) -> None:
        """Send all, and ``hear`` each answer when it comes: a value, or the error with which one call was refused.

        Redis answers a long pipeline in parts, so the first callers go on while it works for the last.

        Raises `RedisError`, `OSError` or `TimeoutError` when the connection is lost, or when not all is answered within
        the client's time for one reply. Calls may have taken effect then.
        """
        connection, may_write = self._connection, True
        try:
            async with asyncio.timeout(self._seconds):
                if connection.is_connected and await connection.can_read():
                    await connection.disconnect()  # it was closed over there since
                await connection.send_packed_command([call.command.packed for call in calls], check_health=False)
                for call in calls:
                    answer = await self._answer(call.command.name)
                    may_write = may_write and not isinstance(answer, ReadOnlyError)
                    hear(call, answer)
        except BaseException:
            await connection.disconnect(nowait=True)  # answers that nobody has read must not meet another call
            raise
        if not may_write:  # another server may have this one's place by now, and whoever connects anew finds it
            await connection.disconnect()

    async def _answer(self, name: str) -> Any:
        try:
            answer = await self._connection.read_response()  # timed as a whole, by `execute`
        except ResponseError as refusal:
            return refusal
        shape = self._shapes.get(name)
        return shape(answer) if shape else answer

    async def close(self) -> None:
        await self._connection.disconnect()
