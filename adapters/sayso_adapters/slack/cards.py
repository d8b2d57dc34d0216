"""A Card as a Slack message: what will happen, who asks, what the rule needs, the buttons, and last the agent's words.

Every value is shown whole or counted as not fitting, and a card that does not show everything has Review, which opens
all of it, in the place of Approve.
The agent's words come after the buttons, so no number of lines can push the buttons or the facts out of sight.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sayso_adapters.slack.blocks import (
    MAX_FIELDS,
    MAX_HEADER,
    MAX_TEXT,
    MAX_URL,
    Block,
    Room,
    Text,
    actions,
    barred,
    bold,
    boxed,
    button,
    context,
    date,
    divider,
    escape,
    fields,
    header,
    mrkdwn,
    plain,
    quote,
    rich,
    section,
)
from sayso_bot.domain import wording
from sayso_bot.domain.card import Answer, Card, Claim, Ending, Fact
from sayso_bot.domain.headline import headline
from sayso_bot.domain.wording import LONGEST_NAME, PREFORMATTED, shortened

APPROVE, DENY, OPEN, REVIEW, EDIT = "approve", "deny", "open_inbox", "review", "edit"

LONGEST_FIELD = 300
LONGEST_LABEL = 200
LONGEST_REASON = 600
LONGEST_ANSWER = 200
MOST_ANSWERS = 4
MOST_FILLED = 2
LONGEST_SENTENCE = 400
MAX_FACT_BLOCKS = 24
MAX_EDIT_BLOCKS = 4

# A label that mrkdwn shows as it is between two asterisks.
_TAME = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9.\[\] -]|(?<=[A-Za-z0-9])_(?=[A-Za-z0-9])){0,58}(?<=[A-Za-z0-9\]])\Z|[A-Za-z0-9]\Z"
)
# White space that a client may draw as one blank.
_SPACED = re.compile(r"[\n\t]|  ")


@dataclass(frozen=True, slots=True)
class Message:
    """``blocks`` is the card; ``text`` is what a locked phone shows. ``complete``: nothing is left out."""

    blocks: list[Block]
    text: str
    complete: bool


def message(
    card: Card, token: str, *, simple: bool = False, mentions: str = "", instead: Sequence[Block] | None = None
) -> Message:
    """``card`` with its buttons, which carry ``token`` alone. ``simple`` uses only blocks that Slack always had.

    ``mentions`` is mrkdwn of ours, shown first: none of it may be anybody else's words. ``instead`` stands in the
    buttons' place where the card is only told of; one of them opens all of it.
    """
    closing = list(instead) if instead is not None else _closing(card, token, "")
    opening = [section(plain(card.action)) if simple else header(card.action[:MAX_HEADER])]
    if card.pressing:
        opening.append(_spoken(card.pressing, None, LONGEST_REASON, simple=simple))
    if card.risk:
        opening = [_spoken(card.risk, None, LONGEST_REASON, simple=simple), divider(), *opening]
    opening += by_admins(card)
    if mentions:
        opening.insert(0, section(mrkdwn(mentions)))
    if card.ending:
        opening.append(_ended(card.ending, simple=simple))
    standing = [
        fields(list(who_asks(card))),
        *_answers(wording.untold(card), simple=simple),
        *_filled(card.answers, simple=simple),
    ]
    small = context(f"{card.request_id} · revision {card.revision}")
    room = Room([*opening, *standing, *closing, small, divider(), section(plain("x" * LONGEST_SENTENCE))])

    shown, missing = _facts(card.facts, room, simple=simple)
    changed, unchanged = _edits(card, room, simple=simple)
    said, unsaid = _claims(card.claims, room, simple=simple)
    papers, unlisted = _papers(card, room, simple=simple)
    left_out = wording.left_out(card, params=missing, edits=unchanged, texts=unsaid, files=unlisted)
    if instead is not None:
        closing = [*([section(plain(f"{left_out} Open the request to see all of it."))] if left_out else []), *instead]
    elif card.answerable:
        closing = _closing(card, token, left_out)
    elif left_out:
        closing = [section(plain(f"{left_out} Open the request in the inbox to see all of it.")), *_link_row(card)]
    blocks = [*opening, *shown, *changed, *standing, *closing, small]
    if said or papers:
        blocks += [divider(), *said, *papers]
    return Message(blocks, notice(card), complete=not left_out)


def notice(card: Card) -> str:
    """`headline`, escaped."""
    return escape(headline(card))


def by_admins(card: Card) -> list[Block]:
    return [section(plain(shortened(sentence, LONGEST_REASON))) for sentence in wording.by_admins(card)]


def how_it_stands(card: Card) -> list[Block]:
    """How it ended and the votes so far; beside `who_asks`, which says what the rule wants."""
    return [
        *([_ended(card.ending, simple=False)] if card.ending else []),
        *_answers(wording.untold(card), simple=False),
        *_filled(card.answers, simple=False),
    ]


# --------------------------------------------------------------------------- params


def _facts(facts: tuple[Fact, ...], room: Room, *, simple: bool) -> tuple[list[Block], int]:
    """Blocks of the params that fit, in their order, and how many do not."""
    if not facts:
        return [section(plain(wording.NO_PARAMS))], 0
    blocks: list[Block] = []
    missing = 0
    for fact in facts:
        beside = pair(fact)
        grows = bool(beside and blocks and len(blocks[-1].get("fields", "x" * MAX_FIELDS)) < MAX_FIELDS)
        if grows and room.take(*beside, blocks=0):
            blocks[-1]["fields"].extend(beside)
            continue
        block = fields(beside) if beside else _long(fact, simple=simple)
        if grows or block is None or len(blocks) >= MAX_FACT_BLOCKS or not room.take(block, blocks=1):
            missing += 1
        else:
            blocks.append(block)
    return blocks, missing


def pair(fact: Fact) -> list[Text]:
    """Label and value side by side where both are short; empty otherwise."""
    tame = _TAME.match(fact.label) and not _SPACED.search(fact.value)
    if not tame or len(escape(fact.value)) > LONGEST_FIELD:
        return []
    return [mrkdwn(f"*{fact.label}*"), plain(fact.value)]


def _long(fact: Fact, *, simple: bool) -> Block | None:
    return _labelled(fact.label or wording.NO_NAME, fact.value, simple=simple, preformatted=True)


def _labelled(label: str, text: str, *, simple: bool, preformatted: bool) -> Block | None:
    """A label over a text that is boxed or quoted, or None where the two do not fit into one block."""
    if simple:
        block = barred(label, text)
        return block if len(escape(block["text"]["text"])) <= MAX_TEXT else None
    if len(escape(label)) > LONGEST_LABEL or len(escape(text)) > MAX_TEXT - LONGEST_LABEL:
        return None
    return rich(bold(label), boxed(text) if preformatted else quote(text))


def _edits(card: Card, room: Room, *, simple: bool) -> tuple[list[Block], int]:
    """What approvers have changed, as it was and as it is, and how many of the changes do not fit."""
    blocks: list[Block] = []
    for change in card.edits:
        label = f"{wording.edited(card)} · {change.label}"
        block = _labelled(label, wording.both_forms(change), simple=simple, preformatted=True)
        if block is not None and len(blocks) < MAX_EDIT_BLOCKS and room.take(block, blocks=1):
            blocks.append(block)
    return blocks, len(card.edits) - len(blocks)


# --------------------------------------------------------------------------- the agent's words


def _claims(claims: tuple[Claim, ...], room: Room, *, simple: bool) -> tuple[list[Block], int]:
    blocks: list[Block] = []
    missing = 0
    for claim in claims:
        label = f"{wording.AGENT_SAYS} · {claim.label}"
        block = _labelled(label, claim.text, simple=simple, preformatted=claim.label in PREFORMATTED)
        if block is None or not room.take(block, blocks=1):
            missing += 1
        else:
            blocks.append(block)
    return blocks, missing


def _papers(card: Card, room: Room, *, simple: bool) -> tuple[list[Block], int]:
    """What was attached and what was put into the form, to be saved in the inbox, and how much of it does not fit."""
    blocks: list[Block] = []
    missing = 0
    for label, papers in wording.paper_lists(card):
        text = "\n".join(map(wording.paper_line, papers))
        block = _labelled(label, text, simple=simple, preformatted=False)
        if block is None or not room.take(block, blocks=1):
            missing += len(papers)
        else:
            blocks.append(block)
    return blocks, missing


# --------------------------------------------------------------------------- how it stands


def who_asks(card: Card) -> Iterator[Text]:
    """Label and value of who asks, the rule, what it has and needs, and until when."""
    for label, value in wording.who_asks(card):
        yield mrkdwn(f"*{label}*")
        yield plain(value)
    if card.ending is None:
        yield mrkdwn("*Until*")
        yield mrkdwn(date(card.expires_at)) if card.expires_at else plain(wording.NO_DEADLINE)


def _answers(answers: tuple[Answer, ...], *, simple: bool) -> list[Block]:
    """The votes so far, newest last; earlier ones beyond a handful are counted."""
    blocks: list[Block] = []
    told = answers[-MOST_ANSWERS:]
    if len(told) < len(answers):
        blocks.append(section(plain(wording.earlier_answers(len(answers) - len(told)))))
    for answer in told:
        blocks.append(_spoken(wording.voted(answer), answer.reason, LONGEST_ANSWER, simple=simple))
    return blocks


def _filled(answers: tuple[Answer, ...], *, simple: bool) -> list[Block]:
    """What people filled into the agent's form, the newest few."""
    told = [answer for answer in answers if answer.filled][-MOST_FILLED:]
    return [_spoken(*wording.filled_in(answer), LONGEST_REASON, simple=simple) for answer in told]


