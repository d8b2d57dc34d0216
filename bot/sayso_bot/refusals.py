"""Refusals of proved callers go on the record, and a flood of them fills nothing.

Each caller has a small share of the journal for each code. What exceeds it is counted, and the next entry of that
caller and code says how many were left out. Callers that proved nothing are counted in the metrics alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from sayso_bot.domain.bucket import Buckets
from sayso_bot.errors import SaysoError, Unavailable
from sayso_bot.ports import Log

ENTRIES_AT_ONCE = 20
ENTRIES_PER_SECOND = 0.1
MOST_COUNTED = 10_000
Note: TypeAlias = Callable[[str, str, Mapping[str, Any]], Awaitable[None]]


class Refusals:
    """``note`` writes a journal entry: kind, request id, data."""

    def __init__(self, note: Note, clock: Callable[[], float], log: Log) -> None:
        self._note = note
        self._log = log
        self._shares = Buckets(clock)
        self._left_out: Counter[str] = Counter()

    async def record(self, kind: str, who: str, error: SaysoError, request_id: str, about: Mapping[str, Any]) -> None:
        """Journal that ``who`` was refused with ``error``. Never raises: the refusal itself is what counts."""
        share = f"{who} {error.code}"
        if self._shares.take(share, ENTRIES_PER_SECOND, ENTRIES_AT_ONCE) > 0:
            if len(self._left_out) < MOST_COUNTED:
                self._left_out[share] += 1
            return
        left_out = self._left_out.pop(share, 0)
        data = {**about, "code": error.code, **({"left_out": left_out} if left_out else {})}
        try:
            await self._note(kind, request_id, data)
        except Unavailable:
            self._log.warning("refusal_not_journaled", who=who, code=error.code)
