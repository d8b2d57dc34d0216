"""Answers of a platform, kept for a while."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

MOST_KEPT = 10_000

T = TypeVar("T")


class Kept(Generic[T]):
    """Answers kept for a while; callers that ask for the same thing at once share one question."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._entries: OrderedDict[str, tuple[float, asyncio.Future[T]]] = OrderedDict()

    async def get(self, name: str, load: Callable[[], Awaitable[T]], *, fresh: bool = False) -> T:
        kept = None if fresh else self._entries.get(name)
        if kept is None or kept[0] <= self._clock():
            kept = (self._clock() + self._seconds, asyncio.ensure_future(load()))
            self._entries[name] = kept
            self._entries.move_to_end(name)
            if len(self._entries) > MOST_KEPT:
                self._entries.popitem(last=False)
            kept[1].add_done_callback(lambda future: self._drop_if_failed(name, future))
        return await asyncio.shield(kept[1])

    def seen(self, name: str) -> T | None:
        """What is kept, if it is there by now."""
        kept = self._entries.get(name)
        if kept is None or kept[0] <= self._clock() or not kept[1].done():
            return None
        return None if kept[1].cancelled() or kept[1].exception() else kept[1].result()

    def _drop_if_failed(self, name: str, future: asyncio.Future[T]) -> None:
        if future.cancelled() or future.exception() is not None:
            kept = self._entries.get(name)
            if kept is not None and kept[1] is future:
                del self._entries[name]
