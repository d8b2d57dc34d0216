"""A Card is what a person is shown, before any platform's markup: the same content in Slack, Teams and the inbox.

The order is fixed: what will happen (rendered from the data), who asks, the rule and what it still needs, the deadline,
and last the agent's claims, marked as such. Everything is here; an adapter that cannot show all of it must not offer
Approve.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sayso_bot.domain.files import File, size_text
from sayso_bot.domain.form import Field
from sayso_bot.domain.interventions import left, moved, paused
from sayso_bot.domain.json import Json, dumps
from sayso_bot.domain.lifecycle import approvals
from sayso_bot.domain.pauses import Pause
from sayso_bot.domain.request import Cause, Claims, Outline, ReasonRule, Request, Status, Urgency, Vote
from sayso_bot.domain.text import one_line, visible

_PLAIN_KEY = re.compile(r"[^\s.\[\]\"\\]+\Z")
_SHORT_LIST = 8
_CARDS_OWN = frozenset({"Agent", "Deadline", "From", "Has", "Risk", "Rule", "Until", "Where"})
"""What stands on cards beside a fact that Sayso vouches for; labels of two words are quoted as they are."""
HIGH_RISK = "High risk: look at every value before you approve."


@dataclass(frozen=True, slots=True)
class Fact:
    """One param: its path (``customer.name``) and its value as text. Strings that read like another type are quoted."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that the agent says."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One vote as people are told of it. ``filled`` is what they filled into the form."""

    name: str
    outcome: str
    reason: str | None
    surface: str
    at: datetime
    filled: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended: ``headline`` is a whole sentence (``Approved by Ana``)."""

    status: Status
    headline: str
    at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """One param that an approver has edited."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Paper:
    """A file of the request, for people to save. ``by`` is who put it there, ``question`` the form's words for which;
    it is empty of what the agent attached. ``size`` is told in words.
    """

    id: str
    name: str
    size: str
    media_type: str
    digest: str
    by: str
    question: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Card:
    """``facts`` are complete, never cut. ``reason`` says when the rule wants a reason.

    ``quorum`` is how many approvals the rule wants, 0 where it asks nobody; ``needs`` is that and what is there, in
    words. ``named`` are the approvers that the rule names, in the policy's form. ``confirm`` is what an approver must
    type, empty where nothing. ``editable`` names the params that an approver may change, ``edits`` says what was
    changed, ``edited_by`` who did. ``form`` is what the agent asks an approver to fill in: its words. ``attached`` are
    the agent's files, ``papers`` those that people have put into the form. ``urgency`` is what the agent calls it, by
    which a card may look more pressing and nothing else. ``high_risk``: the policy marks its rule so, and the card
    must not look like a routine one (`risk`).

    Three sentences about what admins have done, each empty where they have not: ``moved`` that it is asked elsewhere
    than its rule says, ``left`` that this card's place is not where it is asked any more (then nothing is answered on
    it), ``paused`` that nothing can be approved now, only denied.
    """

    request_id: str
    revision: int
    action: str
    facts: tuple[Fact, ...]
    params_json: str
    fingerprint: str
    agent: str
    principal: str | None
    rule: str
    channel: str
    quorum: int
    needs: str
    approvers: str
    reason: ReasonRule
    created_at: datetime
    expires_at: datetime | None
    claims: tuple[Claim, ...]
    answers: tuple[Answer, ...]
    ending: Ending | None
    review_url: str
    confirm: str = ""
    editable: tuple[str, ...] = ()
    edits: tuple[Change, ...] = ()
    form: tuple[Field, ...] = ()
    named: tuple[str, ...] = ()
    edited_by: str = ""
    attached: tuple[Paper, ...] = ()
    papers: tuple[Paper, ...] = ()
    moved: str = ""
    left: str = ""
    paused: str = ""
    urgency: Urgency | None = None
    high_risk: bool = False

    @property
    def open(self) -> bool:
        return self.ending is None

    @property
    def answerable(self) -> bool:
        """Whether an answer may be given on it."""
        return self.ending is None and not self.left

    @property
    def pressing(self) -> str:
        """`pressing` while the request is open."""
        return pressing(self.urgency) if self.open else ""

    @property
    def risk(self) -> str:
        """What stands first on a card of high risk while it is open, else nothing."""
        return HIGH_RISK if self.high_risk and self.open else ""


def card(request: Request, review_url: str, *, place: str | None = None, pause: Pause | None = None) -> Card:
    """The card of ``request`` as it stands. ``review_url`` leads to the same request in the inbox.

    ``place`` is where this card is; None where it is looked at away from any. ``pause`` holds for the request now.
    """
    requirement = request.requirement
    return Card(
        request_id=request.id,
        revision=request.revision,
        action=one_line(request.action),
        facts=tuple(facts(request.params)),
        params_json=visible(json.dumps(request.params, indent=2, ensure_ascii=False)),
        fingerprint=request.fingerprint,
        agent=request.agent,
        principal=request.principal and one_line(request.principal),
        rule=one_line(request.rule),
        channel=one_line(request.asked_in),
        quorum=requirement.quorum if requirement else 0,
        needs=needs(request),
        approvers=who_may(request),
        reason=requirement.reason if requirement else "never",
        created_at=request.created_at,
        expires_at=request.expires_at,
        claims=tuple(_claims(request.claims)),
        answers=tuple(_answer(vote, request) for vote in request.votes if vote.revision == request.revision),
        ending=ending(request),
        review_url=review_url,
        confirm=one_line(request.action) if requirement and requirement.confirm else "",
        editable=tuple(name for name in requirement.editable if name in request.params) if requirement else (),
        edits=tuple(_edits(request)),
        edited_by=" and ".join(dict.fromkeys(one_line(edit.name) for edit in request.edits)),
        form=request.form.fields if request.form else (),
        named=approvers(request),
        attached=tuple(_paper(file, request) for file in request.files if file.attached),
        papers=tuple(_paper(file, request) for file in request.files if not file.attached),
        moved=moved(request),
        left=left(request, place),
        paused="" if pause is None or request.settled else paused(pause),
        urgency=request.claims.urgency,
        high_risk=requirement is not None and requirement.high_risk,
    )


def facts(params: Mapping[str, Json]) -> Iterator[Fact]:
    """Params as label and value, nested ones by path, in the order in which they were sent."""
    for path, value in leaves(params):
        yield Fact(one_line(path), value_text(value))


def leaves(params: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """What `facts` is made of, as it was sent: each path with its value, none of it made safe to look at."""
    return _leaves(params, "")


def needs(request: Outline) -> str:
    """``1 of 2 approvals, from finance``: what is there and what the rule wants."""
    if request.requirement is None:
        return "nothing: the policy decides"
    quorum = request.requirement.quorum
    have = approvals(request.votes, request.revision)
    return f"{have} of {quorum} approval{'' if quorum == 1 else 's'}"


def who_may(request: Outline) -> str:
    """Who may answer, in the words of the policy."""
    requirement = request.requirement
    if requirement is None:
        return "nobody: the policy decides"
    if requirement.group:
        return one_line(requirement.group)
    if requirement.approvers is not None:
        return one_line(", ".join(requirement.approvers))
    asked_at = request.place if request.at_fallback else requirement.place
    if asked_at == "inbox":
        return "whoever signed in to the inbox"
    return f"whoever is in {one_line(requirement.channel)}" if request.moved else "whoever is in the channel"


def approvers(request: Outline) -> tuple[str, ...]:
    """Those whom the rule names, in the policy's form."""
    return tuple(map(one_line, (request.requirement and request.requirement.approvers) or ()))


