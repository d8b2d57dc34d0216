"""Refusals of proved callers go on the record, and a flood of them fills nothing.

Each key has a small share of the journal for each code. What exceeds it is counted, and the next entry of that key and
code says how many were left out. Callers that proved nothing are counted in the metrics alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sayso_bot.domain.key import Key
from sayso_bot.domain.text import one_line
from sayso_bot.errors import Forbidden, Invalid, SaysoError, Unavailable
from sayso_bot.ports import Log

ENTRIES_AT_ONCE = 20
SECONDS_PER_ENTRY = 10.0
MOST_SHARES = 10_000
MAX_FIELD = 200
Note: TypeAlias = Callable[[str, str, Mapping[str, Any]], Awaitable[None]]


@dataclass(slots=True)
class _Share:
    left: float
    at: float
    left_out: int = 0


class Refusals:
    """``note`` writes a journal entry: kind, request id, data."""

    def __init__(self, note: Note, clock: Callable[[], float], log: Log) -> None:
        self._note = note
        self._clock = clock
        self._log = log
        self._shares: dict[tuple[str, str], _Share] = {}

    async def record(self, key: Key, call: str, error: SaysoError) -> None:
        """Journal that ``call`` was refused, where the error is one that the caller earned. Never raises."""
        if not isinstance(error, Forbidden | Invalid):
            return
        share = self._share(key, error)
        if share.left < 1:
            share.left_out += 1
            return
        about: dict[str, Any] = {"key": key.id, "agent": key.name, "call": call, "code": error.code}
        if error.field is not None:
            about["field"] = one_line(error.field)[:MAX_FIELD]
        if share.left_out:
            about["left_out"] = share.left_out
        share.left, share.left_out = share.left - 1, 0
        try:
            await self._note("refused", "", about)
        except Unavailable:
            self._log.warning("refusal_not_journaled", key=key.id, code=error.code)

    def _share(self, key: Key, error: SaysoError) -> _Share:
        """The share of this key and code, with what has grown again since it was last asked for."""
        if len(self._shares) >= MOST_SHARES:
            self._shares.clear()
        now = self._clock()
        share = self._shares.setdefault((key.id, error.code), _Share(ENTRIES_AT_ONCE, now))
        share.left = min(float(ENTRIES_AT_ONCE), share.left + (now - share.at) / SECONDS_PER_ENTRY)
        share.at = now
        return share
