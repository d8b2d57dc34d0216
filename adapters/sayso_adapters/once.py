"""Work that a chat may ask for more than once: done once in this process, and waited for no longer than it waits."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from sayso_bot.errors import Unavailable
from sayso_bot.ports import AdapterContext

REMEMBERED = 10_000

T = TypeVar("T")


class Once(Generic[T]):
    """``work`` is given a future, sets it when the outcome is known, and may go on after that.

    ``patience`` says for how many seconds it is waited for, ``chat`` in whose name it is logged that this took longer.
    """

    def __init__(self, context: AdapterContext, chat: str, patience: Callable[[], float]) -> None:
        self._context = context
        self._chat = chat
        self._patience = patience
        self._outcomes: OrderedDict[str, asyncio.Future[T]] = OrderedDict()
        self._under_way: set[asyncio.Task[None]] = set()
        self.ending = False

    async def outcome(self, operation: str, work: Callable[[asyncio.Future[T]], Coroutine[Any, Any, None]]) -> T:
        """The outcome of ``operation``, whose ``work`` is started unless it was before.

        Raises `Unavailable` where it is not known in time; the work goes on. So it does when the service stops.
        """
        known = self._outcomes.get(operation) or self._begin(operation, work)
        await asyncio.wait({known}, timeout=self._patience())
        if not known.done():
            self._context.log.warning(f"{self._chat}.tap_slow")
            raise Unavailable("It is not known yet whether this counts.", retry_after=1)
        return known.result()

    def forget(self, operation: str) -> None:
        """Another delivery of it may try again."""
        self._outcomes.pop(operation, None)

    async def finish(self, seconds: float) -> None:
        """Begin nothing more, and let what is under way end, for ``seconds`` at most."""
        self.ending = True
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=seconds)

    def _begin(
        self, operation: str, work: Callable[[asyncio.Future[T]], Coroutine[Any, Any, None]]
    ) -> asyncio.Future[T]:
        if self.ending:
            raise Unavailable("The service stops. Nothing was changed.", retry_after=5)
        known: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._outcomes[operation] = known
        while len(self._outcomes) > REMEMBERED:
            self._outcomes.popitem(last=False)
        task = asyncio.create_task(work(known))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        self._context.spawn(task)
        return known
