"""The ledger held against what lies in Redis and in Slack: each check is one promise, each failure names its request.

The checks know nothing of how the service works. They compare what agents and people were told with the records, the
journal and the cards, once the faults have stopped and everything had time to come to rest.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fakes.slack_workspace import Message
from faults.campaign.ledger import SLACK, Case, Event, Ledger, Told
from faults.campaign.platform import Platform
from sayso_bot.domain.request import Request

SAME_CLOCK_SECONDS, SAME_MOMENT_SECONDS = 1.0, 0.01
WAKE_SECONDS = 5.0
"""The longest from a decision, or from the end of a fault, to the answer of a call that is held for it."""
LATE_EXPIRY_SECONDS = 5.0
TOLD_SECONDS = 60.0
ENDINGS = {"approved": "votes", "denied": "votes", "expired": "timeout", "cancelled": "agent"}


@dataclass(frozen=True, slots=True)
class Failure:
    case: Case
    what: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal."""

    at: float
    kind: str
    data: Any


@dataclass(frozen=True, slots=True)
class Evidence:
    """What lies in one world at the end: records and card records by request, the journal by request, cards."""

    world: str
    records: Mapping[str, Request]
    posts: Mapping[str, Mapping[str, str]]
    journal: Mapping[str, Sequence[Entry]]
    cards: Mapping[str, Sequence[Message]]
    entries: Mapping[str, Counter[str]]
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

    def kinds(self, kind: str) -> list[Entry]:
        return [entry for entry in self.journal if entry.kind == kind]

    @property
    def settled_at(self) -> float:
        assert self.request.decision is not None
        return self.request.decision.at.timestamp()

    @property
    def by_policy(self) -> bool:
        return self.case.plan.family in ("allow", "deny")


Check = Callable[[Account], Iterator[str]]


def balance(ledger: Ledger, evidence: Evidence) -> list[Failure]:
    """Everything that does not agree, in the order of the requests."""
    made = _made(evidence)
    failures = []
    for case in ledger.cases.values():
        if case.world != evidence.world:
            continue
        ids = case.ids | made[case.plan.action]
        if not ids and not case.done:
            continue
        failures += [Failure(case, what) for what in _of_case(ledger, evidence, case, ids)]
    return failures


def _made(evidence: Evidence) -> dict[str, set[str]]:
    """The requests in the journal, by action: each action is one case's."""
    made: defaultdict[str, set[str]] = defaultdict(set)
    for request, entries in evidence.journal.items():
        for entry in entries:
            if entry.kind == "submitted":
                made[entry.data["action"]].add(request)
    return made


def _of_case(ledger: Ledger, evidence: Evidence, case: Case, ids: set[str]) -> Iterator[str]:
    if not case.done:
        yield "its agent is still waiting"
    if len(ids) != 1:
        yield f"one Idempotency-Key made {len(ids)} requests: {', '.join(sorted(ids))}"
        return
    [found] = ids
    request = evidence.records.get(found)
    if request is None:
        yield f"{found} was acknowledged and is not on the record"
        return
    account = Account(
        case,
        evidence,
        ledger,
        request,
        evidence.journal.get(found, ()),
        evidence.cards.get(found, ()),
        evidence.entries.get(found, Counter()),
    )
    for check in CHECKS:
        yield from check(account)


# --------------------------------------------------------------------------- nothing acknowledged is lost


def is_as_asked(account: Account) -> Iterator[str]:
    request, plan = account.request, account.case.plan
    if request.action != plan.action or (request.original_params or request.params) != plan.params:
        yield f"it is not what was asked: {request.action} {request.params}"
    edited = len(account.kinds("edited"))
    if request.params != (plan.edited if edited else plan.params) or request.revision != 1 + edited:
        yield f"it was edited {edited} times, and is at revision {request.revision} with {request.params}"
    if account.case.edits > edited:
        yield "an edit was acknowledged and is not in the journal"
    if len(account.kinds("submitted")) != 1:
        yield f"the journal has it {len(account.kinds('submitted'))} times as submitted"


def was_made_when_asked(account: Account) -> Iterator[str]:
    """The deadline is that of Redis's clock, whatever clock a replica has."""
    told, request = account.case.told, account.request
    if not told:
        return
    created = request.created_at.timestamp()
    if created < account.evidence.pumped_from and created > told[0].at + SAME_CLOCK_SECONDS:
        yield f"it was made {created - told[0].at:.1f} s after its agent was told of it"
    wanted = account.case.plan.timeout
    if wanted and request.expires_at and round(request.expires_at.timestamp() - created, 2) != wanted:
        yield f"its deadline is {request.expires_at.timestamp() - created} s after it was made, not {wanted} s"


