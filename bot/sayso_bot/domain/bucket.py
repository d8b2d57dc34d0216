"""Token buckets by name: ``rate`` a second, ``burst`` at once. A bucket that is full again is forgotten."""

from __future__ import annotations

from collections.abc import Callable

MOST = 10_000


class Buckets:
    """``clock`` gives seconds. All buckets of one instance have the same kind of name."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left: dict[str, tuple[float, float, float]] = {}

    def wait(self, name: str, rate: float, burst: int) -> float:
        """Seconds until ``name`` has a token; 0 when it has one."""
        tokens = self._tokens(name, rate, burst)
        return 0.0 if tokens >= 1 else (1 - tokens) / rate

    def take(self, name: str, rate: float, burst: int) -> float:
        """Take a token: 0. Or, where there is none, the seconds until there is one."""
        wait = self.wait(name, rate, burst)
        if wait == 0:
            now, left = self._clock(), self._tokens(name, rate, burst) - 1
            if len(self._left) >= MOST:
                self._forget(now)
            self._left[name] = (left, now, now + (burst - left) / rate)
        return wait

    def _tokens(self, name: str, rate: float, burst: int) -> float:
        found = self._left.get(name)
        if found is None:
            return float(burst)
        tokens, at, _ = found
        return min(float(burst), tokens + (self._clock() - at) * rate)

    def _forget(self, now: float) -> None:
        """Drop the full ones; where all are in use, those that are full soonest."""
        kept = sorted((item for item in self._left.items() if item[1][2] > now), key=lambda item: item[1][2])
        self._left = dict(kept[-MOST // 2 :])