def ending(request: Outline) -> Ending | None:
    """How ``request`` ended, or None while it is pending."""
    decision = request.decision
    if decision is None:
        return None
    votes = [
        vote
        for vote in decision.votes
        if vote.outcome == ("approve" if decision.outcome is Status.APPROVED else "deny")
    ]
    names = " and ".join(one_line(vote.name) for vote in votes)
    headline = {
        Cause.VOTES: f"{decision.outcome.capitalize()} by {names}",
        Cause.POLICY: f"{decision.outcome.capitalize()} by the policy",
        Cause.POLICY_ERROR: "Denied, because the policy could not be evaluated",
        Cause.TIMEOUT: "Expired: nobody decided in time",
        Cause.AGENT: "Cancelled by the agent",
        Cause.ADMIN: f"{decision.outcome.capitalize()} by an admin",
    }[decision.cause]
    spoken = [f"{one_line(vote.name)}: {visible(vote.reason)}" for vote in votes if vote.reason]
    reason = "\n".join(spoken) or (visible(decision.reason) if decision.reason else None)
    return Ending(decision.outcome, headline, decision.at, reason)


def pressing(urgency: Urgency | None) -> str:
    """A sentence where the agent calls something more than ordinary, else nothing."""
    return f"The agent calls the urgency {urgency}." if urgency in ("high", "critical") else ""


