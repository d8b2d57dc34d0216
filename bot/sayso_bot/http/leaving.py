"""Answers that are ready in one turn of the loop leave side by side, so that who asked for several is woken once."""

from __future__ import annotations

import asyncio

TOGETHER = 16
"""With so many ready none of them waits for another to be made, and no more lie in memory."""


class Leaving:
    """The answers that are ready and have not left."""

    def __init__(self) -> None:
        self._ready: list[tuple[asyncio.Transport, bytes]] = []

    async def leave(self, wire: asyncio.Transport, answer: bytes) -> None:
        """Send ``answer`` in the loop's next turn, or as soon as `TOGETHER` are ready. Raises `ConnectionError` where
        nobody is there any more."""
        if not wire.is_closing():
            beside = self._ready
            beside.append((wire, answer))
            del answer  # once it has left it takes no memory until the next turn
            try:
                if len(beside) < TOGETHER:
                    await asyncio.sleep(0)
            finally:
                if beside is self._ready:
                    self.all_leave()
        if wire.is_closing():
            raise ConnectionError("the connection is closed")

    def all_leave(self) -> None:
        """Send what is ready now, as before a connection ends."""
        ready, self._ready = self._ready, []
        for wire, answer in ready:
            if not wire.is_closing():
                wire.write(answer)
        ready.clear()  # who waits for the next turn still has it