def counted_taps_are_on_record(account: Account) -> Iterator[str]:
    votes = {(vote.name, vote.outcome) for vote in account.request.votes}
    for tap in account.case.taps:
        if tap.counted and (tap.name, tap.outcome) not in votes:
            yield f"{tap.name} was told that the tap counts ({tap.outcome}), and there is no such vote"


def taps_were_recorded_before_the_answer(account: Account) -> Iterator[str]:
    """A tap is answered with 200 once it is a vote, is refused, or comes after the end."""
    decision = account.request.decision
    for tap in account.case.taps:
        if tap.answered_at is None or tap.answered_at >= account.evidence.pumped_from:
            continue
        if tap.status != 200 or tap.refused or not tap.admitted or account.kinds("edited"):
            continue
        known = [vote.at for vote in account.request.votes if (vote.name, vote.outcome) == (tap.name, tap.outcome)]
        known += [decision.at] if decision else []
        by = tap.answered_at + SAME_MOMENT_SECONDS
        if not any(at.timestamp() <= by for at in known) and account.ledger.is_calm(tap.at, tap.answered_at, SLACK):
            yield f"{tap.name} was answered 200 before the tap was on the record"


# --------------------------------------------------------------------------- one decision


def is_decided_once(account: Account) -> Iterator[str]:
    settled = account.kinds("settled")
    if not account.request.settled:
        yield "it was never settled"
    elif len(settled) != 1:
        yield f"the journal has {len(settled)} decisions"
    elif settled[0].data["outcome"] != account.request.status:
        yield f"the journal has it {settled[0].data['outcome']}, the record {account.request.status}"


def everyone_was_told_the_same(account: Account) -> Iterator[str]:
    told = [answer for answer in account.case.told if answer.status != "pending"]
    decision = account.request.decision
    for answer in told:
        said = (answer.status, answer.body["decision"]["cause"], answer.settled_at)
        if decision and said != (decision.outcome, decision.cause, decision.at.timestamp()):
            yield f"an agent was told {said}, and the record has {decision.outcome} by {decision.cause}"
    if told:
        first = min(answer.at for answer in told)
        if any(answer.status == "pending" and answer.asked_at > first for answer in account.case.told):
            yield "an agent was told that it is pending after it had ended"


def votes_agree(account: Account) -> Iterator[str]:
    """One vote a person and revision, each in the journal once, and a decision that follows from them."""
    request = account.request
    persons = Counter((vote.person, vote.revision) for vote in request.votes)
    if persons and max(persons.values()) > 1:
        yield "a person's vote counts twice"
    journaled = Counter((entry.data["name"], entry.data["outcome"]) for entry in account.kinds("voted"))
    if journaled != Counter((vote.name, vote.outcome) for vote in request.votes):
        yield f"the journal's votes are not the record's: {dict(journaled)}"


# --------------------------------------------------------------------------- no approval that no person gave


def votes_were_given(account: Account) -> Iterator[str]:
    taps = account.case.taps
    for vote in account.request.votes:
        given = (vote.name, vote.outcome, vote.revision)
        its = [tap for tap in taps if (tap.name, tap.outcome, tap.revision) == given and tap.admitted]
        if not its:
            yield f"a vote of {vote.name} ({vote.outcome}) on revision {vote.revision} that nobody admitted gave"
        elif all(tap.refused for tap in its):
            yield f"{vote.name} was told that the tap does not count ({its[-1].told[-1]}), and it did"


def ended_for_its_cause(account: Account) -> Iterator[str]:
    """Approved, denied, expired and cancelled are told apart, and each has what it needs."""
    request, case, decision = account.request, account.case, account.request.decision
    if decision is None:
        return
    now = [vote.outcome for vote in request.votes if vote.revision == request.revision]
    need = request.requirement.quorum if request.requirement else 0
    wanted = "policy" if account.by_policy else ENDINGS[request.status]
    if decision.cause != wanted:
        yield f"it is {request.status} by {decision.cause}, which should be {wanted}"
    if request.status == "approved" and not account.by_policy and (now.count("approve") < need or "deny" in now):
        yield f"it is approved with the votes {now} where {need} approvals are needed"
    if request.status == "denied" and not account.by_policy and "deny" not in now:
        yield "it is denied, and nobody denied it"
    if request.status == "cancelled" and case.cancel_asked_at is None:
        yield "it is cancelled, and its agent did not ask for that"
    if request.status in ("expired", "cancelled") and ("deny" in now or (need and now.count("approve") >= need)):
        yield f"it is {request.status} although its votes had decided it"


def expired_in_time(account: Account) -> Iterator[str]:
    """Not before the deadline; after it only for as long as nobody could reach Redis."""
    request, decision = account.request, account.request.decision
    if decision is None or request.expires_at is None:
        return
    deadline, at = request.expires_at.timestamp(), account.settled_at
    if request.status == "expired" and at < deadline:
        yield f"it expired {deadline - at:.2f} s before its deadline"
    if deadline < at < account.evidence.pumped_from:
        quiet = account.ledger.quiet_seconds(deadline, at)
        if request.status != "expired" or quiet > LATE_EXPIRY_SECONDS:
            yield f"it was {request.status} {at - deadline:.1f} s after its deadline"


