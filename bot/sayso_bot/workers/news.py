"""Looks whether there is something of the policy that admins were not told yet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sayso_bot.errors import SaysoError
from sayso_bot.ports import Log

LOOK_SECONDS = 2.0


class NewsWatch:
    """``tell_versions`` tells of what got weaker, and may be asked as often as one likes. ``invalid`` says what is
    wrong with this process's policy file, or is empty, or None where it has none; ``tell_file`` tells that after what
    this process has told before (None: nothing), and answers False where it could not.
    """

    def __init__(
        self,
        tell_versions: Callable[[], Awaitable[None]],
        invalid: Callable[[], str | None],
        tell_file: Callable[[str, str | None], Awaitable[bool]],
        log: Log,
    ) -> None:
        self._tell_versions = tell_versions
        self._invalid = invalid
        self._tell_file = tell_file
        self._told: str | None = None
        self._log = log

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                await self._look()
            except SaysoError as error:
                self._log.warning("news_wait", code=error.code)
            except Exception:  # noqa: BLE001 - a fault of ours must not end the watch
                self._log.exception("news_failed")
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        invalid = self._invalid()
        if invalid is not None and invalid != self._told and await self._tell_file(invalid, self._told):
            self._told = invalid
        await self._tell_versions()
