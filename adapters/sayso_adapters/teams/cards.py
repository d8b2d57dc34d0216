"""A Card as an Adaptive Card: what will happen, who asks, what the rule needs, the buttons, and last the agent's words.

Every value is shown whole or counted as not fitting, and a card that does not show everything has Review, which opens
all of it, in the place of Approve. The agent's words come after the buttons, so no number of lines can push the buttons
or the facts out of sight.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sayso_adapters.teams.elements import (
    COPIED_WORD,
    Element,
    Room,
    actions,
    bold,
    boxed,
    button,
    container,
    drawn_size,
    fitted,
    link,
    moment,
    pair,
    paragraph,
    paragraphs,
    small,
)
from sayso_adapters.teams.elements import card as adaptive
from sayso_bot.domain import wording
from sayso_bot.domain.card import Answer, Card, Claim, Ending, Fact
from sayso_bot.domain.headline import headline
from sayso_bot.domain.request import Status
from sayso_bot.domain.wording import PREFORMATTED, shortened

APPROVE, DENY, REVIEW, EDIT = "approve", "deny", "review", "edit"
GIVE, NEXT, BACK, CLOSE, CONFIRM = "give", "next", "back", "close", "confirm"

LONGEST_NOTIFICATION = 1000
LONGEST_FIELD = 300
LONGEST_LABEL = 80
SENTENCE_BYTES = 1000
NAME_BYTES = 600
REASON_BYTES = 1500
ANSWER_BYTES = 600
PAIR_BYTES = 300
MOST_READ = 500_000
MOST_ANSWERS = 4
MOST_FILLED = 2
_LOOKS = {Status.APPROVED: "good", Status.DENIED: "attention"}


@dataclass(frozen=True, slots=True)
class Message:
    """``content`` is the Adaptive Card; ``text`` is what a notification shows. ``complete``: nothing is left out."""

    content: dict[str, Any]
    text: str
    complete: bool


def message(card: Card, token: str, *, said: str = "", instead: str = "") -> Message:
    """``card`` with its buttons, which carry ``token`` alone. ``said`` is told above it, to one person.

    Where the card is only told of, ``instead`` is what its one button says, which opens all of it.
    """
    opening = _opening(card, said)
    standing = [*who_asks(card), *_answers(card), *_filled(card)]
    ids = small(f"{card.request_id} · revision {card.revision}")
    longest = _closing(card, token, wording.ELSEWHERE * 8, instead)
    room = Room([*opening, *standing, *longest, ids])

    shown, missing = _facts(card.facts, room)
    changed, unchanged = _edits(card, room)
    words, unsaid = _claims(card.claims, room)
    papers, unlisted = _papers(card, room)
    left_out = wording.left_out(card, params=missing, edits=unchanged, texts=unsaid, files=unlisted)
    after = [*words, *papers]
    if after:
        after[0] = {**after[0], "separator": True}
    body = [*opening, *shown, *changed, *standing, *_closing(card, token, left_out, instead), ids, *after]
    return Message(adaptive(body), shortened(headline(card), LONGEST_NOTIFICATION), complete=not left_out)


def _opening(card: Card, said: str) -> list[Element]:
    opening = [*above(said), heading(card)]
    if card.pressing:
        opening.append(bold(card.pressing))
    opening += [paragraph(fitted(sentence, SENTENCE_BYTES)) for sentence in wording.by_admins(card)]
    if card.ending:
        opening.append(_ended(card.ending))
    return opening


def above(said: str) -> list[Element]:
    """What one person is told above a card, if anything."""
    return [container(*paragraphs(fitted(said, SENTENCE_BYTES), word=COPIED_WORD), style="accent")] if said else []


def heading(card: Card) -> Element:
    """What will happen; of high risk, in another look."""
    action = bold(card.action, size="Large")
    return container(bold(card.risk, size="Large"), action, style="attention") if card.risk else action


# --------------------------------------------------------------------------- params


def _facts(facts: tuple[Fact, ...], room: Room) -> tuple[list[Element], int]:
    """The params that fit, in their order, and how many do not."""
    if not facts:
        return [paragraph(wording.NO_PARAMS)], 0
    shown = [
        element for fact in facts if room.holds(fact.value, around=PAIR_BYTES) and room.take(element := param(fact))
    ]
    return shown, len(facts) - len(shown)


def param(fact: Fact) -> Element:
    """Label and value side by side where both are short, else the value in a box under its label."""
    if is_short(fact):
        return pair(fact.label, paragraph(fact.value, weight="Bolder"))
    return boxed(fact.label or wording.NO_NAME, fact.value, preformatted=True)


def is_short(fact: Fact) -> bool:
    return "\n" not in fact.value and len(fact.value) <= LONGEST_FIELD and 0 < len(fact.label) <= LONGEST_LABEL


def _edits(card: Card, room: Room) -> tuple[list[Element], int]:
    """What approvers have changed, as it was and as it is, and how many of the changes do not fit."""
    changes = [(f"{wording.edited(card)} · {change.label}", wording.both_forms(change)) for change in card.edits]
    shown = [box for label, text in changes if room.holds(text) and room.take(box := boxed(label, text))]
    return shown, len(changes) - len(shown)


# --------------------------------------------------------------------------- the agent's words


def _claims(claims: tuple[Claim, ...], room: Room) -> tuple[list[Element], int]:
    shown = [box for claim in claims if room.holds(claim.text) and room.take(box := _claim(claim))]
    return shown, len(claims) - len(shown)


def _claim(claim: Claim) -> Element:
    label = f"{wording.AGENT_SAYS} · {claim.label}"
    return boxed(label, claim.text, preformatted=claim.label in PREFORMATTED)


def _papers(card: Card, room: Room) -> tuple[list[Element], int]:
    """What was attached and what was put into the form, to be saved in the inbox, and how much of it does not fit."""
    shown: list[Element] = []
    missing = 0
    for label, papers in wording.paper_lists(card):
        element = boxed(label, "\n".join(map(wording.paper_line, papers)))
        if room.take(element):
            shown.append(element)
        else:
            missing += len(papers)
    return shown, missing


# --------------------------------------------------------------------------- how it stands


def who_asks(card: Card) -> Iterator[Element]:
    """Who asks, the rule, what it has and needs, and until when, under a line that parts them from the params."""
    for number, (label, value) in enumerate(wording.who_asks(card)):
        row = pair(label, paragraph(fitted(value, NAME_BYTES)))
        yield row if number else {**row, "separator": True, "spacing": "Medium"}
    if card.ending is None:
        yield pair("Until", moment(card.expires_at) if card.expires_at else paragraph(wording.NO_DEADLINE))


def how_it_stands(card: Card) -> list[Element]:
    """How it ended and the votes so far; beside `who_asks`, which says what the rule wants."""
    return [*([_ended(card.ending)] if card.ending else []), *_answers(card), *_filled(card)]


def _answers(card: Card) -> list[Element]:
    """The votes that the ending does not tell, newest last; earlier ones beyond a handful are counted."""
    answers = wording.untold(card)
    told = answers[-MOST_ANSWERS:]
    earlier = len(answers) - len(told)
    counted = [paragraph(wording.earlier_answers(earlier))] if earlier else []
    return [*counted, *(_spoken(wording.voted(answer), answer.reason, ANSWER_BYTES) for answer in told)]


def _filled(card: Card) -> list[Element]:
    """What people filled into the agent's form, the newest few."""
    told: list[Answer] = [answer for answer in card.answers if answer.filled][-MOST_FILLED:]
    return [_spoken(*wording.filled_in(answer), REASON_BYTES) for answer in told]


