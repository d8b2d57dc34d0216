"""How many connections there may be, and how long each may wait for its caller.

A connection waits for its caller while nothing is asked on it, and while a head, a body or the reading of an answer is
unfinished. Such a wait has a deadline, and where connections or memory run out the one that has waited longest makes
room for another. A call that waits for us, or for a person, is never closed to make room. Each step here costs the
same however many connections there are, but for those whose answers are unread; docs/limits.md lists the numbers.
"""

from __future__ import annotations

import resource
import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter
from typing import Protocol

MOST_CONNECTIONS = 20_000
RESERVED_DESCRIPTORS = 512
"""For Redis, files, platforms' APIs, and connections that the system has accepted and that are not counted yet."""
BACKLOG = 1024
"""So many may come to an address while the process looks elsewhere, as when all agents come back after a restart. The
system lets whoever comes after them wait for a second or more, and holds fewer where its ``somaxconn`` is less.
"""
TAKEN_AT_ONCE = 32
"""Of them in one turn of the loop. They are counted three turns later, so a hundred are not, for each address."""
CLOSED_AT_ONCE = 50
"""A flood that lapses together must not keep others waiting while it is closed."""


class Wait(StrEnum):
    """What a connection waits for."""

    FIRST = "first"
    HEAD = "head"
    IDLE = "idle"
    BODY = "body"
    FILES = "files"
    ANSWER = "answer"


class Closed(StrEnum):
    """Why a connection was closed that its caller had left open."""

    LATE = "late"
    MADE_ROOM = "made_room"
    FULL = "full"
    TOO_MUCH = "too_much"


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, bytes and counts. The time to read an answer grows with what of it is still to be read.

    ``body_seconds`` stands behind the deadlines of those who read bodies, which are shorter and answer, and so does
    ``files_seconds`` where a call brings files. From ``crowded`` connections on, idle ones are closed as soon as those
    that never spoke.
    """

    connections: int = MOST_CONNECTIONS
    head_seconds: float = 10.0
    idle_seconds: float = 75.0
    body_seconds: float = 35.0
    files_seconds: float = 300.0
    answer_seconds: float = 10.0
    answer_bytes_per_second: int = 64 * 1024
    head_bytes: int = 32 * 1024
    headers: int = 64
    unread_bytes: int = 32 * 1024 * 1024

    @property
    def crowded(self) -> int:
        return self.connections // 2

    @classmethod
    def within(cls, descriptors: int) -> Limits:
        """Those of a process that may have so many open files. At least half are for connections."""
        return cls(connections=min(MOST_CONNECTIONS, max(descriptors - RESERVED_DESCRIPTORS, descriptors // 2)))

    def warning(self, may_be_held: int) -> str | None:
        """What to tell an operator whose keys may hold more calls than open files allow."""
        wanted = min(may_be_held, MOST_CONNECTIONS)
        if wanted <= self.connections:
            return None
        return (
            f"Keys may hold {may_be_held} calls, and this process may have {self.connections} connections only: raise"
            f" its limit of open files (ulimit -n, LimitNOFILE=) to {wanted + RESERVED_DESCRIPTORS} or more."
        )


def descriptors() -> int:
    """How many open files this process may have now."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


class Peer(Protocol):
    def unread(self) -> int:
        """How many bytes of an answer are still to be read."""

    def close_for(self, why: Closed, wait: Wait) -> None:
        """End the connection now, whatever of an answer is unread. `Connections` has forgotten it already."""


class Connections:
    """The open connections of this process. ``clock`` gives seconds.

    A wait is noted when it begins, so each kind is in the order of its deadlines, except that of answers.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self._clock = clock
        self._open: dict[Peer, Wait | None] = {}
        self._since = {wait: OrderedDict[Peer, float]() for wait in Wait}  # a dict's first is not found at once
        self._unread: dict[Peer, int] = {}
        self._read_by: dict[Peer, float] = {}
        self._unread_bytes = 0
        self._seconds = {
            Wait.FIRST: limits.head_seconds,
            Wait.HEAD: limits.head_seconds,
            Wait.IDLE: limits.idle_seconds,
            Wait.BODY: limits.body_seconds,
            Wait.FILES: limits.files_seconds,
        }

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, peer: Peer) -> bool:
        """Count a connection that waits for its first call. False where every other one is in use."""
        if len(self._open) >= self.limits.connections and not self._make_room():
            return False
        self._open[peer] = None
        self.waits(peer, Wait.FIRST)
        return True

    def closed(self, peer: Peer) -> None:
        if peer in self._open:
            self._ends_wait(peer)
            del self._open[peer]

    def waits(self, peer: Peer, wait: Wait) -> None:
        """``peer`` waits for its caller from now on."""
        if peer in self._open:
            self._ends_wait(peer)
            self._open[peer] = wait
            self._since[wait][peer] = self._clock()

    def waits_for_reader(self, peer: Peer) -> None:
        """A part of an answer waits to be read. Where that is too much in all, one who does not read makes room."""
        self.waits(peer, Wait.ANSWER)
        if peer in self._open:
            self._unread[peer] = unread = peer.unread()
            self._unread_bytes += unread
            seconds = self.limits.answer_seconds + unread / self.limits.answer_bytes_per_second
            self._read_by[peer] = self._clock() + seconds
        while self._unread_bytes > self.limits.unread_bytes:
            self._free_memory()

    def works(self, peer: Peer) -> None:
        """``peer`` waits for us."""
        if peer in self._open:
            self._ends_wait(peer)

    def close_late(self, most: int = CLOSED_AT_ONCE) -> bool:
        """Close ``most`` of those whose time is up. Whether there may be more of them."""
        now, closed, seconds = self._clock(), 0, dict(self._seconds)
        if len(self._open) > self.limits.crowded:
            seconds[Wait.IDLE] = min(seconds[Wait.IDLE], seconds[Wait.FIRST])
        for wait, may_wait in seconds.items():
            since = self._since[wait]
            while closed < most and since and now - since[first := next(iter(since))] >= may_wait:
                self._close(first, Closed.LATE, wait)
                closed += 1
        for peer in [peer for peer, by in self._read_by.items() if now >= by][: most - closed]:
            self._close(peer, Closed.LATE, Wait.ANSWER)
            closed += 1
        return closed == most

    def _free_memory(self) -> None:
        """Close the oldest whose reader has read nothing since the last look; where all read on, the oldest."""
        answers = self._since[Wait.ANSWER]
        for _ in range(len(answers)):
            peer = next(iter(answers))
            if (unread := peer.unread()) >= self._unread[peer]:
                break
            self._unread_bytes -= self._unread[peer] - unread
            self._unread[peer] = unread
            if self._unread_bytes <= self.limits.unread_bytes:
                return
            answers.move_to_end(peer)
        self._close(next(iter(answers)), Closed.TOO_MUCH, Wait.ANSWER)

    def _make_room(self) -> bool:
        """Close the one that has waited for its caller longest."""
        longest = [(*next(iter(since.items())), wait) for wait, since in self._since.items() if since]
        if not longest:
            return False
        peer, _, wait = min(longest, key=itemgetter(1))
        self._close(peer, Closed.MADE_ROOM, wait)
        return True

    def _ends_wait(self, peer: Peer) -> None:
        wait = self._open[peer]
        if wait is not None:
            del self._since[wait][peer]
            self._open[peer] = None
        if wait is Wait.ANSWER:
            self._unread_bytes -= self._unread.pop(peer)
            del self._read_by[peer]

    def _close(self, peer: Peer, why: Closed, wait: Wait) -> None:
        self.closed(peer)
        peer.close_for(why, wait)
