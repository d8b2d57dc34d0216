"""Tells whom an agent's key is bound to how its requests ended, wherever people answered and whatever was shown.

Apart from delivery, so that no card waits for it: it raises no alarm, it is tried for about a day while a platform is
away, and it is given up where no platform knows the person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sayso_bot.errors import SaysoError
from sayso_bot.ports import AdapterError, Log, Rejected, Retry, Telling, TellingStore
from sayso_bot.workers.hint import Hint
from sayso_bot.workers.leases import pause
from sayso_bot.workers.tasks import cancelled

IDLE_SECONDS = 1.0
AT_ONCE = 16
MOST_SECONDS = 45.0
"""Less than what the store gives one attempt, so that two never run at once."""
QUICK_TRIES = 10
SLOW_PAUSE_SECONDS = 600.0
MOST_TRIES = 150


class Principals:
    """``tell`` is the desk's: it returns the message, or None where nobody is to be told."""

    def __init__(self, store: TellingStore, tell: Callable[[Telling], Awaitable[str | None]], log: Log) -> None:
        self._store = store
        self._tell = tell
        self._log = log
        self._hint = Hint()
        self._busy: dict[str, asyncio.Task[None]] = {}

    def hint(self) -> None:
        """There may be something to do."""
        self._hint.give()

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                self._hint.forget()
                wait = IDLE_SECONDS
                try:
                    wait = await self._start_due()
                except SaysoError as error:
                    self._log.warning("telling_waits", code=error.code)
                except Exception:  # noqa: BLE001 - a fault of ours must not end all tellings
                    self._log.exception("telling_failed")
                await self._hint.wait(wait)
        finally:
            await cancelled(tuple(self._busy.values()))

    async def _start_due(self) -> float:
        due = await self._store.due_tellings(AT_ONCE + len(self._busy))
        for request_id in due.items:
            if request_id not in self._busy and len(self._busy) < AT_ONCE:
                task = asyncio.create_task(self._work_on(request_id))
                self._busy[request_id] = task
                task.add_done_callback(lambda _, request_id=request_id: self._done(request_id))  # type: ignore[misc]
        return min(IDLE_SECONDS, max(0.01, due.next_in_seconds or IDLE_SECONDS))

    def _done(self, request_id: str) -> None:
        self._busy.pop(request_id, None)
        self._hint.give()

    async def _work_on(self, request_id: str) -> None:
        try:
            telling = await self._store.begin_telling(request_id)
            if telling is None:
                return
            if telling.attempts <= MOST_TRIES:
                await self._attempt(telling)
            else:  # whatever became of the last ones: slow, or a fault of ours
                self._log.warning("principal_not_told", next="given up", request=request_id, attempts=MOST_TRIES)
                await self._store.end_telling(telling, None)
        except SaysoError as error:
            self._log.warning("telling_waits", request=request_id, code=error.code)
            await asyncio.sleep(IDLE_SECONDS)
        except Exception:  # noqa: BLE001 - the store has it tried again in a minute
            self._log.exception("telling_failed", request=request_id)

    async def _attempt(self, telling: Telling) -> None:
        about = {"request": telling.request.id, "attempts": telling.attempts}
        try:
            async with asyncio.timeout(MOST_SECONDS):
                message = await self._tell(telling)
        except TimeoutError:  # the attempt is written down, and looked up when its minute is over
            self._log.warning("principal_not_told", what="slow", **about)
        except AdapterError as error:
            if isinstance(error, Rejected):
                self._log.warning("principal_not_told", what=error.what, next="given up", **about)
                await self._store.end_telling(telling, None)
                return
            after, lost = _pause(telling, error), isinstance(error, Retry) and error.lost
            self._log.info("principal_not_told", what=error.what, again_in_seconds=round(after, 1), **about)
            await self._store.telling_failed(telling, after_seconds=after, lost=lost)
        else:
            await self._store.end_telling(telling, message)


def _pause(telling: Telling, error: AdapterError) -> float:
    if isinstance(error, Retry) and error.after is not None:
        return error.after
    is_passing = isinstance(error, Retry) and telling.attempts < QUICK_TRIES
    return pause(telling.attempts) if is_passing else SLOW_PAUSE_SECONDS
