"""Whatever agents, approvers, admins and crashes do, in whatever order, Redis holds what the model says.

A longer run: SAYSO_MACHINE_EXAMPLES=1000 .venv/bin/python -m pytest tests/contract/test_desk_machine.py
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from msgspec import structs

from book import MANY, advance, key
from contract import desk_records
from contract.desk_model import Model, Outcome
from contract.desk_office import CLEO, DAN, PEOPLE, POLICY, Office, Replica, review_url
from redis_server import RedisServer
from sayso_bot.desk import Desk
from sayso_bot.domain.admin import Caller
from sayso_bot.domain.deeds import Call, PauseScope, Resume
from sayso_bot.domain.pauses import Scope
from sayso_bot.domain.request import Claims, Request, from_milliseconds
from sayso_bot.errors import SaysoError, Unavailable
from sayso_bot.http.schemas import request_out
from sayso_bot.ports import Ballot, Draft, Edit

EXAMPLES = int(os.environ.get("SAYSO_MACHINE_EXAMPLES", "40"))
STEPS = 35
MOST_REQUESTS = 9
KEY = key(quotas=replace(MANY, pending=3))
CALLS_OF_ONE_STEP = 3

actions = st.sampled_from(["pay.one", "look", "unheard.of"] + ["pay.two", "pay.other"] * 4)
params = st.builds(lambda amount: {"amount": amount}, st.sampled_from([1, 2, 3, 4, 150, 5000, "1"]))
timeouts = st.sampled_from([None, None, 20, 600])
edits = st.builds(lambda amount: {"amount": amount}, st.sampled_from([1, 2, 3, 4, 5, 6, 150, "1"]))
seats = st.sampled_from([0, 1, 2, 3, 4, 5, 6] * 3 + [7])
outcomes = st.sampled_from(["approve"] * 8 + ["deny"])
reasons = st.sampled_from([None, "a reason"])
operations = st.integers(1, 12).map(lambda number: f"tap-{number}")
revisions = st.sampled_from([0] * 10 + [-1, 1])
which = st.sampled_from([0] * 6 + [1, 1, 2, 4])
"""A place in the list of requests, the oldest pending one first, so that much happens to one of them."""
replicas = st.integers(0, 1)
lost = st.sampled_from([0] * 6 + [1, CALLS_OF_ONE_STEP])
"""How many replies are lost: of one the store says nothing, of all it says that it cannot tell."""
WORLD = ("seconds 1", "seconds 20", "seconds 20", "seconds 60", "configuration", "crash")


@dataclass(frozen=True)
class Deed:
    """What somebody does in a race: ``kind`` is approve, deny, edit, cancel, pause or resume."""

    kind: str
    seat: int
    operation: str
    params: dict[str, Any]
    scope: Scope

    def done(self, replica: Replica, request: Request) -> Awaitable[Any]:
        desk = replica.desk
        if self.kind in ("pause", "resume"):
            return turned(replica, self.kind, self.scope, f"{self.operation} {len(request.votes)} {id(self)}")
        if self.kind == "cancel":
            return desk.cancel(KEY, request.id)
        return desk.edit(self._edit(request)) if self.kind == "edit" else desk.vote(self._ballot(request))

    def expected(self, model: Model, request: Request) -> Outcome:
        if self.kind in ("pause", "resume"):
            return model.pause(self.scope) if self.kind == "pause" else model.resume(self.scope)
        if self.kind == "cancel":
            return model.cancel(request.id)
        return model.edit(self._edit(request)) if self.kind == "edit" else model.vote(self._ballot(request))

    def _edit(self, request: Request) -> Edit:
        person, surface = PEOPLE[self.seat]
        return Edit(request.id, request.revision, person, self.params, surface, self.operation)

    def _ballot(self, request: Request) -> Ballot:
        (person, surface), outcome = PEOPLE[self.seat], cast(Any, self.kind)
        return Ballot(request.id, request.revision, person, outcome, surface, self.operation, reason="why")


kinds = st.sampled_from(["approve"] * 6 + ["edit"] * 3 + ["deny", "cancel", "pause", "resume"])
scopes = st.sampled_from(["everything", "agent:agent", "action:pay.*", "action:pay.two", "agent:other"]).map(
    Scope.parse
)
deeds = st.builds(Deed, kinds, seats, operations, edits, scopes)


def turned(replica: Replica, kind: str, scope: Scope, operation: str) -> Awaitable[Any]:
    """The operator at a shell pauses or resumes ``scope``."""
    deed = PauseScope(scope, "why") if kind == "pause" else Resume(scope=scope)
    return replica.office.do(deed, Caller("cli"), Call(operation, confirmed=True))


class Machine(RuleBasedStateMachine):
    """Each rule takes one step at a replica and at the model, and both must end alike.

    Who wins a race is not in Hypothesis's hands, so no rule depends on how things stand (`precondition`).
    """

    def __init__(self, server: RedisServer) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.office = Office(server)
        started_at = self.runner.run(self.office.open(KEY))
        self.model = Model(POLICY, KEY, from_milliseconds(started_at), self.office.members)
        self.model.journal += [("key_created", ""), ("policy_activated", "")]
        self.drafts: list[Draft] = []
        self.may_kill_redis = True
        self.moves = 0

    def teardown(self) -> None:
        for request_id in self.model.requests:
            self._agent_reads(request_id, 0)
        self.runner.run(self.office.close())
        self.runner.close()

    # ------------------------------------------------------------------ the agent

    @initialize(action=st.sampled_from(["pay.two", "pay.other"]))
    def begins(self, action: str) -> None:
        self._submit(Draft(action, {"amount": 2}, Claims(), None, action, "first"), 0, 0)

    @rule(action=actions, params=params, seconds=timeouts, named=st.booleans(), at=replicas, lost=lost)
    def submit(self, action: str, params: dict[str, Any], seconds: int | None, named: bool, at: int, lost: int) -> None:
        if len(self.model.requests) == MOST_REQUESTS:
            return
        name = f"k{len(self.drafts)}" if named else None
        draft = Draft(action, params, Claims(summary="Why"), seconds, json.dumps([action, params, seconds]), name)
        self.drafts += [draft] if named else []
        self._submit(draft, at, lost if named else min(lost, 1))

    @rule(nth=st.integers(0, 2), other=st.sampled_from([False, False, True]), at=replicas, lost=lost)
    def retry(self, nth: int, other: bool, at: int, lost: int) -> None:
        """The same Idempotency-Key again, with the same body or another one."""
        for draft in self.drafts[nth : nth + 1]:
            self._submit(structs.replace(draft, body_digest="another") if other else draft, at, lost)

    def _submit(self, draft: Draft, at: int, lost: int) -> None:
        answer = self._step(at, "_submit", lost, lambda desk: desk.submit(KEY, draft))
        expected, request_id = self.model.submit(draft, lambda: answer.request)
        self._agrees(answer, expected if lost < CALLS_OF_ONE_STEP or expected != "new" else "replay", request_id)

    @rule(which=which, at=replicas, lost=lost)
    def cancel(self, which: int, at: int, lost: int) -> None:
        if len(self.model.pending) == 1:
            return
        request_id = self._one(which)
        answer = self._step(at, "_cancel", lost, lambda desk: desk.cancel(KEY, request_id))
        self._agrees(answer, self.model.cancel(request_id), request_id)

    @rule(which=which, at=replicas)
    def read(self, which: int, at: int) -> None:
        self._agent_reads(self._one(which), at)

    def _agent_reads(self, request_id: str, at: int) -> None:
        told = self.runner.run(self.office.replicas[at].desk.read(KEY, request_id))
        expected = self.model.look(request_id)
        assert request_out(told, review_url(request_id)) == request_out(expected, review_url(request_id))

    # ------------------------------------------------------------------ people

    @rule(
        which=which, seat=seats, outcome=outcomes, reason=reasons, off=revisions, operation=operations, at=replicas,
        lost=lost, moving=st.sampled_from([()] * 4 + [(CLEO,), (DAN,)]),
    )  # fmt: skip
    def vote(
        self, which: int, seat: int, outcome: Any, reason: str | None, off: int, operation: str, at: int, lost: int,
        moving: tuple[str, ...],
    ) -> None:  # fmt: skip
        """Meanwhile somebody may leave the group that may answer, or come back."""
        self.office.members ^= set(moving)
        request = self.model.requests[self._one(which)]
        person, surface = PEOPLE[seat]
        ballot = Ballot(request.id, request.revision + off, person, outcome, surface, operation, reason=reason)
        self._vote(ballot, at, lost)

    vote_too = vote
    """Rules are chosen evenly, and votes are what this is about."""

    @rule(which=which, seat=seats, outcome=outcomes, nth=st.integers(0, 5), operation=operations, at=replicas)
    def tap(self, which: int, seat: int, outcome: Any, nth: int, operation: str, at: int) -> None:
        """A button of whichever card there was; it names the revision for which it was made."""
        request_id, replica = self._one(which), self.office.replicas[at]
        buttons = self.runner.run(self.office.buttons(request_id))
        if not buttons:
            return
        button = self.runner.run(replica.desk.button(buttons[nth % len(buttons)]))
        assert button is not None
        assert button.request_id == request_id
        person, surface = PEOPLE[seat]
        self._vote(Ballot(request_id, button.revision, person, outcome, surface, operation, reason="why"), at, 0)

    def _vote(self, ballot: Ballot, at: int, lost: int) -> None:
        expected = self.model.copy().vote(ballot)
        answer = self._step(at, "_vote", lost if _reaches_store(expected) else 0, lambda desk: desk.vote(ballot))
        self._agrees(answer, _after_loss(self.model.vote(ballot), lost), ballot.request_id)

    @rule(which=which, seat=seats, params=edits, off=revisions, operation=operations, at=replicas, lost=lost)
    def edit(self, which: int, seat: int, params: dict[str, Any], off: int, operation: str, at: int, lost: int) -> None:
        request = self.model.requests[self._one(which)]
        person, surface = PEOPLE[seat]
        edit = Edit(request.id, request.revision + off, person, params, surface, operation)
        expected = self.model.copy().edit(edit)
        answer = self._step(at, "_edit", lost if _reaches_store(expected) else 0, lambda desk: desk.edit(edit))
        self._agrees(answer, _after_loss(self.model.edit(edit), lost), request.id)

    @rule(first=deeds, second=deeds, which=which)
    def race(self, first: Deed, second: Deed, which: int) -> None:
        """Two do something about one request at once, at two replicas: it is as if one had been first."""
        request = self.model.requests[self._one(which)]
        answers = self.runner.run(self._at_once(request, first, second))
        for order in ((0, 1), (1, 0)):
            model = self.model.copy()
            ends = {number: (first, second)[number].expected(model, request) for number in order}
            if all(_ends(answers[number]) == ends[number] for number in order) and self._is_so(model):
                self.model = model
                return
        raise AssertionError(f"neither order explains {answers}")

    async def _at_once(self, request: Request, *deeds: Deed) -> list[Any]:
        pairs = zip(deeds, self.office.replicas, strict=True)
        return await asyncio.gather(*(deed.done(replica, request) for deed, replica in pairs), return_exceptions=True)

    def _is_so(self, model: Model) -> bool:
        try:
            self.runner.run(desk_records.check(self.office.eye, model))
        except AssertionError:
            return False
        return True

    # ------------------------------------------------------------------ admins, platforms, time and crashes

    @rule(what=st.sampled_from(WORLD))
    def the_world_moves(self, what: str) -> None:
        """In one rule, because people and agents are to do most."""
        self.moves += 1
        match what.split(" "):
            case ["seconds", number]:
                self.runner.run(advance(self.office.eye, int(number)))
                self.model.pass_time(int(number))
            case ["configuration"]:
                self.runner.run(self.office.eye.put_key(key("other", key_id=f"key_9{self.moves}"), "key_created"))
                self.model.journal.append(("key_created", ""))
            case ["crash"]:
                self.runner.run(self._crash())

    @rule(kind=st.sampled_from(["pause", "resume", "resume"]), scope=scopes, at=replicas, lost=lost)
    def pause_or_resume(self, kind: str, scope: Scope, at: int, lost: int) -> None:
        """Of everything, of the agent, or of some actions; more often it goes on, so that much is decided."""
        self.moves += 1
        operation, ended = f"operation-{self.moves}", self.model.copy()
        reaches = (ended.pause(scope) if kind == "pause" else ended.resume(scope)) == "ok"
        answer = self._step(
            at, f"_{kind}", lost if reaches else 0, lambda _: turned(self.office.replicas[at], kind, scope, operation)
        )
        expected = self.model.pause(scope) if kind == "pause" else self.model.resume(scope)
        assert _ends(answer) == _after_loss(expected, lost)

    @rule(which=which, at=replicas)
    def the_card_is_delivered(self, which: int, at: int) -> None:
        request_id, store = self._one(which), self.office.replicas[at].store
        if request_id not in self.model.wanted:
            return
        request = self.runner.run(self.office.replicas[at].desk.look(request_id))
        place = request.requirement.place if request.requirement else ""
        work = self.runner.run(store.begin(request, place, 15))
        wanted = self.model.wanted[request_id]
        assert (work is not None) is self.model.deliver(request_id)
        if work is not None:
            assert (work.request, work.wanted) == (self.model.requests[request_id], self.model.wanted[request_id])
            button = self.runner.run(store.button(work.button))
            assert button is not None
            assert button.revision == work.request.revision
            self.runner.run(store.posted(work, f"post of {wanted}" if work.post is None else work.post))

    # ------------------------------------------------------------------ after every step

    @invariant()
    def redis_holds_what_the_model_says(self) -> None:
        self.runner.run(desk_records.check(self.office.eye, self.model))

    # ------------------------------------------------------------------ mechanics

    def _one(self, which: int) -> str:
        """A request's id; where none is pending and one is wanted, it is asked for first."""
        if which == 0 and not self.model.pending and len(self.model.requests) < MOST_REQUESTS:
            action = "pay.two" if len(self.model.requests) % 2 else "pay.other"
            self._submit(Draft(action, {"amount": 2}, Claims(), None, action, None), 0, 0)
        ordered = sorted(self.model.requests.values(), key=lambda request: request.settled)
        return ordered[which % len(ordered)].id

    def _step(self, at: int, function: str, lost: int, step: Callable[[Desk], Awaitable[Any]]) -> Any:
        """What a step ends with, an error included; taken again where all its replies were lost."""
        return self.runner.run(self._taken(at, function, lost, step))

    async def _taken(self, at: int, function: str, lost: int, step: Callable[[Desk], Awaitable[Any]]) -> Any:
        if lost:
            await self.office.replicas[at].configuration.refresh()
            self.office.proxy.lose(function, times=lost)
        if lost == CALLS_OF_ONE_STEP:
            with pytest.raises(Unavailable):
                await step(self.office.replicas[at].desk)
            await self._crash()
        try:
            return await step(self.office.replicas[at].desk)
        except SaysoError as error:
            return error

    async def _crash(self) -> None:
        """The processes die, and with them Redis, which does so once in a life because it takes long."""
        await self.office.crash(redis=self.may_kill_redis)
        self.may_kill_redis = False

    def _agrees(self, answer: Any, expected: Outcome, request_id: str) -> None:
        if isinstance(expected, type):
            assert type(answer) is expected, repr(answer)
            return
        assert not isinstance(answer, SaysoError), repr(answer)
        request = getattr(answer, "request", answer)
        assert request == self.model.requests[request_id]
        assert getattr(answer, "replayed", False) is (expected == "replay")


def _ends(answer: Any) -> Outcome:
    if isinstance(answer, SaysoError):
        return type(answer)
    return "replay" if getattr(answer, "replayed", False) else "ok"


def _reaches_store(expected: Outcome) -> bool:
    return not isinstance(expected, type) or expected.code in {"already_settled", "already_voted", "approvals_paused"}


def _after_loss(expected: Outcome, lost: int) -> Outcome:
    """A step that took effect and is taken again, by the store or by its caller, is told as a repetition."""
    return "replay" if expected == "ok" and lost else expected


@pytest.mark.timeout(900)
def test_redis_and_the_model_agree_whatever_happens(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    class Here(Machine):
        def __init__(self) -> None:
            super().__init__(server)

    monkeypatch.setattr("sayso_bot.store.calls.PAUSES_SECONDS", (0.0,) * (CALLS_OF_ONE_STEP - 1))
    thorough = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Here, settings=thorough)
