"""Keeps the policy in force equal to the operator's file, without one replica undoing another.

At start a file that was never active is published; one that another document has superseded is not, because some
admin replaced it. While running, a change of the file is an admin's act: it is published in place of whatever is
active at that moment. A file that becomes invalid changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sayso_bot.errors import SaysoError, Unusable
from sayso_bot.ports import Log, Store

LOOK_SECONDS = 1.0


class Document(Protocol):
    @property
    def digest(self) -> str: ...


class PolicyFile:
    """``load`` reads and checks a file: its text and the compiled document. Raises `Unusable`."""

    def __init__(
        self,
        path: Path,
        store: Store,
        active: Callable[[], str | None],
        load: Callable[[Path], tuple[str, Document]],
        log: Log,
    ) -> None:
        self._path = path
        self._store = store
        self._active = active
        self._load = load
        self._log = log
        self._seen: tuple[int, int] | None = None
        self._digest: str | None = None
        self.problem: str | None = None

    async def start(self) -> None:
        """Publish the file where nothing forbids it. Raises `Unusable` for a file that is missing or invalid."""
        self._seen = self._stamp()
        text, document = await asyncio.to_thread(self._load, self._path)
        self._digest = document.digest
        active = self._active()
        if active == document.digest:
            return
        if active is not None and await self._store.was_active(document.digest):
            self._log.warning(
                "policy_file_superseded",
                file=str(self._path),
                detail="Another document replaced it. Put it in force with: sayso policy activate FILE",
            )
            return
        await self._publish(text, document.digest)

    @property
    def warning(self) -> str | None:
        """A sentence when this replica's file is not what is in force."""
        if self.problem is not None:
            return self.problem
        if self._digest is not None and self._digest != self._active():
            return f"The policy file {self._path} is not the policy in force; sayso policy activate puts it in force."
        return None

    async def run(self) -> None:
        """Watch the file until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            stamp = self._stamp()
            if stamp != self._seen:
                try:
                    await self._changed()
                except Unusable as error:
                    self.problem = f"The policy file is not valid, so the earlier policy stays. {error.detail}"
                    self._log.error("policy_file_invalid", file=str(self._path), detail=error.detail)
                except SaysoError as error:
                    self._log.warning("policy_file_waits", code=error.code)
                    continue
                self._seen = stamp

    async def _changed(self) -> None:
        text, document = await asyncio.to_thread(self._load, self._path)
        self.problem = None
        self._digest = document.digest
        if document.digest != self._active():
            await self._publish(text, document.digest)

    async def _publish(self, text: str, digest: str) -> None:
        other = await self._store.activate(digest, text, self._active(), str(self._path.name))
        if other is None:
            self._log.info("policy_published", file=str(self._path), digest=digest)
        else:
            self._log.warning("policy_moved_meanwhile", file=str(self._path), active=other)

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size
