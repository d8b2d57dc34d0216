"""Cards as the inbox shows them: what a row says, what is folded, and who may press what.

Nothing is cut in silence. A row's shortened values end in an ellipsis and count what they leave out; a request with
values too long to take in at a glance offers Approve only where all of it lies open (`Detail.may_approve`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zlib import crc32

from sayso_bot.domain.brief import Brief
from sayso_bot.domain.card import Card, Claim, Ending, Fact, ending, needs, pressing
from sayso_bot.domain.files import File
from sayso_bot.domain.json import Json
from sayso_bot.domain.lifecycle import has_voted
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Request, Urgency, Vote
from sayso_bot.domain.text import one_line
from sayso_bot.ports import Standing

GIST_FACTS = 3
GIST_CHARACTERS = 72
LONG_CHARACTERS = 400
LONG_LINES = 8
MANY_FACTS = 40
SCROLL_CHARACTERS = 1200

State = Literal["open", "answered", "barred", "ended"]


@dataclass(frozen=True, slots=True)
class Row:
    """One request in a list, made without its card: a page has a hundred, and each may hold all that a request can.

    ``more`` counts the params that the gist leaves out; ``says`` is the agent's summary, ``paused`` who stopped it.
    ``unsure``: whether it is ``mine`` could not be checked.
    """

    request_id: str
    revision: int
    action: str
    agent: str
    created_at: datetime
    expires_at: datetime | None
    quorum: int
    needs: str
    answers: int
    ending: Ending | None
    gist: tuple[Fact, ...]
    more: int
    says: str | None
    mine: bool
    why_not: str | None
    own: Vote | None
    urgency: Urgency | None = None
    paused: str = ""
    high_risk: bool = False
    unsure: bool = False

    @property
    def pressing(self) -> str:
        """As `Card.pressing`."""
        return pressing(self.urgency) if self.open else ""

    @property
    def several(self) -> bool:
        """Whether more than one approval is asked for."""
        return self.quorum > 1

    @property
    def open(self) -> bool:
        return self.ending is None

    @property
    def version(self) -> str:
        """Changes when the row looks different; a page that shows it compares."""
        standing = "unsure" if self.unsure else self.mine
        return _version(self.revision, self.ending, self.answers, standing) + ("-paused" if self.paused else "")


@dataclass(frozen=True, slots=True)
class Param:
    """One param. A ``long`` one is folded until the whole is opened; ``size`` says what lies in the fold."""

    label: str
    value: str
    long: bool
    size: str


@dataclass(frozen=True, slots=True)
class Edit:
    """One param that an approver has changed: as it was, and as it is."""

    before: Param
    after: Param


@dataclass(frozen=True, slots=True)
class Said:
    """One claim, whole. A ``tall`` one scrolls in its box."""

    label: str
    text: str
    tall: bool


@dataclass(frozen=True, slots=True)
class Detail:
    """One request in full, for one person.

    ``state`` is ``open`` (they may answer, or are ``unsure``: it could not be checked for the moment, and is when they
    do), ``answered`` (they did), ``barred`` (``why_not`` says why) or ``ended``.
    ``values`` are the params as they were sent; ``edits`` what was changed since, its values folded like params.
    ``put`` are the files that this person has put into the form.
    """

    card: Card
    values: Mapping[str, Json]
    params: tuple[Param, ...]
    edits: tuple[Edit, ...]
    says: tuple[Said, ...]
    whole: bool
    folded: int
    state: State
    why_not: str | None
    own: Vote | None
    put: tuple[File, ...] = ()
    unsure: bool = False

    @property
    def may_approve(self) -> bool:
        """Whether all that would be approved lies open on this page."""
        return self.whole or not self.folded

    @property
    def version(self) -> str:
        files = len(self.card.attached) + len(self.card.papers)
        where = crc32(f"{self.card.channel}\n{self.card.paused}\n{self.unsure}".encode())
        return (
            f"{_version(self.card.revision, self.card.ending, len(self.card.answers), self.state)}-{files}-{where:08x}"
        )


def row(request: Brief, person: Person, standing: Standing) -> Row:
    facts, says = request.gist.facts, request.gist.says
    return Row(
        request_id=request.id,
        revision=request.revision,
        action=one_line(request.action),
        agent=request.agent,
        created_at=request.created_at,
        expires_at=request.expires_at,
        quorum=request.requirement.quorum if request.requirement else 0,
        needs=needs(request),
        answers=sum(vote.revision == request.revision for vote in request.votes),
        ending=ending(request),
        gist=tuple(Fact(_short(fact.label), _short(_unbroken(fact.value))) for fact in facts[:GIST_FACTS]),
        more=request.gist.more + len(facts[GIST_FACTS:]),
        says=_short(says) if says else None,
        mine=standing.may_vote and not request.settled,
        why_not=standing.why_not,
        own=has_voted(request, person),
        urgency=request.gist.urgency,
        paused=standing.paused,
        high_risk=request.requirement is not None and request.requirement.high_risk,
        unsure=standing.unsure,
    )


def detail(card: Card, request: Request, person: Person, standing: Standing, *, whole: bool) -> Detail:
    params = _params(card)
    own = has_voted(request, person)
    return Detail(
        card=card,
        values=request.params,
        params=params,
        edits=tuple(
            Edit(_param(Fact(change.label, change.before), 0), _param(Fact(change.label, change.after), 0))
            for change in card.edits
        ),
        says=tuple(_said(claim) for claim in card.claims),
        whole=whole,
        folded=sum(param.long for param in params),
        state=_state(card, standing, own),
        why_not=standing.why_not,
        own=own,
        put=standing.put,
        unsure=standing.unsure,
    )


def folded(card: Card) -> int:
    """How many values lie folded on a page of this card that was not opened whole."""
    return sum(param.long for param in _params(card))


def _state(card: Card, standing: Standing, own: Vote | None) -> State:
    if not card.open:
        return "ended"
    if own is not None:
        return "answered"
    return "open" if standing.may_vote or standing.unsure else "barred"


def _version(revision: int, ending: Ending | None, answers: int, standing: object) -> str:
    return f"{revision}-{ending.status if ending else 'pending'}-{answers}-{standing}"


def _params(card: Card) -> tuple[Param, ...]:
    return tuple(_param(fact, index) for index, fact in enumerate(card.facts))


def _param(fact: Fact, index: int) -> Param:
    lines = fact.value.count("\n") + 1
    long = len(fact.value) > LONG_CHARACTERS or lines > LONG_LINES or index >= MANY_FACTS
    size = _counted(len(fact.value), "character") + (f", {_counted(lines, 'line')}" if lines > 1 else "")
    return Param(fact.label, fact.value, long, size)


def _said(claim: Claim) -> Said:
    return Said(claim.label, claim.text, len(claim.text) > SCROLL_CHARACTERS or claim.text.count("\n") > 20)


def _unbroken(value: str) -> str:
    return value.replace("\n", "⟨U+000A⟩").replace("\t", "⟨U+0009⟩")


def _short(line: str) -> str:
    return line if len(line) <= GIST_CHARACTERS else line[: GIST_CHARACTERS - 1].rstrip() + "…"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
