"""What lies in Redis and in Slack at the end of a stage, and one case of it with all that is known."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fakes.slack_workspace import Message
from faults.campaign.ledger import Case, Event, Ledger
from faults.campaign.platform import Pacing, Platform, named
from sayso_bot.domain.notice import is_notice
from sayso_bot.domain.request import Request

DELIVERY, TEST = "delivery", "A test"


def channel_in(place: str) -> str:
    """``C0ONE`` of ``slack:C0ONE`` and of ``slack:T0TEAM/C0ONE``."""
    return place.rpartition("/")[2].removeprefix("slack:")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal."""

    at: float
    kind: str
    data: Any


@dataclass(frozen=True, slots=True)
class Standing:
    """What is in force at the end: routed patterns, paused scopes, the policy's digest, valid keys."""

    routes: Sequence[str] = ()
    pauses: Sequence[str] = ()
    policy: str | None = None
    keys: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What lies in one world at the end: records and card records by request, the journal by request, cards, lists."""

    world: str
    records: Mapping[str, Request]
    posts: Mapping[str, Mapping[str, str]]
    journal: Mapping[str, Sequence[Entry]]
    cards: Mapping[str, Sequence[Message]]
    entries: Mapping[str, Counter[str]]
    words: Mapping[str, int] = field(default_factory=dict)
    """How often the principal was told of each request."""
    lists: Sequence[Message] = ()
    present: frozenset[str] = frozenset()
    """The messages that nobody has deleted, by ``ts``."""
    pacing: Mapping[str, Pacing] = field(default_factory=dict)
    words_at: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What was announced, by channel, each announcement by itself."""
    standing: Standing = field(default_factory=Standing)
    pumped_from: float = field(default=float("inf"))
    """From when on Redis's time was put forward, so that it is not this machine's any more."""


@dataclass(frozen=True, slots=True)
class Account:
    """One case with all that is known of it."""

    case: Case
    evidence: Evidence
    ledger: Ledger
    request: Request
    journal: Sequence[Entry]
    cards: Sequence[Message]
    entries: Counter[str]
    words: int = 0

    def kinds(self, kind: str) -> list[Entry]:
        return [entry for entry in self.journal if entry.kind == kind]

    @property
    def moves(self) -> list[Entry]:
        """Where an admin had it asked elsewhere; `falls` are those that went to the rule's fallback."""
        return [entry for entry in self.kinds("moved") if entry.data["by"] != DELIVERY]

    @property
    def falls(self) -> list[Entry]:
        return [entry for entry in self.kinds("moved") if entry.data["by"] == DELIVERY]

    @property
    def places(self) -> list[str]:
        """Where it was asked, first to last, as Slack's ids of channels; the inbox has a name, and nowhere is empty."""
        moved = self.kinds("moved")
        first = moved[0].data["from"] if moved else self.request.place or ""
        return [channel_in(place) for place in (first, *(entry.data["to"] for entry in moved))]

    @property
    def settled_at(self) -> float:
        assert self.request.decision is not None
        return self.request.decision.at.timestamp()

    @property
    def late(self) -> bool:
        """Whether Slack took something about it that had been looked for in vain."""
        return self.request.id in self.ledger.doubles

    @property
    def by_policy(self) -> bool:
        return self.case.plan.family in ("allow", "deny")


async def evidence_of(world: str, store: Any, platform: Platform, pumped_from: float) -> Evidence:
    """All of a book, read from Redis, and what people were shown."""
    journal: defaultdict[str, list[Entry]] = defaultdict(list)
    for _, fields in await store.client.xrange(store.keys["journal"]):
        data = json.loads(fields["data"])
        journal[fields["request"]].append(Entry(int(fields["at"]) / 1000, fields["kind"], data))
    records, posts = {}, {}
    for request in journal:
        if request and (found := await store.read(request)) is not None:
            records[request] = found
            posts[request] = await store.client.hgetall(store.keys.post(request, found.place))
    present = frozenset(message.ts for message in platform.messages)
    return Evidence(
        world, records, posts, journal, platform.cards, platform.entries, platform.words, platform.lists, present,
        platform.pacing, _announced(platform), await _standing(store), pumped_from,
    )  # fmt: skip


def _announced(platform: Platform) -> Mapping[str, Sequence[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for message in platform.messages:
        if is_notice(named(message)) and not message.words.startswith(TEST):
            found[message.channel] += message.words.split("\n\n")  # what waited together is said in one message
    return found


async def _standing(store: Any) -> Standing:
    stored = await store.configuration(None)
    routes = tuple(route.action for route in stored.routes if route.until is None or route.until > stored.now)
    valid = frozenset(key.id for key in stored.keys if key.revoked_at is None)
    return Standing(routes, tuple(str(pause.scope) for pause in stored.pauses), stored.policy_digest, valid)


def made(evidence: Evidence) -> dict[str, set[str]]:
    """The requests in the journal, by action: each action is one case's."""
    made: defaultdict[str, set[str]] = defaultdict(set)
    for request, entries in evidence.journal.items():
        for entry in entries:
            if entry.kind == "submitted":
                made[entry.data["action"]].add(request)
    return made


def story(ledger: Ledger, evidence: Evidence, case: Case) -> list[Event]:
    """Everything that was seen of one case, in order of time."""
    ids = case.ids | made(evidence)[case.plan.action]
    events = list(case.events)
    for request in ids:
        events += ledger.seen[request]
        events += [
            Event(entry.at, "journal", f"{entry.kind} {json.dumps(entry.data)}")
            for entry in evidence.journal.get(request, ())
        ]
    if events:
        first, last = min(event.at for event in events), max(event.at for event in events)
        events += [
            Event(at, "admin", f"{what} {deed.kind} {deed.subject} {deed.value} ({deed.way}, {deed.why})")
            for deed in ledger.deeds.all
            if deed.world == case.world and deed.asked_at <= last and (deed.known_at or last) >= first
            for at, what in ((deed.asked_at, "asks for"), (deed.known_at or last, "knows of"))
        ]
        for span in ledger.spans:
            if span.start <= last and span.end >= first:
                events += [
                    Event(span.start, "fault", f"begins: {span.name}"),
                    Event(span.end, "fault", f"ends: {span.name}"),
                ]
    return sorted(events, key=lambda event: event.at)
