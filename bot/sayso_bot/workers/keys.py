"""What becomes of keys by themselves: rotated ones lapse by Redis's time, and their use is written down by the minute.

That a key was used is remembered here and written once a minute for all of them: what is told is right to a minute, and
no call pays for it (decision 34).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from sayso_bot.domain.key import Key
from sayso_bot.errors import SaysoError
from sayso_bot.ports import Log

LOOK_SECONDS = 1.0
NOTE_SECONDS = 60.0


class KeyStore(Protocol):
    """What is needed of the store."""

    async def lapse_keys(self, lapsing: Sequence[tuple[Key, Key]]) -> int: ...

    async def note_use(self, key_ids: Sequence[str]) -> None: ...


class KeyWatch:
    """``keys`` are those in force here; ``used`` the ids of those with which callers came since it was asked last."""

    def __init__(
        self, store: KeyStore, keys: Callable[[], Sequence[Key]], used: Callable[[], frozenset[str]], log: Log
    ) -> None:
        self._store = store
        self._keys = keys
        self._used = used
        self._log = log
        self._left: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Watch until cancelled; what was used and not written down yet is, on leaving."""
        clock = asyncio.get_running_loop().time
        due = clock() + NOTE_SECONDS
        try:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                try:
                    await self._lapse()
                    if clock() >= due:
                        due = clock() + NOTE_SECONDS
                        await self.note()
                except SaysoError as error:
                    self._log.warning("keys_wait", code=error.code)
                except Exception:  # noqa: BLE001 - a fault of ours must not end the watch
                    self._log.exception("keys_failed")
        finally:
            await self._note_last()

    async def note(self) -> None:
        """Write down which keys were used. Raises `Unavailable`; they are written with the next ones then."""
        self._left |= self._used()
        if self._left:
            await self._store.note_use(sorted(self._left))
            self._left = frozenset()

    async def _note_last(self) -> None:
        try:
            await self.note()
        except SaysoError as error:
            self._log.warning("keys_wait", code=error.code)

    async def _lapse(self) -> None:
        lapsing = [(key, replace(key, revoked_at=key.lapses_at)) for key in self._keys() if key.lapses_at is not None]
        if lapsing and (count := await self._store.lapse_keys(lapsing)):
            self._log.info("keys_lapsed", count=count)