# --------------------------------------------------------------------------- nobody is left waiting


def held_calls_were_woken(account: Account) -> Iterator[str]:
    if account.request.decision is None or account.settled_at >= account.evidence.pumped_from:
        return
    for answer in account.case.told:
        if answer.held and answer.status != "pending":
            late = wake_seconds(account.ledger, answer)
            if late > WAKE_SECONDS:
                yield f"a held call at {answer.replica} was answered {late:.1f} s after it could have been"


def wake_seconds(ledger: Ledger, answer: Told) -> float:
    """From the decision to the answer, without the time for which faults were at work."""
    assert answer.settled_at is not None
    return ledger.quiet_seconds(max(answer.settled_at, answer.asked_at), answer.at)


# --------------------------------------------------------------------------- cards


def was_posted_once(account: Account) -> Iterator[str]:
    cards, post = len(account.cards), account.evidence.posts.get(account.request.id, {})
    if cards > 1 + (account.request.id in account.ledger.doubles):
        yield f"it was posted {cards} times"
    if len(account.kinds("posted")) != min(cards, 1):
        yield f"{cards} cards were posted, and the journal has {len(account.kinds('posted'))} first posts"
    if len(account.kinds("posted_twice")) != max(cards - 1, 0):
        yield f"{cards} cards were posted, and the journal has {len(account.kinds('posted_twice'))} doubles"
    if post and post["wanted"] != post["posted"] and account.case.plan.family != "gone":
        yield f"its card is not up to date: {post}"
    if cards == 0 and account.request.votes:
        yield "somebody voted on a card that was never posted"


def cards_show_the_end(account: Account) -> Iterator[str]:
    words = {
        "approved": "Approved by ",
        "denied": "Denied by ",
        "expired": "Expired: ",
        "cancelled": "Cancelled by the agent",
    }
    for card in account.cards:
        if card.button("approve") or card.button("deny"):
            yield f"card {card.ts} still has buttons"
        elif account.request.settled and words[account.request.status] not in card.words:
            yield f"card {card.ts} does not say that it is {account.request.status}"


def the_story_was_told_once(account: Account) -> Iterator[str]:
    """Each entry stands once in the thread, and the end of what was shown stands there."""
    late = account.request.id in account.ledger.doubles
    for entry, times in account.entries.items():
        if times > 1 + late:
            yield f"{entry} was told {times} times"
    shown = account.cards and account.request.settled and not late
    asked_at = account.request.created_at.timestamp()
    if shown and not account.entries["decided"] and account.ledger.is_calm(asked_at, account.settled_at + TOLD_SECONDS):
        yield "nobody told in the thread how it ended"


def undeliverable_is_on_record(account: Account) -> Iterator[str]:
    if account.case.plan.family != "gone" or account.request.decision is None:
        return
    calm = account.ledger.is_calm(account.request.created_at.timestamp(), account.settled_at)
    if calm and not account.kinds("undeliverable"):
        yield "nobody could be asked, and the journal does not say so"


CHECKS: Sequence[Check] = (
    is_as_asked,
    was_made_when_asked,
    counted_taps_are_on_record,
    taps_were_recorded_before_the_answer,
    is_decided_once,
    everyone_was_told_the_same,
    votes_agree,
    votes_were_given,
    ended_for_its_cause,
    expired_in_time,
    held_calls_were_woken,
    was_posted_once,
    cards_show_the_end,
    the_story_was_told_once,
    undeliverable_is_on_record,
)


# --------------------------------------------------------------------------- reading it


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
            place = found.requirement.place if found.requirement else ""
            posts[request] = await store.client.hgetall(store.keys.post(request, place))
    return Evidence(world, records, posts, journal, platform.cards, platform.entries, pumped_from)


def story(ledger: Ledger, evidence: Evidence, case: Case) -> list[Event]:
    """Everything that was seen of one case, in order of time."""
    ids = case.ids | _made(evidence)[case.plan.action]
    events = list(case.events)
    for request in ids:
        events += ledger.seen[request]
        events += [
            Event(entry.at, "journal", f"{entry.kind} {json.dumps(entry.data)}")
            for entry in evidence.journal.get(request, ())
        ]
    if events:
        first, last = min(event.at for event in events), max(event.at for event in events)
        for span in ledger.spans:
            if span.start <= last and span.end >= first:
                events += [
                    Event(span.start, "fault", f"begins: {span.name}"),
                    Event(span.end, "fault", f"ends: {span.name}"),
                ]
    return sorted(events, key=lambda event: event.at)
