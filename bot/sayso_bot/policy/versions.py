"""The policy as an admin works with it: versions are listed, shown and compared; one is put in force, or brought back.

The file that is watched, the operator's command and the API all come here, so each way puts a document in force by the
same step, says the same about it, and leaves the same record.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from sayso_bot.domain.notice import Notices
from sayso_bot.domain.versions import Activated, Comparison, Found, Origin, Version, VersionPage, Weakening
from sayso_bot.errors import ChangedMeanwhile, NotFound, PolicyRefused, Unusable
from sayso_bot.policy.announcing import announcements
from sayso_bot.policy.compare import compare, text_diff
from sayso_bot.policy.document import digest
from sayso_bot.policy.documents import Documents
from sayso_bot.policy.engine import LoadedPolicy
from sayso_bot.policy.problems import PolicyInvalid
from sayso_bot.ports import Activation, Epochs, Log

ACTIVE = "active"
MOST_SENTENCES = 20
LOOKED_THROUGH = 100
_NUMBER = re.compile(r"[1-9][0-9]{0,8}\Z")
_DIGEST = re.compile(r"(?:sha256:)?[0-9a-f]{6,64}\Z")


def is_reference(name: str) -> bool:
    """Whether ``name`` can name a version: ``active``, a number, or the beginning of a digest."""
    return name == ACTIVE or _NUMBER.match(name) is not None or _DIGEST.match(name) is not None


class VersionStore(Protocol):
    """What of the store the policies needs."""

    async def versions(self, *, before: int | None = None, limit: int = 20) -> VersionPage: ...

    async def document(self, digest: str) -> str | None: ...

    async def was_active(self, digest: str) -> bool: ...

    async def activate(
        self,
        digest: str,
        document: str,
        replaces: str | None,
        where: str,
        origin: Origin | None = None,
        epochs: Epochs | None = None,
        notices: Notices = (),
        operation: str = "",
    ) -> Activation: ...


class PolicyVersions:
    """``documents`` reads and keeps them; all reading happens in a thread, one document at a time."""

    def __init__(self, store: VersionStore, documents: Documents, log: Log) -> None:
        self._store = store
        self._documents = documents
        self._log = log
        self._reading = asyncio.Lock()

    # ------------------------------------------------------------------ looking

    async def versions(self, *, before: int | None = None, limit: int = 20) -> VersionPage:
        return await self._store.versions(before=before, limit=limit)

    async def active(self) -> Found:
        page = await self._store.versions(limit=1)
        if page.active is None:
            return Found(None, None, None)
        return await self._with_text(page.items[0])

    async def find(self, reference: str) -> Found:
        """The version that ``active``, a number or (the beginning of) a digest names. Raises `NotFound`."""
        if reference == ACTIVE:
            return await self.active()
        if _NUMBER.match(reference):
            number = int(reference)
            page = await self._store.versions(before=number + 1, limit=1)
            if page.items and page.items[0].number == number:
                return await self._with_text(page.items[0])
        elif _DIGEST.match(reference):
            return await self._by_digest(f"sha256:{reference.removeprefix('sha256:')}")
        raise NotFound(f"There is no version {reference[:80]} of the policy.")

    async def compare(self, before: Found, after: Found) -> Comparison | None:
        """None where one of them is the built-in default, or cannot be read by this version of Sayso."""
        old, new = await self._in_force(before), await self._in_force(after)
        return None if old is None or new is None else await asyncio.to_thread(compare, old, new)

    async def lines(self, before: Found, after: Found) -> list[str]:
        """The two texts as a unified diff."""
        names = (_name_of(before), _name_of(after))
        return await asyncio.to_thread(text_diff, before.text or "", after.text or "", names)

    async def check(self, text: str, source: str) -> tuple[LoadedPolicy, Comparison | None]:
        """A document, checked, and what it changes; None where that cannot be said. Raises `PolicyRefused`."""
        policy = await self._read(text, source)
        _, comparison = await self._compared(await self.active(), policy)
        return policy, comparison

    # ------------------------------------------------------------------ putting in force

    async def activate(
        self,
        text: str,
        source: str,
        origin: Origin,
        *,
        seen: Callable[[str | None], None] = lambda _: None,
        epochs: Epochs | None = None,
        operation: str = "",
    ) -> Activated:
        """Put a document in force. ``seen`` is told the active digest before, and may raise; ``epochs`` are those under
        which an admin was proved. One that took effect under the same ``operation`` before, changes nothing now.

        Raises `PolicyRefused`, `ChangedMeanwhile` where another document is put in force meanwhile, `Again`.
        """
        policy = await self._read(text, source)
        active = await self.active()
        seen(active.digest)
        old, comparison = await self._compared(active, policy)
        notices: Notices = ()
        if comparison is not None:
            origin = replace(origin, weakens=_first(comparison.weakened))
        if old is not None and comparison is not None:
            origin = replace(origin, dismisses=tuple(name for name in old.admins if name not in policy.admins))
            notices = await asyncio.to_thread(announcements, old, policy, comparison, origin)
        done = await self._store.activate(
            policy.digest, text, active.digest, origin.where, origin, epochs, notices, operation
        )
        if done.number is None:
            raise _moved(done.other)
        if done.changed:
            self._log_done(policy.digest, active.digest, origin, comparison)
        return Activated(done.number, policy.digest, active.digest, done.changed, comparison)

    async def roll_back(
        self,
        number: int,
        origin: Origin,
        *,
        seen: Callable[[str | None], None] = lambda _: None,
        epochs: Epochs | None = None,
    ) -> Activated:
        """Put the document of an earlier version in force again. Raises as `activate` does, and `NotFound`."""
        earlier = await self.find(str(number))
        if earlier.text is None:
            raise NotFound(f"The document of version {number} is not kept.")
        origin = replace(origin, restores=number)
        return await self.activate(earlier.text, f"version {number}", origin, seen=seen, epochs=epochs)

    async def publish(self, text: str, source: str, origin: Origin) -> Activated | None:
        """Put a file in force that never was; None for one that another document has superseded, which changes nothing.

        Raises `PolicyRefused`, `Again`.
        """
        while True:
            active = await self.active()
            if active.digest not in (None, digest(text)) and await self._store.was_active(digest(text)):
                return None
            with suppress(ChangedMeanwhile):  # then it may be this file that was superseded just now
                return await self.activate(text, source, origin, seen=partial(_check_still, active.digest))

    # ------------------------------------------------------------------ mechanics

    async def _with_text(self, version: Version) -> Found:
        return Found(version, version.digest, await self._store.document(version.digest))

    async def _by_digest(self, beginning: str) -> Found:
        before: int | None = None
        while True:
            page = await self._store.versions(before=before, limit=LOOKED_THROUGH)
            for version in page.items:
                if version.digest.startswith(beginning):
                    return await self._with_text(version)
            if not page.more:
                raise NotFound(f"No version of the policy has a digest that begins with {beginning}.")
            before = page.items[-1].number

    async def _read(self, text: str, source: str) -> LoadedPolicy:
        try:
            async with self._reading:
                return await asyncio.to_thread(self._documents.checked, text, source)
        except PolicyInvalid as error:
            problems: list[dict[str, Any]] = [
                {"line": each.line, "column": each.column, "sentence": each.sentence} for each in error.problems
            ]
            raise PolicyRefused(f"{error.problems[0]} Nothing was changed.", problems) from None

    async def _in_force(self, found: Found) -> LoadedPolicy | None:
        if found.text is None:
            return None
        try:
            async with self._reading:
                return await asyncio.to_thread(self._documents.in_force, found.text)
        except Unusable:
            return None

    async def _compared(self, active: Found, policy: LoadedPolicy) -> tuple[LoadedPolicy | None, Comparison | None]:
        """The policy in force, where it is another, and what changes; None where that cannot be said."""
        if active.digest == policy.digest:
            return None, Comparison()
        old = await self._in_force(active)
        return old, None if old is None else await asyncio.to_thread(compare, old, policy)

    def _log_done(self, after: str, before: str | None, origin: Origin, comparison: Comparison | None) -> None:
        about = {"digest": after, "replaces": before, "by": origin.by, "via": origin.via, "where": origin.where}
        self._log.info("policy_activated", **about)
        if comparison is not None and comparison.weakened:
            self._log.warning(
                "policy_weaker", digest=after, demands_less=[str(each) for each in comparison.weakened[:5]]
            )


def _check_still(expected: str | None, active: str | None) -> None:
    if active != expected:
        raise _moved(active)


def _moved(active: str | None) -> ChangedMeanwhile:
    return ChangedMeanwhile(
        f"Another policy was put in force meanwhile: {active}. Nothing was changed; look at it, and repeat."
    )


def _first(weakened: Sequence[Weakening]) -> tuple[str, ...]:
    """Sentences for the record: `MOST_SENTENCES` at most, of which the last says how many are left out."""
    sentences = tuple(map(str, weakened))
    if len(sentences) <= MOST_SENTENCES:
        return sentences
    most = MOST_SENTENCES - 1
    return (*sentences[:most], f"And {len(sentences) - most} more.")


def _name_of(found: Found) -> str:
    if found.digest is None:
        return "built-in default"
    return f"version {found.version.number} {found.digest}" if found.version else found.digest
