"""The system's random bytes, taken by the page: each time that it is asked is a system call, which takes longer than
everything else that makes an id.
"""

from __future__ import annotations

import io
import os
from typing import Any

PAGE_BYTES = 4096


class _System(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        buffer[:] = os.urandom(len(buffer))
        return len(buffer)


class Chance:
    """Every byte is given once, to one thread of one process. Not for a handler that interrupts Python code."""

    def __init__(self) -> None:
        self._turn()
        os.register_at_fork(after_in_child=self._turn)

    def _turn(self) -> None:
        """Begin a page that nobody has had any of."""
        self._page = io.BufferedReader(_System(), PAGE_BYTES)

    def take(self, count: int) -> bytes:
        return self._page.read(count)


random_bytes = Chance().take