def _ended(ending: Ending) -> Element:
    style = _LOOKS.get(ending.status, "emphasis")
    return _spoken(wording.ended(ending), ending.reason, REASON_BYTES, style=style)


def _spoken(line: str, reason: str | None, room: int, *, style: str = "emphasis") -> Element:
    """What somebody decided, and under it why, in their words."""
    words = paragraphs(fitted(reason, room)) if reason else []
    return container(bold(fitted(line, NAME_BYTES)), *words, style=style)


# --------------------------------------------------------------------------- buttons


def wants_files(card: Card) -> bool:
    """Whether an approval needs files, which no card can take."""
    return any(field.kind == "files" and field.required for field in card.form)


def too_long(card: Card) -> bool:
    """Whether it takes more pages to read than anybody reads in a chat. It is answered in the inbox then."""
    texts = [text for fact in card.facts for text in (fact.label, fact.value)]
    texts += [text for change in card.edits for text in (change.before, change.after)]
    texts += [claim.text for claim in card.claims]
    return PAIR_BYTES * len(card.facts) + sum(map(drawn_size, texts)) > MOST_READ


FILES_IN_INBOX = "The agent asks for files, which are put there in the inbox: approve it there."
TOO_LONG = "It is too long to be read here: open it in the inbox."


def _closing(card: Card, token: str, left_out: str, instead: str) -> list[Element]:
    """What can be done from here. Where something is left out, that is said and Review stands in Approve's place."""
    to = link("Open in the inbox", card.review_url)
    if instead:
        told = [paragraph(f"{left_out} Open the request to see all of it.")] if left_out else []
        return [*told, *actions([button(REVIEW, instead, token), *to])]
    if not card.answerable:
        told = [paragraph(f"{left_out} Open the request in the inbox to see all of it.")] if left_out else []
        return [*told, *actions(to if card.left or left_out else [])]
    sentences = [f"{left_out} {TOO_LONG if too_long(card) else wording.review_shows(card)}"] if left_out else []
    sentences += [FILES_IN_INBOX] if wants_files(card) and not card.paused else []
    buttons = [*_first(card, token, left_out), button(DENY, "Deny", token, style="destructive")]
    if card.editable and not card.paused:
        buttons.append(button(EDIT, "Edit", token))
    return [*map(paragraph, sentences), *actions([*buttons, *to])]


def _first(card: Card, token: str, left_out: str) -> list[Element]:
    """Review or Approve, or nothing where it cannot be approved here now. High risk does not make Approve strike."""
    if left_out:
        return [] if too_long(card) else [button(REVIEW, "Review", token, style="positive")]
    if card.paused or wants_files(card):
        return []
    return [button(APPROVE, "Approve", token, style="" if card.high_risk else "positive")]
