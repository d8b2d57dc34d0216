"""Looks whether there is something of the policy that admins were not told yet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sayso_bot.errors import SaysoError
from sayso_bot.ports import Log

LOOK_SECONDS = 2.0


class NewsWatch:
    """``tell`` tells of what is new, and may be asked as often as one likes."""

    def __init__(self, tell: Callable[[], Awaitable[None]], log: Log) -> None:
        self._tell = tell
        self._log = log

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                await self._tell()
            except SaysoError as error:
                self._log.warning("news_wait", code=error.code)
            except Exception:  # noqa: BLE001 - a fault of ours must not end the watch
                self._log.exception("news_failed")
            await asyncio.sleep(LOOK_SECONDS)
