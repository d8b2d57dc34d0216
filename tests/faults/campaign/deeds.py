"""What admins did, and what may therefore have been in force at any moment, by this machine's clock.

A deed takes effect at one moment between its being asked for and its being known. So what a subject was at a time is
known, or one of a few things. Deeds on one subject come one after the other; those on different ones meet.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["pause", "resume", "route", "undo", "move", "activate", "rollback", "rotate", "revoke"]
Way: TypeAlias = Literal["api", "slack"]

PAUSED, REVOKED = "paused", "revoked"
ROUND_SECONDS = 0.002
"""Redis's milliseconds are rounded down."""
END_SECONDS = 0.05
POLICY = "policy"


@dataclass(slots=True)
class Deed:
    """One thing that an admin did. ``subject`` is what it changes (``pause agent:a``, ``route one.*``, ``policy``,
    ``request req_…``, ``key key_…``), ``value`` what that is from then on: a place, a version, `PAUSED`, or nothing.

    ``known_at`` is when the admin was told that it is done, ``ends_at`` when it ends by itself. ``refused`` holds what
    the admin was told instead.
    """

    number: int
    world: str
    kind: Kind
    way: Way
    subject: str
    value: str
    asked_at: float
    known_at: float | None = None
    ends_at: float | None = None
    refused: str = ""

    @property
    def why(self) -> str:
        """Its reason: no other deed has the same, so the record, the announcements and the cards name it."""
        return f"Deed {self.number}."

    def done(self) -> None:
        self.known_at = time.time()


class Deeds:
    """All deeds of a campaign."""

    def __init__(self) -> None:
        self.all: list[Deed] = []
        self._of: defaultdict[tuple[str, str], list[Deed]] = defaultdict(list)

    def begin(self, world: str, kind: Kind, way: Way, subject: str, value: str = "") -> Deed:
        deed = Deed(len(self.all) + 1, world, kind, way, subject, value, time.time())
        self.all.append(deed)
        self._of[world, subject].append(deed)
        return deed

    def subjects(self, world: str, what: str) -> list[str]:
        """The subjects of one sort (``pause``, ``route``) that were ever changed, without their sort."""
        prefix = f"{what} "
        return [
            subject.removeprefix(prefix) for where, subject in self._of if where == world and subject.startswith(prefix)
        ]

    def on(self, world: str, subject: str) -> list[Deed]:
        return self._of.get((world, subject), [])

    def possible(self, world: str, subject: str, at: float, before: str = "") -> set[str]:
        """What ``subject`` may have been at a time that Redis gave. ``before`` is what it was before any deed."""
        return self._at(world, subject, at, before) | self._at(world, subject, at + ROUND_SECONDS, before)

    def _at(self, world: str, subject: str, at: float, before: str) -> set[str]:
        deeds, found = self.on(world, subject), set[str]()
        for deed in reversed(deeds[: bisect_right(deeds, at, key=lambda deed: deed.asked_at)]):
            if deed.refused:
                continue
            if deed.known_at is None or deed.known_at > at:
                found.add(deed.value)
            elif deed.ends_at is None or at < deed.ends_at - END_SECONDS:
                return found | {deed.value}
            elif at < deed.ends_at + END_SECONDS:
                return found | {deed.value, ""}
            else:
                return found | {""}
        return found | {before}
