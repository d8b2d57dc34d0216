"""One call to Redis: repeated when its answer was lost, and refused in our words when Redis cannot do it now.

Redis may take a call and lose its answer, and redis-py itself never re-sends. Whoever calls says what may be repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.client import NEVER_DECODE
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from sayso_bot.errors import Unavailable
from sayso_bot.ports import Again, Epochs
from sayso_bot.store.batch import Batch, NotOnDisk, WaitFor
from sayso_bot.store.lane import Command, Words
from sayso_bot.store.library import library

FUNCTION = "FCALL"
PAUSES_SECONDS = (0.05, 0.25)
ASIDE_AT_ONCE = 4
AS_BYTES: Final = {NEVER_DECODE: True}
"""With this option an answer stays bytes, whatever the client decodes otherwise."""
PATIENCE_SECONDS = 5.0
"""A call is not repeated any more when it has taken this long already, as when Redis hangs."""
_LOST = (RedisConnectionError, RedisTimeoutError, BusyLoadingError, NotOnDisk, OSError, TimeoutError)


class Calls:
    """Calls to one Redis, together in pipelines. ``wait_for`` is passed to `Batch`."""

    def __init__(self, client: Redis, wait_for: WaitFor | None = None) -> None:
        self._client = client
        self._batch = Batch(client, wait_for)
        self._aside = asyncio.Semaphore(ASIDE_AT_ONCE)

    @property
    def waits(self) -> bool:
        """Whether writes wait for a disk."""
        return self._batch.waits

    async def close(self) -> None:
        await self._batch.close()

    def function(
        self, name: str, keys: Sequence[str], *args: Any, writes: bool = True, tries: int = 1 + len(PAUSES_SECONDS)
    ) -> Awaitable[Any]:
        """The answer of one function. Raises `Again` where it says so, `Unavailable` when Redis cannot do it now."""
        command = Command.of(FUNCTION, library().name(name), len(keys), *keys, *args)
        return self._function(command, writes=writes, tries=tries)

    def joined(self, *parts: Words) -> Awaitable[Any]:
        """As `function`, of a call that writes and whose parts were packed before; `opening` makes the first."""
        return self._function(Command.joined(FUNCTION, *parts), writes=True, tries=1 + len(PAUSES_SECONDS))

    async def plain(self, name: str, *words: str) -> Any:
        """The answer of one reading command. Raises `Unavailable`."""
        return await self._send(Command.of(name, *words), writes=False, tries=1 + len(PAUSES_SECONDS))

    async def aside(self, *words: Any) -> Any:
        """The answer, as bytes, of one command that is large and safe to repeat, on a connection beside the lanes: what
        travels together must not wait for it. Writes are not waited for on any disk. Raises `Unavailable`.
        """

        async def attempt() -> Any:
            async with self._aside:
                return await cast("Any", self._client).execute_command(*words, **AS_BYTES)

        return await self._patiently(attempt, tries=1 + len(PAUSES_SECONDS))

    async def load_functions(self) -> None:
        """Load the library where it is not there yet. Raises what redis-py does."""
        try:
            await self._client.function_load(library().source)
        except ResponseError as error:
            if "already exists" not in str(error):
                raise

    async def _function(self, command: Command, *, writes: bool, tries: int) -> Any:
        answer = await self._send(command, writes=writes, tries=tries)
        if answer[0] == "again":
            raise Again
        return answer

    def _send(self, command: Command, *, writes: bool, tries: int) -> Awaitable[Any]:
        return self._patiently(lambda: self._batch.call(command, writes=writes), tries=tries)

    async def _patiently(self, attempt: Callable[[], Awaitable[Any]], *, tries: int) -> Any:
        until = monotonic() + PATIENCE_SECONDS
        pauses = iter(PAUSES_SECONDS)
        while True:
            try:
                return await attempt()
            except _LOST:
                tries, pause = tries - 1, next(pauses, None)
                if pause is None or not tries or monotonic() > until:
                    raise Unavailable("Sayso's store cannot be reached. Try again shortly.", retry_after=1) from None
                await asyncio.sleep(pause)
            except ResponseError as error:
                if isinstance(error, ReadOnlyError):
                    await self._client.connection_pool.disconnect(inuse_connections=False)  # as `Lane` does
                if "Function not found" not in str(error) or monotonic() > until:
                    raise Unavailable(_refusal(error), retry_after=2) from error
                await self._reload()
            except RedisError as error:
                raise Unavailable(_refusal(error), retry_after=2) from error

    async def _reload(self) -> None:
        try:
            await self.load_functions()
        except (RedisError, OSError) as error:
            raise Unavailable(_refusal(error), retry_after=2) from error


def _refusal(error: Exception) -> str:
    """What Redis refused, in our words. Redis refuses a whole function for these reasons, before it begins."""
    if isinstance(error, ReadOnlyError):
        return "Sayso's store is read-only right now. Nothing was changed; try again shortly."
    if isinstance(error, OutOfMemoryError):
        return "Sayso's store is full. Nothing was changed; an operator must give it memory."
    if str(error).startswith("MISCONF"):
        return "Sayso's store cannot write to its disk. Nothing was changed; an operator must see to it."
    return "Sayso's store refused the call, and may have changed something. Look how it stands before you try again."


def opening(name: str, keys: Sequence[str], further: int) -> Words:
    """How calls of a function begin that have these keys, and then as many ``further`` ones."""
    return Words.of(FUNCTION, library().name(name), len(keys) + further, *keys)


def under(epochs: Epochs | None) -> tuple[int | str, int | str]:
    """The counters of keys and policy that a function compares; what is empty it does not."""
    if epochs is None:
        return "", ""
    return epochs.keys, "" if epochs.policy is None else epochs.policy
