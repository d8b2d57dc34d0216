"""A clock for tests: the real time, and as much more as a test lets pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """Call it for the time."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def pass_by(self, **duration: float) -> None:
        """Let time pass: ``minutes=5``."""
        self._ahead += timedelta(**duration)