def _ended(ending: Ending, *, simple: bool) -> Block:
    return _spoken(wording.ended(ending), ending.reason, LONGEST_REASON, simple=simple)


def _spoken(line: str, reason: str | None, limit: int, *, simple: bool) -> Block:
    """What somebody decided, and under it why, in their words."""
    line = shortened(line, LONGEST_NAME)
    if simple:
        return barred(line, shortened(reason, limit)) if reason else section(plain(line))
    return rich(bold(line), quote(shortened(reason, limit))) if reason else rich(bold(line))


# --------------------------------------------------------------------------- buttons


def _closing(card: Card, token: str, left_out: str) -> list[Block]:
    """What can be done from here. Where something is left out, that is said and Review stands in Approve's place."""
    if card.ending or card.left:
        return _link_row(card) if card.left else []
    if left_out:
        review = button(REVIEW, "Review", value=token, style="primary")
        others = [vote for vote in _votes(card, token) if vote["action_id"] != APPROVE]
        said = section(plain(f"{left_out} {wording.review_shows(card)}"))
        return [said, actions([review, *others, *_link(card)])]
    return [actions([*_votes(card, token), *_link(card)])]


def _votes(card: Card, token: str) -> list[Block]:
    """What is paused can be denied, and nothing else. On a card of high risk approving is not what strikes the eye."""
    if card.paused:
        return [button(DENY, "Deny", value=token, style="danger")]
    return [
        button(APPROVE, "Approve", value=token, **({} if card.high_risk else {"style": "primary"})),
        button(DENY, "Deny", value=token, style="danger"),
        *([button(EDIT, "Edit", value=token)] if card.editable else []),
    ]


def _link(card: Card) -> list[Block]:
    return [button(OPEN, "Open in the inbox", url=card.review_url)] if 0 < len(card.review_url) <= MAX_URL else []


def _link_row(card: Card) -> list[Block]:
    return [actions(_link(card))] if _link(card) else []
