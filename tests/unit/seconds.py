"""A clock that stands still until a test puts it forward, for what counts in seconds."""

from __future__ import annotations


class Seconds:
    """Call it for the time, which is ``now``."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
