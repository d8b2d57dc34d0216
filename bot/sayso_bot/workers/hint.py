"""What wakes a worker that looks by itself from time to time: a lost one costs that time, one too many a look."""

from __future__ import annotations

import asyncio


class Hint:
    def __init__(self) -> None:
        self._given = asyncio.Event()

    def give(self) -> None:
        """There may be something to do."""
        self._given.set()

    def forget(self) -> None:
        """What was hinted at is looked for now."""
        self._given.clear()

    async def wait(self, seconds: float) -> None:
        """Return when there is a hint, or after ``seconds``."""
        try:
            async with asyncio.timeout(seconds):  # wait_for of 3.11 loses a cancellation that meets the hint
                await self._given.wait()
        except TimeoutError:
            return
