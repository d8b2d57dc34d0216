"""What a desk must do, as a model without Redis: `sayso_bot.domain.lifecycle` decides, the rest is bookkeeping.

Each method takes one step and says how it must end: a word, or the error that the desk raises. After it the model's
requests, journal and wanted cards are what Redis must hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from msgspec import structs

from sayso_bot.domain.fingerprint import fingerprint
from sayso_bot.domain.key import Key
from sayso_bot.domain.lifecycle import counts_while_paused, edited, has_voted, is_due, settles
from sayso_bot.domain.pauses import Scope
from sayso_bot.domain.person import OPERATOR, Person
from sayso_bot.domain.policy import Asked
from sayso_bot.domain.request import Cause, Decision, Request, Status, Vote
from sayso_bot.errors import (
    AlreadySettled,
    AlreadyVoted,
    ApprovalsPaused,
    EditRefused,
    IdempotencyMismatch,
    NotAnApprover,
    NotFound,
    Paused,
    QuotaExceeded,
    ReasonRequired,
    SaysoError,
    Settled,
    StaleRevision,
    Taken,
    VoteRefused,
)
from sayso_bot.policy import LoadedPolicy
from sayso_bot.ports import Ballot, Draft, Edit

Outcome: TypeAlias = "str | type[SaysoError]"
GROUP = "slack:T0TEAM/S0GROUP"


@dataclass
class Model:
    """``now`` is the book's time, which only `pass_time` moves. ``members`` are in the group that the rules name.

    ``journal`` holds kind and request of each entry but refusals, which ``refused`` counts by person and code.
    """

    policy: LoadedPolicy
    key: Key
    now: datetime
    members: set[str]
    paused: list[Scope] = field(default_factory=list)
    turns: int = 0
    requests: dict[str, Request] = field(default_factory=dict)
    wanted: dict[str, int] = field(default_factory=dict)
    posted: dict[str, int] = field(default_factory=dict)
    posts: set[str] = field(default_factory=set)
    journal: list[tuple[str, str]] = field(default_factory=list)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    asked: dict[str, tuple[str, str]] = field(default_factory=dict)
    votes: dict[tuple[str, str], str] = field(default_factory=dict)
    edits: dict[tuple[str, str], str] = field(default_factory=dict)

    def copy(self) -> Model:
        """Another model that goes its own way from here, with the same members."""
        own: dict[str, Any] = {name: held.copy() for name, held in vars(self).items() if isinstance(held, dict | list)}
        return replace(self, posts=self.posts.copy(), **own)

    # ------------------------------------------------------------------ the agent

    def submit(self, draft: Draft, made: Callable[[], Request]) -> tuple[Outcome, str]:
        """How it ends, and the request's id. ``made`` gives what Sayso made, for its id alone."""
        earlier = self.asked.get(draft.idempotency_key or "")
        if earlier is not None:
            if earlier[0] != draft.body_digest:
                return IdempotencyMismatch, ""
            self.look(earlier[1])
            return "replay", earlier[1]
        if self._is_paused(self.key.name, draft.action):
            return Paused, ""
        verdict = self.policy.judge(Asked(draft.action, draft.params, self.key.name, draft.claims))
        if verdict.kind == "ask" and len(self.pending) >= self.key.quotas.pending:
            return QuotaExceeded, ""
        request_id = made().id
        request = self._new(request_id, draft)
        if draft.idempotency_key:
            self.asked[draft.idempotency_key] = (draft.body_digest, request_id)
        self.requests[request_id] = request
        self.journal.append(("submitted", request_id))
        if request.settled:
            self.journal.append(("settled", request_id))
        elif request.requirement and request.requirement.place != "inbox":
            self.wanted[request_id], self.posted[request_id] = 1, 0
        return "new", request_id

    def _new(self, request_id: str, draft: Draft) -> Request:
        verdict = self.policy.judge(Asked(draft.action, draft.params, self.key.name, draft.claims))
        status = {"ask": Status.PENDING, "allow": Status.APPROVED, "deny": Status.DENIED}[verdict.kind]
        wanted, rules = draft.timeout_seconds, verdict.requirement
        seconds = min(rules.timeout_seconds, wanted or rules.timeout_seconds) if rules else None
        return Request(
            id=request_id,
            revision=1,
            status=status,
            action=draft.action,
            params=draft.params,
            fingerprint=fingerprint(draft.action, self.key.name, draft.params),
            agent=self.key.name,
            principal=None,
            key_id=self.key.id,
            created_at=self.now,
            expires_at=self.now + timedelta(seconds=seconds) if seconds else None,
            rule=verdict.rule,
            policy_digest=self.policy.digest,
            requirement=rules,
            claims=draft.claims,
            place=rules.place if rules and rules.place != "inbox" else "",
            decision=None if rules else Decision(status, verdict.cause, self.now, (), verdict.reason),
        )

    def cancel(self, request_id: str) -> Outcome:
        request = self.look(request_id)
        if not request.settled:
            self._settle(request, Status.CANCELLED, Cause.AGENT)
        return "ok" if self.requests[request_id].status is Status.CANCELLED else Settled

    def look(self, request_id: str) -> Request:
        """The request as whoever looks at it finds it: ended where its deadline has passed."""
        request = self.requests[request_id]
        if is_due(request, self.now):
            self._settle(request, Status.EXPIRED, Cause.TIMEOUT)
        return self.requests[request_id]

    # ------------------------------------------------------------------ people

    def vote(self, ballot: Ballot) -> Outcome:
        return self._noted(ballot.person, self._vote(ballot))

    def _vote(self, ballot: Ballot) -> Outcome:
        request, person = self.look(ballot.request_id), ballot.person.joined(self.policy.people)
        evidence = self._evidence(person.aliases)
        if not request.settled:
            if evidence is None:
                return NotAnApprover
            wants = request.requirement.reason if request.requirement else "never"
            if wants == "deny" and ballot.outcome == "deny" and not ballot.reason:
                return ReasonRequired
        if self.votes.get((request.id, ballot.operation)) == person.id:
            return "replay"
        if request.settled:
            return AlreadySettled
        if ballot.revision != request.revision:
            return StaleRevision
        if self._is_paused(request.agent, request.action) and not counts_while_paused(ballot.outcome):
            return ApprovalsPaused
        void = self._void(request) if ballot.outcome == "approve" else []
        kept = tuple(vote for vote in request.votes if vote not in void)
        if has_voted(structs.replace(request, votes=kept), person):
            return AlreadyVoted
        vote = Vote(
            person.id, person.name, person.aliases, ballot.outcome, ballot.reason, ballot.surface, ballot.revision,
            evidence or "", person.comparable, self.now,
        )  # fmt: skip
        self.votes[request.id, ballot.operation] = person.id
        self.journal += [("vote_void", request.id)] * len(void) + [("voted", request.id)]
        self._cast(structs.replace(request, votes=(*kept, vote)))
        return "ok"

    def _cast(self, request: Request) -> None:
        assert request.requirement is not None
        status = settles(request.votes, request.revision, request.requirement.quorum)
        if status is not None:
            self._settle(request, status, Cause.VOTES)
        else:
            self.requests[request.id] = request
            self._want(request.id)

    def edit(self, edit: Edit) -> Outcome:
        return self._noted(edit.person, self._edit(edit))

    def _edit(self, edit: Edit) -> Outcome:
        request, person = self.look(edit.request_id), edit.person.joined(self.policy.people)
        after = fingerprint(request.action, request.agent, edit.params)
        if not request.settled:
            if self._evidence(person.aliases) is None:
                return NotAnApprover
            if edit.revision >= request.revision and not self._stays(request, edit.params, after):
                return EditRefused
        if self.edits.get((request.id, edit.operation)) == f"{person.id} {after}":
            return "replay"
        if request.settled:
            return AlreadySettled
        if edit.revision != request.revision:
            return StaleRevision
        if self._is_paused(request.agent, request.action):
            return ApprovalsPaused
        self.edits[request.id, edit.operation] = f"{person.id} {after}"
        self.requests[request.id] = edited(
            request, edit.params, after, by=person.name, surface=edit.surface, at=self.now
        )
        self.journal.append(("edited", request.id))
        self._want(request.id)
        return "ok"

    def _stays(self, request: Request, params: Mapping[str, object], after: str) -> bool:
        verdict = self.policy.judge(Asked(request.action, params, request.agent, request.claims))  # type: ignore[arg-type]
        return after != request.fingerprint and (verdict.rule, verdict.requirement) == (
            request.rule,
            request.requirement,
        )

    # ------------------------------------------------------------------ admins, platforms and time

    def pause(self, scope: Scope) -> Outcome:
        if scope in self.paused:
            self.refused[OPERATOR, Taken.code] += 1
            return Taken
        self.paused.append(scope)
        return self._turn("paused", scope)

    def resume(self, scope: Scope) -> Outcome:
        if scope not in self.paused:
            return NotFound
        self.paused.remove(scope)
        return self._turn("resumed", scope)

    def _turn(self, kind: str, scope: Scope) -> Outcome:
        self.turns += 1 if scope == Scope() else 2
        self.journal.append((kind, ""))
        return "ok"

    def _is_paused(self, agent: str, action: str) -> bool:
        return any(scope.covers(agent, action) for scope in self.paused)

    def pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def deliver(self, request_id: str) -> bool:
        """Whether there is a card to show."""
        request = self.look(request_id)
        shown, wanted = self.posted[request_id], self.wanted[request_id]
        self.posted[request_id] = wanted
        if shown == wanted or (request.settled and request_id not in self.posts):
            return False
        if request_id not in self.posts:
            self.journal.append(("posted", request_id))
        self.posts.add(request_id)
        return True

    # ------------------------------------------------------------------ mechanics

    @property
    def pending(self) -> list[Request]:
        return [request for request in self.requests.values() if not request.settled]

    def _settle(self, request: Request, status: Status, cause: Cause) -> None:
        counted = tuple(vote for vote in request.votes if vote.revision == request.revision)
        decision = Decision(status, cause, self.now, counted)
        self.requests[request.id] = structs.replace(request, status=status, decision=decision)
        self.journal.append(("settled", request.id))
        self._want(request.id)

    def _want(self, request_id: str) -> None:
        if request_id in self.wanted:
            self.wanted[request_id] += 1

    def _evidence(self, aliases: frozenset[str]) -> str | None:
        for named in ("email:ana@example.com", "email:ben@example.com"):
            if named in aliases:
                return named
        return GROUP if aliases & self.members else None

    def _void(self, request: Request) -> list[Vote]:
        """Approvals of those who would not be admitted any more."""
        approvals = [vote for vote in request.votes if (vote.outcome, vote.revision) == ("approve", request.revision)]
        return [vote for vote in approvals if self._evidence(vote.aliases) is None]

    def _noted(self, person: Person, outcome: Outcome) -> Outcome:
        """A refusal goes on the record under the account with which the person came."""
        if isinstance(outcome, type) and issubclass(outcome, VoteRefused):
            self.refused[person.id, outcome.code] += 1
        return outcome
