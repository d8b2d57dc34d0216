"""What every agent was told and every person did, kept outside the service that it is held against.

A `Case` is one request as the campaign knows it: its plan, and all that was seen of it. Times are this machine's, in
seconds; the service's own are Redis's, on the same machine.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from faults.campaign.deeds import Deeds
from faults.campaign.plan import Plan

SLACK, SOCKETS, CHANNELS, DEEDS = "Slack", "sockets", "channels", "deeds"
PEOPLES = frozenset({SLACK, SOCKETS, CHANNELS})
"""Lanes whose trouble is people's: it never keeps an answer from an agent."""
Json: TypeAlias = dict[str, Any]
Outcome: TypeAlias = Literal["approve", "deny", "edit"]


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a story."""

    at: float
    who: str
    what: str


@dataclass(frozen=True, slots=True)
class Told:
    """A request as one agent was told of it. ``held`` says that the call waited for the decision, ``key`` is the id of
    the key under which it was asked."""

    asked_at: float
    at: float
    replica: str
    held: bool
    body: Json
    key: str = ""

    @property
    def status(self) -> str:
        return str(self.body["status"])

    @property
    def settled_at(self) -> float | None:
        decision = self.body["decision"]
        return datetime.fromisoformat(decision["at"]).timestamp() if decision else None


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an agent was told instead of its request."""

    asked_at: float
    at: float
    status: int
    code: str
    key: str


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody put into a dialog: a reason, what was typed, the form's answers, other params."""

    reason: str | None = None
    typed: str | None = None
    response: Json | None = None
    params: Json | None = None


CANNOT_CHECK = "could not be asked who you are"
"""What is said for one delivery of a tap, while another may be counted."""


@dataclass(slots=True)
class Tap:
    """One click or submission, and what became of it. ``revision`` is that of the params which the tapper was shown;
    ``status`` stays None where no answer came. ``given`` is what a dialog was sent with, None for a click.

    ``replica`` is empty where it came over a socket, and Slack alone knows to whom. ``closed``: Slack was told to close
    the dialog, by which the person knows that it was taken.
    """

    at: float
    user: str
    name: str
    outcome: Outcome
    post: str
    replica: str
    admitted: bool
    revision: int = 1
    status: int | None = None
    answered_at: float | None = None
    told: list[str] = field(default_factory=list)
    given: Given | None = None
    closed: bool = False

    @property
    def counted(self) -> bool:
        """Whether the person was told that it counts."""
        done = ("You approved ", "You denied ", "Your approval of ", "You edited ")
        return any(text.startswith(done) for text in self.told)

    @property
    def refused(self) -> bool:
        """Whether the person was told at last that it does not count."""
        return bool(self.told) and not self.counted and "may not have counted" not in self.told[-1]

    @property
    def told_no(self) -> bool:
        """Whether the person was told that this tap, or another that was under way with it, does not count, as far as
        that delivery of it knows.
        """
        return self.refused or any("was not counted" in text or CANNOT_CHECK in text for text in self.told)

    @property
    def asks_for_more(self) -> bool:
        """Whether the last thing said asks for another tap, now or after a pause, or for a look at new params."""
        words = ("Tap again", "Try again", "try again", "has changed since", "tap again", "is paused", "Paused by")
        return bool(self.told) and any(word in self.told[-1] for word in words)


@dataclass(slots=True)
class Case:
    number: int
    plan: Plan
    world: str
    ids: set[str] = field(default_factory=set)
    told: list[Told] = field(default_factory=list)
    taps: list[Tap] = field(default_factory=list)
    edits: list[Tap] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    cancel_asked_at: float | None = None
    refused: list[Refusal] = field(default_factory=list)
    done: bool = False
    complaints: list[str] = field(default_factory=list)
    """What went wrong for the people of this request."""

    def note(self, who: str, what: str) -> None:
        self.events.append(Event(time.time(), who, what))

    @property
    def settled(self) -> bool:
        return any(told.status != "pending" for told in self.told)


@dataclass(frozen=True, slots=True)
class Span:
    """When a fault of a lane was at work."""

    name: str
    lane: str
    start: float
    end: float


class Ledger:
    """All cases, what was seen on the wires about each request, and the faults.

    ``deeds`` are what admins did. ``doubles`` are the requests of which Slack took a post that had been looked for in
    vain. ``deletions`` counts the lists that somebody deleted, by the request that names them.
    """

    def __init__(self) -> None:
        self.cases: dict[int, Case] = {}
        self.seen: defaultdict[str, list[Event]] = defaultdict(list)
        self.spans: list[Span] = []
        self.kills: Counter[str] = Counter()
        self.doubles: set[str] = set()
        self.deletions: Counter[str] = Counter()
        self.complaints: list[str] = []
        self.deeds = Deeds()

    def open(self, plan: Plan, world: str) -> Case:
        case = self.cases[plan.number] = Case(plan.number, plan, world)
        return case

    def saw(self, request: str, who: str, what: str) -> None:
        if request:
            self.seen[request].append(Event(time.time(), who, what))

    def case_of(self, request: str) -> Case | None:
        """The case of a request, where an agent or Slack has heard of it already."""
        return next((case for case in reversed(self.cases.values()) if request in case.ids), None)

    @property
    def faults(self) -> Counter[str]:
        return Counter(span.name for span in self.spans)

    def is_calm(self, since: float, until: float, lane: str = "") -> bool:
        """Whether no fault was at work in between; with ``lane``, none of that lane."""
        near = (span for span in self.spans if lane in ("", span.lane))
        return not any(span.start <= until and span.end >= since for span in near)

    def quiet_seconds(self, since: float, until: float) -> float:
        """How much of this time no fault kept an answer from an agent."""
        quiet, at = 0.0, since
        for span in sorted(self.spans, key=lambda span: span.start):
            if span.lane not in PEOPLES and span.end > at and span.start < until:
                quiet += max(0.0, span.start - at)
                at = span.end
        return quiet + max(0.0, until - at)
