"""Ends requests whose deadline has passed, as near to it as it can.

Every function that touches a request ends it too when it is due, so this worker only has to make sure that somebody
does. Replicas may do the same work twice; the second finds it done.
"""

from __future__ import annotations

import asyncio

from sayso_bot.errors import SaysoError
from sayso_bot.ports import Log, Store

LONGEST_SLEEP_SECONDS = 1.0
BATCH = 200


class Deadlines:
    def __init__(self, store: Store, log: Log) -> None:
        self._store = store
        self._log = log

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                wait = await self._end_due()
            except SaysoError as error:
                self._log.warning("deadlines_wait", code=error.code)
                wait = LONGEST_SLEEP_SECONDS
            except Exception:  # noqa: BLE001 - a fault of ours must not end the keeping of deadlines
                self._log.exception("deadlines_failed")
                wait = LONGEST_SLEEP_SECONDS
            await asyncio.sleep(wait)

    async def _end_due(self) -> float:
        """End what is due; how long to sleep. Reading a request whose deadline has passed ends it."""
        due = await self._store.due_requests(BATCH)
        await asyncio.gather(*(self._store.read(request_id) for request_id in due.items))
        if len(due.items) == BATCH:
            return 0.0
        if due.next_in_seconds is None:
            return LONGEST_SLEEP_SECONDS
        return min(LONGEST_SLEEP_SECONDS, max(0.001, due.next_in_seconds))
