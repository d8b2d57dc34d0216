"""Keeps the policy in force equal to the operator's file, without one replica undoing another.

At start a file that was never active is published; one that another document has superseded is not, because some
admin replaced it. While running, a change of the file is an admin's act: it is published in place of whatever is
active at that moment. A file that becomes invalid, vanishes or turns into something else changes nothing; it is on the
record, in the log and in `/readyz`, and the admins are told. A file that is still being written is waited for.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from sayso_bot.domain.request import rfc3339
from sayso_bot.domain.text import one_line
from sayso_bot.domain.versions import Origin, Version, VersionPage
from sayso_bot.errors import SaysoError, Unreadable, Unusable
from sayso_bot.ports import Log

LOOK_SECONDS = 1.0
SETTLE_SECONDS = 0.2
MOST_DETAIL = 500
Note: TypeAlias = Callable[[str, str, Mapping[str, Any]], Awaitable[None]]
Stamp: TypeAlias = "tuple[int, int, int, int] | None"


class Document(Protocol):
    @property
    def digest(self) -> str: ...


class Policies(Protocol):
    """Puts documents in force: `sayso_bot.policy.versions.PolicyVersions`."""

    async def versions(self, *, before: int | None = None, limit: int = 20) -> VersionPage: ...

    async def activate(self, text: str, source: str, origin: Origin, *, operation: str) -> object: ...

    async def publish(self, text: str, source: str, origin: Origin) -> object | None: ...


class PolicyFile:
    """``read`` reads and checks a file: its text and the compiled document. Raises `Unusable`.

    ``active`` is the digest in force as this process knows it; ``note`` writes a journal entry. ``invalid`` says what
    is wrong with the file, where something is.
    """

    def __init__(
        self,
        path: Path,
        policies: Policies,
        read: Callable[[Path], tuple[str, Document]],
        active: Callable[[], str | None],
        note: Note,
        log: Log,
    ) -> None:
        self._path = path
        self._policies = policies
        self._read = read
        self._active = active
        self._note = note
        self._log = log
        self._seen: Stamp = None
        self._change: tuple[Stamp, str] = (None, "")
        self._digest: str | None = None
        self.invalid = ""

    @property
    def problem(self) -> str | None:
        return f"The policy file is not valid, so the earlier policy stays. {self.invalid}" if self.invalid else None

    async def start(self) -> None:
        """Publish the file where nothing forbids it. Raises `Unusable` for a file that is missing or invalid."""
        self._seen = self._stamp()
        text, document = await asyncio.to_thread(self._read, self._path)
        self._digest = document.digest
        if await self._policies.publish(text, str(self._path), self._origin()) is None:
            self._log.warning(
                "policy_file_superseded",
                file=str(self._path),
                detail="Another document replaced it. Put it in force with: sayso policy activate FILE",
            )

    async def warning(self) -> str | None:
        """A sentence when this replica's file is not what is in force, with who put that in force, and when."""
        if self.problem is not None:
            return self.problem
        if self._digest is None or self._digest == self._active():
            return None
        page = await self._policies.versions(limit=1)
        put = f" That is {_who_and_when(page.items[0])}." if page.items else ""
        return f"The policy file {self._path} is not the policy in force.{put} sayso policy activate puts it in force."

    async def run(self) -> None:
        """Watch the file until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            stamp = self._stamp()
            while stamp != self._seen:
                await asyncio.sleep(SETTLE_SECONDS)
                if (now := self._stamp()) != stamp:
                    stamp = now
                    continue
                if not await self._taken(self._operation(stamp)):
                    break
                self._seen = stamp

    def _operation(self, stamp: Stamp) -> str:
        """The same however often this change is tried: one that took effect unheard may have been replaced since."""
        if self._change[0] != stamp or not self._change[1]:
            self._change = (stamp, f"file:{secrets.token_hex(8)}")
        return self._change[1]

    async def _taken(self, operation: str) -> bool:
        """Whether the file as it is now has been dealt with; False where it must be tried again."""
        try:
            text, document = await asyncio.to_thread(self._read, self._path)
            if document.digest != self._active():
                await self._policies.activate(text, str(self._path), self._origin(), operation=operation)
        except Unreadable as error:
            self._seen = None  # also where it becomes what it was before
            if error.detail != self.invalid:
                await self._refused(error.detail)
            return False
        except Unusable as error:
            await self._refused(error.detail)
            return True
        except SaysoError as error:
            self._log.warning("policy_file_waits", code=error.code)
            return False
        self.invalid = ""
        self._digest = document.digest
        return True

    async def _refused(self, detail: str) -> None:
        self.invalid = detail
        self._log.error("policy_file_invalid", file=str(self._path), detail=detail)
        about = {"file": str(self._path), "where": socket.gethostname(), "detail": detail[:MOST_DETAIL]}
        try:
            await self._note("policy_file_refused", "", about)
        except SaysoError as error:
            self._log.warning("policy_file_not_journaled", code=error.code)

    def _origin(self) -> Origin:
        return Origin(via="file", where=f"{socket.gethostname()}:{self._path}")

    def _stamp(self) -> Stamp:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode


def _who_and_when(version: Version) -> str:
    when = f", since {rfc3339(version.at)}" if version.at else ""
    by = one_line(version.origin.by or version.origin.where)
    return f"version {version.number}{when}{f', by {by}' if by else ''} (from the {version.origin.via})"
