"""What one person does about a request, checked and carried out: an answer (`vote`), or other params (`edit`).

Each is checked under one configuration, whose epochs are taken before anything is looked up, and takes effect in one
step of the store under those epochs. An edit keeps the rule: what the policy would judge otherwise is refused, so no
approver can do by editing what the policy would have asked somebody else about.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from sayso_bot.admission import NOT_COUNTED, Admission
from sayso_bot.domain.card import how_it_ended
from sayso_bot.domain.demands import check_reason, check_typed, response
from sayso_bot.domain.fingerprint import fingerprint
from sayso_bot.domain.json import Json, dumps, loads
from sayso_bot.domain.lifecycle import has_voted
from sayso_bot.domain.pauses import Pause, Scope
from sayso_bot.domain.person import Person
from sayso_bot.domain.policy import Asked
from sayso_bot.domain.request import Request, new_button
from sayso_bot.domain.text import one_line
from sayso_bot.errors import (
    AlreadySettled,
    AlreadyVoted,
    ApprovalsPaused,
    BodyTooLarge,
    EditRefused,
    StaleRevision,
    Unavailable,
    VoteRefused,
)
from sayso_bot.ports import (
    Ballot,
    Configuration,
    Edit,
    EditAnswer,
    Edited,
    NewRevision,
    PolicyEngine,
    Store,
    VoteAnswer,
    Voted,
)

MAX_PARAMS_BYTES = 256 * 1024
PAUSED_SECONDS = 30
_NOT_EDITED = "The request was not edited; nothing changed."
_TRIES = 5


class Voting:
    """``look`` finds a request as it stands, or raises `NotFound`."""

    def __init__(
        self,
        store: Store,
        configuration: Configuration,
        admission: Admission,
        look: Callable[[str], Awaitable[Request]],
    ) -> None:
        self._store = store
        self._configuration = configuration
        self._admission = admission
        self._look = look

    # ------------------------------------------------------------------ an answer

    async def vote(self, ballot: Ballot) -> Voted:
        """Raises `VoteRefused`, `NotFound`, `Unavailable`, `Again`."""
        epochs, people = self._configuration.epochs, self._configuration.policy.people
        person = ballot.person.joined(people)
        for _ in range(_TRIES):
            request = await self._look(ballot.request_id)
            evidence, void = "", []
            if not request.settled:
                evidence = await self._admission.evidence(request, person, people, surface=ballot.surface)
                check_reason(request, ballot.outcome, ballot.reason)
                check_typed(request, ballot.outcome, ballot.typed)
                ballot = replace(ballot, response=response(request, ballot.outcome, ballot.response, person))
                if ballot.outcome == "approve":  # a denial decides whatever others have said
                    void = await self._admission.no_longer_admitted(request, people)
            answer = await self._store.vote(request, ballot, person, evidence, void, epochs)
            if answer.code != "changed":
                return self._voted(answer, person)
        raise Unavailable("Too many people answer at once. Your vote was not counted; try again.", retry_after=1)

    def _voted(self, answer: VoteAnswer, person: Person) -> Voted:
        request = answer.request
        if request is None:
            raise Unavailable("The request cannot be read right now. Your vote was not counted.", retry_after=1)
        match answer.code:
            case "ok" | "replay":
                return Voted(request, replayed=answer.code == "replay")
            case "settled":
                counted = has_voted(request, person)
                then = already(counted.outcome) if counted else NOT_COUNTED
                raise AlreadySettled(how_it_ended(request), then=then)
            case "stale":
                raise StaleRevision("The request has changed since this card was made. Your vote was not counted.")
            case "paused":
                raise _paused(answer.pause, "nothing of it can be approved now, only denied", NOT_COUNTED)
            case "voted":
                earlier = has_voted(request, person)
                raise AlreadyVoted(already(earlier.outcome if earlier else "approve"))
            case _:
                raise Unavailable("Your vote was not counted. Try again.", retry_after=1)

    # ------------------------------------------------------------------ other params

    async def edit(self, edit: Edit) -> Edited:
        """Raises `VoteRefused`, `InvalidField`, `BodyTooLarge`, `NotFound`, `Unavailable`, `Again`."""
        try:
            return await self._edited(edit)
        except VoteRefused as refusal:
            raise type(refusal)(refusal.why, then=_NOT_EDITED, retry_after=refusal.retry_after) from None

    async def _edited(self, edit: Edit) -> Edited:
        epochs, policy = self._configuration.epochs, self._configuration.policy
        person, params = edit.person.joined(policy.people), readable(edit.params)
        request = await self._look(edit.request_id)
        after, evidence = fingerprint(request.action, request.agent, params), ""
        if not request.settled:
            evidence = await self._admission.evidence(request, person, policy.people, surface=edit.surface)
            if edit.revision >= request.revision:
                _check_editable(request, params)
                _check_rule_stays(policy, request, params, after)
        new = NewRevision(request, edit, person, params, after, evidence, new_button())
        return self._answered(await self._store.edit(new, epochs))

    def _answered(self, answer: EditAnswer) -> Edited:
        request = answer.request
        if request is None:
            raise Unavailable("The request cannot be read right now. It was not edited.", retry_after=1)
        match answer.code:
            case "ok" | "replay":
                return Edited(request, replayed=answer.code == "replay")
            case "settled":
                raise AlreadySettled(how_it_ended(request))
            case "stale":
                raise StaleRevision("The request has changed since you saw it. Look at it as it stands now.")
            case "paused":
                raise _paused(answer.pause, "nothing of it can be edited now", "")


def _paused(pause: Pause | None, what: str, then: str) -> ApprovalsPaused:
    """The refusal of what is paused, with who paused it where that is known."""
    scope, by = (pause.scope, f" by {one_line(pause.by.name)}") if pause else (Scope(), "")
    why = f" ({one_line(pause.why)})" if pause and pause.why else ""
    return ApprovalsPaused(f"{scope.title} is paused{by}{why}: {what}.", then=then, retry_after=PAUSED_SECONDS)


def readable(params: Mapping[str, Any]) -> Mapping[str, Json]:
    """``params`` as a submission would have been read: canonical numbers, and within the same bounds.

    Raises `InvalidField`, `BodyTooLarge`.
    """
    body: Any = loads(json.dumps({"params": params}).encode())
    found: Mapping[str, Json] = body["params"]
    if len(dumps(found)) > MAX_PARAMS_BYTES:
        raise BodyTooLarge(f"Params have at most {MAX_PARAMS_BYTES // 1024} KiB. {_NOT_EDITED}")
    return found


def already(outcome: str) -> str:
    word = "approved" if outcome == "approve" else "denied"
    return f"You have already {word} this request. Each person has one vote; nothing changed."


def _check_editable(request: Request, params: Mapping[str, Json]) -> None:
    """Raise `EditRefused` where a param changes that the rule does not name under ``editable``."""
    editable = request.requirement.editable if request.requirement else ()
    for name in {**request.params, **params}:
        before, after = (dumps(found[name]) if name in found else None for found in (request.params, params))
        if before != after and name not in editable:
            raise EditRefused(f"The rule “{request.rule}” does not let {one_line(name)[:80]} be edited.")


def _check_rule_stays(policy: PolicyEngine, request: Request, params: Mapping[str, Json], after: str) -> None:
    """Raise `EditRefused` unless the policy in force asks about ``params`` by the same rule with the same demands."""
    if after == request.fingerprint:
        raise EditRefused("These are the params that it has already.")
    verdict = policy.judge(Asked(request.action, params, request.agent, request.claims))
    if (verdict.kind, verdict.rule, verdict.requirement) != ("ask", request.rule, request.requirement):
        said = f" {verdict.reason}" if verdict.reason else ""
        raise EditRefused(
            f"With these params the policy would no longer ask by the rule “{request.rule}” as it stood.{said}"
        )
