"""Who asks for much at once waits for their own, and nobody else does.

A page of a list costs a hundred times what another call does and takes one token like it, so a key's whole burst of
pages would keep the loop from everybody for as long as it takes to build them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

AT_ONCE = 4


class Turns:
    """One turn at a time for each name, and ``at_once`` in all; who came first is next."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._all = asyncio.Semaphore(at_once)
        self._own: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[None]:
        own = self._own.setdefault(name, asyncio.Lock())  # forgotten when nobody of that name is left
        async with own, self._all:
            yield
