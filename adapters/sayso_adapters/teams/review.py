"""All of a Card in pages, however much it is: what does not fit on the card is read here, whole.

A text that is too long for one box goes on in the next, counted ("part 2 of 5"); nothing is left out and nothing is
cut. Params come first, then what was edited, then who asks by which rule, and last the agent's words, each labelled as
the agent's.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from sayso_adapters.teams.cards import LONGEST_LABEL, is_short, param, who_asks
from sayso_adapters.teams.elements import MOST_BLANK_LINES, Element, boxed, container, paragraph, size
from sayso_bot.domain import wording
from sayso_bot.domain.card import Card, Fact
from sayso_bot.domain.wording import PREFORMATTED

PAGE_BYTES = 11_000
PART_BYTES = 5_000


def pages(card: Card) -> list[list[Element]]:
    """The elements of each page, at least one page."""
    made: list[list[Element]] = [[]]
    room = PAGE_BYTES
    for element in _elements(card):
        wanted = size(element)
        if made[-1] and wanted > room:
            made.append([])
            room = PAGE_BYTES
        made[-1].append(element)
        room -= wanted
    return made


def parts(text: str) -> list[str]:
    """``text`` in pieces of which one box holds each; together they are the text."""
    found: list[list[str]] = [[]]
    room = PART_BYTES
    for piece, wanted in _measured(text):
        if found[-1] and wanted > room:
            found.append([])
            room = PART_BYTES
        found[-1].append(piece)
        room -= wanted
    return ["".join(pieces) for pieces in found]


def _measured(text: str) -> Iterator[tuple[str, int]]:
    """Each line, or as much of one as a box holds, and its size; blank lines are counted when they are many."""
    for blank, lines in groupby(text.splitlines(keepends=True), key=lambda line: line == "\n"):
        for number, line in enumerate(lines):
            if blank and number > MOST_BLANK_LINES:
                yield line, 0
            else:
                yield from ((piece, size(paragraph(piece))) for piece in _pieces(line))


def _pieces(line: str) -> Iterator[str]:
    """One line in pieces that a box holds."""
    while line:
        length = min(len(line), PART_BYTES)
        while (taken := size(paragraph(line[:length]))) > PART_BYTES:
            length = max(1, min(length - 1, length * PART_BYTES // taken))
        yield line[:length]
        line = line[length:]


def _elements(card: Card) -> Iterator[Element]:
    if not card.facts:
        yield paragraph(wording.NO_PARAMS)
    for fact in card.facts:
        yield from _fact(fact)
    for change in card.edits:
        label = f"{wording.edited(card)} · {change.label}"
        yield from _text(label, "was", change.before)
        yield from _text(label, "is", change.after)
    yield {**container(*who_asks(card)), "separator": True}
    for claim in card.claims:
        yield from _text(wording.AGENT_SAYS, claim.label, claim.text, preformatted=claim.label in PREFORMATTED)
    for label, papers in wording.paper_lists(card):
        yield from _text(label, "", "\n".join(map(wording.paper_line, papers)))


def _fact(fact: Fact) -> Iterator[Element]:
    if is_short(fact):
        yield param(fact)
    else:
        yield from _text(fact.label or wording.NO_NAME, "", fact.value, preformatted=True)


def _text(label: str, what: str, text: str, *, preformatted: bool = False) -> Iterator[Element]:
    """A labelled text in as many boxes as it takes; a label that is too long is a text before it."""
    if len(label) > LONGEST_LABEL * 3:
        yield from _text("The name of what follows", "", label)
        label = "What was named above"
    label = f"{label} · {what}" if what else label
    pieces = parts(text)
    for number, piece in enumerate(pieces, 1):
        counted = f" (part {number} of {len(pieces)})" if len(pieces) > 1 else ""
        yield boxed(f"{label}{counted}", piece, preformatted=preformatted)
