"""What every chat says of a card, in words: the same sentences and labels in Slack and in Teams, before any markup.

Nothing here is cut silently: what a chat has no room for is counted, or ends with where the rest is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from sayso_bot.domain.card import Answer, Card, Change, Ending, Paper
from sayso_bot.domain.request import Status

AGENT_SAYS = "The agent says"
NO_PARAMS = "It has no params."
NO_NAME = "(a param without a name)"
NO_DEADLINE = "no deadline"
ELSEWHERE = "… (the rest is in the inbox)"
VOID_BY_EDIT = "An edit makes a new revision: earlier answers count no longer."

LONGEST_NAME = 300
LONGEST_EDITORS = 60
PREFORMATTED = frozenset({"Diff", "Metadata"})
"""The agent's texts in which columns and blanks matter."""


def in_utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def shortened(text: str, limit: int) -> str:
    """``text``, or as much of it as fits with a note that says where the rest is."""
    return text if len(text) <= limit else text[: limit - len(ELSEWHERE)] + ELSEWHERE


# --------------------------------------------------------------------------- how it stands


def by_admins(card: Card) -> list[str]:
    """What admins have done to the request: it is asked elsewhere, or waits."""
    said = (card.left,) if card.left else (card.paused, card.moved)
    return [sentence for sentence in said if sentence]


def who_asks(card: Card) -> Iterator[tuple[str, str]]:
    """Label and value of who asks, the rule, what it has and needs, and from whom. Until when is said beside it."""
    asks = f"{card.agent}, for {card.principal}" if card.principal else card.agent
    has = f"{card.needs}, from {card.approvers}"
    risk = (("Risk", "high, says the policy"),) if card.high_risk else ()
    for label, value in (("Asked by", asks), ("Rule", card.rule), *risk, ("Has", has)):
        yield label, shortened(value or "—", LONGEST_NAME)


def untold(card: Card) -> tuple[Answer, ...]:
    """The votes that the ending's sentence does not tell: all but those that decided."""
    if card.ending is None:
        return card.answers
    decided = {Status.APPROVED: "approve", Status.DENIED: "deny"}.get(card.ending.status)
    return tuple(answer for answer in card.answers if answer.outcome != decided)


def voted(answer: Answer) -> str:
    return f"{answer.name} {'approved' if answer.outcome == 'approve' else 'denied'}"


def earlier_answers(count: int) -> str:
    return f"{count} earlier answers are in the inbox."


def filled_in(answer: Answer) -> tuple[str, str]:
    """Who has filled in the agent's form, and what."""
    return f"{answer.name} filled in", "\n".join(f"{fact.label}: {fact.value}" for fact in answer.filled)


def ended(ending: Ending) -> str:
    return f"{ending.headline}, {in_utc(ending.at)}"


# --------------------------------------------------------------------------- what was edited, and files


def edited(card: Card) -> str:
    """Who has edited the params, where their names leave room for more on a line."""
    return f"Edited by {card.edited_by if 0 < len(card.edited_by) <= LONGEST_EDITORS else 'approvers'}"


def both_forms(change: Change) -> str:
    return f"{change.before} → {change.after}"


def paper_lists(card: Card) -> Iterator[tuple[str, tuple[Paper, ...]]]:
    for label, papers in (("Attached by the agent", card.attached), ("Put here by approvers", card.papers)):
        if papers:
            yield label, papers


def paper_line(paper: Paper) -> str:
    by = [paper.by] if paper.question else []
    return " · ".join([paper.name, paper.size, *by, paper.digest])


# --------------------------------------------------------------------------- what does not fit


def left_out(card: Card, params: int, edits: int, texts: int, files: int) -> str:
    """A sentence that counts how many of each are not on the card, or nothing."""
    counts = (
        (params, len(card.facts), "params"),
        (edits, len(card.edits), "edits"),
        (texts, len(card.claims), "of the agent's texts"),
        (files, len(card.attached) + len(card.papers), "files"),
    )
    counted = " and ".join(f"{missing} of {whole} {what}" for missing, whole, what in counts if missing)
    one = sum(missing for missing, _, _ in counts) == 1
    return f"{counted} {'does' if one else 'do'} not fit here." if counted else ""


def review_shows(card: Card) -> str:
    """What stands beside the button Review, after the sentence of `left_out`."""
    return f"Review shows all of it, page by page{'.' if card.paused else ', and can approve at its end.'}"