def how_it_ended(request: Outline) -> str:
    """The headline of its ending, as a sentence."""
    found = ending(request)
    return f"{found.headline if found else 'It ended'}."


def _edits(request: Request) -> Iterator[Change]:
    """Each top-level param that is not as the agent sent it. The type counts too: 1 and true are not the same."""
    before, after = request.original_params, request.params
    if before is None:
        return
    for name in [*before, *(name for name in after if name not in before)]:
        old, new = (dumps(params[name]) if name in params else None for params in (before, after))
        if old != new:
            told = (value_text(params[name]) if name in params else "—" for params in (before, after))
            yield Change(one_line(name), *told)


def value_text(value: Json) -> str:
    """One value as text that cannot be taken for a value of another type: the text "1" is quoted, the number is not."""
    if isinstance(value, str):
        return f'"{visible(value)}"' if _reads_as_another_type(value) else visible(value)
    return visible(json.dumps(value, ensure_ascii=False))


def _reads_as_another_type(text: str) -> bool:
    if text != text.strip() or not text or text[0] in '"{[':
        return True
    if text in ("true", "false", "null", "NaN", "Infinity", "-Infinity"):
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True


def _leaves(value: Json, path: str) -> Iterator[tuple[str, Json]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, _step(path, key))
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        if len(value) <= _SHORT_LIST and not any(isinstance(item, Mapping | list | tuple) for item in value):
            yield path, value
        else:
            for index, item in enumerate(value):
                yield from _leaves(item, f"{path}[{index}]")
    elif path:
        yield path, value


def _step(path: str, key: str) -> str:
    """The path of ``key`` below ``path``. A key that could be read as a path itself, or as what a card vouches for, is
    quoted: ``["a.b"]``, ``["Has"]``.
    """
    if not _PLAIN_KEY.match(key) or (not path and key in _CARDS_OWN):
        return f"{path}[{json.dumps(key, ensure_ascii=False)}]"
    return f"{path}.{key}" if path else key


def _claims(claims: Claims) -> Iterator[Claim]:
    for label, text in (
        ("Summary", claims.summary),
        ("Reasoning", claims.reasoning),
        ("Diff", claims.diff),
        ("Links", "\n".join(claims.links)),
        ("On behalf of", claims.on_behalf_of),
        ("Asks for", claims.approver),
        ("Urgency", claims.urgency),
        ("Intent", claims.intent),
        ("Metadata", json.dumps(claims.metadata, ensure_ascii=False) if claims.metadata else None),
    ):
        if text:
            yield Claim(label, visible(text))


def _answer(vote: Vote, request: Request) -> Answer:
    reason = visible(vote.reason) if vote.reason else None
    return Answer(one_line(vote.name), vote.outcome, reason, vote.surface, vote.at, tuple(_filled(vote, request)))


def _filled(vote: Vote, request: Request) -> Iterator[Fact]:
    """Each answer under the words of its question; several options one after the other."""
    labels = {field.name: field.label for field in request.form.fields} if request.form else {}
    for name, value in (vote.response or {}).items():
        if isinstance(value, list):
            yield Fact(one_line(labels.get(name, name)), ", ".join(map(_chosen, value)))
        elif value is not None:
            yield Fact(one_line(labels.get(name, name)), value_text(value))


def _chosen(value: Json) -> str:
    """An option, or a file by its name and size."""
    if isinstance(value, Mapping):
        return f"{one_line(str(value.get('name')))} ({size_text(int(str(value.get('size'))))})"
    return visible(str(value))


def _paper(file: File, request: Request) -> Paper:
    field = request.form.field(file.field) if request.form else None
    question = one_line(field.label if field else file.field)
    size, by = size_text(file.size), one_line(file.by_name)
    return Paper(file.id, one_line(file.name), size, file.media_type, file.digest, by, question, file.at)
