"""All of a Card in pages of a dialog, however much it is: what does not fit on the card is read here, whole.

A text that is too long for one block goes on in the next, counted ("part 2 of 5"); nothing is left out and nothing is
cut. Params come first, then what was edited, then who asks by which rule, and last the agent's words, each labelled as
the agent's.
"""

from __future__ import annotations

from collections.abc import Iterator

from sayso_adapters.slack.blocks import MAX_FIELDS, Block, bold, boxed, escape, fields, quote, rich, section, size
from sayso_adapters.slack.blocks import plain as plain_text
from sayso_adapters.slack.cards import LONGEST_LABEL, pair, who_asks
from sayso_bot.domain import wording
from sayso_bot.domain.card import Card, Fact
from sayso_bot.domain.wording import PREFORMATTED

PAGE_BLOCKS = 50
PAGE_JSON = 20_000
PART = 2500


def pages(card: Card) -> list[list[Block]]:
    """The blocks of each page, at least one page. A page leaves room for what is asked at the end of the last."""
    made: list[list[Block]] = [[]]
    room = PAGE_JSON
    for block in _blocks(card):
        wanted = size(block)
        if made[-1] and (len(made[-1]) >= PAGE_BLOCKS or wanted > room):
            made.append([])
            room = PAGE_JSON
        made[-1].append(block)
        room -= wanted
    return made


def parts(text: str) -> list[str]:
    """``text`` in pieces that one block holds; together they are the text."""
    found: list[str] = []
    rest = text
    while rest:
        length = min(len(rest), PART)
        while len(escape(rest[:length])) > PART:
            length = max(1, length * PART // len(escape(rest[:length])))
        found.append(rest[:length])
        rest = rest[length:]
    return found or [""]


def _blocks(card: Card) -> Iterator[Block]:
    if not card.facts:
        yield section(plain_text(wording.NO_PARAMS))
    yield from _facts(card.facts)
    for change in card.edits:
        yield from _text(f"{wording.edited(card)} · {change.label}", "was", change.before)
        yield from _text(f"{wording.edited(card)} · {change.label}", "is", change.after)
    yield fields(list(who_asks(card)))
    for claim in card.claims:
        yield from _text(wording.AGENT_SAYS, claim.label, claim.text, quoted=claim.label not in PREFORMATTED)
    yield from _papers(card)


def _papers(card: Card) -> Iterator[Block]:
    for label, papers in wording.paper_lists(card):
        yield from _text(label, "", "\n".join(map(wording.paper_line, papers)), quoted=True)


def _facts(facts: tuple[Fact, ...]) -> Iterator[Block]:
    side_by_side: list[Block] = []
    for fact in facts:
        found = pair(fact)
        if side_by_side and (not found or len(side_by_side) >= MAX_FIELDS):
            yield fields(side_by_side)
            side_by_side = []
        if found:
            side_by_side += found
        else:
            yield from _text(fact.label or wording.NO_NAME, "", fact.value)
    if side_by_side:
        yield fields(side_by_side)


def _text(label: str, what: str, text: str, *, quoted: bool = False) -> Iterator[Block]:
    """A labelled text in as many blocks as it takes; a label that is too long is a text before it."""
    if len(escape(label)) > LONGEST_LABEL:
        yield from _text("The name of what follows", "", label)
        label = "What was named above"
    label = f"{label} · {what}" if what else label
    pieces = parts(text)
    for number, piece in enumerate(pieces, 1):
        counted = f" (part {number} of {len(pieces)})" if len(pieces) > 1 else ""
        yield rich(bold(f"{label}{counted}"), *([quote(piece) if quoted else boxed(piece)] if piece else []))
