"""Cards as the inbox shows them: what a row says, what is folded, and who may press what.

Nothing is cut in silence. A row's shortened values end in an ellipsis and count what they leave out; a request with
values too long to take in at a glance offers Approve only where all of it lies open (`Detail.may_approve`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sayso_bot.domain.card import Card, Claim, Fact
from sayso_bot.domain.lifecycle import has_voted
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Request, Vote
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
    """One request in a list. ``more`` counts the params that the gist leaves out; ``says`` is the agent's summary."""

    card: Card
    gist: tuple[Fact, ...]
    more: int
    says: str | None
    mine: bool
    why_not: str | None
    own: Vote | None

    @property
    def several(self) -> bool:
        """Whether more than one approval is asked for."""
        return self.card.quorum > 1

    @property
    def version(self) -> str:
        """Changes when the row looks different; a page that shows it compares."""
        return _version(self.card, self.mine)


@dataclass(frozen=True, slots=True)
class Param:
    """One param. A ``long`` one is folded until the whole is opened; ``size`` says what lies in the fold."""

    label: str
    value: str
    long: bool
    size: str


@dataclass(frozen=True, slots=True)
class Said:
    """One claim, whole. A ``tall`` one scrolls in its box."""

    label: str
    text: str
    tall: bool


@dataclass(frozen=True, slots=True)
class Detail:
    """One request in full, for one person.

    ``state`` is ``open`` (they may answer), ``answered`` (they did), ``barred`` (``why_not`` says why) or ``ended``.
    """

    card: Card
    params: tuple[Param, ...]
    says: tuple[Said, ...]
    whole: bool
    folded: int
    state: State
    why_not: str | None
    own: Vote | None

    @property
    def may_approve(self) -> bool:
        """Whether all that would be approved lies open on this page."""
        return self.whole or not self.folded

    @property
    def version(self) -> str:
        return _version(self.card, self.state)


def row(card: Card, request: Request, person: Person, standing: Standing) -> Row:
    summary = next((claim.text for claim in card.claims if claim.label == "Summary"), None)
    return Row(
        card=card,
        gist=tuple(Fact(fact.label, _short(fact.value)) for fact in card.facts[:GIST_FACTS]),
        more=max(0, len(card.facts) - GIST_FACTS),
        says=_short(summary) if summary else None,
        mine=standing.may_vote and card.open,
        why_not=standing.why_not,
        own=has_voted(request, person),
    )


def detail(card: Card, request: Request, person: Person, standing: Standing, *, whole: bool) -> Detail:
    params = tuple(_param(fact, index) for index, fact in enumerate(card.facts))
    own = has_voted(request, person)
    return Detail(
        card=card,
        params=params,
        says=tuple(_said(claim) for claim in card.claims),
        whole=whole,
        folded=sum(param.long for param in params),
        state=_state(card, standing, own),
        why_not=standing.why_not,
        own=own,
    )


def _state(card: Card, standing: Standing, own: Vote | None) -> State:
    if not card.open:
        return "ended"
    if own is not None:
        return "answered"
    return "open" if standing.may_vote else "barred"


def _version(card: Card, standing: object) -> str:
    status = card.ending.status if card.ending else "pending"
    return f"{card.revision}-{status}-{len(card.answers)}-{standing}"


def _param(fact: Fact, index: int) -> Param:
    lines = fact.value.count("\n") + 1
    long = len(fact.value) > LONG_CHARACTERS or lines > LONG_LINES or index >= MANY_FACTS
    size = _counted(len(fact.value), "character") + (f", {_counted(lines, 'line')}" if lines > 1 else "")
    return Param(fact.label, fact.value, long, size)


def _said(claim: Claim) -> Said:
    return Said(claim.label, claim.text, len(claim.text) > SCROLL_CHARACTERS or claim.text.count("\n") > 20)


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= GIST_CHARACTERS else line[: GIST_CHARACTERS - 1].rstrip() + "…"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
