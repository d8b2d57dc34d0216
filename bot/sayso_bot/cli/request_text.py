"""A request as a terminal shows it, from its card: the facts first, then how it stands, the agent's claims last.

The card's texts are safe to look at already; here every text of several lines is quoted, so that nobody's words look
like ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sayso_bot.cli.printing import Shown, clock, quoted, span
from sayso_bot.domain.card import Answer, Card, Paper, ending, needs, who_may
from sayso_bot.domain.form import Field, counted
from sayso_bot.domain.request import Request
from sayso_bot.domain.text import one_line
from sayso_bot.ports import Alarm

_DONE = {"approve": "approved", "deny": "denied"}
_WANTED = {"always": "with a reason", "deny": "a denial with a reason"}


def standing(request: Request) -> Shown:
    """What it still needs, or how it ended, on one line."""
    ended = ending(request)
    return Shown(ended.headline if ended else f"{needs(request)}, from {who_may(request)}")


def row(request: Request, now: datetime) -> tuple[str, ...]:
    """The cells of a list: id, status, action, agent, age, how it stands."""
    age = span((now - request.created_at).total_seconds())
    return request.id, request.status, request.action, request.agent, age, standing(request)


def described(request: Request, card: Card, alarms: Sequence[Alarm], now: datetime) -> Iterator[str]:
    """The whole request, line by line."""
    yield f"{card.action}: {request.status}"
    yield from _fields(_about(request, card, now))
    yield from _section("What will be done", _facts(card))
    yield from _section(
        "What an approver has changed", (f"  {edit.label}: {edit.before} → {edit.after}" for edit in card.edits)
    )
    yield from _section("What the agent asks to fill in (its words)", (_field(field) for field in card.form))
    yield from _section("Files that the agent attached", map(_paper, card.attached))
    yield from _section("Files that approvers have put into the form", map(_paper, card.papers))
    yield from _section("Answers", (line for answer in card.answers for line in _answer(answer)))
    yield from _section("How it ended", _ending(card))
    yield from _section("Where it cannot be shown", (_alarm(alarm) for alarm in alarms))
    yield from _section("What the agent says (nobody has checked it)", _claims(card))


def _about(request: Request, card: Card, now: datetime) -> Iterator[tuple[str, str]]:
    yield "id", card.request_id
    yield "agent", card.agent
    if card.principal:
        yield "acts for", card.principal
    yield "rule", card.rule
    if card.open:
        yield "needs", ", ".join((card.needs, f"from {card.approvers}", *_wanted(card)))
    if card.channel:
        yield "channel", card.channel
    yield "asked", f"{clock(card.created_at)} ({span((now - card.created_at).total_seconds())} ago)"
    if card.open and card.expires_at:
        yield "ends", f"{clock(card.expires_at)} (in {span((card.expires_at - now).total_seconds())})"
    yield "content", f"revision {card.revision}, {card.fingerprint}"
    yield "page", card.review_url


def _wanted(card: Card) -> Iterator[str]:
    if wanted := _WANTED.get(card.reason):
        yield wanted
    if card.confirm:
        yield f"confirmed by typing {card.confirm}"


def _field(field: Field) -> str:
    kind = f"one of {', '.join(field.options)}" if field.kind == "choose" else field.kind
    if field.kind == "files":
        kind = f"at most {counted(field.most_files)}, given with --file {field.name}=@PATH"
    if field.multiple:
        kind = f"some of {', '.join(field.options)}"
    return f"  {field.name}: {field.label} ({kind}{'' if field.required else ', may be left out'})"


def _paper(paper: Paper) -> str:
    by = f", {paper.by} for {paper.question}" if paper.question else ""
    return f"  {paper.name} ({paper.size}{by}) {paper.digest}"


def _facts(card: Card) -> Iterator[str]:
    if not card.facts:
        yield "  It has no params."
    for fact in card.facts:
        if "\n" in fact.value:
            yield f"  {fact.label}"
            yield from quoted(fact.value, "    ")
        else:
            yield f"  {fact.label} = {fact.value}"


def _answer(answer: Answer) -> Iterator[str]:
    verb = _DONE.get(answer.outcome, answer.outcome)
    yield f"  {answer.name} {verb} in {answer.surface}, {clock(answer.at)}"
    if answer.reason:
        yield from quoted(answer.reason, "    ")
    for fact in answer.filled:
        yield f"    {fact.label} = {fact.value}"


def _ending(card: Card) -> Iterator[str]:
    ended = card.ending
    if ended:
        yield f"  {ended.headline}, {clock(ended.at)}"
        if ended.reason and not card.answers:
            yield from quoted(ended.reason, "    ")


def _claims(card: Card) -> Iterator[str]:
    for claim in card.claims:
        yield f"  {claim.label}"
        yield from quoted(claim.text, "    ")


def _alarm(alarm: Alarm) -> str:
    return (
        f"  Its card cannot be brought to {one_line(alarm.place)} since {clock(alarm.since)}. sayso doctor says more."
    )


def _fields(pairs: Iterator[tuple[str, str]]) -> Iterator[str]:
    for label, text in pairs:
        yield f"  {label:<9} {text}"


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    """Nothing at all where there are no lines."""
    for number, line in enumerate(lines):
        if number == 0:
            yield ""
            yield title
        yield line
