"""Token buckets by name: ``rate`` a second, ``burst`` at once. A bucket that is full again is forgotten."""

from __future__ import annotations

from collections.abc import Callable

MOST = 10_000


class Buckets:
    """``clock`` gives seconds. All buckets of one instance have the same kind of name."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left: dict[str, tuple[float, float, float]] = {}

    def take(self, name: str, rate: float, burst: int, count: int = 1) -> float:
        """Take ``count`` tokens, or a full bucket where it never has as many: 0. Or, where there are fewer, none, and
        the seconds until there are as many.
        """
        now, tokens, count = self._clock(), float(burst), min(count, burst)
        if (found := self._left.get(name)) is not None:
            before, at, _ = found
            tokens = min(tokens, before + (now - at) * rate)
        if tokens < count:
            return (count - tokens) / rate
        if len(self._left) >= MOST:
            self._forget(now)
        self._left[name] = (tokens - count, now, now + (burst - tokens + count) / rate)
        return 0.0

    def give_back(self, name: str, rate: float, burst: int) -> None:
        """A token that was taken is not used after all."""
        if (found := self._left.get(name)) is not None:
            tokens, at, full_at = found
            self._left[name] = (min(float(burst), tokens + 1), at, full_at - 1 / rate)

    def _forget(self, now: float) -> None:
        """Drop the full ones; where all are in use, those that are full soonest."""
        kept = sorted((item for item in self._left.items() if item[1][2] > now), key=lambda item: item[1][2])
        self._left = dict(kept[-MOST // 2 :])
