"""Calls that wait for the end of a request, and are answered with the request as it stands then.

Thousands wait at a time, so a held call keeps little more than an id, and whether to go on waiting is read without the
request. The key is checked again before each answer: whoever has lost it meanwhile learns nothing of the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

from sayso_bot.domain.key import Key
from sayso_bot.domain.request import Request
from sayso_bot.errors import QuotaExceeded
from sayso_bot.in_force import in_force
from sayso_bot.ports import Configuration, Store, Waiter

FRESH = timedelta(seconds=1)
"""An end that was published longer ago, by this machine's clock and Redis's, is read again with the keys of now."""


class Holding:
    """``present`` gives a key as it is in force, ``read`` the key's own request; both raise what their callers see."""

    def __init__(
        self,
        store: Store,
        configuration: Configuration,
        waiter: Waiter,
        present: Callable[[Key], Key],
        read: Callable[[Key, str], Awaitable[Request]],
    ) -> None:
        self._store = store
        self._configuration = configuration
        self._waiter = waiter
        self._present = present
        self._read = read
        self._held: Counter[str] = Counter()

    @property
    def held(self) -> int:
        """How many calls this process holds now."""
        return self._held.total()

    async def wait(self, key: Key, request_id: str, seconds: float, clock: Callable[[], float]) -> Request:
        """As `Desk.wait`."""
        until, holding = clock() + seconds, False
        with self._waiter.hold(request_id, key.id) as hold:
            try:
                while True:
                    left = until - clock()
                    may_wait = left > 0 and not self._waiter.closing
                    request = self._told(key, request_id, hold.news)
                    if request is None and not (may_wait and await self._is_pending(key, request_id)):
                        request = await self._read(key, request_id)
                    if request is not None and (request.settled or not may_wait):
                        return request
                    if not holding:
                        holding = self._begin(key)
                    del request  # thousands wait at a time: none keeps more than an id
                    await hold.wait(until - clock())
            finally:
                if holding:
                    self._end(key)

    def _told(self, key: Key, request_id: str, news: str) -> Request | None:
        """The end as it was published, which saves reading it: only where this process's keys were in force then, and
        the agent's key still is by them. News that come late may have been overtaken by a revocation."""
        told = self._store.told(news)
        if told is None or told[1].keys != self._configuration.epochs.keys:
            return None
        request = told[0]
        if request.decision is None or abs(datetime.now(UTC) - request.decision.at) > FRESH:
            return None
        is_own = request.id == request_id and request.agent == self._present(key).name
        return request if is_own else None

    async def _is_pending(self, key: Key, request_id: str) -> bool:
        """Whether it is the agent's own and has not ended. Where it is anything else, `read` says what."""

        async def attempt() -> bool:
            name, epochs = self._present(key).name, self._configuration.epochs.of_keys
            return await self._store.pending(request_id, epochs) == name

        return await in_force(self._configuration, attempt, whatever_policy=True)

    def _begin(self, key: Key) -> Literal[True]:
        """Raises `QuotaExceeded`."""
        if self._held[key.id] >= key.quotas.held:
            raise QuotaExceeded("This key holds as many calls as it may. The request itself stands.", retry_after=1)
        self._held[key.id] += 1
        return True

    def _end(self, key: Key) -> None:
        self._held[key.id] -= 1
        if not self._held[key.id]:
            del self._held[key.id]
