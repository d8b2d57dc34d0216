"""Whether this process's clock can be trusted. Deadlines never depend on it: those are Redis's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sayso_bot.errors import SaysoError
from sayso_bot.ports import Log

MOST_SKEW_SECONDS = 30.0
LOOK_SECONDS = 5.0


class ClockWatch:
    """``skew`` gives this clock minus Redis's, in seconds, and raises `Unavailable`.

    Platforms sign their callbacks with times, so a wrong clock would accept old ones or refuse fresh ones: adapters
    refuse all of them while `is_right` is False.
    """

    def __init__(self, skew: Callable[[], Awaitable[float]], log: Log) -> None:
        self._skew = skew
        self._log = log
        self._seconds = 0.0

    def is_right(self) -> bool:
        return abs(self._seconds) <= MOST_SKEW_SECONDS

    @property
    def problem(self) -> str | None:
        if self.is_right():
            return None
        return f"This machine's clock is {abs(self._seconds):.0f} s off Redis's; set it right."

    async def look(self) -> None:
        was_right = self.is_right()
        self._seconds = await self._skew()
        if was_right and not self.is_right():
            self._log.error("clock_wrong", seconds=round(self._seconds, 1))

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except SaysoError as error:
                self._log.warning("clock_not_checked", code=error.code)
            except Exception:  # noqa: BLE001 - a fault of ours must not end the watch
                self._log.exception("clock_watch_failed")
